"""From texts, and what is to be written to them, to vocabularies and pairs of ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from unrolled.errors import DataError, InputError
from unrolled.model.encoding import Rows as Numbers
from unrolled.model.encoding import Split, TextSource, encode_parts
from unrolled.model.labelled import check_texts
from unrolled.ragged import Ragged
from unrolled.recipe import Recipe, writing_of
from unrolled.text.counting import totals
from unrolled.text.vocabulary import START, Vocabulary
from unrolled.training.state import Paired
from unrolled.writer.pairs import pairs_of

Texts = Iterable[str]
Place = Callable[[int], str]
"""What a row is called in an error."""


@dataclass(frozen=True, eq=False)
class EncodedPairs:
    """What a training reads: (inputs, targets) of both parts.

    target_vocabulary: None where the words that are written are those that are read.
    train_rows, validation_rows: where each row was among all; validation that was given comes
    behind the training rows.
    """

    vocabulary: Vocabulary
    target_vocabulary: Vocabulary | None
    train: Paired
    validation: Paired
    train_rows: Numbers
    validation_rows: Numbers


class Rows(NamedTuple):
    """Texts of one part of the data, and what is to be written to each, if that is given."""

    part: str
    texts: list[str]
    targets: list[str] | None

    @classmethod
    def of(cls, recipe: Recipe, part: str, texts: Texts, targets: Texts | None) -> Rows:
        """Checked: strings, in equal numbers, and targets only where the task has them."""
        task = writing_of(recipe).task
        if task == "seq2seq" and targets is None:
            raise InputError("the task seq2seq needs targets: what is to be written to each text")
        if task != "seq2seq" and targets is not None:
            raise InputError(f"the task {task} makes its targets of the texts: leave targets out")
        own = check_texts(part, texts)
        others = None if targets is None else check_texts(f"{part} target", targets)
        if others is not None and len(own) != len(others):
            what = f"{part} texts".strip()
            raise DataError(f"{len(own)} {what} and {len(others)} targets; each text needs one")
        return cls(part, own, others)

    @property
    def sources(self) -> tuple[TextSource, TextSource]:
        """The texts and the targets as the encoding reads them."""
        targets = self.targets or []
        return (
            TextSource(self.part, self.texts, len(self.texts)),
            TextSource(f"{self.part} target", targets, len(targets)),
        )


def encode_pairs(
    recipe: Recipe, parts: Sequence[Rows], *, split: Split, where: Place | None = None
) -> EncodedPairs:
    """Learn the vocabularies and encode both parts; without validation ``split`` holds some back.

    where: what a training row is called in an error.
    """

    def place(row: int) -> str:
        first = len(parts[0].texts)
        if row >= first:
            return f"validation row {row - first}"
        return f"training row {row}" if where is None else where(row)

    texts, targets = zip(*(part.sources for part in parts), strict=True)
    vocabulary, read, rows = encode_parts(texts, recipe.text, split)
    check_words(read, "text", place)
    target_vocabulary, said = None, None
    if parts[0].targets is not None:
        settings = recipe.text.model_copy(update={"start_token": False})
        target_vocabulary, said, _ = encode_parts(targets, settings, split)
        check_words(said, "target", place)

    def paired(rows: Numbers) -> Paired:
        return pairs_of(recipe, read.excerpt(rows), None if said is None else said.excerpt(rows))

    return EncodedPairs(
        vocabulary=vocabulary,
        target_vocabulary=target_vocabulary,
        train=paired(rows[0]),
        validation=paired(rows[1]),
        train_rows=rows[0],
        validation_rows=rows[1],
    )


def check_words(sequences: Ragged, what: str, place: Place) -> None:
    """Raise DataError unless each has a word, known or not."""
    empty = np.flatnonzero(totals(sequences, sequences.ids != START) == 0)
    if len(empty):
        more = f" (nor have {len(empty) - 1:,} more)" if len(empty) > 1 else ""
        raise DataError(
            f"{place(int(empty[0]))}: the {what} has no word to learn from{more}; leave it out"
        )
