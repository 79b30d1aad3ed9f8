"""A command with all that it starts: wall time, and the memory and processor time of its parts."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from support.command import CommandFailed

SECONDS = 0.5  # between two looks
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass
class Usage:
    """What a command took.

    memory_mb: the most that one process of each role had by itself, shared memory left out;
    shared_mb: the most shared memory that one process had mapped; total_mb: the most that all
    together had at one look, each page of shared memory once; processor: seconds of each role.
    """

    seconds: float = 0.0
    memory_mb: dict[str, float] = field(default_factory=dict)
    shared_mb: float = 0.0
    total_mb: float = 0.0
    processor: dict[str, float] = field(default_factory=dict)


def run_tree(command: Sequence[str], role_of: Callable[[str], str], errors: Path) -> Usage:
    """Run a command to its end; ``role_of`` names a process by its command line.

    errors: the file that its standard error goes to. Raises CommandFailed.
    """
    usage = Usage()
    processor: dict[int, tuple[str, float]] = {}
    started = time.perf_counter()
    with errors.open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        while process.poll() is None:
            _look(process.pid, role_of, usage, processor)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(SECONDS)
    usage.seconds = time.perf_counter() - started
    for role, seconds in processor.values():
        usage.processor[role] = usage.processor.get(role, 0.0) + seconds
    if process.returncode:
        lines = errors.read_text(errors="replace").strip().splitlines() or ["no message"]
        raise CommandFailed(f"{' '.join(command)}: exit {process.returncode}: {lines[-1]}")
    return usage


def _look(
    root: int,
    role_of: Callable[[str], str],
    usage: Usage,
    processor: dict[int, tuple[str, float]],
) -> None:
    own: defaultdict[str, float] = defaultdict(float)
    total = shared = 0.0
    for process in _tree(root):
        with contextlib.suppress(OSError, ValueError, IndexError):
            folder = Path("/proc", str(process))
            role = "driver" if process == root else role_of(_command_line(folder))
            status = (folder / "status").read_text()
            alone = _kib(status, "RssAnon") + _kib(status, "RssFile")
            own[role] = max(own[role], alone)
            total += alone
            shared = max(shared, _kib(status, "RssShmem"))
            times = (folder / "stat").read_text().rpartition(")")[2].split()
            processor[process] = role, (int(times[11]) + int(times[12])) / _TICKS
    for role, megabytes in own.items():
        usage.memory_mb[role] = max(usage.memory_mb.get(role, 0.0), megabytes)
    usage.shared_mb = max(usage.shared_mb, shared)
    usage.total_mb = max(usage.total_mb, total + shared)


def _tree(root: int) -> Iterator[int]:
    yield root
    for children in Path("/proc", str(root), "task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                yield from _tree(int(child))


def _command_line(folder: Path) -> str:
    return (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def _kib(status: str, name: str) -> float:
    """A line of /proc/PID/status, in MB."""
    for line in status.splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0  # of a process that has ended
