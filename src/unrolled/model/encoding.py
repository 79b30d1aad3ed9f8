"""From texts that are read once to a vocabulary and to both parts of the data as ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.model.labelled import InvalidRows, each_text
from unrolled.ragged import Ragged
from unrolled.recipe import TextRecipe
from unrolled.text.vocabulary import Vocabulary
from unrolled.training.state import Labelled

Rows = NDArray[np.int64]
Split = Callable[[int], tuple[Rows, Rows]]


@dataclass(frozen=True, eq=False)
class Encoded:
    """What a training reads: (sequences, targets) of both parts, uncut.

    train_rows, validation_rows: where each row was among all texts; validation texts that were
    given come behind the training texts.
    """

    vocabulary: Vocabulary
    classes: Sequence[str] | Sequence[int]
    train: Labelled
    validation: Labelled
    train_rows: Rows
    validation_rows: Rows


class TextSource:
    """Texts that are checked as they are read: each a string, and as many as labels.

    part: what they are called in a DataError, "training" say. labels: how many there are.
    """

    def __init__(self, part: str, texts: Iterable[str], labels: int) -> None:
        self.part = part
        self.texts = texts
        self.labels = labels

    def __iter__(self) -> Iterator[str]:
        what = f"{self.part} texts".strip()
        count = 0
        for text in each_text(self.part, self.texts):
            yield text
            count += 1
        if count != self.labels:
            raise InvalidRows(f"{count} {what} and {self.labels} labels; each text needs one")
        if not count:
            raise InvalidRows(f"there are no {what}")

    def kept(self) -> TextSource:
        """The same texts, to be read more than once: held, if they can be read only once."""
        if iter(self.texts) is not self.texts:
            return self
        return TextSource(self.part, list(self), self.labels)


def encode_parts(
    sources: Sequence[TextSource],
    settings: TextRecipe,
    split: Split,
    known: Vocabulary | None = None,
) -> tuple[Vocabulary, Ragged, tuple[Rows, Rows]]:
    """Learn the vocabulary from the rows that the recipe says; all texts as ids, and both parts.

    sources: the training texts, and validation texts if ``split`` shall not hold some back. They
    are read once, and for subwords, which are trained first, twice.
    known: a vocabulary that was learned before, from other texts.
    """

    def parts(count: int) -> tuple[Rows, Rows]:
        if len(sources) == 1:
            return split(count)
        rows = np.arange(count, dtype=np.int64)
        return rows[: sources[0].labels], rows[sources[0].labels :]

    if known is not None:
        sequences = known.encode_all(_Chained(sources), start=settings.start_token)
        return known, sequences, parts(len(sequences))
    if settings.tokenizer == "subwords":
        sources = [source.kept() for source in sources]
    vocabulary, sequences = Vocabulary.fit(
        _Chained(sources),
        tokenizer=settings.tokenizer,
        num_words=settings.num_words,
        min_count=settings.min_count,
        start=settings.start_token,
        subwords=settings.subwords,
        counted=None if settings.vocabulary_of == "all" else lambda count: parts(count)[0],
    )
    return vocabulary, sequences, parts(len(sequences))


@dataclass(frozen=True)
class _Chained:
    """The texts of all sources, one after the other, as often as they are asked for."""

    sources: Sequence[TextSource]

    def __iter__(self) -> Iterator[str]:
        for source in self.sources:
            yield from source

    def __len__(self) -> int:
        return sum(source.labels for source in self.sources)
