"""The softmax over a vocabulary: what a decoder says of the next token, and its loss."""

from __future__ import annotations

import numpy as np

from unrolled.engine.reference.products import product
from unrolled.engine.reference.steps import FloatArray, IntArray

TokenTable = tuple[FloatArray, FloatArray]


def token_table(table: FloatArray, bias: FloatArray) -> TokenTable:
    """Put a row (words, size) and a bias (words,) for each word together, for all tiles to read."""
    return table, bias


def token_logits(states: FloatArray, table: TokenTable) -> FloatArray:
    """Compute states · tableᵀ + bias.

    states (rows, size) -> (rows, words). Source: Keras ``Dense``, whose kernel is the table
    turned round.
    """
    weights, bias = table
    return product(states, np.ascontiguousarray(weights.T)) + bias


def token_losses(
    states: FloatArray, targets: IntArray, table: TokenTable, share: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Compute -log softmax(states · tableᵀ + bias)[target] of each row, and the gradients.

    d_logits = (softmax - one-hot of the target) · share
    d_states = d_logits · table,   d_table = d_logitsᵀ · states,   d_bias = the sum of its rows

    share: what the loss of each row counts in the gradients. -> losses (rows,), unscaled; right
    (rows,): 1 where no word is likelier than the target; d_states (rows, size); d_table
    (words, size); d_bias (words,). Source: Keras ``SparseCategoricalCrossentropy`` of logits.
    """
    logits = token_logits(states, table)
    rows = np.arange(len(states))
    largest = logits.max(axis=1, keepdims=True)
    powers = np.exp(logits - largest)
    whole = powers.sum(axis=1, keepdims=True)
    losses = (np.log(whole) + largest)[:, 0] - logits[rows, targets]
    right = (logits[rows, targets] >= largest[:, 0]).astype(states.dtype)
    d_logits = powers / whole
    d_logits[rows, targets] -= 1
    d_logits *= share
    return losses, right, d_logits @ table[0], d_logits.T @ states, d_logits.sum(axis=0)
