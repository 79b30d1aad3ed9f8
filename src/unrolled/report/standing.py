"""Where a network stands: its scores beside those of simpler ways, on the same validation texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.evaluation.baselines import LINEAR, MAJORITY, majority
from unrolled.evaluation.calibration import BINS, confidence_bins
from unrolled.evaluation.checks import ABSTAINED, checked
from unrolled.evaluation.comparison import SIGNIFICANT
from unrolled.evaluation.contest import Contender, contender, judge
from unrolled.evaluation.decision import Decision
from unrolled.report.plots import Bin
from unrolled.report.rival import Rival

NETWORK = "the network"
FIGURES = ("accuracy", "macro_f1", "micro_f1", "roc_auc", "loss", "calibration_error")
CLASS_FIGURES = ("precision", "recall", "f1")

Outcome = Literal["wins", "loses", "even"]
Interval = Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One who labels texts, and how well, by the names of ``Scores``; None is not defined."""

    name: str
    figures: Mapping[str, float | None]
    intervals: Mapping[str, Interval]


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """Scores of the network by class; ``intervals`` has one a class for each figure."""

    support: Sequence[int]
    precision: Sequence[float]
    recall: Sequence[float]
    f1: Sequence[float]
    roc_auc: Sequence[float | None]
    intervals: Mapping[str, Sequence[Interval]]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What was measured on validation texts, in types that JSON has.

    count: the texts, drawn from ``available``. contestants: the network first. rival: the most
    accurate of the others; difference: the network's accuracy less its own; p_value: of McNemar's
    test. missing: why the linear baseline is not among them; else empty. It was fitted on
    ``fitted_on`` of ``train_count`` training texts.
    The scores are those of a network that has to label every text; abstained: on how many texts
    it would rather not; right_otherwise: the share that is right of the others.
    """

    several: bool
    count: int
    available: int
    contestants: Sequence[Contestant]
    rival: str
    difference: float
    p_value: float
    missing: str
    fitted_on: int
    train_count: int
    by_class: ClassScores
    bins: Sequence[Bin]
    abstained: int
    right_otherwise: float | None

    @property
    def network(self) -> Contestant:
        """The network's own scores."""
        return self.contestants[0]

    @property
    def outcome(self) -> Outcome:
        """Whether the network beats its best rival, by more than chance explains."""
        if self.p_value >= SIGNIFICANT or self.difference == 0:
            return "even"
        return "wins" if self.difference > 0 else "loses"

    @property
    def verdict(self) -> str:
        """The outcome in a sentence."""
        ours = self.network.figures["accuracy"] or 0.0
        theirs = ours - self.difference
        digits = 1 if f"{ours:.1%}" != f"{theirs:.1%}" or not self.difference else 2
        right = f"of the {self.count:,} validation texts{' with all labels' * self.several} right"
        own, other = f"{ours:.{digits}%}", f"{theirs:.{digits}%}"
        chance = "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.3f}"
        if self.outcome == "wins":
            return f"The network beats {self.rival}: {own} {right} against {other} ({chance})."
        if self.outcome == "loses":
            return f"The network loses to {self.rival}: {own} {right} against {other} ({chance})."
        if self.difference == 0:
            return f"The network does no better than {self.rival}: both have {own} {right}."
        return (
            f"The network and {self.rival} cannot be told apart: {own} and {other} {right}, "
            f"a difference that chance can make ({chance})."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and lists, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Standing:
        """Read what ``to_dict`` gave."""
        return cls(
            **{
                **data,
                "contestants": [Contestant(**one) for one in data["contestants"]],
                "by_class": ClassScores(**data["by_class"]),
                "bins": [Bin(**one) for one in data["bins"]],
            }
        )


def measure(
    probabilities: NDArray[np.floating],
    targets: NDArray[Any],
    decision: Decision,
    *,
    train_targets: NDArray[Any],
    available: int,
    rival: Rival,
) -> Standing:
    """Score the network and its baselines on the same texts.

    probabilities, targets: of these texts. available: how many validation texts there are.
    """
    several = targets.ndim == 2
    network = contender(
        NETWORK, probabilities, targets, decision.answers(probabilities, several=several)
    )
    classes = probabilities.shape[1]
    others = [contender(MAJORITY, majority(train_targets, targets, classes), targets)]
    if rival.probabilities is not None:
        others.insert(0, contender(LINEAR, rival.probabilities, targets))
    verdict = judge(network, others[::-1], targets)
    abstained, right = _abstentions(probabilities, targets, decision)
    return Standing(
        several=several,
        count=len(targets),
        available=available,
        contestants=[_contestant(one) for one in (network, *others)],
        rival=verdict.rival.name,
        difference=verdict.comparison.difference,
        p_value=verdict.comparison.p_value,
        missing=rival.reason,
        fitted_on=rival.fitted_on,
        train_count=len(train_targets),
        by_class=_by_class(network),
        bins=_bins(probabilities, targets),
        abstained=abstained,
        right_otherwise=right,
    )


def _contestant(one: Contender) -> Contestant:
    return Contestant(
        name=one.name,
        figures={name: getattr(one.scores, name) for name in FIGURES},
        intervals={
            name: list(pair) for name, pair in one.intervals.overall.items() if name in FIGURES
        },
    )


def _by_class(network: Contender) -> ClassScores:
    scores, intervals = network.scores, network.intervals.by_class
    return ClassScores(
        support=list(scores.support),
        precision=list(scores.precision),
        recall=list(scores.recall),
        f1=list(scores.f1),
        roc_auc=list(scores.class_roc_auc),
        intervals={name: [list(pair) for pair in intervals[name]] for name in CLASS_FIGURES},
    )


def _bins(probabilities: NDArray[np.floating], targets: NDArray[Any]) -> list[Bin]:
    """Claims by their probability: of the most probable class, or of each label."""
    given, true = checked(probabilities, targets)
    places, differences = confidence_bins(given, true)
    claims = given if true.ndim == 2 else given.max(axis=1, keepdims=True)
    counts, sums, surplus = (
        np.bincount(places.ravel(), weights, minlength=BINS)
        for weights in (None, claims.ravel(), differences.ravel())
    )
    return [
        Bin(
            low=place / BINS,
            high=(place + 1) / BINS,
            count=int(counts[place]),
            confidence=float(sums[place] / counts[place]),
            right=float((sums[place] - surplus[place]) / counts[place]),
        )
        for place in np.flatnonzero(counts).tolist()
    ]


def _abstentions(
    probabilities: NDArray[np.floating], targets: NDArray[Any], decision: Decision
) -> tuple[int, float | None]:
    """On how many texts the network would give no label, and how often it is right otherwise."""
    if targets.ndim == 2 or not decision.abstains:
        return 0, None
    chosen = decision.choose(probabilities)
    answered = chosen != ABSTAINED
    right = float((chosen == targets)[answered].mean()) if answered.any() else None
    return int((~answered).sum()), right
