"""From the gradients of tiles to the parts of the vector of parameters that a step moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.batches import Longs, NonFiniteBatch, Totals
from unrolled.engine.layers import Floats, Gradients, Operations, Weights
from unrolled.engine.optimizers import Part
from unrolled.engine.rows import Rows

unbounded = np.errstate(over="ignore", invalid="ignore")
"""Of a function in whose results the caller looks for what is not finite; a thread's own affair."""


@dataclass(frozen=True)
class Tile:
    """What one tile of a batch gives, or several that follow each other, added up in their order.

    gradients: of the weights, layer by layer. scores: of each of the tiles, the summed loss, the
    right answers and how many answers there were.
    """

    gradients: list[Gradients]
    scores: tuple[tuple[float, float, int], ...]

    def totals(self) -> Totals:
        """The sums over its tiles, added up in their order."""
        totals = Totals()
        for loss, right, answers in self.scores:
            totals.loss += loss
            totals.right += right
            totals.examples += answers
        return totals

    @property
    def nbytes(self) -> int:
        """Bytes of its gradients."""
        return sum(_bytes(gradient) for own in self.gradients for gradient in own.values())

    def copied(self) -> Tile:
        """The same in arrays that may be written to."""
        return Tile(
            [{name: _copied(gradient) for name, gradient in own.items()} for own in self.gradients],
            self.scores,
        )


def _copied(gradient: NDArray[Any] | Rows) -> NDArray[Any] | Rows:
    if isinstance(gradient, Rows):
        return Rows(gradient.numbers.copy(), gradient.values.copy())
    return gradient.copy()


def _bytes(gradient: NDArray[Any] | Rows) -> int:
    if isinstance(gradient, Rows):
        return gradient.numbers.nbytes + gradient.values.nbytes
    return gradient.nbytes


def summed(operations: Operations, tiles: Sequence[Tile]) -> Tile:
    """The tiles added up in their order; the first one's arrays hold the sum."""
    gradients = _added(operations, [tile.gradients for tile in tiles])
    return Tile(gradients, tuple(score for tile in tiles for score in tile.scores))


@unbounded
def _added(operations: Operations, tiles: Sequence[list[Gradients]]) -> list[Gradients]:
    total = tiles[0]
    for layer, own in enumerate(total):
        for name, first in own.items():
            others = [tile[layer][name] for tile in tiles[1:]]
            rows = [other for other in others if isinstance(other, Rows)]
            if isinstance(first, Rows):
                own[name] = operations.total_rows([first, *rows])
                continue
            for other in others:
                assert not isinstance(other, Rows)
                np.add(first, other, out=first)
    return total


def finite_parts(
    weights: Sequence[Weights],
    batch: Tile,
    number: int,
    rows: Longs,
    *,
    sparse: bool,
    rates: Sequence[float] | None = None,
) -> list[Part]:
    """As `parts_of`, of all tiles of batch ``number``, whose examples are ``rows``.

    Raises NonFiniteBatch when its loss or a gradient is not finite.
    """
    if not np.isfinite(batch.totals().loss):
        raise NonFiniteBatch(number, rows, "loss")
    parts = parts_of(weights, batch.gradients, sparse=sparse, rates=rates)
    if not all(np.isfinite(own.gradient.sum(dtype=np.float64)) for own in parts):
        raise NonFiniteBatch(number, rows, "gradient")
    return parts


def parts_of(
    weights: Sequence[Weights],
    gradients: Sequence[Gradients],
    *,
    sparse: bool,
    rates: Sequence[float] | None = None,
) -> list[Part]:
    """Where in the vector of parameters each gradient belongs.

    sparse: rows of a table that were not read are left out. rates: what the learning rate of each
    layer is multiplied by; where it is 0 the layer is left out.
    """
    parts, start = list[Part](), 0
    each_rate = [1.0] * len(weights) if rates is None else rates
    for own_weights, own, rate in zip(weights, gradients, each_rate, strict=True):
        for name, weight in own_weights.items():
            if rate:
                parts.append(_part(start, weight.shape, own[name], rate, sparse=sparse))
            start += weight.size
    return parts


def _part(
    start: int, shape: tuple[int, ...], gradient: Floats | Rows, rate: float, *, sparse: bool
) -> Part:
    if isinstance(gradient, Rows):
        if sparse:
            return _row_part(start, shape, gradient, rate)
        gradient = gradient.dense(shape[-2])
    return Part(np.array([start], dtype=np.int64), gradient.reshape(1, -1), rate)


def _row_part(start: int, shape: tuple[int, ...], rows: Rows, rate: float) -> Part:
    """A table's rows that were read; of a kernel (window, rows, columns), each window's."""
    height, columns = shape[-2:]
    taps = np.arange(rows.values[0].size // columns) if len(rows.numbers) else np.arange(1)
    starts = start + (rows.numbers[:, None] + taps * height) * columns  # (k, window)
    return Part(starts.reshape(-1), rows.values.reshape(-1, columns), rate)
