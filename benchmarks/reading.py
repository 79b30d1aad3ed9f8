"""How fast files are read: `unrolled predict` from texts to labels on disk, and `unrolled check`.

The 25,000 test reviews of IMDB are written to a Parquet and a CSV file, and labelled by a model of
the preset `small`. The labels in both outputs must be those that `TextClassifier` gives the texts
in memory. A command's time includes its start; "within Python" is the same command in a process in
which it ran before.

    UNROLLED_IMDB=aclImdb_v1.tar.gz python benchmarks/reading.py --json figures.json
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import polars

from support import machine
from support.command import CommandFailed, run_once, unrolled
from support.progress import progress
from support.reviews import Reviews, reviews_of
from support.table import table
from unrolled import TextClassifier
from unrolled.cli.app import run

TEXTS_A_SECOND = 10_000
CHECK_SECONDS = 5.0


@dataclass(frozen=True)
class Cost:
    """One command on one file: the median wall time of its runs, and what it may take."""

    name: str
    texts: int
    runs: int
    seconds: float
    limit: float

    def row(self) -> list[str]:
        return [
            self.name,
            f"{self.seconds:.2f}",
            f"{self.texts / self.seconds:,.0f}",
            f"{self.limit:g}",
            "met" if self.seconds <= self.limit else "missed",
        ]


def trained_model(threads: int) -> TextClassifier:
    """A model of the preset `small` after one epoch: it is as fast as a better one."""
    progress("training a model")
    train = reviews_of("train")
    classifier = TextClassifier("small", settings={"training.epochs": 1}, threads=threads)
    return classifier.fit(train.texts, train.labels)


def write_files(test: Reviews, folder: Path) -> list[Path]:
    frame = polars.DataFrame({"text": test.texts, "label": test.labels})
    frame.write_parquet(folder / "reviews.parquet")
    frame.write_csv(folder / "reviews.csv")
    return [folder / "reviews.parquet", folder / "reviews.csv"]


def predict_arguments(model: Path, file: Path, threads: int) -> list[str]:
    return [
        *("predict", str(model), "--input", str(file), "--output", str(output_of(file))),
        *("--overwrite", "--threads", str(threads)),
    ]


def output_of(file: Path) -> Path:
    return file.with_stem("labels")


def labels_in(file: Path) -> list[str]:
    read = polars.read_parquet if file.suffix == ".parquet" else polars.read_csv
    return read(file, columns=["label"])["label"].to_list()


def run_without(arguments: list[str]) -> float:
    """Wall seconds of a command in a process of its own."""
    seconds, _ = run_once(unrolled(*arguments))
    return seconds


def run_within(arguments: list[str]) -> float:
    """Wall seconds of a command in this process."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        started = time.perf_counter()
        code = run(arguments)
        seconds = time.perf_counter() - started
    if code:
        raise CommandFailed(f"unrolled {' '.join(arguments)}: exit {code}: {said.getvalue()}")
    return seconds


def cost(name: str, once: Callable[[], float], texts: int, limit: float, runs: int) -> Cost:
    """A first run is not counted."""
    progress(name)
    once()
    return Cost(name, texts, runs, statistics.median(once() for _ in range(runs)), limit)


def measure(file: Path, model: Path, texts: int, *, threads: int, runs: int) -> list[Cost]:
    """`predict` and `check` on one file."""
    predict, check = predict_arguments(model, file, threads), ["check", str(file)]
    limit = texts / TEXTS_A_SECOND

    def timed(name: str, once: Callable[[], float], limit: float) -> Cost:
        return cost(f"{name}, {file.suffix[1:]}", once, texts, limit, runs)

    return [
        timed("unrolled predict", lambda: run_without(predict), limit),
        timed("unrolled predict, within Python", lambda: run_within(predict), limit),
        timed("unrolled check", lambda: run_without(check), CHECK_SECONDS),
    ]


def main() -> int:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2, help="of predict; check has one")
    parser.add_argument("--runs", type=int, default=5, help="of each command")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments = parser.parse_args()
    print(machine.sentence())
    test = reviews_of("test")
    words = statistics.fmean(len(text.split()) for text in test.texts)
    print(f"{len(test):,} reviews of {words:.0f} words; threads: {arguments.threads}\n")
    classifier = trained_model(arguments.threads)
    labels = list(classifier.predict(test.texts))
    costs, agree = [], True
    with tempfile.TemporaryDirectory() as name:
        model = Path(name, "model")
        classifier.save(model)
        try:
            for file in write_files(test, Path(name)):
                costs += measure(
                    file, model, len(test), threads=arguments.threads, runs=arguments.runs
                )
                agree = agree and labels_in(output_of(file)) == labels
        except CommandFailed as error:
            print(error, file=sys.stderr)
            return 1
    header = ["command", "median (s)", "texts/s", "limit (s)", ""]
    print(table(header, [one.row() for one in costs]))
    if arguments.json:
        figures = {"machine": machine.describe(), "commands": [asdict(one) for one in costs]}
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if not agree:
        print("The labels on disk are not those of the same texts in memory.")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
