"""What a user waits for before and around training: start-up, one prediction, the whole notebook.

    python benchmarks/startup.py --json figures.json

The first `reproduce` finds no compiled kernels and no cached reviews, as after an install; all that
follows uses what it left.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from support import machine
from support.table import table

TEXT = "I did not expect much, and then I watched it twice."


@dataclass(frozen=True)
class Cost:
    """One command: the median wall time of its runs, the highest peak memory of any process."""

    name: str
    runs: int
    seconds: float
    peak_memory_mb: float


class CommandFailed(Exception):
    """A measured command did not end with 0."""


def run_once(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Wall seconds and peak memory in MB."""
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=errors, env={**os.environ, **environment}
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


def cost(name: str, command: Sequence[str], environment: Mapping[str, str], runs: int) -> Cost:
    print(f"{name} ...", file=sys.stderr, flush=True)
    measured = [run_once(command, environment) for _ in range(runs)]
    return Cost(
        name,
        runs,
        statistics.median(seconds for seconds, _ in measured),
        max(memory for _, memory in measured),
    )


def unrolled(*arguments: str) -> list[str]:
    """The installed command where there is one: it is what users start."""
    script = Path(sys.executable).with_name("unrolled")
    start = [str(script)] if script.exists() else [sys.executable, "-m", "unrolled"]
    return [*start, *arguments]


def measure(folder: Path, runs: int) -> list[Cost]:
    """In the order in which a new user meets them."""
    out = folder / "reproduce"
    environment = {
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "UNROLLED_CACHE": str(folder / "cache"),
    }
    reproduce = unrolled("reproduce", "--out", str(out))
    python = [sys.executable, "-c"]
    predict = unrolled("predict", str(out / "onehot"), TEXT)
    return [
        cost("unrolled reproduce (first time)", reproduce, environment, 1),
        cost("unrolled reproduce", reproduce, environment, max(1, runs // 5)),
        cost("python, nothing imported", [*python, "pass"], environment, runs),
        cost("import unrolled", [*python, "import unrolled"], environment, runs),
        cost("unrolled --help", unrolled("--help"), environment, runs),
        cost("unrolled predict (one text)", predict, environment, runs),
    ]


def main() -> int:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10, help="of each short command")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments = parser.parse_args()
    print(f"{machine.sentence()}\n")
    with tempfile.TemporaryDirectory() as name:
        try:
            costs = measure(Path(name), arguments.runs)
        except CommandFailed as error:
            print(error, file=sys.stderr)
            return 1
    rows = [
        [one.name, str(one.runs), f"{one.seconds:.3f}", f"{one.peak_memory_mb:.0f}"]
        for one in costs
    ]
    print(table(["command", "runs", "median (s)", "peak memory (MB)"], rows))
    if arguments.json:
        figures = {"machine": machine.describe(), "commands": [asdict(one) for one in costs]}
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
