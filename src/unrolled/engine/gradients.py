"""From the gradients of tiles to the parts of the vector of parameters that a step moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unrolled.engine.layers import Floats, Gradients, Operations, Weights
from unrolled.engine.optimizers import Part
from unrolled.engine.rows import Rows

unbounded = np.errstate(over="ignore", invalid="ignore")
"""Of a function in whose results the caller looks for what is not finite; a thread's own affair."""


@unbounded
def added(operations: Operations, tiles: Sequence[list[Gradients]]) -> list[Gradients]:
    """The sum of the tiles' gradients, in their order; the first tile's arrays hold it."""
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
