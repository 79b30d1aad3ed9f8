"""What 50,000 reviews without labels are worth: a pretrained classifier beside one from scratch.

A language model reads the unlabelled reviews and the labelled ones, of which 10% are held back to
stop by, and never a test review. Then the recipe `fine-tune` learns from the labelled reviews,
once with what the language model hands over and once from nothing, with several seeds each; both
label the 25,000 test reviews. Every run is shown. Choose settings with `--part validation`, which
does not look at the test reviews.

    UNROLLED_IMDB=aclImdb_v1.tar.gz python benchmarks/pretraining.py --json figures.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from support import machine
from support.progress import progress
from support.reviews import VALIDATION_FRACTION, Reviews, reviews_of, without_validation
from support.table import table
from unrolled import TextClassifier, TextWriter
from unrolled.datasets import imdb
from unrolled.model.pretrained import Pretrained
from unrolled.recipe import parsed_changes
from unrolled.training.history import EpochRecord

SECONDS, GAIN = 900.0, 0.015
"""The bars: of pretraining, and of mean test accuracy."""


@dataclass(frozen=True)
class Run:
    """One training of a classifier. accuracy: on the test reviews, or None."""

    is_pretrained: bool
    seed: int
    epochs: int
    best_epoch: int
    seconds: float
    validation_accuracy: float
    accuracy: float | None


def told(record: EpochRecord) -> None:
    progress(
        f"epoch {record.epoch}: validation loss {record.val_loss:.4f}, accuracy "
        f"{record.val_accuracy:.4f}, {record.seconds:.0f} s"
    )


def pretrained(folder: Path, train: Reviews, changes: Sequence[str], threads: int) -> TextWriter:
    """The language model that is in the folder, or else a new one."""
    if folder.exists():
        return TextWriter.load(folder)
    writer = TextWriter("language-model", settings=parsed_changes(changes), threads=threads)
    texts = [*without_validation(train).texts, *imdb.load_unlabelled()]
    writer.fit(
        texts,
        source="IMDB, train and unsup",
        out=folder,
        on_epoch=lambda record: progress(
            f"pretraining: epoch {record.epoch}, loss {record.val_loss:.3f}, {record.seconds:.0f} s"
        ),
    )
    return writer


def run_of(
    folder: Path, train: Reviews, test: Reviews | None, seed: int, arguments: argparse.Namespace,
    *, is_pretrained: bool,
) -> Run:  # fmt: skip
    settings = {
        "seed": seed,
        "training.validation_fraction": VALIDATION_FRACTION,
        **parsed_changes(arguments.set),
    }
    taken = Pretrained.load(folder)
    classifier = TextClassifier(
        "fine-tune",
        settings={**taken.settings, **settings},
        threads=arguments.threads,
        pretrained=taken if is_pretrained else None,
    )
    started = time.perf_counter()
    classifier.fit(train.texts, train.labels, on_epoch=told)
    seconds = time.perf_counter() - started
    metrics = classifier.metrics_
    return Run(
        is_pretrained=is_pretrained,
        seed=seed,
        epochs=metrics["epochs"],
        best_epoch=metrics["best_epoch"],
        seconds=seconds,
        validation_accuracy=metrics["val_accuracy"],
        accuracy=None if test is None else classifier.score(test.texts, test.labels),
    )


def runs(arguments: argparse.Namespace, train: Reviews) -> Iterator[Run]:
    test = None if arguments.part == "validation" else reviews_of("test")
    for seed in arguments.seeds:
        for is_pretrained in (True, False):
            if is_pretrained or not arguments.only_pretrained:
                yield run_of(
                    arguments.model, train, test, seed, arguments, is_pretrained=is_pretrained
                )


def run_table(measured: Sequence[Run]) -> str:
    header = ["begins with", "seed", "epochs", "best", "training (s)", "validation", "test"]
    rows = [
        [
            "the language model" if run.is_pretrained else "nothing",
            str(run.seed),
            str(run.epochs),
            str(run.best_epoch),
            f"{run.seconds:.0f}",
            f"{run.validation_accuracy:.4f}",
            "-" if run.accuracy is None else f"{run.accuracy:.4f}",
        ]
        for run in measured
    ]
    return table(header, rows)


def gain(measured: Sequence[Run]) -> float | None:
    """By how much the mean test accuracy of the pretrained ones is higher."""
    means = [
        [run.accuracy for run in measured if run.is_pretrained is way and run.accuracy is not None]
        for way in (True, False)
    ]
    return statistics.fmean(means[0]) - statistics.fmean(means[1]) if all(means) else None


def parse() -> argparse.Namespace:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("runs/imdb-language-model"))
    parser.add_argument("--pretrain-set", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--part", choices=["validation", "test"], default="test")
    parser.add_argument("--only-pretrained", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    print(f"{machine.sentence()}\n")
    train = reviews_of("train")
    writer = pretrained(arguments.model, train, arguments.pretrain_set, arguments.threads)
    spent = writer.metrics_["seconds"]
    print(
        f"language model: {writer.metrics_['train_count']:,} texts, {spent:.0f} s, perplexity of "
        f"held-back texts {writer.metrics_['val_perplexity']:.1f}\n"
    )
    measured = []
    for run in runs(arguments, train):
        progress(str(run))
        measured.append(run)
    print(f"{run_table(measured)}\n")
    won = gain(measured)
    if won is not None:
        is_met = won >= GAIN and spent <= SECONDS
        print(
            f"gain {100 * won:.2f} points of accuracy on the test reviews; wanted "
            f"{100 * GAIN:.1f} after at most {SECONDS:.0f} s: {'met' if is_met else 'missed'}"
        )
    if arguments.json:
        figures = {
            "machine": machine.describe(),
            "recipe": writer.recipe.to_dict(),
            "language_model": writer.metrics_,
            "runs": [asdict(run) for run in measured],
        }
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
