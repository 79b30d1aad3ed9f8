"""The last layer of a classifier: Dense, sigmoid or softmax, cross-entropy, and back.

Plain loops over a tile's sequences: beside a recurrence of a hundred steps they cost nothing.
The formulas, clipping included, are those of `unrolled.engine.losses`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels.compiled import inner
from unrolled.engine.losses import CLIP

Floats = NDArray[np.float32]

_LOW = np.float32(CLIP)
_HIGH = np.float32(1.0 - CLIP)
_ONE = np.float32(1.0)
_ZERO = np.float32(0.0)


@inner
def probabilities(
    hidden: Floats,  # (units,) at least
    units: int,
    dense: Floats,  # (units x outputs) kernel, then (outputs,) bias
    outputs: int,
    result: Floats,  # (outputs,): filled
) -> None:
    """Sigmoid of the one output, or softmax of several."""
    for o in range(outputs):
        z = dense[units * outputs + o]
        for k in range(units):
            z += hidden[k] * dense[k * outputs + o]
        result[o] = z
    if outputs == 1:
        result[0] = _sigmoid(result[0])
        return
    largest = result[0]
    for o in range(1, outputs):
        if result[o] > largest:
            largest = result[o]
    total = _ZERO
    for o in range(outputs):
        result[o] = np.float32(math.exp(result[o] - largest))
        total += result[o]
    for o in range(outputs):
        result[o] /= total


@inner
def loss_and_gradient(
    result: Floats,  # (outputs,): probabilities in, gradient of the logits out
    outputs: int,
    target: int,
    share: np.float32,  # one over the rows of the batch
) -> tuple[float, bool]:
    """The loss of one sequence and whether it is classified rightly."""
    if outputs == 1:
        p = result[0]
        clipped = min(max(p, _LOW), _HIGH) if p == p else p
        right = (p > 0.5) == (target == 1)
        loss = -math.log(clipped) if target == 1 else -math.log(_ONE - clipped)
        result[0] = (p - np.float32(target)) * (_slope(p) * share)
        return loss, right
    total = _ZERO
    for o in range(outputs):
        total += result[o]
    for o in range(outputs):
        result[o] /= total
    p = result[target]
    best = 0
    for o in range(1, outputs):
        if result[o] > result[best]:
            best = o
    clipped = min(max(p, _LOW), _HIGH) if p == p else p
    scale = _slope(p) * share
    for o in range(outputs):
        result[o] = (result[o] - (_ONE if o == target else _ZERO)) * scale
    return -math.log(clipped), best == target


@inner
def through_dense(
    hidden: Floats,  # (units,) at least
    units: int,
    dense: Floats,  # kernel and bias, as above
    outputs: int,
    gradient: Floats,  # (outputs,) of the logits
    d_dense: Floats,  # as dense: added to
    d_hidden: Floats,  # (units,) at least: filled
) -> None:
    """From the gradient of the logits to those of the weights and of the hidden state."""
    for k in range(units):
        total = _ZERO
        for o in range(outputs):
            d_dense[k * outputs + o] += hidden[k] * gradient[o]
            total += dense[k * outputs + o] * gradient[o]
        d_hidden[k] = total
    for o in range(outputs):
        d_dense[units * outputs + o] += gradient[o]


@inner
def _sigmoid(z: np.float32) -> np.float32:
    """1 / (1 + exp(-z)) without overflow; NaN stays NaN."""
    if z >= _ZERO:
        return _ONE / (_ONE + np.float32(math.exp(-z)))
    e = np.float32(math.exp(z))
    return e / (_ONE + e)


@inner
def _slope(p: np.float32) -> np.float32:
    """Derivative of the clipping: 1 inside, 1/2 on a bound, 0 outside; NaN stays NaN."""
    if p in (_LOW, _HIGH):
        return np.float32(0.5)
    if p < _LOW or p > _HIGH:
        return _ZERO
    return _ONE
