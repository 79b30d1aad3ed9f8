"""The gated recurrent unit (Cho et al. 2014; Keras' GRU, both ways of resetting) over one tile.

Gates lie in Keras' order, each padded: update z, reset r, candidate c.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels.activations import sigmoid, sigmoid_slope, tanh, tanh_slope
from unrolled.engine.kernels.compiled import entry, inner
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
from unrolled.engine.kernels.vectors import WIDTH, fma, load, splat, store

Floats = NDArray[np.float32]
Longs = NDArray[np.int64]

GATES = 3
_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


@entry
def forward(
    gates: Floats,  # (time, lane, gate, width): projected inputs; becomes the gates' values
    starts: Longs,  # (lane,)
    recurrent: Floats,  # (units, 3 x units)
    bias: Floats,  # (gate, width): the recurrent bias, zeros where there is none
    masks: Floats,  # (gate, lane, width), or empty
    states: Floats,  # (time + 2, lane, width): filled
    inside: Floats,  # (time, lane, width): filled with what the candidate takes from the state
    first: Floats,  # (lane, width): the state before the step that is read first; empty: zero
    time: int,
    units: int,
    reset_after: bool,
    backwards: bool,
) -> None:
    """h = z · h_before + (1 - z) · c.

    Reset after: c = tanh(x + r · (h_before · U + b)), where the bracket is kept in ``inside``;
    before: c = tanh(x + (r · h_before) · U), where r · h_before is kept.
    """
    width = padded(units)
    row, size = GATES * width, LANES * width
    apart = len(masks) > 0
    packed = np.empty(2 * units * width, dtype=np.float32)
    packed_candidate = np.empty(units * width, dtype=np.float32)
    masked = np.empty(size, dtype=np.float32)
    sums = np.empty(LANES * row, dtype=np.float32)
    pack_recurrent(recurrent, 0, 2, GATES, units, apart, packed)
    pack_recurrent(recurrent, 2, 1, GATES, units, apart, packed_candidate)
    set_ends(states, first, time, width, backwards)
    for place in range(time):
        step = step_at(place, time, backwards)
        here, before = (step + 1) * size, state_before(step, width, backwards)
        z_at, kept = step * LANES * row, step * size
        for lane in range(LANES):
            for j in range(0, row, WIDTH):
                store(sums, lane * row + j, load(bias, j))
        add_state_product(
            states, before, masks, 0, masked, packed, 0, units, width, 2, sums, 0, row
        )
        if reset_after:
            add_state_product(
                states, before, masks, 2 * size, masked, packed_candidate, 0, units, width, 1,
                sums, 2 * width, row,
            )  # fmt: skip
        for lane in range(LANES):
            at, own, s = z_at + lane * row, lane * width, lane * row
            for j in range(0, width, WIDTH):
                store(gates, at + j, sigmoid(load(gates, at + j) + load(sums, s + j)))
                r = sigmoid(load(gates, at + width + j) + load(sums, s + width + j))
                store(gates, at + width + j, r)
                if reset_after:
                    store(inside, kept + own + j, load(sums, s + 2 * width + j))
                    continue
                h = load(states, before + own + j)
                if apart:
                    h = h * load(masks, 2 * size + own + j)
                store(inside, kept + own + j, r * h)
        if not reset_after:
            nothing = masks[:0]
            add_state_product(
                inside, kept, nothing, 0, masked, packed_candidate, 0, units, width, 1,
                sums, 2 * width, row,
            )  # fmt: skip
        for lane in range(LANES):
            at, own, s = z_at + lane * row, lane * width, lane * row
            if step < starts[lane]:
                _pass_through(gates, at, width)
                fill(inside, kept + own, width, _ZERO)
                fill(states, here + own, width, _ZERO)
                continue
            for j in range(0, width, WIDTH):
                z = load(gates, at + j)
                h = load(states, before + own + j)
                x = load(gates, at + 2 * width + j)
                if reset_after:
                    r = load(gates, at + width + j)
                    c = tanh(fma(r, load(inside, kept + own + j), x))
                else:
                    c = tanh(x + load(sums, s + 2 * width + j))
                store(gates, at + 2 * width + j, c)
                store(states, here + own + j, fma(z, h - c, c))


@inner
def _pass_through(gates: Floats, at: int, width: int) -> None:
    """Gates of a step without a token: the state goes by, and no gradient comes out."""
    fill(gates, at, width, _ONE)
    fill(gates, at + width, 2 * width, _ZERO)


@entry
def backward(
    states: Floats,
    gates: Floats,  # becomes the gradient of the projected inputs
    inside: Floats,  # reset after: becomes its own gradient
    recurrent: Floats,
    masks: Floats,
    d_states: Floats,  # (time, lane, width)
    d_hidden: Floats,  # (lane, width): of the state reached last; becomes that of the first
    time: int,
    units: int,
    reset_after: bool,
    backwards: bool,
) -> None:
    """From the last step read to the first."""
    width = padded(units)
    row, size = GATES * width, LANES * width
    apart = len(masks) > 0
    packed = np.empty(2 * width * width, dtype=np.float32)
    packed_candidate = np.empty(width * width, dtype=np.float32)
    masked = np.empty(size, dtype=np.float32)
    d_inside = np.zeros(size, dtype=np.float32)
    one = splat(_ONE)
    pack_recurrent_transposed(recurrent, 0, 2, GATES, units, apart, packed)
    pack_recurrent_transposed(recurrent, 2, 1, GATES, units, apart, packed_candidate)
    for place in range(time - 1, -1, -1):
        step = step_at(place, time, backwards)
        before = state_before(step, width, backwards)
        kept, z_at = step * size, step * LANES * row
        for lane in range(LANES):
            at, own = z_at + lane * row, lane * width
            for j in range(0, width, WIDTH):
                z, c = load(gates, at + j), load(gates, at + 2 * width + j)
                h = load(states, before + own + j)
                d_h = load(d_states, kept + own + j) + load(d_hidden, own + j)
                d_c = d_h * (one - z) * tanh_slope(c)
                store(gates, at + j, d_h * (h - c) * sigmoid_slope(z))
                store(gates, at + 2 * width + j, d_c)
                store(d_hidden, own + j, d_h * z)
                if reset_after:
                    r, inner_sum = load(gates, at + width + j), load(inside, kept + own + j)
                    store(gates, at + width + j, d_c * inner_sum * sigmoid_slope(r))
                    store(inside, kept + own + j, d_c * r)
        if reset_after:
            add_state_gradient(
                inside, kept, width, masks, 2 * size, masked, packed_candidate, 0, width, 1,
                d_hidden,
            )  # fmt: skip
        else:
            fill(d_inside, 0, size, _ZERO)
            add_state_gradient(
                gates, z_at + 2 * width, row, masks[:0], 0, masked, packed_candidate, 0, width,
                1, d_inside,
            )  # fmt: skip
            for lane in range(LANES):
                at, own = z_at + lane * row, lane * width
                for j in range(0, width, WIDTH):
                    r, h = load(gates, at + width + j), load(states, before + own + j)
                    d = load(d_inside, own + j)
                    if apart:
                        d = d * load(masks, 2 * size + own + j)
                    store(gates, at + width + j, d * h * sigmoid_slope(r))
                    store(d_hidden, own + j, fma(d, r, load(d_hidden, own + j)))
        add_state_gradient(gates, z_at, row, masks, 0, masked, packed, 0, width, 2, d_hidden)
