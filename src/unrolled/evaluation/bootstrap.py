"""Bootstrap: how far a score could be off because just these examples were drawn.

As many examples are drawn again from the examples, with replacement, a thousand times; the middle
95% of the scores of these resamples is the interval (Efron's percentile method). A resample is a
number a row, how often it was drawn, and every score but the AUC follows from sums over the rows
weighted by it: one product of matrices for many resamples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.evaluation.calibration import BINS, confidence_bins, log_losses
from unrolled.evaluation.checks import checked
from unrolled.evaluation.metrics import decided, is_right, one_hot, share
from unrolled.evaluation.ranking import class_aucs, macro_auc, rankings

RESAMPLES = 1000
LEVEL = 0.95
_NUMBERS_AT_ONCE = 2**21  # of resamples times rows: 16 MB of float64

Interval = tuple[float, float]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Intervals:
    """95% intervals (low, high) by the names of ``Scores``; ``by_class`` has one a class."""

    overall: Mapping[str, Interval]
    by_class: Mapping[str, list[Interval]] = field(default_factory=dict)


def intervals(
    probabilities: ArrayLike,
    targets: ArrayLike,
    *,
    predicted: ArrayLike | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Interval]:
    """95% intervals of accuracy, macro_f1, micro_f1, loss, calibration_error and roc_auc.

    The arguments are those of ``metrics.score``. roc_auc is left out where it is not defined;
    resamples that lack a class take no part in its interval. The same seed gives the same numbers.
    """
    found = all_intervals(
        probabilities, targets, predicted=predicted, seed=seed, resamples=resamples
    )
    return dict(found.overall)


def all_intervals(
    probabilities: ArrayLike,
    targets: ArrayLike,
    *,
    predicted: ArrayLike | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Intervals:
    """As ``intervals``, and those of precision, recall and f1 of each class."""
    given, true = checked(probabilities, targets)
    chosen = decided(given, true, predicted)
    truth, choice = (one_hot(numbers, given.shape[1]) for numbers in (true, chosen))
    right = is_right(true, chosen)
    columns = [right, log_losses(given, true), _by_bin(given, true), truth * choice, choice, truth]
    added = _exact(np.concatenate([column.reshape(len(given), -1) for column in columns], axis=1))
    ranked = rankings(given, true)
    sums: list[Floats] = []
    aucs: list[float] = []
    for counts in _draws(len(given), seed, resamples):
        sums.append(counts @ added)
        defined = (macro_auc(class_aucs(ranked, row)) for row in counts)
        aucs += [auc for auc in defined if auc is not None]
    return _from_means(np.concatenate(sums) / len(given), np.array(aucs))


def proportion_interval(
    counts: ArrayLike, values: ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """95% interval of the mean of ``values`` (kinds,), of which there are ``counts`` (kinds,).

    Resamples of examples of a few kinds are multinomial draws: their number costs nothing.
    """
    numbers = np.asarray(counts, dtype=np.int64)
    total = int(numbers.sum())
    drawn = np.random.default_rng(seed).multinomial(total, numbers / total, size=resamples)
    return interval((drawn * np.asarray(values, dtype=np.float64)).sum(axis=1) / total)


def interval(values: Floats) -> Interval:
    """The middle 95% of ``values``."""
    tail = (1.0 - LEVEL) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return float(low), float(high)


def _draws(rows: int, seed: int, resamples: int) -> Iterator[Floats]:
    """How often each row was drawn (resamples, rows), some resamples at a time."""
    generator = np.random.default_rng(seed)
    at_once = max(1, _NUMBERS_AT_ONCE // rows)
    for start in range(0, resamples, at_once):
        block = min(at_once, resamples - start)
        counts = np.empty((block, rows))
        for row in counts:
            row[:] = np.bincount(generator.integers(0, rows, rows), minlength=rows)
        yield counts


def _by_bin(given: Floats, true: NDArray[np.int64]) -> Floats:
    """What each row adds to each bin of the calibration error (rows, bins)."""
    places, differences = confidence_bins(given, true)
    added = np.zeros((len(given), BINS))
    for claim in range(places.shape[1]):
        added[np.arange(len(given)), places[:, claim]] += differences[:, claim]
    return np.asarray(added / places.shape[1])


def _exact(values: Floats) -> Floats:
    """Multiples of 2**-26: their sums are exact, so that threads cannot change a bit of them."""
    return np.asarray(np.round(values * 2.0**26) / 2.0**26)


def _from_means(means: Floats, aucs: Floats) -> Intervals:
    """Scores of each resample from what its rows add on average, column by column.

    Those are: right; loss; a distance for each bin; for each class right, then given, then true.
    """
    classes = (means.shape[1] - 2 - BINS) // 3
    right, given, true = np.split(means[:, 2 + BINS :], 3, axis=1)
    of_class = {
        "precision": share(right, given),
        "recall": share(right, true),
        "f1": share(2.0 * right, given + true),
    }
    overall = {
        "accuracy": means[:, 0],
        "loss": means[:, 1],
        "macro_f1": of_class["f1"].mean(axis=1),
        "micro_f1": share(2.0 * right.sum(axis=1), (given + true).sum(axis=1)),
        "calibration_error": np.abs(means[:, 2 : 2 + BINS]).sum(axis=1),
        "roc_auc": aucs,
    }
    return Intervals(
        overall={name: interval(values) for name, values in overall.items() if len(values)},
        by_class={
            name: [interval(values[:, one]) for one in range(classes)]
            for name, values in of_class.items()
        },
    )
