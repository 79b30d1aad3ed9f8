"""Texts: the data of a search, read once for each way of reading them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from unrolled.datasets.examples import Examples
from unrolled.model import TextClassifier
from unrolled.model.encoding import Encoded
from unrolled.recipe import Recipe

KEPT_BYTES = 2**30


class Texts:
    """Encodes labelled texts as a recipe says, and keeps what another recipe would read alike.

    Only what makes the vocabulary and the ids counts, and how the texts are split: how long a text
    may be is seen to later, by the training. Of all that was encoded, the least used is dropped as
    soon as more than ``kept_bytes`` are held.
    """

    def __init__(self, examples: Examples, *, kept_bytes: int = KEPT_BYTES) -> None:
        self.examples = examples
        self.kept_bytes = kept_bytes
        self._kept: OrderedDict[Hashable, Encoded] = OrderedDict()

    def encoded(self, recipe: Recipe) -> Encoded:
        """What a training by this recipe reads: both parts of the texts, and the vocabulary."""
        way = _way_of_reading(recipe)
        if way not in self._kept:
            classifier = TextClassifier(recipe)
            self._kept[way] = classifier.encode(self.examples.texts, self.examples.labels)
        self._kept.move_to_end(way)
        while len(self._kept) > 1 and sum(map(_bytes_of, self._kept.values())) > self.kept_bytes:
            self._kept.popitem(last=False)
        return self._kept[way]


def _way_of_reading(recipe: Recipe) -> Hashable:
    """The settings that decide what ``encode`` makes of the texts."""
    text, training = recipe.text, recipe.training
    return (
        text.tokenizer,
        text.subwords,
        text.num_words,
        text.min_count,
        text.vocabulary_of,
        text.start_token,
        training.validation_fraction,
        training.split_seed,
    )


def _bytes_of(encoded: Encoded) -> int:
    """Of the ids, which are all that is large."""
    return sum(4 * int(part[0].lengths.sum()) for part in (encoded.train, encoded.validation))
