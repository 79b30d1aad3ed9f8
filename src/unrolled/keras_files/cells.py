"""Our recurrent layers as Keras' layers and variables, weight by weight.

A cell that reads one-hot words reads, in Keras, the rows of an Embedding: the rows are those of its
kernel, and its own kernel there is the identity. MinGRU and QRNN are no layers of Keras, but both
are an LSTM with the activation "linear" whose gates do not read the state:

    c[t] = f · c[t - 1] + i · g,  h[t] = o · c[t],  with i = sigmoid(-z) and f = sigmoid(z), so
    that i = 1 - f.  MinGRU: o = 1, by a bias whose sigmoid is 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from unrolled.engine.layers import GRU, LSTM, QRNN, MinGRU, Scanned, SimpleRNN
from unrolled.keras_files.graph import Floats, Place, Variable, described_layer

_OPEN = 100.0  # sigmoid(100) is 1 in float32
MERGES = {"concat": "concat", "sum": "sum", "average": "ave"}


def settings_of(layer: Scanned, *, return_sequences: bool) -> tuple[str, dict[str, Any]]:
    """Class and settings of the Keras layer that scans as ``layer`` does."""
    common = {"units": layer.units, "return_sequences": return_sequences, "use_bias": True}
    match layer:
        case SimpleRNN():
            return "SimpleRNN", common | {
                "activation": layer.activation,
                "recurrent_dropout": layer.recurrent_dropout,
            }
        case GRU():
            return "GRU", common | {
                "reset_after": layer.reset_after,
                "recurrent_dropout": layer.recurrent_dropout,
            }
        case LSTM():
            return "LSTM", common | {
                "unit_forget_bias": layer.unit_forget_bias,
                "recurrent_dropout": layer.recurrent_dropout,
            }
    return "LSTM", common | {"activation": "linear"}


def wrapped(class_name: str, settings: dict[str, Any], merge: str) -> dict[str, Any]:
    """Settings of the Bidirectional around a layer."""
    forward = described_layer(class_name, "forward", settings)
    backward = described_layer(class_name, "backward", settings | {"go_backwards": True})
    return {"merge_mode": MERGES[merge], "layer": forward, "backward_layer": backward}


def cell_variables(
    layer: Scanned,
    weights: dict[str, Floats],
    prefix: str,
    *,
    one_hot: tuple[int, int] | None,
    path: str = "cell",
) -> list[Variable]:
    """Kernel, recurrent kernel and bias of a SimpleRNN, GRU, LSTM or MinGRU.

    prefix: of its weights' names. one_hot: where the rows of its kernel begin in what comes in,
    and how many numbers that has; None: its kernel reads what comes in.
    """
    if isinstance(layer, MinGRU):
        return _min_gru(layer, weights, prefix, one_hot=one_hot, path=path)
    kernel, recurrent = weights[f"{prefix}kernel"], weights[f"{prefix}recurrent_kernel"]
    if one_hot is None:
        first = Variable(f"{path}/vars/0", np.zeros_like(kernel), (Place(f"{prefix}kernel"),))
    else:
        first = Variable(f"{path}/vars/0", _selecting(one_hot, [(0, 0, 1, kernel.shape[1])]))
    return [
        first,
        Variable(f"{path}/vars/1", np.zeros_like(recurrent), (Place(f"{prefix}recurrent_kernel"),)),
        Variable(
            f"{path}/vars/2", np.zeros_like(weights[f"{prefix}bias"]), (Place(f"{prefix}bias"),)
        ),
    ]


def _min_gru(
    layer: MinGRU,
    weights: dict[str, Floats],
    prefix: str,
    *,
    one_hot: tuple[int, int] | None,
    path: str,
) -> list[Variable]:
    units, kernel = layer.units, weights[f"{prefix}kernel"]
    update, candidate = slice(units), slice(units, 2 * units)
    blocks = [  # of ours, of the LSTM's input, forget, candidate; its output gate reads nothing
        (update, slice(units), 1),
        (update, slice(units, 2 * units), -1),
        (candidate, slice(2 * units, 3 * units), 1),
    ]
    if one_hot is None:
        first = Variable(
            f"{path}/vars/0",
            np.zeros((len(kernel), 4 * units), np.float32),
            tuple(
                Place(f"{prefix}kernel", (slice(None), own), (slice(None), there), sign)
                for own, there, sign in blocks
            ),
        )
    else:
        rows = [(own.start or 0, there.start or 0, sign, units) for own, there, sign in blocks]
        first = Variable(f"{path}/vars/0", _selecting(one_hot, rows, 4 * units))
    bias = np.zeros(4 * units, np.float32)
    bias[3 * units :] = _OPEN
    places = tuple(Place(f"{prefix}bias", (own,), (there,), sign) for own, there, sign in blocks)
    return [first, _no_recurrence(units, path), Variable(f"{path}/vars/2", bias, places)]


def qrnn_variables(layer: QRNN, *, offset: int, width: int, path: str = "cell") -> list[Variable]:
    """The LSTM that pools what the convolutions of a QRNN give: candidate, forget, output.

    offset: where those three begin in what comes in, which has ``width`` numbers.
    """
    units = layer.units
    blocks = [(units, 0, -1, units), (units, units, 1, units), (0, 2 * units, 1, units),
              (2 * units, 3 * units, 1, units)]  # fmt: skip
    return [
        Variable(f"{path}/vars/0", _selecting((offset, width), blocks, 4 * units)),
        _no_recurrence(units, path),
        Variable(f"{path}/vars/2", np.zeros(4 * units, np.float32)),
    ]


def convolution_variables(
    layer: QRNN,
    weights: dict[str, Floats],
    prefix: str,
    gates: slice,
    *,
    backwards: bool,
    one_hot: bool,
) -> list[Variable]:
    """Kernel and bias of the convolution that gives some of a QRNN's gates.

    gates: which of its 3 * units columns. backwards: the other step of a window is the next one,
    and the last position of Keras' kernel is that step's. one_hot: what comes in are rows of the
    kernel, those of each position of the window side by side.
    """
    kernel, window = weights[f"{prefix}kernel"], layer.window
    columns = gates.stop - gates.start
    positions = list(reversed(range(window))) if backwards else list(range(window))
    if one_hot:
        size = kernel.shape[2]
        values = np.zeros((window, window * size, columns), np.float32)
        for there, own in enumerate(positions):
            start = own * size + gates.start
            values[there, start : start + columns] = np.eye(columns, dtype=np.float32)
        first = Variable("vars/0", values)
    else:
        values = np.zeros((*kernel.shape[:2], columns), np.float32)
        places = tuple(
            Place(f"{prefix}kernel", (own, slice(None), gates), (there,))
            for there, own in enumerate(positions)
        )
        first = Variable("vars/0", values, places)
    bias = Variable("vars/1", np.zeros(columns, np.float32), (Place(f"{prefix}bias", (gates,)),))
    return [first, bias]


def _no_recurrence(units: int, path: str) -> Variable:
    return Variable(f"{path}/vars/1", np.zeros((units, 4 * units), np.float32))


def _selecting(
    one_hot: tuple[int, int],
    blocks: Sequence[tuple[int, int, int, int]],
    columns: int | None = None,
) -> Floats:
    """A kernel that hands on what comes in. blocks: (from, to, sign, count) of numbers."""
    offset, width = one_hot
    total = sum(count for *_, count in blocks) if columns is None else columns
    kernel = np.zeros((width, total), np.float32)
    for start, to, sign, count in blocks:
        kernel[offset + start : offset + start + count, to : to + count] = sign * np.eye(count)
    return kernel
