"""How long the texts are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import DataError

_BINS = 50


@dataclass(frozen=True)
class LengthStatistics:
    """Lengths in tokens.

    p95: 95 of 100 texts are no longer. Bin ``i`` of the histogram holds ``histogram_counts[i]``
    texts with a length from ``histogram_edges[i]`` up to ``histogram_edges[i + 1]``.
    """

    count: int
    mean: float
    median: float
    p95: float
    longest: int
    histogram_counts: NDArray[np.int64]
    histogram_edges: NDArray[np.float64]


def length_statistics(lengths: ArrayLike) -> LengthStatistics:
    """Statistics of the lengths of texts; there must be at least one."""
    values = np.asarray(lengths, dtype=np.int64)
    if values.ndim != 1 or len(values) == 0:
        raise DataError("there are no texts to measure")
    counts, edges = np.histogram(values, bins=_BINS)
    return LengthStatistics(
        count=len(values),
        mean=float(values.mean()),
        median=float(np.median(values)),
        p95=float(np.percentile(values, 95)),
        longest=int(values.max()),
        histogram_counts=counts.astype(np.int64),
        histogram_edges=edges.astype(np.float64),
    )
