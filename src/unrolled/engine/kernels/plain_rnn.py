"""The simple recurrent network (Elman 1990; Keras' SimpleRNN) over one tile, for any layers.

`kernels.simple_rnn` is the same recurrence for few units that read a table.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels.activations import activate, through_activation
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
from unrolled.engine.kernels.vectors import WIDTH, load, store

Floats = NDArray[np.float32]
Longs = NDArray[np.int64]

_ZERO = np.float32(0.0)


@entry
def forward(
    z: Floats,  # (time, lane, width): projected inputs; overwritten
    starts: Longs,  # (lane,)
    recurrent: Floats,  # (units, units)
    masks: Floats,  # (lane, width), or empty
    states: Floats,  # (time + 2, lane, width): filled
    first: Floats,  # (lane, width): the state before the step that is read first; empty: zero
    time: int,
    units: int,
    activation: int,
    backwards: bool,
) -> None:
    """h = activation(z + h_before · recurrent)."""
    width = padded(units)
    packed = np.empty(units * width, dtype=np.float32)
    masked = np.empty(LANES * width, dtype=np.float32)
    pack_recurrent(recurrent, 0, 1, 1, units, len(masks) > 0, packed)
    set_ends(states, first, time, width, backwards)
    for place in range(time):
        step = step_at(place, time, backwards)
        here, before = (step + 1) * LANES * width, state_before(step, width, backwards)
        at = step * LANES * width
        add_state_product(
            states, before, masks, 0, masked, packed, 0, units, width, 1, z, at, width
        )
        for j in range(0, LANES * width, WIDTH):
            store(states, here + j, activate(load(z, at + j), activation))
        for lane in range(LANES):
            if step < starts[lane]:
                fill(states, here + lane * width, width, _ZERO)


@entry
def backward(
    states: Floats,
    starts: Longs,
    recurrent: Floats,
    masks: Floats,
    d_states: Floats,  # (time, lane, width)
    d_z: Floats,  # (time, lane, width): filled
    d_hidden: Floats,  # (lane, width): of the state reached last; becomes that of the first
    time: int,
    units: int,
    activation: int,
    backwards: bool,
) -> None:
    """From the last step read to the first; zero where there is no token."""
    width = padded(units)
    packed = np.empty(width * width, dtype=np.float32)
    masked = np.empty(LANES * width, dtype=np.float32)
    pack_recurrent_transposed(recurrent, 0, 1, 1, units, len(masks) > 0, packed)
    for place in range(time - 1, -1, -1):
        step = step_at(place, time, backwards)
        here, at = (step + 1) * LANES * width, step * LANES * width
        for j in range(0, LANES * width, WIDTH):
            gradient = load(d_states, at + j) + load(d_hidden, j)
            store(d_z, at + j, through_activation(gradient, load(states, here + j), activation))
        for lane in range(LANES):
            if step < starts[lane]:
                fill(d_z, at + lane * width, width, _ZERO)
        fill(d_hidden, 0, LANES * width, _ZERO)
        add_state_gradient(d_z, at, width, masks, 0, masked, packed, 0, width, 1, d_hidden)
