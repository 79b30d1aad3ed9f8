"""The document that a reproduction ends in: ``results.json``."""

from __future__ import annotations

import json
import re
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MEBIBYTE = 1 << 20


def experiment_entry(
    *,
    parameters: int,
    history: Mapping[str, list[float]],
    best_epoch: int,
    seconds: float,
    model: str,
) -> dict[str, Any]:
    """One experiment's part; ``model`` is the name of its folder, best_epoch counts from 1.

    val_loss and val_accuracy are those of the best epoch, which the saved weights are from.
    """
    return {
        "parameters": parameters,
        "epochs": len(history["loss"]),
        "best_epoch": best_epoch,
        "val_loss": history["val_loss"][best_epoch - 1],
        "val_accuracy": history["val_accuracy"][best_epoch - 1],
        "seconds": seconds,
        "median_seconds_per_epoch": statistics.median(history["seconds"]),
        "history": dict(history),
        "model": model,
    }


def peak_memory_mb() -> float | None:
    """The most memory that this process has held so far, in MiB; None where nothing tells.

    Linux' own count comes first: the one of getrusage starts with what the parent process held.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="utf-8"))
        if found:
            return int(found[1]) * 1024 / MEBIBYTE
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / MEBIBYTE


def to_json(document: Mapping[str, Any]) -> bytes:
    """The file's bytes; a number that is not finite would be a bug and is refused."""
    return (json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()
