"""What a user waits for before and around training: start-up, one prediction, the whole notebook.

    python benchmarks/startup.py --json figures.json

The first `reproduce` finds no compiled kernels and no cached reviews, as after an install; all that
follows uses what it left.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from support import machine
from support.command import CommandFailed, run_once, unrolled
from support.progress import progress
from support.table import table

TEXT = "I did not expect much, and then I watched it twice."


@dataclass(frozen=True)
class Cost:
    """One command: the median wall time of its runs, the highest peak memory of any process."""

    name: str
    runs: int
    seconds: float
    peak_memory_mb: float


def cost(name: str, command: Sequence[str], environment: Mapping[str, str], runs: int) -> Cost:
    progress(f"{name} ...")
    measured = [run_once(command, environment) for _ in range(runs)]
    return Cost(
        name,
        runs,
        statistics.median(seconds for seconds, _ in measured),
        max(memory for _, memory in measured),
    )


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
