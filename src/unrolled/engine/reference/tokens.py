"""The softmax over a vocabulary: what a decoder says of the next token, and its loss."""

from __future__ import annotations

import numpy as np

from unrolled.engine.reference.products import product
from unrolled.engine.reference.steps import FloatArray, IntArray
from unrolled.engine.rows import Rows

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


def sampled_losses(
    states: FloatArray,
    targets: IntArray,
    table: FloatArray,
    bias: FloatArray,
    samples: IntArray,
    expected: FloatArray,
    share: float,
) -> tuple[FloatArray, FloatArray, FloatArray, Rows, Rows]:
    """Compute as ``token_losses`` among each row's target and ``samples`` of words (k,).

    expected: how often each word is in such a sample on average (words,). Its logarithm is taken
    off a sample's logit, so that the samples stand for all words and the loss approaches that of
    the whole vocabulary. The target is there for certain; as a sample it does not count again.
    -> losses, right among these words; d_states; the rows of d_table (words, size) and of d_bias,
    (words, 1), that were read.
    Source: Bengio & Senécal 2003, "Quick Training of Probabilistic Neural Nets by Importance
    Sampling", section 4.
    """
    rows = np.arange(len(states))
    corrected = bias[samples] - np.log(expected[samples])
    logits = token_logits(states, (table[samples], corrected))
    logits[samples == targets[:, None]] = -np.inf
    own = (states * table[targets]).sum(axis=1) + bias[targets]
    every = np.concatenate([own[:, None], logits], axis=1)
    largest = every.max(axis=1, keepdims=True)
    powers = np.exp(every - largest)
    whole = powers.sum(axis=1, keepdims=True)
    losses = (np.log(whole) + largest)[:, 0] - own
    right = (own >= largest[:, 0]).astype(states.dtype)
    d_every = powers / whole * share
    d_every[rows, 0] -= share
    d_own, d_logits = d_every[:, 0], d_every[:, 1:]
    d_states = d_logits @ table[samples] + d_own[:, None] * table[targets]
    parts = [
        _summed(samples, d_logits.T @ states, d_logits.sum(axis=0)),
        _summed(targets, d_own[:, None] * states, d_own),
    ]
    return (
        losses,
        right,
        d_states,
        Rows.total([table_rows for table_rows, _ in parts]),
        Rows.total([bias_rows for _, bias_rows in parts]),
    )


def _summed(words: IntArray, d_rows: FloatArray, d_biases: FloatArray) -> tuple[Rows, Rows]:
    """Gradients of the rows and the biases of ``words``, which may repeat."""
    numbers, places = np.unique(words, return_inverse=True)
    values = np.zeros((len(numbers), d_rows.shape[1]), d_rows.dtype)
    biases = np.zeros((len(numbers), 1), d_rows.dtype)
    np.add.at(values, places, d_rows)
    np.add.at(biases[:, 0], places, d_biases)
    different = numbers.astype(np.int64)
    return Rows(different, values), Rows(different, biases)


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
