"""Recurrent layers as ONNX's operators RNN, LSTM and GRU.

Weights come in Keras' layouts, (inputs, gates * units), and leave in ONNX's, (gates * units,
inputs), with the gates in ONNX's order: input, output, forget, candidate of an LSTM; update, reset,
candidate of a GRU. Source: the operators' definitions in ONNX's operator set 14.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unrolled.engine.layers import GRU, LSTM, QRNN, Floats, MinGRU, SimpleRNN
from unrolled.export.running import Recurrence

_AS_IT_IS = {"activation_alpha": [1.0], "activation_beta": [0.0]}  # of the activation "Affine"
_RNN_ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu", "linear": "Affine"}


@dataclass(frozen=True, eq=False)
class Operator:
    """One direction of a recurrent layer.

    name: of ONNX's operator. kernel: (gates * units, size). recurrent: (gates * units, units).
    bias: (2 * gates * units,), of the inputs and of the state.
    """

    name: str
    kernel: Floats
    recurrent: Floats
    bias: Floats
    attributes: dict[str, Any] = field(default_factory=dict)


def operator_of(one: Recurrence, kernel: Floats) -> Operator:
    """The operator that does what a recurrence does.

    kernel: (size, gates * units), what the operator's own inputs are multiplied by.
    """
    match one.layer:
        case SimpleRNN(activation=activation):
            return _simple_rnn(one, kernel, activation)
        case LSTM():
            return _lstm(one, kernel)
        case GRU():
            return _gru(one, kernel, one.layer)
        case MinGRU():
            return _min_gru(one, kernel)
        case QRNN():
            return _qrnn(one, kernel)
    raise TypeError(f"no operator does what {one.layer.kind} does")


def _simple_rnn(one: Recurrence, kernel: Floats, activation: str) -> Operator:
    name = _RNN_ACTIVATIONS[activation]
    settings = {"activations": [name], **(_AS_IT_IS if name == "Affine" else {})}
    recurrent = one.weights["recurrent_kernel"].T
    return Operator("RNN", kernel.T, recurrent, _of_inputs(one.bias), settings)


def _lstm(one: Recurrence, kernel: Floats) -> Operator:
    def ordered(array: Floats) -> Floats:
        i, f, g, o = np.split(array, 4, axis=-1)
        return _transposed(i, o, f, g)

    recurrent = ordered(one.weights["recurrent_kernel"])
    return Operator("LSTM", ordered(kernel), recurrent, _of_inputs(ordered(one.bias)))


def _gru(one: Recurrence, kernel: Floats, layer: GRU) -> Operator:
    bias = _of_inputs(one.bias)
    if layer.use_bias and layer.reset_after:
        bias = np.concatenate([*one.weights["bias"]])
    recurrent = one.weights["recurrent_kernel"].T
    settings = {"linear_before_reset": int(layer.reset_after)}
    return Operator("GRU", kernel.T, recurrent, bias, settings)


def _min_gru(one: Recurrence, kernel: Floats) -> Operator:
    """A GRU whose gates do not see its state: it keeps what minGRU does not replace."""

    def ordered(array: Floats) -> Floats:
        u, c = np.split(array, 2, axis=-1)
        return _transposed(-u, np.zeros_like(u), c)

    settings = {"activations": ["Sigmoid", "Affine"], **_AS_IT_IS}
    return _blind("GRU", ordered(kernel), ordered(one.bias), one.layer.units, settings)


def _qrnn(one: Recurrence, kernel: Floats) -> Operator:
    """An LSTM whose gates do not see its state: it takes in what it forgets, and no more."""

    def ordered(array: Floats) -> Floats:
        g, f, o = np.split(array, 3, axis=-1)
        return _transposed(-f, o, f, g)

    settings = {"activations": ["Sigmoid", "Tanh", "Affine"], **_AS_IT_IS}
    return _blind("LSTM", ordered(kernel), ordered(one.bias), one.layer.units, settings)


def _blind(
    name: str, kernel: Floats, bias: Floats, units: int, settings: dict[str, Any]
) -> Operator:
    recurrent = np.zeros((len(kernel), units), dtype=kernel.dtype)
    return Operator(name, kernel, recurrent, _of_inputs(bias), settings)


def _transposed(*blocks: Floats) -> Floats:
    """Blocks of a matrix or a bias in this order, in ONNX's layout."""
    return np.concatenate(blocks, axis=-1).T


def _of_inputs(bias: Floats) -> Floats:
    """The bias of the inputs, and none of the state."""
    return np.concatenate([bias, np.zeros_like(bias)])
