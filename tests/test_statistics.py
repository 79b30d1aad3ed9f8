from itertools import pairwise

import numpy as np
import pytest

from unrolled.datasets.statistics import length_statistics
from unrolled.errors import DataError


def test_of_a_skewed_sample() -> None:
    lengths = [1] * 50 + [2] * 40 + [3] * 8 + [500, 1000]
    statistics = length_statistics(lengths)
    assert statistics.count == 100
    assert statistics.mean == pytest.approx((50 + 80 + 24 + 1500) / 100)
    assert statistics.median == 1.5
    assert statistics.p95 == 3
    assert statistics.longest == 1000


def test_histogram_counts_every_text_once() -> None:
    lengths = np.random.default_rng(0).integers(0, 300, size=777)
    statistics = length_statistics(lengths)
    counts, edges = statistics.histogram_counts, statistics.histogram_edges
    assert counts.sum() == 777
    assert len(edges) == len(counts) + 1
    inside = [
        int(((lengths >= low) & (lengths < high)).sum()) for low, high in pairwise(edges[:-1])
    ]
    assert counts[:-1].tolist() == inside


def test_one_text_and_none() -> None:
    assert length_statistics([7]).longest == 7
    with pytest.raises(DataError, match="no texts to measure"):
        length_statistics([])
