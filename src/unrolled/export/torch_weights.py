"""Weights of recurrent layers as PyTorch has them: (outputs, inputs), in its own order of gates.

Keras has (inputs, outputs). A layer that reads ids picks rows of its kernel, which an Embedding
holds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unrolled.engine.layers import GRU, LSTM, QRNN, Floats, MinGRU, Scanned, SimpleRNN, Weights
from unrolled.export.running import Recurrence


def is_built_in(layer: Scanned) -> bool:
    """Whether ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU`` does what a layer does."""
    match layer:
        case SimpleRNN(activation=activation):
            return activation in ("tanh", "relu")
        case GRU(reset_after=reset_after):
            return reset_after
    return isinstance(layer, LSTM)


def built_in_weights(recurrences: Sequence[Recurrence], *, reads_rows: bool) -> Weights:
    """Of one of those, by their names.

    reads_rows: what comes in are rows of all directions' kernels side by side, of which each
    direction leaves its own as they are.
    """
    kernels = [one.now for one in recurrences]
    if reads_rows:
        widths = [kernel.shape[1] for kernel in kernels]
        own = np.split(np.eye(sum(widths), dtype=np.float32), np.cumsum(widths)[:-1], axis=1)
        kernels = own
    weights: Weights = {}
    for one, kernel, ending in zip(recurrences, kernels, ("l0", "l0_reverse"), strict=False):
        of_inputs, of_state = _biases(one)
        arrays = {
            "weight_ih": kernel,
            "weight_hh": one.weights["recurrent_kernel"],
            "bias_ih": of_inputs,
            "bias_hh": of_state,
        }
        for name, array in arrays.items():
            weights[f"{name}_{ending}"] = _in_their_order(one.layer, array).T
    return weights


def cell_weights(one: Recurrence, *, reads_ids: bool) -> Weights:
    """Of a cell of `torch_cells`, by its names."""
    weights: Weights = {}
    if reads_ids:
        weights["inputs.weight"] = one.now + one.bias
    else:
        weights |= {"inputs.weight": one.now.T, "inputs.bias": one.bias}
    if one.before is not None:
        weights["before.weight"] = one.before if reads_ids else one.before.T
    if isinstance(one.layer, MinGRU | QRNN):
        return weights
    recurrent = one.weights["recurrent_kernel"].T
    if isinstance(one.layer, GRU):
        gates = 2 * one.layer.units
        return weights | {"gates.weight": recurrent[:gates], "candidate.weight": recurrent[gates:]}
    return weights | {"recurrent.weight": recurrent}


def _biases(one: Recurrence) -> tuple[Floats, Floats]:
    """What is added to the inputs, and to the state."""
    if isinstance(one.layer, GRU) and one.layer.use_bias:
        of_inputs, of_state = one.weights["bias"]
        return of_inputs, of_state
    return one.bias, np.zeros_like(one.bias)


def _in_their_order(layer: Scanned, array: Floats) -> Floats:
    """PyTorch's GRU resets before it updates; its other gates are in Keras' order."""
    if not isinstance(layer, GRU):
        return array
    update, reset, candidate = np.split(array, 3, axis=-1)
    return np.concatenate([reset, update, candidate], axis=-1)
