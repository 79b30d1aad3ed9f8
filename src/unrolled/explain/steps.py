"""The steps that a network takes through a text: what each reads, and which words are left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError
from unrolled.explain.subject import Subject
from unrolled.ragged import Ragged
from unrolled.text.sequences import cut
from unrolled.text.vocabulary import PADDING, START, UNKNOWN

Kind = Literal["padding", "start", "word", "unknown"]

MOST_STEPS = 2_000
"""Longer readings are refused: leaving out each word costs the square of their number."""

_NAMES = {PADDING: "[padding]", START: "[start]", UNKNOWN: "[unknown]"}
_RESERVED = len(_NAMES) + 1  # numbers below it stand for no place when places are prepared


@dataclass(frozen=True, eq=False)
class Steps:
    """What a network reads of one text, in order.

    encoded: ids of the whole text, the start included. read: ids (steps,) as the network reads
    them. tokens: of each step, a word that the model does not know as itself.
    places: int64 (steps,), which id of ``encoded`` a step reads; -1 where it is none of them.
    """

    encoded: NDArray[np.int32]
    read: NDArray[np.int32]
    tokens: list[str]
    kinds: list[Kind]
    places: NDArray[np.int64]

    @property
    def is_word(self) -> NDArray[np.bool_]:
        """Which steps read a token of the text (steps,)."""
        return np.array([kind in ("word", "unknown") for kind in self.kinds]) & (self.places >= 0)


def steps_of(model: Subject, text: str) -> Steps:
    """Find what ``model`` reads of ``text``; InputError when it is none or has over MOST_STEPS."""
    if not isinstance(text, str):
        raise InputError(f"an explanation is about one text, a string; not a {type(text).__name__}")
    start = model.recipe.text.start_token
    encoded = model.vocabulary.encode(text, start)
    words = model.vocabulary.split(text)
    names = [_NAMES[START], *words] if start else words
    read = model.prepared(Ragged.from_lists([encoded]))[0]
    if len(read) > MOST_STEPS:
        raise InputError(
            f"the text has {len(read):,} tokens, and an explanation at most {MOST_STEPS:,}: give a "
            "part of it, or train with a smaller text.maxlen"
        )
    # Places go the same way as the ids, and tell afterwards which of them are left.
    numbered = np.arange(len(encoded), dtype=np.int32) + _RESERVED
    places = model.prepared(Ragged.from_lists([numbered]))[0].astype(np.int64) - _RESERVED
    places = np.maximum(places, -1)
    pairs = list(zip(places.tolist(), read.tolist(), strict=True))
    return Steps(
        encoded=encoded,
        read=read,
        tokens=[names[place] if place >= 0 else _NAMES[number] for place, number in pairs],
        kinds=[_kind(place, number, start=start) for place, number in pairs],
        places=places,
    )


def without_each_word(model: Subject, steps: Steps) -> Ragged:
    """The encoded text without each of its words that were read (words, in the order of steps).

    Only ids that can come into view are kept, so that a long text costs what a short one does.
    """
    settings = model.recipe.text
    places = np.arange(len(steps.encoded), dtype=np.int32)
    if settings.maxlen is not None:  # one id more on either side moves up
        places = cut(Ragged.from_lists([places]), settings.maxlen + 2, settings.keep).ids
    near = steps.encoded[places]
    left_out = np.searchsorted(places, steps.places[steps.is_word])
    columns = np.arange(max(len(near) - 1, 0))
    return Ragged.from_matrix(near[columns + (columns >= left_out[:, np.newaxis])])


def _kind(place: int, number: int, *, start: bool) -> Kind:
    if place < 0:
        return "padding" if number == PADDING else "unknown"
    if place == 0 and start:
        return "start"
    return "unknown" if number == UNKNOWN else "word"
