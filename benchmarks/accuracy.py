"""Accuracy on IMDB and the time to reach it: unrolled's presets beside two strong linear models.

All learn from the 25,000 training reviews and label the 25,000 test reviews once. A network holds
10% of the training reviews back to stop by; the linear models, which need none to stop by, are
trained both without these and with them. Times are from texts in memory to a model, tokenising
included; unrolled's kernels are compiled before.

    UNROLLED_IMDB=aclImdb_v1.tar.gz python benchmarks/accuracy.py --json figures.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from peers.linear_models import Labeller, fasttext_bigrams, svm_bigrams
from support import machine
from support.process import PeerError
from support.progress import progress
from support.reviews import VALIDATION_FRACTION, Reviews, reviews_of, without_validation
from support.table import table
from unrolled import TextClassifier

LINEAR: dict[str, Callable[[Reviews, int], Labeller]] = {
    "fasttext": fasttext_bigrams,
    "svm": svm_bigrams,
}


@dataclass(frozen=True)
class Goal:
    """What a preset shall reach, and in what time."""

    accuracy: float
    seconds: float


PRESETS = {"small": Goal(0.87, 60.0), "accurate": Goal(0.90, 300.0)}


@dataclass(frozen=True)
class Score:
    """One training and one test.

    learned_from: reviews that the weights were fitted to. epochs: passes over them, those after
    the best one included; None for the linear models.
    """

    name: str
    seed: int | None
    learned_from: int
    epochs: int | None
    seconds: float
    test_seconds: float
    accuracy: float


def linear_score(name: str, train: Reviews, test: Reviews, threads: int) -> Score:
    started = time.perf_counter()
    label = LINEAR[name](train, threads)
    trained = time.perf_counter()
    answers = label(test.texts)
    ended = time.perf_counter()
    return Score(
        name=name,
        seed=None,
        learned_from=len(train),
        epochs=None,
        seconds=trained - started,
        test_seconds=ended - trained,
        accuracy=share_right(answers, test.labels),
    )


def preset_score(preset: str, seed: int, train: Reviews, test: Reviews, threads: int) -> Score:
    classifier = preset_classifier(preset, seed, threads)
    started = time.perf_counter()
    classifier.fit(train.texts, train.labels)
    trained = time.perf_counter()
    answers = classifier.predict(test.texts)
    ended = time.perf_counter()
    learned_from, _ = classifier.split(len(train))
    return Score(
        name=preset,
        seed=seed,
        learned_from=len(learned_from),
        epochs=classifier.history_.epochs,
        seconds=trained - started,
        test_seconds=ended - trained,
        accuracy=share_right(answers, test.labels),
    )


def preset_classifier(preset: str, seed: int, threads: int, **changes: Any) -> TextClassifier:
    settings = {"seed": seed, "training.validation_fraction": VALIDATION_FRACTION}
    return TextClassifier(preset, settings=settings | changes, threads=threads)


def compile_kernels(presets: Sequence[str], train: Reviews, threads: int) -> None:
    """The first run on a machine compiles; that is no part of training."""
    for preset in presets:
        progress(f"{preset}: compiling")
        classifier = preset_classifier(preset, 0, threads, **{"training.epochs": 1})
        classifier.fit(train.texts[:200], train.labels[:200])


def share_right(answers: Iterable[str], labels: Sequence[str]) -> float:
    return statistics.fmean(answer == label for answer, label in zip(answers, labels, strict=True))


def scores(names: Sequence[str], seeds: int, threads: int) -> Iterator[Score]:
    """All that were asked for, one after another."""
    train, test = reviews_of("train"), reviews_of("test")
    compile_kernels([name for name in names if name in PRESETS], train, threads)
    for name in names:
        if name in PRESETS:
            for seed in range(1, seeds + 1):
                yield preset_score(name, seed, train, test, threads)
            continue
        try:
            for part in (without_validation(train), train):
                yield linear_score(name, part, test, threads)
        except PeerError as error:
            progress(f"{name}: {error}")


def score_table(measured: Sequence[Score]) -> str:
    header = ["model", "seed", "learned from", "epochs", "training (s)", "test (s)", "accuracy"]
    rows = [
        [
            score.name,
            "-" if score.seed is None else str(score.seed),
            f"{score.learned_from:,}",
            "-" if score.epochs is None else str(score.epochs),
            f"{score.seconds:.1f}",
            f"{score.test_seconds:.2f}",
            f"{score.accuracy:.4f}",
        ]
        for score in measured
    ]
    return table(header, rows)


def goal_sentences(measured: Sequence[Score]) -> Iterator[str]:
    """A preset's lowest accuracy and longest training, beside what is wanted."""
    for preset, goal in PRESETS.items():
        own = [score for score in measured if score.name == preset]
        if not own:
            continue
        lowest = min(score.accuracy for score in own)
        longest = max(score.seconds for score in own)
        met = lowest >= goal.accuracy and longest <= goal.seconds
        yield (
            f"{preset}: {lowest:.4f} or more in {longest:.0f} s or less; wanted {goal.accuracy} "
            f"in {goal.seconds:.0f} s: {'met' if met else 'missed'}"
        )


def parse() -> argparse.Namespace:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [*LINEAR, *PRESETS]
    parser.add_argument(
        "--models",
        nargs="+",
        choices=names,
        default=names,
        metavar="NAME",
        help=f"which ones: {', '.join(names)}",
    )
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each preset")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    print(f"{machine.sentence()}\n")
    measured = []
    for score in scores(arguments.models, arguments.seeds, arguments.threads):
        progress(f"{score.name}: {score.accuracy:.4f} in {score.seconds:.1f} s")
        measured.append(score)
    print(f"{score_table(measured)}\n")
    print("\n".join(goal_sentences(measured)))
    if arguments.json:
        figures = {"machine": machine.describe(), "scores": [asdict(score) for score in measured]}
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0 if measured else 1


if __name__ == "__main__":
    sys.exit(main())
