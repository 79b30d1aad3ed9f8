"""The IMDB reviews in a benchmark's hands: all 25,000 to train on, all 25,000 to test with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unrolled.datasets import imdb
from unrolled.datasets.imdb.reviews import Split
from unrolled.datasets.split import train_validation_split
from unrolled.recipe import load_recipe

VALIDATION_FRACTION = 0.1


@dataclass(frozen=True)
class Reviews:
    """Texts and their labels, "negative" or "positive"."""

    texts: Sequence[str]
    labels: Sequence[str]

    def __len__(self) -> int:
        return len(self.texts)


def reviews_of(split: Split) -> Reviews:
    examples = imdb.load_examples(split)
    return Reviews(list(examples.texts), [str(label) for label in examples.labels])


def without_validation(train: Reviews) -> Reviews:
    """The part that unrolled's networks learn from, the rest being for their validation."""
    seed = load_recipe("small").training.split_seed
    rows, _ = train_validation_split(len(train), VALIDATION_FRACTION, seed)
    return Reviews([train.texts[row] for row in rows], [train.labels[row] for row in rows])
