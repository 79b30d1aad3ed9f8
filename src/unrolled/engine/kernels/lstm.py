"""The long short-term memory (Hochreiter & Schmidhuber 1997; Keras' LSTM) over one tile.

Gates lie in Keras' order, each padded: input i, forget f, candidate g, output o.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels.activations import sigmoid, sigmoid_slope, tanh, tanh_slope
from unrolled.engine.kernels.compiled import entry
from unrolled.engine.kernels.products import fill, padded
from unrolled.engine.kernels.recurrence import (
    LANES,
    add_state_gradient,
    add_state_product,
    pack_recurrent,
    pack_recurrent_transposed,
    set_ends,
    state_before,
    step_at,
)
from unrolled.engine.kernels.vectors import WIDTH, fma, load, store

Floats = NDArray[np.float32]
Longs = NDArray[np.int64]

GATES = 4
_ZERO = np.float32(0.0)


@entry
def forward(
    gates: Floats,  # (time, lane, gate, width): projected inputs; becomes the gates' values
    starts: Longs,  # (lane,)
    recurrent: Floats,  # (units, 4 x units)
    masks: Floats,  # (gate, lane, width), or empty
    states: Floats,  # (time + 2, lane, width): filled
    cells: Floats,  # the same
    first_state: Floats,  # (lane, width) before the step that is read first; empty: zero
    first_cell: Floats,  # the same
    time: int,
    units: int,
    backwards: bool,
) -> None:
    """c = f · c_before + i · g, h = o · tanh(c)."""
    width = padded(units)
    row = GATES * width
    packed = np.empty(units * row, dtype=np.float32)
    masked = np.empty(LANES * width, dtype=np.float32)
    pack_recurrent(recurrent, 0, GATES, GATES, units, len(masks) > 0, packed)
    set_ends(states, first_state, time, width, backwards)
    set_ends(cells, first_cell, time, width, backwards)
    for place in range(time):
        step = step_at(place, time, backwards)
        here, before = (step + 1) * LANES * width, state_before(step, width, backwards)
        z = step * LANES * row
        add_state_product(
            states, before, masks, 0, masked, packed, 0, units, width, GATES, gates, z, row
        )
        for lane in range(LANES):
            at, own = z + lane * row, lane * width
            if step < starts[lane]:
                fill(gates, at, row, _ZERO)
                fill(states, here + own, width, _ZERO)
                fill(cells, here + own, width, _ZERO)
                continue
            for j in range(0, width, WIDTH):
                i = sigmoid(load(gates, at + j))
                f = sigmoid(load(gates, at + width + j))
                g = tanh(load(gates, at + 2 * width + j))
                o = sigmoid(load(gates, at + 3 * width + j))
                c = fma(f, load(cells, before + own + j), i * g)
                store(gates, at + j, i)
                store(gates, at + width + j, f)
                store(gates, at + 2 * width + j, g)
                store(gates, at + 3 * width + j, o)
                store(cells, here + own + j, c)
                store(states, here + own + j, o * tanh(c))


@entry
def backward(
    states: Floats,
    cells: Floats,
    gates: Floats,  # becomes the gradient of the projected inputs
    recurrent: Floats,
    masks: Floats,
    d_states: Floats,  # (time, lane, width)
    d_hidden: Floats,  # (lane, width): of the state reached last; becomes that of the first
    d_cell: Floats,  # the same
    time: int,
    units: int,
    backwards: bool,
) -> None:
    """From the last step read to the first. Gates of zero, where there is no token, stay zero."""
    width = padded(units)
    row = GATES * width
    packed = np.empty(row * width, dtype=np.float32)
    masked = np.empty(LANES * width, dtype=np.float32)
    pack_recurrent_transposed(recurrent, 0, GATES, GATES, units, len(masks) > 0, packed)
    for place in range(time - 1, -1, -1):
        step = step_at(place, time, backwards)
        here, before = (step + 1) * LANES * width, state_before(step, width, backwards)
        above, z = step * LANES * width, step * LANES * row
        for lane in range(LANES):
            at, own = z + lane * row, lane * width
            for j in range(0, width, WIDTH):
                i, f = load(gates, at + j), load(gates, at + width + j)
                g, o = load(gates, at + 2 * width + j), load(gates, at + 3 * width + j)
                squashed = tanh(load(cells, here + own + j))
                d_h = load(d_states, above + own + j) + load(d_hidden, own + j)
                d_c = fma(d_h * o, tanh_slope(squashed), load(d_cell, own + j))
                store(gates, at + j, d_c * g * sigmoid_slope(i))
                store(
                    gates, at + width + j,
                    d_c * load(cells, before + own + j) * sigmoid_slope(f),
                )  # fmt: skip
                store(gates, at + 2 * width + j, d_c * i * tanh_slope(g))
                store(gates, at + 3 * width + j, d_h * squashed * sigmoid_slope(o))
                store(d_cell, own + j, d_c * f)
        fill(d_hidden, 0, LANES * width, _ZERO)
        add_state_gradient(gates, z, row, masks, 0, masked, packed, 0, width, GATES, d_hidden)
