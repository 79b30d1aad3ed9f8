"""Commands from outside: their wall time and peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class CommandFailed(Exception):
    """A measured command did not end with 0."""


def run_once(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[float, float]:
    """Wall seconds and peak memory in MB."""
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**os.environ, **(environment or {})},
        )
        # wait4 gives the memory of this command and its children; RUSAGE_CHILDREN would give that
        # of the largest command so far.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines() or ["no message"]
            raise CommandFailed(f"{' '.join(command)}: exit {process.returncode}: {lines[-1]}")
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return seconds, usage.ru_maxrss * unit / 1e6


def unrolled(*arguments: str) -> list[str]:
    """The installed command where there is one: it is what users start."""
    script = Path(sys.executable).with_name("unrolled")
    start = [str(script)] if script.exists() else [sys.executable, "-m", "unrolled"]
    return [*start, *arguments]
