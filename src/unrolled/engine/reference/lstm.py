"""Long short-term memory: Hochreiter & Schmidhuber 1997, Gers et al. 2000, Keras' ``LSTM``."""

from __future__ import annotations

import numpy as np

from unrolled.engine.reference.activations import sigmoid
from unrolled.engine.reference.products import recur, recur_backward
from unrolled.engine.reference.steps import (
    FloatArray,
    IntArray,
    back_in_time,
    carried_on,
    no_states,
    present,
    reading_order,
)


def lstm(
    z: FloatArray,
    starts: IntArray,
    recurrent: FloatArray,
    mask: FloatArray | None,
    backwards: bool,
    first: tuple[FloatArray, ...] | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Compute, step by step, with a = z[t] + (mask · h before) · recurrent in four blocks:

        i, f, o = sigmoid, g = tanh of the blocks in the order i, f, g, o
        c = f · (c before) + i · g
        h = o · tanh(c)

    z (time, lane, 4 * units); starts (lane,); recurrent (units, 4 * units);
    mask (4, lane, units) or None -> states h and cells c (time + 2, lane, units), laid out as by
    ``simple_rnn``; gates (time, lane, 4 * units): i, f, g, o. first: h and c to start from, as in
    ``simple_rnn``.
    """  # fmt: skip
    units = len(recurrent)
    h, c = first or (None, None)
    states = no_states(z, units, h, backwards=backwards)
    cells = no_states(z, units, c, backwards=backwards)
    gates = np.zeros_like(z)
    own = present(starts, len(z))
    z = np.where(own, z, 0)
    for t, before in reading_order(len(z), backwards):
        a = z[t] + recur(states[before], recurrent, mask)
        blocks = np.split(a, 4, axis=1)
        i, f, o = (sigmoid(blocks[block]) for block in (0, 1, 3))
        g = np.tanh(blocks[2])
        cells[t + 1] = np.where(own[t], f * cells[before] + i * g, 0)
        states[t + 1] = np.where(own[t], o * np.tanh(cells[t + 1]), 0)
        gates[t] = np.concatenate([i, f, g, o], axis=1)
    return states, cells, gates


def lstm_backward(
    states: FloatArray,
    cells: FloatArray,
    gates: FloatArray,
    starts: IntArray,
    recurrent: FloatArray,
    mask: FloatArray | None,
    backwards: bool,
    d_states: FloatArray,
    carried: tuple[FloatArray, ...] | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Compute the gradients of ``lstm``, with c_h = c_c = 0 where it starts, at the last step read:

        d_h = d_states[t] + c_h,    d_c = c_c + d_h · o · (1 - tanh²(c))
        d_z[t]       = d_c · g · i (1 - i),  d_c · (c before) · f (1 - f),
                       d_c · i · (1 - g²),   d_h · tanh(c) · o (1 - o)
        d_recurrent += (mask · h before)ᵀ · d_z[t]
        c_h          = mask · (d_z[t] · recurrentᵀ),    c_c = d_c · f

    -> d_z (time, lane, 4 * units), zero without a token; d_recurrent (units, 4 * units).
    carried: c_h and c_c to begin with and to end in, as in ``simple_rnn_backward``.
    """  # fmt: skip
    own = present(starts, len(d_states))
    d_z = np.zeros_like(gates)
    d_recurrent = np.zeros_like(recurrent)
    c_h, c_c = carried_on(carried, states, 2)
    for t, before in back_in_time(len(d_states), backwards):
        i, f, g, o = np.split(gates[t], 4, axis=1)
        bent = np.tanh(cells[t + 1])
        d_h = np.where(own[t], d_states[t] + c_h, 0)
        d_c = np.where(own[t], c_c + d_h * o * (1 - bent * bent), 0)
        d_z[t] = np.concatenate(
            [
                d_c * g * i * (1 - i),
                d_c * cells[before] * f * (1 - f),
                d_c * i * (1 - g * g),
                d_h * bent * o * (1 - o),
            ],
            axis=1,
        )
        c_h[...], own_recurrent = recur_backward(states[before], recurrent, mask, d_z[t])
        c_c[...] = d_c * f
        d_recurrent += own_recurrent
    return d_z, d_recurrent
