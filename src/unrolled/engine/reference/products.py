"""Matrix products: of rows, of a state, and of all steps of a tile with an input kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.reference.steps import FloatArray, IntArray, present
from unrolled.engine.reference.tables import gathered
from unrolled.engine.rows import Rows


def product(left: FloatArray, right: FloatArray) -> FloatArray:
    """Compute left · right: (rows, inner) · (inner, columns) -> (rows, columns).

    Added up in the order of the inner axis, so that a row's bits depend on that row alone, which
    a library's matrix product does not promise.
    """
    total = np.zeros((left.shape[0], right.shape[1]), dtype=np.result_type(left, right))
    for inner in range(right.shape[0]):
        total += left[:, inner, None] * right[inner]
    return total


def affine(inputs: FloatArray, kernel: FloatArray, bias: FloatArray) -> FloatArray:
    """Compute outputs = inputs · kernel + bias.

    inputs (rows, fan_in), kernel (fan_in, fan_out), bias (fan_out,) -> (rows, fan_out).
    Source: Keras ``Dense`` without its activation.
    """
    return product(inputs, kernel) + bias


def affine_backward(
    inputs: FloatArray, kernel: FloatArray, d_outputs: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Compute the gradients of ``affine`` from that of its outputs, (rows, fan_out).

    d_inputs = d_outputs · kernelᵀ    (rows, fan_in)
    d_kernel = inputsᵀ · d_outputs    (fan_in, fan_out)
    d_bias   = sum of the rows of d_outputs    (fan_out,)
    """
    inputs = inputs[:, : len(kernel)]
    return d_outputs @ kernel.T, inputs.T @ d_outputs, d_outputs.sum(axis=0)


def recur(state: FloatArray, recurrent: FloatArray, mask: FloatArray | None) -> FloatArray:
    """Compute state · recurrent, where each gate sees its own part of the state in training.

    state (lane, units); recurrent (units, gates * units); mask (gates, lane, units) multiplies
    the state, None: 1 -> (lane, gates * units). Source: Keras' ``recurrent_dropout``.
    """
    if mask is None:
        return product(state, recurrent)
    kernels = np.split(recurrent, len(mask), axis=1)
    parts = [product(state * own, kernel) for own, kernel in zip(mask, kernels, strict=True)]
    return np.concatenate(parts, axis=1)


def recur_backward(
    state: FloatArray, recurrent: FloatArray, mask: FloatArray | None, d_outputs: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Compute the gradients of ``recur`` from that of its outputs, (lane, gates * units).

    d_state     = sum over the gates of mask · (d_outputs · recurrentᵀ)    (lane, units)
    d_recurrent = (mask · state)ᵀ · d_outputs, gate by gate    (units, gates * units)
    """
    if mask is None:
        return d_outputs @ recurrent.T, state.T @ d_outputs
    kernels = np.split(recurrent, len(mask), axis=1)
    d_gates = np.split(d_outputs, len(mask), axis=1)
    d_state = np.zeros_like(state)
    for own, kernel, d_gate in zip(mask, kernels, d_gates, strict=True):
        d_state += own * (d_gate @ kernel.T)
    parts = [(state * own).T @ d_gate for own, d_gate in zip(mask, d_gates, strict=True)]
    return d_state, np.concatenate(parts, axis=1)


def project(
    x: NDArray[Any],
    starts: IntArray,
    kernel: FloatArray,
    bias: FloatArray,
    gates: int,
    backwards: bool,
) -> FloatArray:
    """Compute z[t] = x[t] · kernel[-1] + (the step read before t) · kernel[-2] + ... + bias.

    x: numbers (time, lane, size), or ids (time, lane), each of which stands for a one-hot vector
    of length size and picks a row; starts (lane,): the first step that has a token;
    kernel (size, gates * units), or (window, size, gates * units) as Keras' causal ``Conv1D``
    has it: the first step that is read meets nothing before it. bias (gates * units,)
    -> z (time, lane, gates * units), of which steps without a token mean nothing.
    """
    own = present(starts, len(x))
    z = np.zeros((*x.shape[:2], len(bias)), dtype=kernel.dtype)
    for shift, part in enumerate(reversed(_parts(kernel))):
        if x.ndim == 2:
            rows = part[np.where(own[:, :, 0], x, 0)]
        else:
            rows = product(x.reshape(-1, x.shape[2]), part).reshape(z.shape)
        z += _shifted(np.where(own, rows, 0), shift, backwards)
    return z + bias


def project_backward(
    x: NDArray[Any],
    starts: IntArray,
    kernel: FloatArray,
    d_z: FloatArray,
    gates: int,
    backwards: bool,
) -> tuple[FloatArray | None, FloatArray | Rows, FloatArray]:
    """Compute the gradients of ``project`` from that of z, zero where there is no token.

    -> d_x (time, lane, size), zero where there is no token, or None for ids; d_kernel, or the
    `Rows` of it that ids picked, with values (k, gates * units) or (k, window, gates * units);
    d_bias (gates * units,).
    """
    own = present(starts, len(x))
    parts = _parts(kernel)
    # What each part of the window's kernel gets, at the step whose input it met.
    met = [np.where(own, _shifted(d_z, shift, not backwards), 0) for shift in range(len(parts))][
        ::-1
    ]
    d_bias = d_z.sum(axis=(0, 1))
    if x.ndim == 2:
        rows = gathered(x, starts, np.stack(met, axis=2))
        return None, rows if kernel.ndim == 3 else Rows(rows.numbers, rows.values[:, 0]), d_bias
    x = x[:, :, : kernel.shape[-2]]
    d_x = sum(d @ part.T for d, part in zip(met, parts, strict=True))
    d_kernel = np.stack([np.tensordot(x, d, axes=((0, 1), (0, 1))) for d in met])
    return np.asarray(d_x), d_kernel.reshape(kernel.shape), d_bias


def _parts(kernel: FloatArray) -> list[FloatArray]:
    """The matrices (size, gates * units) of a window; one without."""
    return list(kernel) if kernel.ndim == 3 else [kernel]


def _shifted(steps: FloatArray, shift: int, backwards: bool) -> FloatArray:
    """Each step gets what ``shift`` steps before it in reading order has, the first ones zero."""
    moved = np.zeros_like(steps)
    kept = len(steps) - shift
    if backwards:
        moved[: max(kept, 0)] = steps[shift:]
    else:
        moved[shift:] = steps[: max(kept, 0)]
    return moved
