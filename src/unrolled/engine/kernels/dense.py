"""The Dense layer: a few rows, plain loops."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels.compiled import entry

Floats = NDArray[np.float32]


@entry
def affine(
    inputs: Floats,  # (rows, size, or wider)
    kernel: Floats,  # (size, units)
    bias: Floats,  # (units,)
    outputs: Floats,  # (rows, units): filled
) -> None:
    """outputs = inputs · kernel + bias."""
    for row in range(len(inputs)):
        outputs[row] = bias
        for i in range(len(kernel)):
            x = inputs[row, i]
            for j in range(kernel.shape[1]):
                outputs[row, j] += x * kernel[i, j]


@entry
def affine_backward(
    inputs: Floats,
    kernel: Floats,
    d_outputs: Floats,  # (rows, units)
    d_inputs: Floats,  # (rows, size, or wider): zeros; filled
    d_kernel: Floats,  # (size, units): zeros; added to
    d_bias: Floats,  # (units,): zeros; added to
) -> None:
    """The gradients of `affine`."""
    for row in range(len(inputs)):
        for i in range(len(kernel)):
            x, d_x = inputs[row, i], np.float32(0.0)
            for j in range(kernel.shape[1]):
                d = d_outputs[row, j]
                d_x += d * kernel[i, j]
                d_kernel[i, j] += x * d
            d_inputs[row, i] = d_x
        for j in range(kernel.shape[1]):
            d_bias[j] += d_outputs[row, j]
