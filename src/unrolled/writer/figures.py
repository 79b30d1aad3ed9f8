"""How well texts were written: plain functions of what was to be written and what was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tokens = Sequence[int] | NDArray[np.integer]


@dataclass(frozen=True)
class Figures:
    """How well a writer does on texts.

    loss: mean cross-entropy of a token, the stop token included, when each is asked for after the
    right ones before it; perplexity: its exponential; token_accuracy: the share of tokens that are
    the likeliest then. exact_match: share of texts that it writes word for word by itself;
    edit_distance: tokens to insert, remove or replace in a text, on average. These two are None of
    a language model, which has no text to write. For them a word without an id, which is written as
    "?", is never right; for the other figures its stand-in is a token like any other.
    """

    texts: int
    tokens: int
    loss: float
    perplexity: float
    token_accuracy: float
    exact_match: float | None = None
    edit_distance: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return asdict(self)


def perplexity(loss: float) -> float:
    """Among how many equally likely tokens the network might as well choose: exp(loss)."""
    return float(np.exp(min(loss, 700.0)))  # of a larger loss there is no finite one


def exact_match(pairs: Iterable[tuple[Tokens, Tokens]]) -> float:
    """Share of pairs whose tokens are the same; there must be at least one."""
    return float(np.mean([np.array_equal(first, second) for first, second in pairs]))


def mean_edit_distance(pairs: Iterable[tuple[Tokens, Tokens]]) -> float:
    """Mean of `edit_distance`; there must be at least one pair."""
    return float(np.mean([edit_distance(first, second) for first, second in pairs]))


def edit_distance(first: Tokens, second: Tokens) -> int:
    """Fewest tokens to insert, remove or replace, so that one becomes the other.

    Row i, column j is the distance of the first i and the first j tokens; along a row, each place
    is at most one more than that before it. Source: Wagner and Fischer 1974.
    """
    one, other = np.asarray(first), np.asarray(second)
    columns = np.arange(len(other) + 1)
    distances = columns
    for row, token in enumerate(one.tolist(), start=1):
        best = np.empty_like(distances)
        best[0] = row
        best[1:] = np.minimum(distances[1:] + 1, distances[:-1] + (other != token))
        distances = np.minimum.accumulate(best - columns) + columns
    return int(distances[-1])
