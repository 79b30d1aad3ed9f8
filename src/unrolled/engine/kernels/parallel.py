"""Recurrences whose gates do not read the state, so that only element-wise sums are sequential.

minGRU: Feng et al. 2024, "Were RNNs all we needed?". QRNN with fo-pooling: Bradbury et al. 2016,
"Quasi-recurrent neural networks".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels.activations import sigmoid, sigmoid_slope, tanh, tanh_slope
from unrolled.engine.kernels.compiled import entry, inner
from unrolled.engine.kernels.products import fill, padded
from unrolled.engine.kernels.recurrence import LANES, set_ends, state_before, step_at
from unrolled.engine.kernels.vectors import WIDTH, fma, load, splat, store

Floats = NDArray[np.float32]
Longs = NDArray[np.int64]

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


@entry
def min_gru_forward(
    gates: Floats,  # (time, lane, [update, candidate], width): projected inputs; becomes values
    starts: Longs,  # (lane,)
    states: Floats,  # (time + 2, lane, width): filled
    first: Floats,  # (lane, width): the state before the step that is read first; empty: zero
    time: int,
    units: int,
    backwards: bool,
) -> None:
    """h = h_before + u · (c - h_before), u a sigmoid, c as it was projected."""
    width = padded(units)
    row, size = 2 * width, LANES * width
    set_ends(states, first, time, width, backwards)
    for place in range(time):
        step = step_at(place, time, backwards)
        here, before = (step + 1) * size, state_before(step, width, backwards)
        for lane in range(LANES):
            at, own = step * LANES * row + lane * row, lane * width
            if step < starts[lane]:
                fill(gates, at, row, _ZERO)
                fill(states, here + own, width, _ZERO)
                continue
            for j in range(0, width, WIDTH):
                u, c = sigmoid(load(gates, at + j)), load(gates, at + width + j)
                h = load(states, before + own + j)
                store(gates, at + j, u)
                store(states, here + own + j, fma(u, c - h, h))


@entry
def min_gru_backward(
    states: Floats,
    gates: Floats,  # becomes the gradient of the projected inputs
    d_states: Floats,  # (time, lane, width)
    d_hidden: Floats,  # (lane, width): of the state reached last; becomes that of the first
    time: int,
    units: int,
    backwards: bool,
) -> None:
    """From the last step read to the first. Gates of zero, where there is no token, stay zero."""
    width = padded(units)
    row, size = 2 * width, LANES * width
    for place in range(time - 1, -1, -1):
        step = step_at(place, time, backwards)
        before = state_before(step, width, backwards)
        for lane in range(LANES):
            at, own = step * LANES * row + lane * row, lane * width
            for j in range(0, width, WIDTH):
                u, c = load(gates, at + j), load(gates, at + width + j)
                h = load(states, before + own + j)
                d_h = load(d_states, step * size + own + j) + load(d_hidden, own + j)
                store(gates, at + j, d_h * (c - h) * sigmoid_slope(u))
                store(gates, at + width + j, d_h * u)
                store(d_hidden, own + j, d_h - d_h * u)


@entry
def qrnn_forward(
    gates: Floats,  # (time, lane, [candidate, forget, output], width): inputs; becomes values
    starts: Longs,  # (lane,)
    states: Floats,  # (time + 2, lane, width): filled with the outputs h
    cells: Floats,  # the same, with the cells c
    first: Floats,  # (lane, width): the cell before the step that is read first; empty: zero
    time: int,
    units: int,
    backwards: bool,
) -> None:
    """c = f · c_before + (1 - f) · g, h = o · c; g a tanh, f and o sigmoids."""
    width = padded(units)
    row, size = 3 * width, LANES * width
    set_ends(states, first[:0], time, width, backwards)
    set_ends(cells, first, time, width, backwards)
    for place in range(time):
        step = step_at(place, time, backwards)
        here, before = (step + 1) * size, state_before(step, width, backwards)
        for lane in range(LANES):
            at, own = step * LANES * row + lane * row, lane * width
            if step < starts[lane]:
                _pass_through(gates, at, width)
                fill(states, here + own, width, _ZERO)
                fill(cells, here + own, width, _ZERO)
                continue
            for j in range(0, width, WIDTH):
                g = tanh(load(gates, at + j))
                f = sigmoid(load(gates, at + width + j))
                o = sigmoid(load(gates, at + 2 * width + j))
                c = fma(f, load(cells, before + own + j) - g, g)
                store(gates, at + j, g)
                store(gates, at + width + j, f)
                store(gates, at + 2 * width + j, o)
                store(cells, here + own + j, c)
                store(states, here + own + j, o * c)


@inner
def _pass_through(gates: Floats, at: int, width: int) -> None:
    """Gates of a step without a token: the cell goes by, and no gradient comes out."""
    fill(gates, at, width, _ZERO)
    fill(gates, at + width, width, _ONE)
    fill(gates, at + 2 * width, width, _ZERO)


@entry
def qrnn_backward(
    cells: Floats,
    gates: Floats,  # becomes the gradient of the projected inputs
    d_states: Floats,  # (time, lane, width)
    d_cell: Floats,  # (lane, width): of the cell reached last; becomes that of the first
    time: int,
    units: int,
    backwards: bool,
) -> None:
    """From the last step read to the first."""
    width = padded(units)
    row, size = 3 * width, LANES * width
    one = splat(_ONE)
    for place in range(time - 1, -1, -1):
        step = step_at(place, time, backwards)
        here, before = (step + 1) * size, state_before(step, width, backwards)
        for lane in range(LANES):
            at, own = step * LANES * row + lane * row, lane * width
            for j in range(0, width, WIDTH):
                g, f = load(gates, at + j), load(gates, at + width + j)
                o = load(gates, at + 2 * width + j)
                d_h = load(d_states, step * size + own + j)
                d_c = fma(d_h, o, load(d_cell, own + j))
                store(gates, at + j, d_c * (one - f) * tanh_slope(g))
                store(
                    gates, at + width + j,
                    d_c * (load(cells, before + own + j) - g) * sigmoid_slope(f),
                )  # fmt: skip
                store(
                    gates, at + 2 * width + j, d_h * load(cells, here + own + j) * sigmoid_slope(o)
                )
                store(d_cell, own + j, d_c * f)
