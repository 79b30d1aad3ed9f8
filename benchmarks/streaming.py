"""A million texts: training and prediction from a file, their speed and their memory.

    python benchmarks/streaming.py --rows 1000000 --format parquet --json figures.json

The texts are the training reviews of IMDB over and over, each time turned by some words more, so
that no two are the same and the vocabulary stays as it is. The same commands on a smaller file, of
which the texts are not held in memory either, tell how much time and memory a row more takes.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from startup import CommandFailed, run_once
from support import machine
from support.table import table

MOST_FEW = 50_000  # rows of the smaller file: by then everything has its size but the ids
AT_ONCE = 20_000  # rows that are made at once
STREAMING = """
from unrolled import datasets
from unrolled.cli import main
datasets.LARGE_FILE = 0
raise SystemExit(main())
"""
WORDS_TURNED = 7


@dataclass(frozen=True)
class Figures:
    """One command on both files: wall seconds, and peak memory in MB.

    Speed and bytes are those of the rows that the smaller file does not have.
    """

    name: str
    rows: int
    few_rows: int
    tokens: int
    seconds: float
    memory_mb: float
    few_seconds: float
    few_memory_mb: float

    @property
    def rows_per_second(self) -> float:
        return (self.rows - self.few_rows) / max(self.seconds - self.few_seconds, 1e-9)

    @property
    def bytes_per_row(self) -> float:
        return (self.memory_mb - self.few_memory_mb) * 1e6 / (self.rows - self.few_rows)

    @property
    def bytes_per_token(self) -> float:
        return self.bytes_per_row * self.rows / self.tokens


def unrolled(*arguments: str) -> list[str]:
    """The command, for which every file is a large one."""
    return [sys.executable, "-c", STREAMING, *arguments]


def turned(text: str, turns: int) -> str:
    """The text, which now begins some words later and ends with those."""
    words = text.split(" ")
    place = turns * WORDS_TURNED % len(words)
    return " ".join(words[place:] + words[:place])


def rows() -> Iterator[tuple[str, str]]:
    """Endless (text, label)."""
    from unrolled import datasets

    examples = datasets.load("imdb")
    turns = 0
    while True:
        for text, label in zip(examples.texts, examples.labels, strict=True):
            yield turned(text, turns), str(label)
        turns += 1


def write(path: Path, count: int) -> None:
    """A file of ``count`` rows with the columns text and label."""
    wanted = islice(rows(), count)
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label")])
            csv.writer(file).writerows(wanted)
        return
    import polars

    folder = path.with_name(f"parts of {path.stem}")
    folder.mkdir()
    parts = []
    while some := list(islice(wanted, AT_ONCE)):
        parts.append(folder / f"{len(parts):06}.parquet")
        polars.DataFrame(some, schema=["text", "label"], orient="row").write_parquet(parts[-1])
    polars.scan_parquet(parts).sink_parquet(path, row_group_size=AT_ONCE)


def measure(folder: Path, count: int, suffix: str, recipe: str) -> list[Figures]:
    many, few = folder / f"many{suffix}", folder / f"few{suffix}"
    few_rows = min(MOST_FEW, count // 2)
    for path, size in ((few, few_rows), (many, count)):
        print(f"writing {size:,} rows ...", file=sys.stderr, flush=True)
        write(path, size)

    def model(path: Path) -> Path:
        return folder / f"model of {path.stem}"

    def train(path: Path) -> list[str]:
        settings = ["--recipe", recipe, "--set", "training.epochs=1"]
        options = [*settings, "--overwrite", "--no-baselines"]
        return unrolled("train", str(path), "--out", str(model(path)), *options)

    def predict(path: Path) -> list[str]:
        files = ["--input", str(path), "--output", str(folder / f"labels{suffix}"), "--overwrite"]
        return unrolled("predict", str(model(many)), *files)

    figures = []
    for name, command in (("train, one epoch", train), ("predict", predict)):
        run_once(command(few), {})  # compiles the kernels
        few_run, many_run = run_once(command(few), {}), run_once(command(many), {})
        if name != "predict":
            tokens = tokens_of(model(many), count)
        figures.append(Figures(name, count, few_rows, tokens, *many_run, *few_run))
        print(f"{name}: {many_run[0]:.1f} s", file=sys.stderr, flush=True)
    return figures


def tokens_of(model: Path, count: int) -> int:
    """Tokens of all texts, from the mean length that the model's folder gives."""
    metrics = json.loads((model / "metrics.json").read_text(encoding="utf-8"))
    return round(metrics["lengths"]["mean"] * count)


def cells(one: Figures) -> Sequence[str]:
    return [
        one.name,
        f"{one.rows:,}",
        f"{one.seconds:.1f}",
        f"{one.rows_per_second:,.0f}",
        f"{one.memory_mb:,.0f}",
        f"{one.few_rows:,}",
        f"{one.few_memory_mb:,.0f}",
        f"{one.bytes_per_row:,.0f}",
        f"{one.bytes_per_token:.1f}",
    ]


def main() -> int:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--format", choices=["parquet", "csv"], default="parquet")
    parser.add_argument("--recipe", default="small")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments = parser.parse_args()
    print(f"{machine.sentence()}\n")
    with tempfile.TemporaryDirectory() as name:
        try:
            figures = measure(Path(name), arguments.rows, f".{arguments.format}", arguments.recipe)
        except CommandFailed as error:
            print(error, file=sys.stderr)
            return 1
    header = ["command", "rows", "seconds", "rows/s", "peak (MB)", "few rows", "their peak",
              "bytes/row", "bytes/token"]  # fmt: skip
    print(table(header, [cells(one) for one in figures]))
    if arguments.json:
        document = {"machine": machine.describe(), "commands": [asdict(one) for one in figures]}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
