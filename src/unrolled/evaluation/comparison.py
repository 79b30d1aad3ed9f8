"""Comparison: whether one model is better than another on the same examples, or only luckier."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import ShapeError
from unrolled.evaluation.bootstrap import Interval, proportion_interval
from unrolled.evaluation.checks import checked
from unrolled.evaluation.metrics import decided, is_right

SIGNIFICANT = 0.05
_NEGLIGIBLE = 1e-17  # a term this small beside the sum of the larger ones changes no bit of it


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """What ``compare`` found of two models, a and b.

    An example is right when its predicted class is the true one; of several labels, when all are;
    an abstained one is not. lost: the rows that a had right and b has wrong; gained: those that b
    has right and a had wrong.
    difference: accuracy_b - accuracy_a. The intervals are 95% bootstrap intervals.
    p_value: of McNemar's exact two-sided test, how often two equally good models would differ at
    least as much.
    """

    count: int
    accuracy_a: float
    accuracy_b: float
    interval_a: Interval
    interval_b: Interval
    difference: float
    difference_interval: Interval
    lost: NDArray[np.int64]
    gained: NDArray[np.int64]
    p_value: float

    @property
    def worse(self) -> bool:
        """Whether b is worse than a: its accuracy is lower, and by more than chance (p < 0.05)."""
        return self.difference < 0 and self.p_value < SIGNIFICANT

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and lists, ready for JSON; of the flips their numbers."""
        return {
            "count": self.count,
            "accuracy_a": self.accuracy_a,
            "accuracy_b": self.accuracy_b,
            "interval_a": list(self.interval_a),
            "interval_b": list(self.interval_b),
            "difference": self.difference,
            "difference_interval": list(self.difference_interval),
            "lost": len(self.lost),
            "gained": len(self.gained),
            "p_value": self.p_value,
            "worse": self.worse,
        }


def compare(
    probabilities_a: ArrayLike,
    probabilities_b: ArrayLike,
    targets: ArrayLike,
    *,
    predicted_a: ArrayLike | None = None,
    predicted_b: ArrayLike | None = None,
) -> Comparison:
    """Compare two models on the same examples; the other arguments are those of ``score``."""
    given_a, true = checked(probabilities_a, targets)
    given_b, _ = checked(probabilities_b, targets)
    if given_a.shape != given_b.shape:
        raise ShapeError(
            f"probabilities of shapes {given_a.shape} and {given_b.shape} are not of the same "
            "examples and classes"
        )
    right_a = is_right(true, decided(given_a, true, predicted_a))
    right_b = is_right(true, decided(given_b, true, predicted_b))
    lost, gained = np.flatnonzero(right_a & ~right_b), np.flatnonzero(~right_a & right_b)
    count, both = len(true), int((right_a & right_b).sum())
    kinds = [both, len(lost), len(gained), count - both - len(lost) - len(gained)]
    return Comparison(
        count=count,
        accuracy_a=float(right_a.mean()),
        accuracy_b=float(right_b.mean()),
        interval_a=proportion_interval(kinds, [1, 1, 0, 0]),
        interval_b=proportion_interval(kinds, [1, 0, 1, 0]),
        difference=(len(gained) - len(lost)) / count,
        difference_interval=proportion_interval(kinds, [0, -1, 1, 0]),
        lost=lost,
        gained=gained,
        p_value=mcnemar(len(lost), len(gained)),
    )


def mcnemar(lost: int, gained: int) -> float:
    """p of McNemar's exact two-sided test, for any counts.

    Were the models equally good, each of the examples on which just one of them is right would
    fall to either with probability 1/2. p is twice the tail of that binomial distribution, at most
    1. Its terms shrink fast on the way out, so that few are added however large the counts are.
    """
    flips, fewer = lost + gained, min(lost, gained)
    logarithm = (
        math.lgamma(flips + 1)
        - math.lgamma(fewer + 1)
        - math.lgamma(flips - fewer + 1)
        - flips * math.log(2.0)
    )
    term = total = 1.0  # in units of the largest term, that of ``fewer`` itself
    for successes in range(fewer, 0, -1):
        term *= successes / (flips - successes + 1)
        total += term
        if term < _NEGLIGIBLE * total:
            break
    return min(1.0, 2.0 * total * math.exp(logarithm))
