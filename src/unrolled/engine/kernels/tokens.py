"""The functions of `reference.tokens`, compiled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels import token_softmax
from unrolled.engine.kernels.arrays import widened
from unrolled.engine.kernels.blocks import ROWS
from unrolled.engine.kernels.vectors import padded

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


def _whole(states: Floats, table: TokenTable) -> tuple[Floats, int]:
    """States padded to whole vectors and to rows that a block takes, and how many were added."""
    wide = widened(states)
    missing = -len(states) % ROWS
    if not missing:
        return np.ascontiguousarray(wide), 0
    return np.concatenate([wide, np.zeros((missing, wide.shape[1]), np.float32)]), missing
