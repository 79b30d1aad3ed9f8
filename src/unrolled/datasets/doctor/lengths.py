"""How long the texts are, in a few bins that suit a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.datasets.statistics import LengthStatistics, length_statistics

_BINS = 10  # at most, before the last one, which has no end


@dataclass(frozen=True)
class Lengths:
    """Lengths in tokens, the start token not counted.

    statistics: of all texts. step: width of a bin; counts: texts in each bin, of which the last
    holds all that are longer.
    """

    statistics: LengthStatistics
    step: int
    counts: Sequence[int]

    @classmethod
    def of(cls, lengths: NDArray[np.int64]) -> Lengths:
        """Bins of one round width, in which nearly all texts lie; there must be a text."""
        step = _round_width(float(np.percentile(lengths, 98)) / _BINS)
        bins = min(_BINS, int(lengths.max()) // step)
        counts = np.bincount(np.minimum(lengths // step, bins), minlength=bins + 1)
        return cls(length_statistics(lengths), step, counts.tolist())

    def rows(self) -> list[tuple[str, int]]:
        """The name of each bin ("0-9", ..., "100+"), and its texts."""
        last = len(self.counts) - 1
        names = [self._name(number) for number in range(last)]
        open_end = self.statistics.longest >= (last + 1) * self.step
        names.append(f"{last * self.step:,}+" if open_end else self._name(last))
        return list(zip(names, self.counts, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Everything, in types that JSON has."""
        figures = self.statistics
        return {
            "count": figures.count,
            "mean": figures.mean,
            "median": figures.median,
            "p95": figures.p95,
            "longest": figures.longest,
            "bins": [{"tokens": name, "texts": count} for name, count in self.rows()],
        }

    def _name(self, number: int) -> str:
        first, last = number * self.step, (number + 1) * self.step - 1
        return f"{first:,}" if first == last else f"{first:,}-{last:,}"


def _round_width(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, ... that is no smaller."""
    unit = 1
    while True:
        for times in (1, 2, 5):
            if unit * times >= least:
                return unit * times
        unit *= 10
