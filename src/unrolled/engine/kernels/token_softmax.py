"""The softmax over a vocabulary and its loss, a few rows at a time.

The logits of all rows are never there together: a block of rows goes from its states to the
gradients of the states and of the table before the next one begins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels.activations import exp
from unrolled.engine.kernels.compiled import entry, inner
from unrolled.engine.kernels.products import (
    add_product,
    add_rows,
    add_transposed_product,
    pack,
    pack_transposed,
    padded,
)
from unrolled.engine.kernels.vectors import WIDTH, larger, load, splat, store

Floats = NDArray[np.float32]
Longs = NDArray[np.int64]

BLOCK = 32
"""Rows whose logits are there together."""

_LEAST = np.float32(-1e30)


@entry
def pack_table(
    table: Floats,  # (words, size)
    words: int,
    size: int,
    there: Floats,  # (padded(size) x padded(words),): filled
    back: Floats,  # (words x padded(size),): filled
) -> None:
    """Packs the weights of words for the way to their logits and the way back."""
    pack_transposed(table, 0, size, words, 1, size, there)
    pack(table, 0, size, words, 1, size, back)


@entry
def logits(
    states: Floats,  # (rows, width), a multiple of four rows
    there: Floats,
    bias: Floats,  # (padded(words),)
    rows: int,
    words: int,
    size: int,
    outputs: Floats,  # (rows, padded(words)): filled
) -> None:
    """outputs = states · tableᵀ + bias; the least number beyond the words."""
    _logits(states, 0, rows, there, bias, words, size, outputs)


@entry
def learn(
    states: Floats,  # (rows, width), a multiple of four rows
    targets: Longs,  # (rows,): a word, or below zero for a row that is not there
    share: np.float32,  # what each row's gradient is multiplied by
    there: Floats,
    back: Floats,
    bias: Floats,  # (padded(words),)
    rows: int,
    words: int,
    size: int,
    losses: Floats,  # (rows,): filled
    right: Floats,  # (rows,): filled with 1 where no word is likelier than the target
    d_states: Floats,  # (rows, width): zeros; added to
    d_table: Floats,  # (padded(words), width): added to
    d_bias: Floats,  # (padded(words),): added to
) -> None:
    """-log softmax(states · tableᵀ + bias)[target] of each row, and its gradients."""
    width, columns = padded(size), padded(words)
    outputs = np.empty(BLOCK * columns, dtype=np.float32)
    for first in range(0, rows, BLOCK):
        count = min(BLOCK, rows - first)
        at = first * width
        _logits(states, at, count, there, bias, words, size, outputs)
        for row in range(count):
            target = targets[first + row]
            place = row * columns
            if target < 0:
                losses[first + row], right[first + row] = 0.0, 0.0
                outputs[place : place + columns] = 0.0
                continue
            losses[first + row], right[first + row] = _loss(
                outputs, place, columns, place + target, share
            )
        add_product(outputs, 0, columns, count, back, 0, words, width, d_states, at, width)
        add_transposed_product(
            outputs, 0, columns, columns, states, at, width, width, count, d_table, 0, width
        )
        add_rows(outputs, 0, columns, count, columns, d_bias, 0)


@entry
def learn_sampled(
    states: Floats,  # (rows, width), a multiple of four rows
    targets: Longs,  # (rows,): a word, or below zero for a row that is not there
    own: Floats,  # (rows,): the logit of each row's target
    share: np.float32,
    samples: Longs,  # (words,): the words that lie in the packed table
    there: Floats,
    back: Floats,
    bias: Floats,  # (padded(words),), corrected
    rows: int,
    words: int,
    size: int,
    losses: Floats,  # (rows,): filled
    right: Floats,  # (rows,): filled with 1 where no sample is likelier than the target
    d_own: Floats,  # (rows,): filled
    d_states: Floats,  # (rows, width): zeros; what the samples say is added
    d_table: Floats,  # (padded(words), width): added to
    d_bias: Floats,  # (padded(words),): added to
) -> None:
    """As `learn`, among the target and a sample of words; the target counts once."""
    width, columns = padded(size), padded(words)
    outputs = np.empty(BLOCK * columns, dtype=np.float32)
    for first in range(0, rows, BLOCK):
        count = min(BLOCK, rows - first)
        at = first * width
        _logits(states, at, count, there, bias, words, size, outputs)
        for row in range(count):
            here, place = first + row, row * columns
            if targets[here] < 0:
                losses[here], right[here], d_own[here] = 0.0, 0.0, 0.0
                outputs[place : place + columns] = 0.0
                continue
            for word in range(words):
                if samples[word] == targets[here]:
                    outputs[place + word] = _LEAST
            losses[here], right[here], d_own[here] = _loss_beside(
                outputs, place, columns, own[here], share
            )
        add_product(outputs, 0, columns, count, back, 0, words, width, d_states, at, width)
        add_transposed_product(
            outputs, 0, columns, columns, states, at, width, width, count, d_table, 0, width
        )
        add_rows(outputs, 0, columns, count, columns, d_bias, 0)


@inner
def _logits(
    states: Floats,
    at: int,
    rows: int,
    there: Floats,
    bias: Floats,
    words: int,
    size: int,
    outputs: Floats,
) -> None:
    width, columns = padded(size), padded(words)
    for row in range(rows):
        outputs[row * columns : row * columns + words] = bias[:words]
        outputs[row * columns + words : (row + 1) * columns] = _LEAST
    add_product(states, at, width, rows, there, 0, width, columns, outputs, 0, columns)


@inner
def _loss(
    outputs: Floats, at: int, columns: int, target: int, share: np.float32
) -> tuple[np.float32, np.float32]:
    """Loss of one row of logits, which become their gradient; whether the target is likeliest."""
    own = outputs[target]
    largest = _largest(outputs, at, columns)
    whole = _powers(outputs, at, columns, largest)
    _scale(outputs, at, columns, share / whole)
    outputs[target] -= share
    return np.log(whole) + largest - own, np.float32(own >= largest)


@inner
def _loss_beside(
    outputs: Floats, at: int, columns: int, own: np.float32, share: np.float32
) -> tuple[np.float32, np.float32, np.float32]:
    """As `_loss` where the target's logit stands by itself; its gradient comes last."""
    others = _largest(outputs, at, columns)
    largest = max(others, own)
    power = np.exp(own - largest)
    whole = power + _powers(outputs, at, columns, largest)
    _scale(outputs, at, columns, share / whole)
    return (
        np.log(whole) + largest - own,
        np.float32(own >= others),
        share * (power / whole - np.float32(1.0)),
    )


@inner
def _largest(outputs: Floats, at: int, columns: int) -> np.float32:
    eight = np.empty(WIDTH, dtype=np.float32)
    most = load(outputs, at)
    for place in range(at + WIDTH, at + columns, WIDTH):
        most = larger(load(outputs, place), most)
    store(eight, 0, most)
    largest: np.float32 = eight.max()
    return largest


@inner
def _powers(outputs: Floats, at: int, columns: int, largest: np.float32) -> np.float32:
    """Replaces logits by e ** (logit - largest); their sum."""
    eight = np.empty(WIDTH, dtype=np.float32)
    total = splat(np.float32(0.0))
    for place in range(at, at + columns, WIDTH):
        power = exp(load(outputs, place) - splat(largest))
        store(outputs, place, power)
        total = total + power
    store(eight, 0, total)
    whole = np.float32(0.0)
    for place in range(WIDTH):
        whole += eight[place]
    return whole


@inner
def _scale(outputs: Floats, at: int, columns: int, factor: np.float32) -> None:
    scale = splat(factor)
    for place in range(at, at + columns, WIDTH):
        store(outputs, place, load(outputs, place) * scale)
