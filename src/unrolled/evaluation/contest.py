"""Contest: the network beside its baselines on the same texts, and who wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.evaluation.bootstrap import Intervals, all_intervals
from unrolled.evaluation.comparison import SIGNIFICANT, Comparison, compare
from unrolled.evaluation.metrics import Scores, score


@dataclass(frozen=True, eq=False)
class Contender:
    """Something that labels texts, and how well it does.

    predicted: its decisions, as for ``score``; None for the plain ones.
    """

    name: str
    probabilities: NDArray[np.floating]
    predicted: NDArray[Any] | None
    scores: Scores
    intervals: Intervals

    def to_dict(self) -> dict[str, Any]:
        """Return the scores and their intervals as plain numbers and lists, ready for JSON."""
        overall = {name: list(pair) for name, pair in self.intervals.overall.items()}
        by_class = {
            name: [list(pair) for pair in pairs] for name, pairs in self.intervals.by_class.items()
        }
        return self.scores.to_dict() | {"intervals": overall | by_class}


@dataclass(frozen=True, eq=False)
class Verdict:
    """Whether the network beats the best of its baselines, by accuracy.

    comparison: the baseline is a, the network b.
    """

    rival: Contender
    comparison: Comparison

    @property
    def wins(self) -> bool:
        """Whether the network has the higher accuracy, by more than chance explains."""
        return self.comparison.difference > 0 and self.comparison.p_value < SIGNIFICANT

    def __str__(self) -> str:
        found = self.comparison
        if found.difference < 0:
            verb = "loses to"
        elif found.difference == 0:
            verb = "only equals"
        else:
            verb = "beats" if found.p_value < SIGNIFICANT else "is not clearly better than"
        return (
            f"the network {verb} {self.rival.name}: {found.accuracy_b:.4f} against "
            f"{found.accuracy_a:.4f} ({chance_in_words(found)})"
        )


def contender(
    name: str,
    probabilities: NDArray[np.floating],
    targets: ArrayLike,
    predicted: NDArray[Any] | None = None,
) -> Contender:
    """Score one, with intervals."""
    return Contender(
        name=name,
        probabilities=probabilities,
        predicted=predicted,
        scores=score(probabilities, targets, predicted=predicted),
        intervals=all_intervals(probabilities, targets, predicted=predicted),
    )


def judge(network: Contender, baselines: Sequence[Contender], targets: ArrayLike) -> Verdict:
    """Compare the network with the most accurate of one or more baselines, the last of equals."""
    rival = max(reversed(baselines), key=lambda one: one.scores.accuracy)
    return Verdict(
        rival,
        compare(
            rival.probabilities,
            network.probabilities,
            targets,
            predicted_a=rival.predicted,
            predicted_b=network.predicted,
        ),
    )


def chance_in_words(found: Comparison) -> str:
    """``p < 0.001``, or ``p = 0.410, as chance can make it`` of a difference that means nothing."""
    p_value = "p < 0.001" if found.p_value < 0.001 else f"p = {found.p_value:.3f}"
    by_chance = found.difference != 0 and found.p_value >= SIGNIFICANT
    return f"{p_value}, as chance can make it" if by_chance else p_value
