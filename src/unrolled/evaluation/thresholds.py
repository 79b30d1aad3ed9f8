"""Thresholds: where to draw the line, chosen on validation data.

A threshold lies halfway between two neighbouring probabilities, so that a probability a little
different from those of the validation data falls on the side of the nearer one. Of thresholds that
are equally good the one nearest to 0.5 is taken, of two as near the lower one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Goal = Literal["accuracy", "f1", "precision"]
NEUTRAL = 0.5
_FARTHEST = 20.0  # no class counts more than this many times as much as it says itself
_LEAST = 1e-30  # stands in for a probability of 0, by which nothing can be divided
_ROUNDS = 10

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Cut:
    """A threshold and the precision that it has on the data it was chosen on.

    reached: whether that is the wanted precision, where one is wanted.
    """

    threshold: float
    precision: float
    reached: bool = True


def choose_threshold(
    probabilities: Floats, positive: NDArray[np.bool_], goal: Goal, wanted_precision: float
) -> Cut:
    """Choose the line above which a probability (examples,) means yes.

    accuracy: the most right answers. f1: the highest F1 of yes. precision: of the lines with at
    least the wanted precision the one of the highest recall; when there is none, the one of the
    highest precision. Without a positive example there is nothing to choose by: 0.5.
    """
    if not positive.any():
        return Cut(NEUTRAL, 0.0, reached=goal != "precision")
    cuts, given, right = _cuts(probabilities, positive)
    precision = right / np.maximum(given, 1)
    total = int(positive.sum())
    reached = True
    order: list[NDArray[Any]]  # what counts most first
    if goal == "accuracy":
        order = [2 * right - given]
    elif goal == "f1":
        order = [2 * right / (given + total)]
    else:
        enough = (precision >= wanted_precision) & (given > 0)
        reached = bool(enough.any())
        order = [np.where(enough, right, -1), precision] if reached else [precision, right]
    keys = (-cuts, -np.abs(cuts - NEUTRAL), *reversed(order))  # lexsort has it last
    best = int(np.lexsort(keys)[-1])
    return Cut(float(cuts[best]), float(precision[best]), reached)


def _cuts(
    probabilities: Floats, positive: NDArray[np.bool_]
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Every line that can be drawn: threshold, examples above it, positive ones among these."""
    order = np.argsort(-probabilities, kind="stable")
    falling = probabilities[order]
    above = np.append(np.flatnonzero(np.diff(falling)) + 1, len(falling))  # the whole ties
    given = np.concatenate([[0], above])
    right = np.concatenate([[0], np.cumsum(positive[order])])[given]
    edges = np.concatenate([[1.0], falling[above - 1], [0.0]])  # upper neighbours, then the floor
    cuts = between(edges[1:], edges[:-1])
    possible = np.ones(len(cuts), dtype=bool)
    possible[-1] = falling[-1] > 0.0  # nothing lies below 0 to be cut off
    return cuts[possible], given[possible], right[possible]


def between(low: Floats, high: Floats) -> Floats:
    """Halfway up from ``low``, and never so far that rounding makes it ``high``."""
    middle = low + (high - low) / 2.0
    return np.where((middle >= high) & (high > low), low, middle)


def choose_weights(
    probabilities: Floats, targets: Numbers, goal: Literal["accuracy", "f1"]
) -> tuple[float, ...]:
    """Choose what each class's probability is multiplied by before the largest wins.

    From 1 for every class, one class after the other takes the weight that serves best while the
    others keep theirs, until nothing gets better: so the result is at least as good as no weights.
    f1: the macro F1.
    """
    weights = np.ones(probabilities.shape[1])
    reached = _reached(probabilities, targets, weights, goal)
    for _ in range(_ROUNDS):
        before = reached
        for one in range(len(weights)):
            changed = weights.copy()
            changed[one] = _best_weight(probabilities, targets, weights, one, goal)
            value = _reached(probabilities, targets, changed, goal)
            if value > reached:
                weights, reached = changed, value
        if reached == before:
            break
    return tuple(weights.tolist())


def _reached(probabilities: Floats, targets: Numbers, weights: Floats, goal: str) -> float:
    """How many are right, or the sum of the F1 of all classes."""
    classes = len(weights)
    chosen = (probabilities * weights).argmax(axis=1)
    right = np.bincount(targets[chosen == targets], minlength=classes)
    if goal == "accuracy":
        return float(right.sum())
    both = np.bincount(chosen, minlength=classes) + np.bincount(targets, minlength=classes)
    return float((2.0 * right / np.maximum(both, 1)).sum())


def _best_weight(
    probabilities: Floats, targets: Numbers, weights: Floats, one: int, goal: str
) -> float:
    """Find the weight of class ``one`` that serves best, of equals the nearest to its present one.

    Between two turning points, at which an example is won, the weight makes no difference.
    """
    classes = len(weights)
    weighted = probabilities * weights
    weighted[:, one] = -1.0
    rival = weighted.argmax(axis=1)
    highest = weighted.max(axis=1)
    # Class ``one`` wins an example when its weight is above this turning point.
    turns = highest / np.maximum(probabilities[:, one], _LEAST)
    order = np.argsort(turns, kind="stable")
    rising = turns[order]
    ends = np.flatnonzero(np.append(np.diff(rising) > 0, True)) + 1
    won = np.concatenate([[0], ends])
    edges = np.concatenate([[0.0], rising[ends - 1], [np.inf]])
    allowed = edges.clip(1.0 / _FARTHEST, _FARTHEST)
    candidates = np.sqrt(allowed[:-1]) * np.sqrt(allowed[1:])  # halfway in the logarithm
    inside = (candidates > edges[:-1]) & (candidates < edges[1:])
    values = _values(targets[order], rival[order], won, one, classes, goal)
    if not inside.any():
        return float(weights[one])
    chosen = np.flatnonzero(inside & (values == values[inside].max()))
    nearest = np.abs(np.log(candidates[chosen] / weights[one])).argmin()
    return float(candidates[chosen[nearest]])


def _values(
    targets: Numbers, rivals: Numbers, won: Numbers, one: int, classes: int, goal: str
) -> Floats:
    """What is reached when ``one`` wins the first ``won`` examples and the rivals keep the rest."""
    right = np.zeros((len(won), classes))
    given = np.zeros((len(won), classes))
    for other in range(classes):
        if other == one:
            right[:, one] = np.concatenate([[0], np.cumsum(targets == one)])[won]
            given[:, one] = won
            continue
        is_rival = rivals == other
        for kept, flags in ((given, is_rival), (right, is_rival & (targets == other))):
            running = np.concatenate([[0], np.cumsum(flags)])
            kept[:, other] = running[-1] - running[won]
    if goal == "accuracy":
        return np.asarray(right.sum(axis=1))
    true = np.bincount(targets, minlength=classes)
    return np.asarray((2.0 * right / np.maximum(given + true, 1.0)).sum(axis=1))
