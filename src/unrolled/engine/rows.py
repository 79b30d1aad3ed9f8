"""Gradients of tables of which a batch reads a few rows only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rows:
    """The gradient of a table's rows that were read; that of all others is zero.

    numbers: int64 (k,), the rows, ascending and different.
    values: (k, ..., columns), their gradients. What a table has between rows and columns stands
    in front of its rows: of a kernel (window, rows, columns) a row's gradient is (window, columns).
    """

    numbers: NDArray[np.int64]
    values: NDArray[Any]

    def dense(self, rows: int) -> NDArray[Any]:
        """The gradient of the whole table (..., rows, columns)."""
        *between, columns = self.values.shape[1:]
        whole = np.zeros((*between, rows, columns), dtype=self.values.dtype)
        whole[..., self.numbers, :] = np.moveaxis(self.values, 0, -2)
        return whole

    @staticmethod
    def total(parts: Sequence[Rows]) -> Rows:
        """Sum of one or more gradients of the same table, added up in the order of ``parts``."""
        numbers = np.unique(np.concatenate([part.numbers for part in parts]))
        first = parts[0].values
        values = np.zeros((len(numbers), *first.shape[1:]), dtype=first.dtype)
        for part in parts:
            values[np.searchsorted(numbers, part.numbers)] += part.values
        return Rows(numbers, values)
