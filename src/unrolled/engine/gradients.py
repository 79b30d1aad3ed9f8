"""From the gradients of tiles to the parts of the vector of parameters that a step moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unrolled.engine.layers import Gradients, Operations, Weights
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
    weights: Sequence[Weights], gradients: Sequence[Gradients], *, sparse: bool
) -> list[Part]:
    """Where in the vector of parameters each gradient belongs.

    sparse: rows of a table that were not read are left out.
    """
    parts, start = [], 0
    for own_weights, own in zip(weights, gradients, strict=True):
        for name, weight in own_weights.items():
            gradient = own[name]
            if isinstance(gradient, Rows) and sparse:
                parts.append(_row_part(start, weight.shape, gradient))
            else:
                if isinstance(gradient, Rows):
                    gradient = gradient.dense(weight.shape[-2])
                starts = np.array([start], dtype=np.int64)
                parts.append(Part(starts, gradient.reshape(1, -1)))
            start += weight.size
    return parts


def _row_part(start: int, shape: tuple[int, ...], rows: Rows) -> Part:
    """A table's rows that were read; of a kernel (window, rows, columns), each window's."""
    height, columns = shape[-2:]
    taps = np.arange(rows.values[0].size // columns) if len(rows.numbers) else np.arange(1)
    starts = start + (rows.numbers[:, None] + taps * height) * columns  # (k, window)
    return Part(starts.reshape(-1), rows.values.reshape(-1, columns))
