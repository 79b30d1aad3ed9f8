"""Which texts a report shows being read: right ones and wrong ones, sure ones and close ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TEXTS = 10
MOST_READ = 400
"""Tokens that the network reads of a text that is shown: a page of them is made in a moment."""

MOST_WRITTEN = 2_000
"""Tokens that such a text has in all."""

_HOW = ("the surest", "one of the surer", "in the middle", "one of the less sure", "the least sure")
"""The places of five texts, from the most probable label on."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A text whose reading is shown. title: why it was chosen; where: its place in its data."""

    title: str
    text: str
    truth: str
    where: str


def choose(
    right: NDArray[np.bool_], sure: NDArray[np.floating], candidates: NDArray[np.bool_]
) -> list[tuple[int, str]]:
    """Rows and their titles: five right and five wrong, from the surest to the least sure.

    right: whether each text gets its own label (texts,); sure: how probable the label given is;
    candidates: which texts can be shown. Where one sort has too few, the other has more. The same
    figures give the same choice; of equals, the earlier comes first.
    """
    order = np.argsort(-sure, kind="stable")
    order = order[candidates[order]]
    sorts = (order[right[order]], order[~right[order]])
    half = TEXTS // 2
    counts = [
        min(len(own), TEXTS - min(half, len(other)))
        for own, other in zip(sorts, reversed(sorts), strict=True)
    ]
    return [
        (row, f"{name}: {how}")
        for name, own, count in zip(("Right", "Wrong"), sorts, counts, strict=True)
        for row, how in _spread(own.tolist(), count)
    ]


def is_short(lengths: NDArray[np.integer], maxlen: int | None) -> NDArray[np.bool_]:
    """Which texts of so many tokens are short enough to be shown (texts,)."""
    read = lengths if maxlen is None else np.minimum(lengths, maxlen)
    return np.asarray((read <= MOST_READ) & (lengths <= MOST_WRITTEN))


def _spread(rows: Sequence[int], count: int) -> list[tuple[int, str]]:
    """``count`` rows at equal distances from the first to the last, and where each stands."""
    places = np.rint(np.linspace(0, len(rows) - 1, count)).astype(int).tolist()
    last = max(count - 1, 1)
    return [
        (rows[place], _HOW[number * (len(_HOW) - 1) // last]) for number, place in enumerate(places)
    ]
