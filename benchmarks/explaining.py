"""What explanations are worth, and what they take: their faithfulness and their time.

On the first 200 test reviews of IMDB, the words that a measure puts first are taken away, and as
many random ones ten times: the more the model's probability of its own answer falls beside what
random words do, the more important those words were. Before that, the deletion of each word of a
review must be what the model says of the review without it. The time is that of one review of
about 300 words, with states, the probability after each word, deletion and gradients.

    UNROLLED_IMDB=aclImdb_v1.tar.gz python benchmarks/explaining.py --json figures.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from support import machine
from support.progress import progress
from support.reviews import reviews_of
from support.table import table
from unrolled import TextClassifier, load_recipe
from unrolled.explain.faithfulness import Faithfulness, measure_faithfulness
from unrolled.ragged import Ragged

PRESETS = ("notebook-onehot", "notebook-embedding", "small", "accurate")
TEXTS = 200
WORDS = (1, 5, 10, 20)
WORDS_OF_A_REVIEW = 300
MILLISECONDS = 150.0
RUNS = 20


@dataclass(frozen=True)
class Figures:
    """One model: how its probability falls, and the median time of an explanation."""

    preset: str
    faithfulness: list[Faithfulness]
    milliseconds: float
    words: int

    def falls(self) -> list[list[str]]:
        return [
            [
                self.preset if found is self.faithfulness[0] else "",
                str(found.words),
                f"{found.important['deletion']:.3f}",
                f"{found.important['gradients']:.3f}",
                f"{found.random:.3f}",
            ]
            for found in self.faithfulness
        ]

    def time(self) -> list[str]:
        met = "met" if self.milliseconds <= MILLISECONDS else "missed"
        return [self.preset, str(self.words), f"{self.milliseconds:.1f}", f"{MILLISECONDS:g}", met]


def trained(preset: str, epochs: int | None) -> TextClassifier:
    progress(f"training {preset}")
    reviews = reviews_of("train")
    settings = [] if epochs is None else [f"training.epochs={epochs}"]
    return TextClassifier(load_recipe(preset, settings)).fit(reviews.texts, reviews.labels)


def check_deletion(model: TextClassifier, text: str) -> None:
    """Raise SystemExit unless leaving a word out is what the model says of the rest."""
    explanation = model.explain(text, importance=["deletion"])
    start = model.recipe.text.start_token
    ids = model.vocabulary_.encode(text, start)
    explained = explanation.classes.index(explanation.explained)
    whole = explanation.answer.probabilities[explanation.explained]
    assert explanation.deletion is not None
    for step in np.flatnonzero(explanation.places >= 0)[:: len(ids) // 20]:
        rest = np.delete(ids, explanation.places[step] + start)
        left = model.predict_proba_sequences(Ragged.from_lists([rest]))[0, explained]
        if explanation.deletion[step] != whole - np.float64(left):
            raise SystemExit(f"deletion of step {step} is not what the model says")


def measured(model: TextClassifier, preset: str, texts: list[str]) -> Figures:
    long = min(texts, key=lambda text: abs(len(text.split()) - WORDS_OF_A_REVIEW))
    check_deletion(model, long)
    progress(f"{preset}: one review of {len(long.split())} words")
    seconds = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        model.explain(long)
        seconds.append(time.perf_counter() - begun)
    found = []
    for words in WORDS:
        progress(f"{preset}: {words} words of each of {TEXTS} reviews")
        falls = measure_faithfulness(model._trained(), texts, words=words)
        found.append(falls)
    return Figures(preset, found, 1e3 * statistics.median(seconds), len(long.split()))


def main() -> None:
    print(machine.sentence())
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--preset", action="append", choices=PRESETS, help="(default: all)")
    parser.add_argument("--models", type=Path, help="keep the models here, or take those there")
    parser.add_argument("--epochs", type=int, help="train for so many at most")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    # Positive and negative ones in turn, as they come.
    test = reviews_of("test")
    by_label = [
        [text for text, label in zip(test.texts, test.labels, strict=True) if label == wanted]
        for wanted in sorted(set(test.labels))
    ]
    texts = [text for pair in zip(*by_label, strict=True) for text in pair][:TEXTS]
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        models = arguments.models or Path(folder)
        for preset in arguments.preset or PRESETS:
            if not (models / preset).is_dir():
                trained(preset, arguments.epochs).save(models / preset)
            figures.append(measured(TextClassifier.load(models / preset), preset, texts))
    head = ["preset", "words taken", "by deletion", "by gradients", "at random"]
    print(f"fall of the probability of the answer, {TEXTS} test reviews")
    print(table(head, [row for one in figures for row in one.falls()]))
    print()
    head = ["preset", "words", "ms", "at most", ""]
    print(table(head, [one.time() for one in figures]))
    if arguments.json:
        document = {"machine": machine.describe(), "figures": [asdict(one) for one in figures]}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
