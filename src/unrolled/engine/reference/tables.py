"""Look-up of the rows of a table, and the gradient of the rows that were looked up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unrolled.engine.reference.steps import FloatArray, IntArray, present
from unrolled.engine.rows import Rows


def embed(x: IntArray, starts: IntArray, table: FloatArray) -> FloatArray:
    """Compute values[t, lane] = table[x[t, lane]], zero before a lane's first token.

    x (time, lane): ids; starts (lane,); table (rows, size) -> (time, lane, size).
    Source: Keras ``Embedding``.
    """
    own = present(starts, len(x))
    return np.where(own, table[np.where(own[:, :, 0], x, 0)], 0)


def embed_backward(x: IntArray, starts: IntArray, d_values: FloatArray, size: int) -> Rows:
    """Compute the gradient of ``embed``'s table: the sum of d_values over the places of each id.

    d_values (time, lane, size or more) -> Rows of values (k, size).
    """
    return gathered(x, starts, d_values[:, :, :size])


def gathered(x: IntArray, starts: IntArray, d_values: FloatArray) -> Rows:
    """Sum of d_values (time, lane, ...) over each id's places, step by step and lane by lane."""
    own = present(starts, len(x))[:, :, 0]
    numbers, places = np.unique(x[own], return_inverse=True)
    values = np.zeros((len(numbers), *d_values.shape[2:]), dtype=d_values.dtype)
    np.add.at(values, places, d_values[own])
    return Rows(numbers.astype(np.int64), values)


def total_rows(parts: Sequence[Rows]) -> Rows:
    """Compute the sum of one or more gradients of the same table, in the order of ``parts``."""
    return Rows.total(parts)
