"""Activations and their slopes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import RecipeError

FloatArray = NDArray[np.floating[Any]]


def activate(name: str, z: FloatArray) -> FloatArray:
    """Compute h = tanh(z), relu: max(z, 0), or linear: z; any shape. Source: Keras activations."""
    match name:
        case "tanh":
            return np.tanh(z)
        case "relu":
            return np.maximum(z, 0)
        case "linear":
            return z
    raise unknown_activation(name)


def activation_gradient(name: str, h: FloatArray) -> FloatArray:
    """Compute dh/dz from the output h; any shape.

    tanh: 1 - h², relu: 1 where h > 0 and 0 elsewhere (so 0 at z = 0), linear: 1.
    """
    match name:
        case "tanh":
            return 1 - h * h
        case "relu":
            return (h > 0).astype(h.dtype)
        case "linear":
            return np.ones_like(h)
    raise unknown_activation(name)


def unknown_activation(name: str) -> RecipeError:
    """Make the error for an activation that does not exist."""
    return RecipeError(f"unknown activation {name!r}: choose one of tanh, relu, linear")


def sigmoid(z: FloatArray) -> FloatArray:
    """Compute 1 / (1 + exp(-z)) without overflow; its slope is y (1 - y) of the output y."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1 / (1 + small), small / (1 + small)).astype(z.dtype)
