"""Initial weights: the distributions that Keras 3 starts from.

Every function draws from the generator it is given, in float64, and rounds once to float32, so
that a seed gives the same weights wherever NumPy gives the same draws.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def zeros(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Give zeros: Keras' initial bias."""
    return np.zeros(shape, dtype=np.float32)


def random_uniform(
    shape: tuple[int, ...], rng: np.random.Generator, *, low: float = -0.05, high: float = 0.05
) -> NDArray[np.float32]:
    """Draw from U(low, high): Keras' initial embedding."""
    return rng.uniform(low, high, shape).astype(np.float32)


def glorot_uniform(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw from U(-limit, limit), limit = sqrt(6 / (fan_in + fan_out)): Keras' initial kernel.

    shape: (fan_in, fan_out), or (window, rows, columns) of a convolution, whose fans are its rows
    and its columns times its window. Source: Glorot & Bengio 2010, equation 16.
    """
    *window, rows, columns = shape
    limit = math.sqrt(6.0 / (math.prod(window) * (rows + columns)))
    return random_uniform(shape, rng, low=-limit, high=limit)


def orthogonal(
    shape: tuple[int, int], rng: np.random.Generator, *, gain: float = 1.0
) -> NDArray[np.float32]:
    """Draw gain · Q, evenly from the orthogonal matrices: Keras' initial recurrent kernel.

    shape: (rows, columns). A tall or square matrix has orthonormal columns, a wide one
    orthonormal rows. Q R is the decomposition of a tall matrix of standard normals; a column of Q
    whose diagonal element of R is negative is turned round, without which Q would not be spread
    evenly. Source: Saxe et al. 2014; Mezzadri 2007 for the signs.
    """
    rows, columns = shape
    tall = rng.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    q = q * np.where(np.diag(r) < 0.0, -1.0, 1.0)
    matrix = q.T if rows < columns else q
    return np.ascontiguousarray(gain * matrix, dtype=np.float32)
