"""The simple recurrent network (Elman 1990; Keras' SimpleRNN) over one tile of sequences.

The compiled functions work on flat arrays whose rows of units are padded with zeros to `width`,
a multiple of eight. A tile holds LANES sequences. Four of them are computed together, so that
each row of weights is loaded once for four multiplications, and so that the processor has four
independent sums to work on.

Inputs come as rows of a table, one for each token id; `kernels.plain_rnn` reads any inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload
from numpy.typing import NDArray

from unrolled.engine.kernels.activations import activate, through_activation
from unrolled.engine.kernels.compiled import inner
from unrolled.engine.kernels.recurrence import LANES
from unrolled.engine.kernels.vectors import (
    WIDTH,
    broadcast,
    fma,
    load,
    splat,
    store,
)

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_UNROLLED_UNITS = 16
_F = np.float32


def unit_count(units: int) -> tuple[None, ...] | int:
    """The form in which the compiled functions take the number of units.

    Up to 16 units it is the length of a tuple: part of the type, hence a constant when Numba
    compiles, so that the sum over units is unrolled into straight code (twice as fast).
    """
    return (None,) * units if units <= _UNROLLED_UNITS else units


def count(units: Any) -> int:
    """The number behind `unit_count`; only inside compiled code."""
    raise RuntimeError("only for compiled code")


@overload(count)
def _count(units: Any) -> Any:
    def of_tuple(units: Any) -> Any:
        return len(units)

    def of_number(units: Any) -> Any:
        return units

    return of_tuple if isinstance(units, types.BaseTuple) else of_number


@inner
def forward(
    positions: Ints,  # (time, lane): rows of the table
    table: Floats,  # (row, width): the projected inputs, bias included
    recurrent: Floats,  # (unit, width)
    states: Floats,  # (time + 1, lane, width); the first step is the initial state
    time: int,
    units: Any,
    activation: int,
) -> None:
    """h[t + 1] = activation(table[positions[t]] + h[t] @ recurrent), into ``states``."""
    n = count(units)
    width = (n + WIDTH - 1) // WIDTH * WIDTH
    for t in range(time):
        for lane in range(0, LANES, 4):
            here = (t * LANES + lane) * width
            there = here + LANES * width
            at = t * LANES + lane
            row0, row1 = positions[at] * width, positions[at + 1] * width
            row2, row3 = positions[at + 2] * width, positions[at + 3] * width
            h0, h1, h2, h3 = here, here + width, here + 2 * width, here + 3 * width
            for j in range(0, width, WIDTH):
                z0, z1 = load(table, row0 + j), load(table, row1 + j)
                z2, z3 = load(table, row2 + j), load(table, row3 + j)
                for k in range(n):
                    w = load(recurrent, k * width + j)
                    z0 = fma(broadcast(states, h0 + k), w, z0)
                    z1 = fma(broadcast(states, h1 + k), w, z1)
                    z2 = fma(broadcast(states, h2 + k), w, z2)
                    z3 = fma(broadcast(states, h3 + k), w, z3)
                store(states, there + j, activate(z0, activation))
                store(states, there + width + j, activate(z1, activation))
                store(states, there + 2 * width + j, activate(z2, activation))
                store(states, there + 3 * width + j, activate(z3, activation))


@inner
def backward(
    states: Floats,  # (time + 1, lane, width)
    transposed: Floats,  # (unit, width): recurrent weights, rows are the later units
    d_hidden: Floats,  # (lane, width): gradient of the last state; overwritten
    d_inputs: Floats,  # (time, lane, width): filled
    time: int,
    units: Any,
    activation: int,
) -> None:
    """Gradients of the projected inputs, from the last step to the first."""
    n = count(units)
    width = (n + WIDTH - 1) // WIDTH * WIDTH
    for t in range(time - 1, -1, -1):
        for lane in range(0, LANES, 4):
            at = lane * width
            here = t * LANES * width + at
            there = here + LANES * width
            for j in range(0, 4 * width, WIDTH):
                gradient = load(d_hidden, at + j)
                h = load(states, there + j)
                store(d_inputs, here + j, through_activation(gradient, h, activation))
            d0, d1, d2, d3 = here, here + width, here + 2 * width, here + 3 * width
            for j in range(0, width, WIDTH):
                g0 = splat(_F(0.0))
                g1, g2, g3 = g0, g0, g0
                for k in range(n):
                    w = load(transposed, k * width + j)
                    g0 = fma(broadcast(d_inputs, d0 + k), w, g0)
                    g1 = fma(broadcast(d_inputs, d1 + k), w, g1)
                    g2 = fma(broadcast(d_inputs, d2 + k), w, g2)
                    g3 = fma(broadcast(d_inputs, d3 + k), w, g3)
                store(d_hidden, at + j, g0)
                store(d_hidden, at + width + j, g1)
                store(d_hidden, at + 2 * width + j, g2)
                store(d_hidden, at + 3 * width + j, g3)


@inner
def recurrent_gradient(
    states: Floats,  # (time + 1, lane, width)
    d_inputs: Floats,  # (time, lane, width)
    d_recurrent: Floats,  # (width, width): filled
    time: int,
    units: Any,
) -> None:
    """d_recurrent = sum over steps and lanes of h[t] (outer) d_inputs[t]: eight rows at a time."""
    width = (count(units) + WIDTH - 1) // WIDTH * WIDTH
    for j in range(0, width, WIDTH):
        for k in range(0, width, WIDTH):
            g0 = splat(_F(0.0))
            g1, g2, g3, g4, g5, g6, g7 = g0, g0, g0, g0, g0, g0, g0
            for row in range(0, time * LANES * width, width):
                d = load(d_inputs, row + j)
                h = row + k
                g0 = fma(broadcast(states, h), d, g0)
                g1 = fma(broadcast(states, h + 1), d, g1)
                g2 = fma(broadcast(states, h + 2), d, g2)
                g3 = fma(broadcast(states, h + 3), d, g3)
                g4 = fma(broadcast(states, h + 4), d, g4)
                g5 = fma(broadcast(states, h + 5), d, g5)
                g6 = fma(broadcast(states, h + 6), d, g6)
                g7 = fma(broadcast(states, h + 7), d, g7)
            at = k * width + j
            store(d_recurrent, at, g0)
            store(d_recurrent, at + width, g1)
            store(d_recurrent, at + 2 * width, g2)
            store(d_recurrent, at + 3 * width, g3)
            store(d_recurrent, at + 4 * width, g4)
            store(d_recurrent, at + 5 * width, g5)
            store(d_recurrent, at + 6 * width, g6)
            store(d_recurrent, at + 7 * width, g7)


@inner
def add_rows(
    d_inputs: Floats,  # (time, lane, width)
    positions: Ints,  # (time, lane)
    d_table: Floats,  # (row, width): added to
    time: int,
    units: Any,
) -> None:
    """d_table[positions[t, lane]] += d_inputs[t, lane]."""
    width = (count(units) + WIDTH - 1) // WIDTH * WIDTH
    for i in range(time * LANES):
        row = positions[i] * width
        for j in range(0, width, WIDTH):
            store(d_table, row + j, load(d_table, row + j) + load(d_inputs, i * width + j))
