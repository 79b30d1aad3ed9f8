"""From states to words: the loss of the next token, among all words or among a sample of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.layers import Floats, Longs, Operations
from unrolled.engine.rows import Rows
from unrolled.errors import ShapeError

Measured = tuple[Floats, Floats, Floats, Floats | Rows, Floats | Rows]
"""Losses and right answers (tokens,), and the gradients of the states, the table and the bias."""

_FLATTENED = 0.75
_STREAM = 1 << 32  # keeps the sample's draws apart from those of any tile


class Output(Protocol):
    """The words of one batch."""

    def losses(self, states: Floats, targets: Longs, share: float) -> Measured: ...


@dataclass(frozen=True, eq=False)
class AllWords:
    """Every word of the vocabulary: exact. table: as `Operations.token_table` gives it."""

    operations: Operations
    table: Any

    def losses(self, states: Floats, targets: Longs, share: float) -> Measured:
        """As `reference.token_losses`; the bias is a column."""
        *others, d_bias = self.operations.token_losses(states, targets, self.table, share)
        losses, right, d_states, d_table = others
        return losses, right, d_states, d_table, d_bias[:, np.newaxis]


@dataclass(frozen=True, eq=False)
class SomeWords:
    """Each target among a sample: memory and time do not grow with the vocabulary."""

    operations: Operations
    table: Floats
    bias: Floats
    samples: Longs
    expected: Floats

    def losses(self, states: Floats, targets: Longs, share: float) -> Measured:
        """As `reference.sampled_losses`."""
        return self.operations.sampled_losses(
            states, targets, self.table, self.bias, self.samples, self.expected, share
        )


class Sampler:
    """Draws ``count`` words a batch, the frequent ones more often.

    counts: how often each word is seen (words,); None: all alike. A word's probability is
    in proportion to its count to the power of 3/4; words drawn twice are there once.
    Source: Mikolov et al. 2013, "Distributed Representations of Words", section 2.2.
    """

    def __init__(self, words: int, count: int, counts: Sequence[int] | None, seed: int) -> None:
        if count < 1:
            raise ShapeError(f"sampled is {count}: give a whole number from 1 on")
        if counts is not None and len(counts) != words:
            raise ShapeError(f"{len(counts)} counts for {words} words: give one for each")
        weights = np.ones(words) if counts is None else np.maximum(counts, 0.5) ** _FLATTENED
        shares = weights / weights.sum()
        self._seed, self._count = seed, count
        self._ends: NDArray[np.float64] = np.cumsum(shares)
        # How probable it is that a word is drawn at least once.
        self.expected = -np.expm1(count * np.log1p(-np.minimum(shares, 1 - 1e-12)))
        self.expected = self.expected.astype(np.float32)

    def draw(self, step: int) -> Longs:
        """The words of the batch of this step, in order."""
        rng = np.random.Generator(np.random.PCG64([self._seed, step, _STREAM]))
        drawn = np.searchsorted(self._ends, rng.random(self._count), side="right")
        return np.unique(np.minimum(drawn, len(self._ends) - 1)).astype(np.int64)
