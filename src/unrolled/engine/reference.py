"""Every recurrence as plain NumPy loops: the truth that the compiled kernels are tested against.

Axes, in the order in which they appear:

    rows      rows of a table or a matrix, one for each word or each step
    time      steps of a sequence, the first one first
    lane      sequences that are read side by side
    units     numbers that a layer keeps

All functions take float32 or float64 and give back what they were given. A row's or a lane's
output has the same bits whatever rows or lanes are beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import RecipeError

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]


def activate(name: str, z: FloatArray) -> FloatArray:
    """Compute h = tanh(z), relu: max(z, 0), or linear: z; any shape. Source: Keras activations."""
    match name:
        case "tanh":
            return np.tanh(z)
        case "relu":
            return np.maximum(z, 0)
        case "linear":
            return z
    raise unknown_activation(name)


def activation_gradient(name: str, h: FloatArray) -> FloatArray:
    """Compute dh/dz from the output h; any shape.

    tanh: 1 - h², relu: 1 where h > 0 and 0 elsewhere (so 0 at z = 0), linear: 1.
    """
    match name:
        case "tanh":
            return 1 - h * h
        case "relu":
            return (h > 0).astype(h.dtype)
        case "linear":
            return np.ones_like(h)
    raise unknown_activation(name)


def unknown_activation(name: str) -> RecipeError:
    """Make the error for an activation that does not exist."""
    return RecipeError(f"unknown activation {name!r}: choose one of tanh, relu, linear")


def product(left: FloatArray, right: FloatArray) -> FloatArray:
    """Compute left · right: (rows, inner) · (inner, columns) -> (rows, columns).

    Added up in the order of the inner axis, so that a row's bits depend on that row alone, which
    a library's matrix product does not promise.
    """
    total = np.zeros((left.shape[0], right.shape[1]), dtype=np.result_type(left, right))
    for inner in range(right.shape[0]):
        total += left[:, inner, None] * right[inner]
    return total


def affine(inputs: FloatArray, kernel: FloatArray, bias: FloatArray) -> FloatArray:
    """Compute outputs = inputs · kernel + bias.

    inputs (rows, fan_in), kernel (fan_in, fan_out), bias (fan_out,) -> (rows, fan_out).
    Source: Keras ``Dense`` without its activation.
    """
    return product(inputs, kernel) + bias


def affine_backward(
    inputs: FloatArray, kernel: FloatArray, d_outputs: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Compute the gradients of ``affine`` from that of its outputs, (rows, fan_out).

    d_inputs = d_outputs · kernelᵀ    (rows, fan_in)
    d_kernel = inputsᵀ · d_outputs    (fan_in, fan_out)
    d_bias   = sum of the rows of d_outputs    (fan_out,)
    """
    return d_outputs @ kernel.T, inputs.T @ d_outputs, d_outputs.sum(axis=0)


def simple_rnn(
    table: FloatArray, positions: IntArray, recurrent: FloatArray, activation: str
) -> FloatArray:
    """Compute h[0] = 0,    h[t + 1] = activation(table[positions[t]] + h[t] · recurrent).

    table (rows, units): the inputs after the input projection and its bias, one row for each word
    or each step; positions (time, lane): the row that each lane reads at each step;
    recurrent (units, units) -> states h (time + 1, lane, units).
    A row of zeros leaves a zero state at zero: pointing to one masks steps at the front.
    Source: Elman 1990; Keras ``SimpleRNN``.
    """
    time, lanes = positions.shape
    states = np.zeros((time + 1, lanes, len(recurrent)), dtype=table.dtype)
    for t in range(time):
        z = table[positions[t]] + product(states[t], recurrent)  # (lane, units)
        states[t + 1] = activate(activation, z)
    return states


def simple_rnn_backward(
    states: FloatArray, recurrent: FloatArray, d_states: FloatArray, activation: str
) -> tuple[FloatArray, FloatArray]:
    """Compute the gradients of ``simple_rnn``: back-propagation through time.

    From the last step to the first, with c = 0 after the last step:

        d_inputs[t]  = (d_states[t] + c) · activation'(h[t + 1])
        d_recurrent += h[t]ᵀ · d_inputs[t]
        c            = d_inputs[t] · recurrentᵀ

    states h (time + 1, lane, units): what ``simple_rnn`` gave; d_states (time, lane, units): the
    gradient of h[1:] that comes from the layers above, zero where they do not look
    -> d_inputs (time, lane, units), the gradient of table[positions]; d_recurrent (units, units).
    Source: Werbos 1990.
    """
    d_inputs = np.empty_like(d_states)
    d_recurrent = np.zeros_like(recurrent)
    carried = np.zeros_like(states[0])  # (lane, units)
    for t in reversed(range(len(d_states))):
        slope = activation_gradient(activation, states[t + 1])
        d_inputs[t] = (d_states[t] + carried) * slope
        d_recurrent += states[t].T @ d_inputs[t]
        carried = d_inputs[t] @ recurrent.T
    return d_inputs, d_recurrent


def scatter_rows(d_inputs: FloatArray, positions: IntArray, rows: int) -> FloatArray:
    """Add up d_table[positions[t, lane]] += d_inputs[t, lane], step by step and lane by lane.

    The gradient of ``table[positions]`` with respect to the table: d_inputs (time, lane, units),
    positions (time, lane) -> d_table (rows, units). What lands in a row of zeros that masks
    belongs to no weight. Source: Keras ``Embedding``.
    """
    d_table = np.zeros((rows, d_inputs.shape[2]), dtype=d_inputs.dtype)
    np.add.at(d_table, positions, d_inputs)
    return d_table
