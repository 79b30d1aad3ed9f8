"""Recurrences whose gates do not read the state: only a scan of single numbers is sequential."""

from __future__ import annotations

import numpy as np

from unrolled.engine.reference.activations import sigmoid
from unrolled.engine.reference.steps import (
    FloatArray,
    IntArray,
    back_in_time,
    carried_on,
    no_states,
    present,
    reading_order,
)


def min_gru(
    z: FloatArray,
    starts: IntArray,
    backwards: bool,
    first: tuple[FloatArray, ...] | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Compute h = (1 - u) · (h before) + u · c, with u = sigmoid(z[t, u]), c = z[t, c].

    z (time, lane, 2 * units) in the blocks u, c; starts (lane,) -> states h
    (time + 2, lane, units), laid out as by ``simple_rnn``; gates (time, lane, 2 * units): u, c.
    first: the state to start from, as in ``simple_rnn``.
    Source: Feng et al. 2024, "Were RNNs All We Needed?", section 3.1.
    """
    units = z.shape[2] // 2
    states = no_states(z, units, *(first or ()), backwards=backwards)
    own = present(starts, len(z))
    z = np.where(own, z, 0)
    gates = np.concatenate([sigmoid(z[:, :, :units]), z[:, :, units:]], axis=2)
    for t, before in reading_order(len(z), backwards):
        u, c = np.split(gates[t], 2, axis=1)
        states[t + 1] = np.where(own[t], (1 - u) * states[before] + u * c, 0)
    return states, gates


def min_gru_backward(
    states: FloatArray,
    gates: FloatArray,
    starts: IntArray,
    backwards: bool,
    d_states: FloatArray,
    carried: tuple[FloatArray, ...] | None = None,
) -> FloatArray:
    """Compute the gradient of ``min_gru``, with k = 0 where it starts, at the step read last:

        d_h    = d_states[t] + k
        d_z[t] = d_h · (c - h before) · u (1 - u),  d_h · u
        k      = d_h · (1 - u)

    -> d_z (time, lane, 2 * units), zero without a token. carried: k to begin with and to end in,
    as in ``simple_rnn_backward``.
    """  # fmt: skip
    own = present(starts, len(d_states))
    d_z = np.zeros_like(gates)
    (k,) = carried_on(carried, states)
    for t, before in back_in_time(len(d_states), backwards):
        u, c = np.split(gates[t], 2, axis=1)
        d_h = np.where(own[t], d_states[t] + k, 0)
        d_u = d_h * (c - states[before]) * u * (1 - u)
        d_z[t] = np.concatenate([d_u, d_h * u], axis=1)
        k[...] = d_h * (1 - u)
    return d_z


def qrnn(
    z: FloatArray,
    starts: IntArray,
    backwards: bool,
    first: tuple[FloatArray, ...] | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Compute c = f · (c before) + (1 - f) · g and h = o · c: fo-pooling.

    g = tanh, f, o = sigmoid of z[t] (time, lane, 3 * units) in the blocks g, f, o; starts (lane,)
    -> states h and cells c (time + 2, lane, units), laid out as by ``simple_rnn``;
    gates (time, lane, 3 * units): g, f, o. first: the c to start from, as in ``simple_rnn``.
    Source: Bradbury et al. 2016, "Quasi-Recurrent Neural Networks", equation 4.
    """
    units = z.shape[2] // 3
    states = no_states(z, units)
    cells = no_states(z, units, *(first or ()), backwards=backwards)
    own = present(starts, len(z))
    z = np.where(own, z, 0)
    gates = np.concatenate([np.tanh(z[:, :, :units]), sigmoid(z[:, :, units:])], axis=2)
    for t, before in reading_order(len(z), backwards):
        g, f, o = np.split(gates[t], 3, axis=1)
        cells[t + 1] = np.where(own[t], f * cells[before] + (1 - f) * g, 0)
        states[t + 1] = o * cells[t + 1]
    return states, cells, gates


def qrnn_backward(
    states: FloatArray,
    cells: FloatArray,
    gates: FloatArray,
    starts: IntArray,
    backwards: bool,
    d_states: FloatArray,
    carried: tuple[FloatArray, ...] | None = None,
) -> FloatArray:
    """Compute the gradient of ``qrnn``, with k = 0 where it starts, at the step read last:

        d_c    = k + d_states[t] · o
        d_z[t] = d_c · (1 - f) · (1 - g²),  d_c · (c before - g) · f (1 - f),
                 d_states[t] · c · o (1 - o)
        k      = d_c · f

    -> d_z (time, lane, 3 * units), zero without a token. carried: k to begin with and to end in,
    as in ``simple_rnn_backward``.
    """  # fmt: skip
    own = present(starts, len(d_states))
    d_z = np.zeros_like(gates)
    (k,) = carried_on(carried, states)
    for t, before in back_in_time(len(d_states), backwards):
        g, f, o = np.split(gates[t], 3, axis=1)
        d_h = d_states[t]
        d_c = np.where(own[t], k + d_h * o, 0)
        d_z[t] = np.concatenate(
            [
                d_c * (1 - f) * (1 - g * g),
                d_c * (cells[before] - g) * f * (1 - f),
                d_h * cells[t + 1] * o * (1 - o),
            ],
            axis=1,
        )
        k[...] = d_c * f
    return d_z
