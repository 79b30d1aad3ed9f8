"""Labels for a million texts: two workers of a Ray cluster of this machine, beside one process.

    python benchmarks/cluster_scoring.py --rows 1000000 --json figures.json

Both have the same two cores and must write the same files. The texts are those of streaming.py, in
twenty Parquet files. A quarter of the rows tells what a text more costs, in time and in
memory, and so what a run costs before its first text; a table says what follows for larger runs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from streaming import rows as endless_rows
from support import machine
from support.claims import Claims
from support.command import CommandFailed, unrolled
from support.process_tree import Usage, run_tree
from support.progress import progress
from support.table import table
from unrolled.cluster.connection import LOCAL, connected
from unrolled.cluster.scoring import There
from unrolled.scoring.files import label_files
from unrolled.scoring.folder import OutputFolder
from unrolled.scoring.jobs import jobs_in
from unrolled.scoring.run import Columns

WORKERS = 2
FILES = 20  # at all rows
BAR = 1.3  # the cluster's time by the single process's
GROWTH = 1.2  # memory at all rows by memory at few
HERE, THERE = "one process", "local cluster"
MILLIONS = (1, 10, 100, 1000)
SIZES = (2, 16, 64)  # workers of clusters that are computed, not measured


@dataclass(frozen=True)
class Figures:
    """One way of labelling, at both numbers of rows: the median run of each."""

    way: str
    few: Usage
    many: Usage


@dataclass(frozen=True)
class Cost:
    """What a run on a cluster takes, from two measured runs.

    start: seconds before and after the texts; row: of a worker's core for a text, everything that
    Ray does for it included; driver: of the one process that writes.
    """

    start: float
    row: float
    driver: float

    def hours(self, rows: float, workers: int) -> float:
        """The workers' time or the driver's, whichever is longer."""
        return (self.start + rows * max(self.row / workers, self.driver)) / 3600


@dataclass(frozen=True)
class Steps:
    """Seconds until Ray runs, from then until the first part, and of the end of Ray."""

    ray: float
    first_part: float
    end: float


def write_files(folder: Path, count: int) -> list[Path]:
    import polars

    folder.mkdir()
    texts = islice(endless_rows(), count)
    files: list[Path] = []
    while some := list(islice(texts, count // FILES)):
        files.append(folder / f"part-{len(files):06}.parquet")
        polars.DataFrame(some, schema=["text", "label"], orient="row").write_parquet(files[-1])
    return files


def make_model(place: Path, recipe: str) -> Path:
    model = place / "model"
    settings = ["--recipe", recipe, "--set", "training.epochs=1", "--no-baselines"]
    first = str(place / "many" / "part-000000.parquet")
    run(unrolled("train", first, "--out", str(model), *settings), place)
    return model


def run(command: Sequence[str], place: Path) -> Usage:
    return run_tree(command, role_of, place / "errors.txt")


def role_of(command_line: str) -> str:
    return "worker" if "Labeller" in command_line else "Ray's own"


def label(place: Path, way: str, size: str) -> Usage:
    output = place / f"{size} by {way}"
    shutil.rmtree(output, ignore_errors=True)
    files = ["--input", str(place / size / "part-*.parquet"), "--output", str(output)]
    cluster = ["--on", "local-cluster", "--workers", str(WORKERS)] if way == THERE else []
    usage = run(unrolled("predict", str(place / "model"), *files, *cluster), place)
    progress(f"{size} by {way}: {usage.seconds:.1f} s")
    return usage


def check_same(one: Path, other: Path) -> None:
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in other.iterdir()), "other files"
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes(), f"{name} differs"


def measure(place: Path, few_rows: int, many_rows: int, rounds: int, recipe: str) -> list[Figures]:
    progress(f"writing {many_rows:,} rows")
    files = write_files(place / "many", many_rows)
    (place / "few").mkdir()
    for file in files[: few_rows * FILES // many_rows]:
        (place / "few" / file.name).hardlink_to(file)
    make_model(place, recipe)
    sizes, ways = ("few", "many"), (HERE, THERE)
    for way in ways:
        label(place, way, "few")  # compiles the kernels, and fills the system's memory of files
    runs: dict[tuple[str, str], list[Usage]] = {(size, way): [] for size in sizes for way in ways}
    for _ in range(rounds):
        for size in sizes:
            for way in ways:
                runs[size, way].append(label(place, way, size))
            check_same(place / f"{size} by {HERE}", place / f"{size} by {THERE}")
    return [Figures(way, median(runs["few", way]), median(runs["many", way])) for way in ways]


def median(runs: list[Usage]) -> Usage:
    middle = statistics.median_low([usage.seconds for usage in runs])
    return next(usage for usage in runs if usage.seconds == middle)


class Watch:
    """Reports that keep when the first part came."""

    def __init__(self) -> None:
        self.first = 0.0

    def goes_on(self, rows: int) -> None: ...

    def begins_anew(self, changes: Sequence[str]) -> None: ...

    def on_part(self, rows: int, files: float) -> None:
        self.first = self.first or time.perf_counter()


def measure_steps(place: Path) -> Steps:
    """A run on the smaller number of rows, in this process, so that it can be watched."""
    model, output, watch = place / "model", place / "steps", Watch()
    began = time.perf_counter()
    with connected(LOCAL, workers=WORKERS) as cluster:
        connected_at = time.perf_counter()
        there = There(cluster, model, Columns())
        with closing(OutputFolder(output, overwrite=False)) as folder:
            jobs = jobs_in(output, there.files(place / "few"))
            label_files(there, jobs, model, folder, watch)
        labelled_at = time.perf_counter()
    ended_at = time.perf_counter()
    progress(f"steps: {ended_at - began:.1f} s")
    return Steps(connected_at - began, watch.first - connected_at, ended_at - labelled_at)


def cost_of(there: Figures, few_rows: int, many_rows: int) -> Cost:
    more = many_rows - few_rows
    row = (there.many.seconds - there.few.seconds) / more
    driver = (there.many.processor["driver"] - there.few.processor["driver"]) / more
    return Cost(there.few.seconds - row * few_rows, row * WORKERS, driver)


def tables(figures: Sequence[Figures], few_rows: int, many_rows: int) -> str:
    header = ["", "rows", "seconds", "rows/s", "driver (MB)", "worker (MB)", "shared (MB)",
              "all (MB)", "processor (s)"]  # fmt: skip
    lines = [
        [
            one.way,
            f"{count:,}",
            f"{usage.seconds:.1f}",
            f"{count / usage.seconds:,.0f}",
            f"{usage.memory_mb['driver']:,.0f}",
            f"{usage.memory_mb.get('worker', 0):,.0f}",
            f"{usage.shared_mb:,.0f}",
            f"{usage.total_mb:,.0f}",
            f"{sum(usage.processor.values()):,.0f}",
        ]
        for one in figures
        for count, usage in ((few_rows, one.few), (many_rows, one.many))
    ]
    cost = cost_of(figures[1], few_rows, many_rows)
    hours = [
        [f"{size} workers", *(f"{cost.hours(count * 1e6, size):,.2f}" for count in MILLIONS)]
        for size in SIZES
    ]
    alone = figures[0]
    slope = (alone.many.seconds - alone.few.seconds) / (many_rows - few_rows)
    start = alone.few.seconds - slope * few_rows
    hours.insert(0, [HERE, *(f"{(start + slope * count * 1e6) / 3600:,.2f}" for count in MILLIONS)])
    return (
        f"{table(header, lines)}\n\n"
        f"a run on the cluster: {cost.start:.1f} s, and of a text {cost.row * 1e6:.1f} µs of a "
        f"worker and {cost.driver * 1e6:.1f} µs of the driver\n\n"
        f"hours, computed from these:\n"
        f"{table(['million texts', *(f'{count:,}' for count in MILLIONS)], hours)}"
    )


def claims_of(figures: Sequence[Figures]) -> Claims:
    here, there = figures
    claims = Claims()
    ratio = there.many.seconds / here.many.seconds
    claims.at_most("the cluster's time by the single process's", ratio, BAR)
    for role in ("driver", "worker"):
        growth = there.many.memory_mb[role] / there.few.memory_mb[role]
        claims.at_most(f"growth of the {role}'s memory", growth, GROWTH)
    claims.at_most("growth of shared memory", there.many.shared_mb / there.few.shared_mb, GROWTH)
    return claims


def main() -> int:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--recipe", default="small")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments = parser.parse_args()
    arguments.rows -= arguments.rows % FILES
    few = arguments.rows // 4
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:WORKERS])
    print(f"{machine.sentence()}\n")
    with tempfile.TemporaryDirectory() as name:
        try:
            figures = measure(Path(name), few, arguments.rows, arguments.rounds, arguments.recipe)
            steps = measure_steps(Path(name))
        except CommandFailed as error:
            print(error, file=sys.stderr)
            return 1
    claims = claims_of(figures)
    print(
        f"start of Ray {steps.ray:.1f} s, then until the first part {steps.first_part:.1f} s, "
        f"end of Ray {steps.end:.1f} s\n\n{tables(figures, few, arguments.rows)}\n\n{claims}"
    )
    if arguments.json:
        document = {
            "machine": machine.describe(),
            "rows": {"few": few, "many": arguments.rows},
            "figures": [asdict(one) for one in figures],
            "cost": asdict(cost_of(figures[1], few, arguments.rows)),
            "steps": asdict(steps),
            "claims": claims.rows,
        }
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
