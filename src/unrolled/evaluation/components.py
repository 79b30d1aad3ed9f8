"""Principal components: the few directions in which vectors differ most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-12  # of the variance: what is left of none


def principal_components(
    vectors: NDArray[np.floating], count: int = 2
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where vectors lie along them (vectors, count), and their shares of the variance (count,).

    Each direction's largest number is positive, so that no picture is turned around by chance;
    a direction in which nothing differs has zeros. Source: Pearson 1901.
    """
    centred = np.asarray(vectors, dtype=np.float64)
    centred = centred - centred.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred)
    variances, directions = variances[::-1][:count], directions[:, ::-1][:, :count]
    largest = np.abs(directions).argmax(axis=0)
    directions = directions * np.sign(directions[largest, np.arange(directions.shape[1])])
    total = float((centred**2).sum())
    shares = np.zeros(count)
    places = np.zeros((len(centred), count))
    found = np.flatnonzero(variances > _ROUNDING * max(total, _ROUNDING))
    shares[found] = variances[found] / total
    places[:, found] = centred @ directions[:, found]
    return places, shares
