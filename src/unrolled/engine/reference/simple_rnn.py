"""The recurrence of Elman 1990, Keras' ``SimpleRNN``."""

from __future__ import annotations

import numpy as np

from unrolled.engine.reference.activations import activate, activation_gradient
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


def simple_rnn(
    z: FloatArray,
    starts: IntArray,
    recurrent: FloatArray,
    mask: FloatArray | None,
    activation: str,
    backwards: bool,
    first: tuple[FloatArray, ...] | None = None,
) -> FloatArray:
    """Compute h = activation(z[t] + (mask · h before) · recurrent), step by step.

    z (time, lane, units): the projected inputs; starts (lane,): the first step with a token;
    recurrent (units, units); mask (1, lane, units) or None
    -> states (time + 2, lane, units): h after step t at t + 1; zero without a token and at both
    ends, which is where a text starts. backwards: from the last step to the first.
    first: the state (lane, units) to start from instead, where all lanes have a token at the step
    that is read first, or none at all.
    """
    states = no_states(z, len(recurrent), *(first or ()), backwards=backwards)
    own = present(starts, len(z))
    z = np.where(own, z, 0)
    for t, before in reading_order(len(z), backwards):
        h = activate(activation, z[t] + recur(states[before], recurrent, mask))
        states[t + 1] = np.where(own[t], h, 0)
    return states


def simple_rnn_backward(
    states: FloatArray,
    starts: IntArray,
    recurrent: FloatArray,
    mask: FloatArray | None,
    activation: str,
    backwards: bool,
    d_states: FloatArray,
    carried: tuple[FloatArray, ...] | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Compute the gradients of ``simple_rnn``: back-propagation through time.

    From the step that was read last to the first, with c = 0 at the start:

        d_z[t]       = (d_states[t] + c) · activation'(h)
        d_recurrent += (mask · h before)ᵀ · d_z[t]
        c            = mask · (d_z[t] · recurrentᵀ)

    d_states (time, lane, units): the gradient of the states after each step that comes from the
    layers above -> d_z (time, lane, units), zero without a token; d_recurrent (units, units).
    carried: c (lane, units) to begin with, the gradient of the state after the step that is read
    last, of lanes that have a token there; becomes that of the state before the one read first.
    Source: Werbos 1990.
    """
    own = present(starts, len(d_states))
    d_z = np.zeros_like(d_states)
    d_recurrent = np.zeros_like(recurrent)
    (c,) = carried_on(carried, states)
    for t, before in back_in_time(len(d_states), backwards):
        slope = activation_gradient(activation, states[t + 1])
        d_z[t] = np.where(own[t], (d_states[t] + c) * slope, 0)
        c[...], own_recurrent = recur_backward(states[before], recurrent, mask, d_z[t])
        d_recurrent += own_recurrent
    return d_z, d_recurrent
