"""The machine that the figures belong to."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def cpu_model() -> str:
    """The processor's name as the system gives it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_average() -> float | None:
    """Processes that wanted to run in the last minute: above ~1 at the start, figures are noisy."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def describe() -> dict[str, str | int | float | None]:
    return {
        "cpu": cpu_model(),
        "cores": cores(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": load_average(),
    }


def sentence() -> str:
    load = load_average()
    busy = f", load {load:.1f}" if load is not None else ""
    return (
        f"{cpu_model()}, {cores()} cores, {platform.platform()}, "
        f"Python {platform.python_version()}{busy}"
    )
