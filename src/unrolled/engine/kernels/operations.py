"""The functions of `engine.reference`, same names and signatures, compiled.

Rows are padded to whole vectors and lanes to whole tiles on the way in, and cut on the way out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels.compiled import entry
from unrolled.engine.kernels.simple_rnn import (
    ACTIVATIONS,
    LANES,
    backward,
    forward,
    padded,
    recurrent_gradient,
    unit_count,
)

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_forward = entry(forward.py_func)
_backward = entry(backward.py_func)
_recurrent_gradient = entry(recurrent_gradient.py_func)
_NONE = np.zeros(0, dtype=np.float32)


def simple_rnn(table: Floats, positions: Ints, recurrent: Floats, activation: str) -> Floats:
    """As `reference.simple_rnn`."""
    time, lanes = positions.shape
    units = len(recurrent)
    width = padded(units)
    empty = len(table)
    wide_table = _wide(np.concatenate([table, np.zeros((1, units), table.dtype)]), width)
    wide_recurrent = _wide(recurrent, width)
    states = np.zeros((time + 1, lanes, units), dtype=np.float32)
    for first in range(0, lanes, LANES):
        tile = positions[:, first : first + LANES]
        wide = np.full((time, LANES), empty, dtype=np.int32)
        wide[:, : tile.shape[1]] = tile
        wide_states = np.zeros((time + 1, LANES, width), dtype=np.float32)
        _forward(
            wide.ravel(), wide_table.ravel(), wide_recurrent.ravel(), wide_states.ravel(), time,
            unit_count(units), ACTIVATIONS[activation],
        )  # fmt: skip
        states[:, first : first + LANES] = wide_states[:, : tile.shape[1], :units]
    return states


def simple_rnn_backward(
    states: Floats, recurrent: Floats, d_states: Floats, activation: str
) -> tuple[Floats, Floats]:
    """As `reference.simple_rnn_backward`."""
    time, lanes, units = d_states.shape
    width = padded(units)
    transposed = _wide(recurrent.T, width)
    d_inputs = np.zeros((time, lanes, units), dtype=np.float32)
    d_recurrent = np.zeros((units, units), dtype=np.float32)
    for first in range(0, lanes, LANES):
        tile = slice(first, first + LANES)
        wide_states = _tile(states[:, tile], width)
        wide_gradient = _tile(d_states[:, tile], width)
        wide_inputs = np.zeros((time, LANES, width), dtype=np.float32)
        square = np.zeros((width, width), dtype=np.float32)
        _backward(
            wide_states.ravel(), transposed.ravel(), np.zeros(LANES * width, np.float32),
            wide_gradient.ravel(), wide_inputs.ravel(), time, unit_count(units),
            ACTIVATIONS[activation], True,
        )  # fmt: skip
        _recurrent_gradient(
            wide_states.ravel(), wide_inputs.ravel(), square.ravel(), time, unit_count(units)
        )
        d_inputs[:, tile] = wide_inputs[:, : d_inputs[:, tile].shape[1], :units]
        d_recurrent += square[:units, :units]
    return d_inputs, d_recurrent


@entry
def affine(inputs: Floats, kernel: Floats, bias: Floats) -> Floats:
    """As `reference.affine`."""
    outputs = np.empty((len(inputs), kernel.shape[1]), dtype=np.float32)
    for row in range(len(inputs)):
        outputs[row] = bias
        for i in range(len(kernel)):
            x = inputs[row, i]
            for j in range(kernel.shape[1]):
                outputs[row, j] += x * kernel[i, j]
    return outputs


@entry
def affine_backward(
    inputs: Floats, kernel: Floats, d_outputs: Floats
) -> tuple[Floats, Floats, Floats]:
    """As `reference.affine_backward`."""
    d_inputs = np.zeros_like(inputs)
    d_kernel = np.zeros_like(kernel)
    d_bias = np.zeros(kernel.shape[1], dtype=np.float32)
    turned = kernel.T.copy()
    for row in range(len(inputs)):
        for j in range(kernel.shape[1]):
            d = d_outputs[row, j]
            d_bias[j] += d
            for i in range(len(kernel)):
                d_inputs[row, i] += d * turned[j, i]
        for i in range(len(kernel)):
            x = inputs[row, i]
            for j in range(kernel.shape[1]):
                d_kernel[i, j] += x * d_outputs[row, j]
    return d_inputs, d_kernel, d_bias


@entry
def scatter_rows(d_inputs: Floats, positions: Ints, rows: int) -> Floats:
    """As `reference.scatter_rows`."""
    d_table = np.zeros((rows, d_inputs.shape[2]), dtype=np.float32)
    for t in range(positions.shape[0]):
        for lane in range(positions.shape[1]):
            row = positions[t, lane]
            for j in range(d_inputs.shape[2]):
                d_table[row, j] += d_inputs[t, lane, j]
    return d_table


def _wide(rows: Floats, width: int) -> Floats:
    """Rows with zeros on the right, up to ``width``."""
    wide = np.zeros((len(rows), width), dtype=np.float32)
    wide[:, : rows.shape[1]] = rows
    return wide


def _tile(steps: Floats, width: int) -> Floats:
    """(time, lane, units) with zeros up to LANES lanes and ``width`` numbers."""
    wide = np.zeros((len(steps), LANES, width), dtype=np.float32)
    wide[:, : steps.shape[1], : steps.shape[2]] = steps
    return wide
