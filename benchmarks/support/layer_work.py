"""The work of one recurrent layer: its sizes, numbers and weights, the same for every peer.

Arrays are laid out as Keras has them: inputs (texts, steps, size), weights with its blocks of
gates. Each peer draws them from the case's own seed, and turns them into its own layout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BATCH = 64
STEPS = 200
GATES = {"simple_rnn": 1, "gru": 3, "lstm": 4, "min_gru": 2, "qrnn": 3}

Arrays = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Case:
    """A layer that is timed: the inputs of a step are as many numbers as it has units.

    bar: how many times as fast as the faster framework it shall be.
    beside: the case of the frameworks' own layer where they do not have this one.
    window: steps that a gate of a QRNN reads.
    """

    name: str
    cell: str
    units: int
    bar: float
    beside: str | None = None
    window: int | None = None


CASES = {
    case.name: case
    for case in (
        Case("SimpleRNN(32)", "simple_rnn", 32, 3.0),
        Case("LSTM(8)", "lstm", 8, 4.0),
        Case("GRU(64)", "gru", 64, 2.0),
        Case("LSTM(64)", "lstm", 64, 1.5),
        Case("LSTM(128)", "lstm", 128, 1.2),
        Case("GRU(128)", "gru", 128, 1.2),
        Case("MinGRU(128)", "min_gru", 128, 4.0, beside="LSTM(128)"),
        Case("QRNN(128), window 1", "qrnn", 128, 4.0, beside="LSTM(128)", window=1),
        Case("QRNN(128), window 2", "qrnn", 128, 4.0, beside="LSTM(128)", window=2),
    )
}


@dataclass(frozen=True)
class Work:
    """The arrays of a case.

    x: inputs (BATCH, STEPS, units). factors: the loss is the sum of factors · last states
    (BATCH, units). weights: by Keras' names, in Keras' order.
    """

    case: Case
    x: NDArray[np.float32]
    factors: NDArray[np.float32]
    weights: Arrays


def work_of(name: str) -> Work:
    """Inputs like those from an embedding; weights and biases as after some training."""
    case = CASES[name]
    rng = np.random.default_rng(list(CASES).index(name))
    units, columns = case.units, GATES[case.cell] * case.units

    def normal(*shape: int, scale: float = 1.0) -> NDArray[np.float32]:
        return (scale * rng.standard_normal(shape)).astype(np.float32)

    scale = units**-0.5
    kernel = (units, columns) if case.window is None else (case.window, units, columns)
    weights = {"kernel": normal(*kernel, scale=scale)}
    if case.beside is None:
        weights["recurrent_kernel"] = normal(units, columns, scale=scale)
    bias = (2, columns) if case.cell == "gru" else (columns,)
    weights["bias"] = normal(*bias, scale=0.1)
    return Work(case, normal(BATCH, STEPS, units), normal(BATCH, units), weights)
