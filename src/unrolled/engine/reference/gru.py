"""The gated recurrent unit: Cho et al. 2014, both ways in which Keras' ``GRU`` resets."""

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


def gru(
    z: FloatArray,
    starts: IntArray,
    recurrent: FloatArray,
    recurrent_bias: FloatArray | None,
    mask: FloatArray | None,
    reset_after: bool,
    backwards: bool,
    first: tuple[FloatArray, ...] | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Compute, step by step, with z[t], R, b and the mask in three blocks for u, r and g:

        u, r  = sigmoid(z[t] + (mask · h before) · R + b)
        inner = (mask · h before) · R + b   and g = tanh(z[t] + r · inner)    if reset_after,
        inner = r · (mask · h before)       and g = tanh(z[t] + inner · R)    if not
        h     = u · (h before) + (1 - u) · g

    z (time, lane, 3 * units); starts (lane,); recurrent R (units, 3 * units);
    recurrent_bias b (3 * units,), None: zero, as it always is if not reset_after;
    mask (3, lane, units) or None -> states h (time + 2, lane, units), laid out as by
    ``simple_rnn``; gates (time, lane, 3 * units): u, r, g; inner (time, lane, units).
    first: the state to start from, as in ``simple_rnn``.
    """  # fmt: skip
    units = len(recurrent)
    both, last = slice(2 * units), slice(2 * units, None)
    own = present(starts, len(z))
    z = np.where(own, z, 0)
    states = no_states(z, units, *(first or ()), backwards=backwards)
    gates, inners = np.zeros_like(z), np.zeros_like(z[:, :, last])
    bias = np.zeros(3 * units, z.dtype) if recurrent_bias is None else recurrent_bias
    for t, before in reading_order(len(z), backwards):
        h = states[before]
        a = recur(h, recurrent[:, both], None if mask is None else mask[:2]) + bias[both]
        u, r = np.split(sigmoid(z[t, :, both] + a), 2, axis=1)
        if reset_after:
            inner = recur(h, recurrent[:, last], None if mask is None else mask[2:]) + bias[last]
            g = np.tanh(z[t, :, last] + r * inner)
        else:
            inner = r * (h if mask is None else h * mask[2])
            g = np.tanh(z[t, :, last] + recur(inner, recurrent[:, last], None))
        states[t + 1] = np.where(own[t], u * h + (1 - u) * g, 0)
        gates[t], inners[t] = np.concatenate([u, r, g], axis=1), inner
    return states, gates, inners


def gru_backward(
    states: FloatArray,
    gates: FloatArray,
    inner: FloatArray,
    starts: IntArray,
    recurrent: FloatArray,
    mask: FloatArray | None,
    reset_after: bool,
    backwards: bool,
    d_states: FloatArray,
    carried: tuple[FloatArray, ...] | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Compute the gradients of ``gru``, with k = 0 where it starts, at the step read last:

        d_h  = d_states[t] + k
        d_g  = d_h · (1 - u) · (1 - g²)
        d_u  = d_h · (h before - g) · u (1 - u)

    and then, if reset_after, with d_a = (d_u, d_r, d_g · r), which also adds to d_recurrent_bias,

        d_r          = d_g · inner · r (1 - r)
        d_recurrent += (mask · h before)ᵀ · d_a
        k            = d_h · u + mask · (d_a · Rᵀ)

    or, if not, with d_a = (d_u, d_r), d_inner = d_g · Rᵀ of the block of g,

        d_r          = d_inner · (mask · h before) · r (1 - r)
        d_recurrent += (mask · h before)ᵀ · d_a,  innerᵀ · d_g
        k            = d_h · u + mask · (d_a · Rᵀ) + mask · d_inner · r

    -> d_z (time, lane, 3 * units): d_u, d_r, d_g, zero without a token;
    d_recurrent (units, 3 * units); d_recurrent_bias (3 * units,), None if not reset_after.
    carried: k to begin with and to end in, as in ``simple_rnn_backward``.
    """  # fmt: skip
    own = present(starts, len(d_states))
    d_z, d_recurrent = np.zeros_like(gates), np.zeros_like(recurrent)
    d_bias = np.zeros(recurrent.shape[1], recurrent.dtype)
    (k,) = carried_on(carried, states)
    back = _reset_after_backward if reset_after else _reset_before_backward
    for t, before in back_in_time(len(d_states), backwards):
        h, (u, r, g) = states[before], np.split(gates[t], 3, axis=1)
        d_h = np.where(own[t], d_states[t] + k, 0)
        d_g = d_h * (1 - u) * (1 - g * g)
        d_u = d_h * (h - g) * u * (1 - u)
        d_r, d_before, own_recurrent = back(h, r, inner[t], recurrent, mask, d_u, d_g)
        k[...] = d_h * u + d_before
        d_recurrent += own_recurrent
        d_bias += np.concatenate([d_u, d_r, d_g * r], axis=1).sum(axis=0)
        d_z[t] = np.concatenate([d_u, d_r, d_g], axis=1)
    return d_z, d_recurrent, d_bias if reset_after else None


def _reset_after_backward(
    h: FloatArray,
    r: FloatArray,
    inner: FloatArray,
    recurrent: FloatArray,
    mask: FloatArray | None,
    d_u: FloatArray,
    d_g: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One step's d_r, what it adds to the gradient of h before, and to d_recurrent."""
    d_r = d_g * inner * r * (1 - r)
    d_a = np.concatenate([d_u, d_r, d_g * r], axis=1)
    return d_r, *recur_backward(h, recurrent, mask, d_a)


def _reset_before_backward(
    h: FloatArray,
    r: FloatArray,
    inner: FloatArray,
    recurrent: FloatArray,
    mask: FloatArray | None,
    d_u: FloatArray,
    d_g: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """As `_reset_after_backward`."""
    both, last = slice(2 * len(recurrent)), slice(2 * len(recurrent), None)
    d_inner, d_last = recur_backward(inner, recurrent[:, last], None, d_g)
    seen = np.ones_like(h) if mask is None else mask[2]
    d_r = d_inner * (seen * h) * r * (1 - r)
    d_a = np.concatenate([d_u, d_r], axis=1)
    d_before, d_both = recur_backward(
        h, recurrent[:, both], None if mask is None else mask[:2], d_a
    )
    return d_r, d_before + d_inner * r * seen, np.concatenate([d_both, d_last], axis=1)
