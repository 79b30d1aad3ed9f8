"""The seeded split into training and validation rows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import DataError


def train_validation_split(
    count: int, fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows for training and rows for validation, in random order.

    The same rows in the same order as scikit-learn's ``train_test_split(range(count),
    test_size=fraction, random_state=seed)``.
    """
    if not 0 < fraction < 1:
        raise DataError(f"the validation fraction must lie between 0 and 1, not {fraction}")
    validation = math.ceil(count * fraction)
    if validation >= count:
        raise DataError(
            f"{count} rows cannot be split: {validation} for validation leave none for training"
        )
    rows = np.random.RandomState(seed).permutation(count).astype(np.int64)
    return rows[validation:], rows[:validation]
