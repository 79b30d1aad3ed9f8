"""The functions of `reference.tokens`, compiled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels import projection, token_softmax
from unrolled.engine.kernels.arrays import widened
from unrolled.engine.kernels.blocks import ROWS
from unrolled.engine.kernels.vectors import padded
from unrolled.engine.rows import Rows

Floats = NDArray[np.float32]
Longs = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TokenTable:
    """A table and its bias as the kernels read them: packed for the way there and back."""

    words: int
    size: int
    there: Floats
    back: Floats
    bias: Floats


def token_table(table: Floats, bias: Floats) -> TokenTable:
    """Pack a table (words, size) once for all tiles of a batch."""
    words, size = table.shape
    there = np.empty(padded(size) * padded(words), dtype=np.float32)
    back = np.empty(words * padded(size), dtype=np.float32)
    token_softmax.pack_table(table.ravel(), words, size, there, back)
    return TokenTable(words, size, there, back, widened(bias))


def token_logits(states: Floats, table: TokenTable) -> Floats:
    """As `reference.token_logits`; states (rows, size or wider)."""
    rows, _ = _whole(states, table)
    outputs = np.empty((len(rows), padded(table.words)), dtype=np.float32)
    token_softmax.logits(
        rows.ravel(), table.there, table.bias, len(rows), table.words, table.size, outputs.ravel()
    )
    return outputs[: len(states), : table.words]


def token_losses(
    states: Floats, targets: Longs, table: TokenTable, share: float
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """As `reference.token_losses`; states (rows, size or wider), d_states as wide."""
    words, size, width = table.words, table.size, padded(table.size)
    rows, missing = _whole(states, table)
    own = np.concatenate([targets, np.full(missing, -1)]).astype(np.int64)
    losses, right = np.empty(len(rows), np.float32), np.empty(len(rows), np.float32)
    d_states = np.zeros((len(rows), width), dtype=np.float32)
    d_table = np.zeros((padded(words), width), dtype=np.float32)
    d_bias = np.zeros(padded(words), dtype=np.float32)
    token_softmax.learn(
        rows.ravel(), own, np.float32(share), table.there, table.back, table.bias, len(rows),
        words, size, losses, right, d_states.ravel(), d_table.ravel(), d_bias,
    )  # fmt: skip
    count = len(states)
    return (
        losses[:count],
        right[:count],
        d_states[:count],
        np.ascontiguousarray(d_table[:words, :size]),
        d_bias[:words],
    )


def sampled_losses(
    states: Floats,
    targets: Longs,
    table: Floats,
    bias: Floats,
    samples: Longs,
    expected: Floats,
    share: float,
) -> tuple[Floats, Floats, Floats, Rows, Rows]:
    """As `reference.sampled_losses`; states (rows, size or wider), d_states as wide."""
    corrected = (bias[samples] - np.log(expected[samples])).astype(np.float32)
    few = token_table(np.ascontiguousarray(table[samples]), corrected)
    words, size, width = few.words, few.size, padded(few.size)
    rows, missing = _whole(states, few)
    whole = np.concatenate([targets, np.full(missing, -1)]).astype(np.int64)
    own_rows = np.zeros_like(rows)
    own_rows[: len(states), :size] = table[targets]
    own = np.einsum("rs,rs->r", rows, own_rows, optimize=False)
    own[: len(states)] += bias[targets]
    losses, right, d_own = (np.empty(len(rows), np.float32) for _ in range(3))
    d_states = np.zeros((len(rows), width), dtype=np.float32)
    d_table = np.zeros((padded(words), width), dtype=np.float32)
    d_bias = np.zeros(padded(words), dtype=np.float32)
    token_softmax.learn_sampled(
        rows.ravel(), whole, own, np.float32(share), samples.astype(np.int64), few.there, few.back,
        few.bias, len(rows), words, size, losses, right, d_own, d_states.ravel(), d_table.ravel(),
        d_bias,
    )  # fmt: skip
    d_states += d_own[:, np.newaxis] * own_rows
    count = len(states)
    d_rows = np.concatenate([d_table[:words, :size], (d_own[:, np.newaxis] * rows)[:count, :size]])
    d_biases = np.concatenate([d_bias[:words], d_own[:count]])
    table_rows, bias_rows = _summed(np.concatenate([samples, targets]), d_rows, d_biases)
    return losses[:count], right[:count], d_states[:count], table_rows, bias_rows


def _summed(words: Longs, d_rows: Floats, d_biases: Floats) -> tuple[Rows, Rows]:
    """Gradients of the rows and the biases of ``words``, which may repeat, added in their order."""
    numbers, places = np.unique(words, return_inverse=True)
    size = d_rows.shape[1]
    values = np.zeros((len(numbers), size), dtype=np.float32)
    biases = np.zeros((len(numbers), 1), dtype=np.float32)
    inverse = places.astype(np.int32)
    projection.add_to_rows(np.ravel(d_rows), inverse, values.reshape(-1), size)
    projection.add_to_rows(d_biases, inverse, biases.reshape(-1), 1)
    return Rows(numbers, values), Rows(numbers, biases)


def _whole(states: Floats, table: TokenTable) -> tuple[Floats, int]:
    """States padded to whole vectors and to rows that a block takes, and how many were added."""
    wide = widened(states)
    missing = -len(states) % ROWS
    if not missing:
        return np.ascontiguousarray(wide), 0
    return np.concatenate([wide, np.zeros((missing, wide.shape[1]), np.float32)]), missing
