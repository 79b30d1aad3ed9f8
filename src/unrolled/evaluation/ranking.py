"""ROC-AUC: how often a positive example is ranked above a negative one; a tie counts half."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.evaluation.checks import checked, checked_probabilities

Floats = NDArray[np.float64]


class Ranking:
    """The examples of one class in the order of their probability, for AUCs of any weighting.

    Sorting is done once, O(n log n); each AUC after it is O(n).
    """

    def __init__(self, probabilities: Floats, positive: NDArray[np.bool_]) -> None:
        order = np.argsort(probabilities, kind="stable")
        rising = probabilities[order]
        is_positive = positive[order]
        self._positives = order[is_positive]
        self._negatives = order[~is_positive]
        # Of each positive example: how many negative ones are below it, and how many not above.
        negatives = rising[~is_positive]
        self._below = np.searchsorted(negatives, rising[is_positive], side="left")
        self._not_above = np.searchsorted(negatives, rising[is_positive], side="right")

    def auc(self, weights: Floats | None = None) -> float | None:
        """Share of (positive, negative) pairs that are in the right order; None without any pair.

        weights: how often each example counts (examples,).
        """
        if weights is None:
            weights = np.ones(len(self._positives) + len(self._negatives))
        of_positives = weights[self._positives]
        running = np.concatenate([[0.0], np.cumsum(weights[self._negatives])])
        pairs = float(of_positives.sum() * running[-1])
        if pairs == 0.0:
            return None
        won = of_positives * (running[self._below] + running[self._not_above])
        return float(won.sum() / (2.0 * pairs))


def roc_auc(scores: ArrayLike, positive: ArrayLike) -> float | None:
    """AUC of scores (examples,) for what is positive (examples,); None without both kinds."""
    ranked = checked_probabilities(np.asarray(scores)[:, None])[:, 0]
    return Ranking(ranked, np.asarray(positive, dtype=bool)).auc()


def rankings(probabilities: ArrayLike, targets: ArrayLike) -> list[Ranking]:
    """Each class against the rest; of two classes only the second, which mirrors the first."""
    given, true = checked(probabilities, targets)
    if true.ndim == 2:
        return [Ranking(given[:, one], true[:, one] == 1) for one in range(given.shape[1])]
    columns = [1] if given.shape[1] == 2 else range(given.shape[1])
    return [Ranking(given[:, one], true == one) for one in columns]


def class_aucs(ranked: list[Ranking], weights: Floats | None = None) -> list[float | None]:
    """AUC of each ranking; None for a class that every example has, or none."""
    return [ranking.auc(weights) for ranking in ranked]


def macro_auc(aucs: list[float | None]) -> float | None:
    """Mean over the classes that have an AUC; None when there is none."""
    defined = [auc for auc in aucs if auc is not None]
    return sum(defined) / len(defined) if defined else None
