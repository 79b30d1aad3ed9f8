"""Scores of a classifier, from its probabilities and the true classes.

Throughout: probabilities (examples, classes), targets and predictions (examples,) class numbers
from 0, confusion (true class, predicted class). Where an example may have several labels, or none,
targets and predictions are (examples, classes) of 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import ShapeError
from unrolled.evaluation.calibration import CLIP, calibration_error, log_loss, log_losses
from unrolled.evaluation.checks import (
    ABSTAINED,
    check_classes,
    checked,
    checked_predictions,
    same_length,
)
from unrolled.evaluation.ranking import class_aucs, macro_auc, rankings
from unrolled.evaluation.thresholds import NEUTRAL

__all__ = [
    "CLIP",
    "Scores",
    "accuracy",
    "calibration_error",
    "confusion_matrix",
    "decided",
    "log_loss",
    "most_wrong",
    "precision_recall_f1",
    "score",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """What ``score`` found; one number a class is in the order of the classes.

    multi_label: whether an example may have several labels. abstained: the examples that no class
    was chosen for; they count as not right.
    loss: the log loss. accuracy: of several labels, the share of examples with all of them right.
    macro_f1: mean of f1 over the classes, each counting the same however rare it is. micro_f1: F1
    of all decisions together. support: the examples of each class.
    precision, recall, f1: 0 where a class was never predicted or never true.
    class_roc_auc: each class against the rest, None for one that is absent or all there is;
    roc_auc: their mean (of two classes there is but one).
    calibration_error: as in ``calibration``; it and the losses know nothing of the decisions.
    confusion: (true class, predicted class), without the abstained; of several labels
    (class, not true or true, not predicted or predicted).
    """

    count: int
    multi_label: bool
    abstained: int
    loss: float
    accuracy: float
    macro_f1: float
    micro_f1: float
    roc_auc: float | None
    calibration_error: float
    support: tuple[int, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    f1: tuple[float, ...]
    class_roc_auc: tuple[float | None, ...]
    confusion: NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain numbers and lists, ready for JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        lists = {name: list(value) for name, value in values.items() if isinstance(value, tuple)}
        return values | lists | {"confusion": self.confusion.tolist()}


def accuracy(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Share of examples whose predicted class is the true one."""
    true_classes, predicted_classes = same_length(truth, predicted)
    return float(np.mean(true_classes == predicted_classes))


def confusion_matrix(truth: ArrayLike, predicted: ArrayLike, classes: int) -> NDArray[np.int64]:
    """How many examples of each class (row) were taken for each class (column)."""
    true_classes, predicted_classes = same_length(truth, predicted)
    for name, numbers in (("true", true_classes), ("predicted", predicted_classes)):
        check_classes(name, numbers, classes)
    cells = np.bincount(true_classes * classes + predicted_classes, minlength=classes * classes)
    return cells.reshape(classes, classes).astype(np.int64)


def precision_recall_f1(
    confusion: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Precision, recall and F1 of each class (classes,); 0 where one is not defined.

    precision = right / predicted, recall = right / true, F1 = 2 right / (predicted + true).
    """
    if confusion.ndim != 2 or confusion.shape[0] != confusion.shape[1]:
        raise ShapeError(f"a confusion matrix must be square, not of shape {confusion.shape}")
    right = np.diagonal(confusion).astype(np.float64)
    predicted, true = confusion.sum(axis=0), confusion.sum(axis=1)
    return share(right, predicted), share(right, true), share(2.0 * right, predicted + true)


def decided(
    probabilities: NDArray[np.float64], targets: NDArray[np.int64], predicted: ArrayLike | None
) -> NDArray[np.int64]:
    """Check the decisions; without any, the most probable class or what is above a half."""
    if predicted is not None:
        return checked_predictions(predicted, targets, probabilities.shape[1])
    if targets.ndim == 2:
        return np.asarray(probabilities > NEUTRAL, dtype=np.int64)
    return np.asarray(probabilities.argmax(axis=1))


def score(
    probabilities: ArrayLike, targets: ArrayLike, *, predicted: ArrayLike | None = None
) -> Scores:
    """All scores at once.

    predicted: what was decided: class numbers (examples,), -1 where none was chosen, or 0 and 1
    (examples, classes); by default the most probable class, the first of equals, or each label
    whose probability is above 0.5.
    """
    given, true = checked(probabilities, targets)
    chosen = decided(given, true, predicted)
    flags = one_hot(true, given.shape[1]), one_hot(chosen, given.shape[1])
    right, true_count, chosen_count = (array.sum(axis=0) for array in (flags[0] * flags[1], *flags))
    f1 = share(2.0 * right, chosen_count + true_count)
    micro = share(2.0 * right.sum(keepdims=True), (chosen_count + true_count).sum(keepdims=True))
    aucs = class_aucs(rankings(given, true))
    return Scores(
        count=len(given),
        multi_label=true.ndim == 2,
        abstained=0 if true.ndim == 2 else int((chosen == ABSTAINED).sum()),
        loss=float(log_losses(given, true).mean()),
        accuracy=float(is_right(true, chosen).mean()),
        macro_f1=float(f1.mean()),
        micro_f1=float(micro[0]),
        roc_auc=macro_auc(aucs),
        calibration_error=calibration_error(given, true),
        support=tuple(true_count.tolist()),
        precision=tuple(share(right, chosen_count).tolist()),
        recall=tuple(share(right, true_count).tolist()),
        f1=tuple(f1.tolist()),
        class_roc_auc=tuple(aucs * 2 if len(aucs) < len(f1) else aucs),
        confusion=_confusion(true, chosen, given.shape[1]),
    )


def most_wrong(
    probabilities: ArrayLike,
    targets: ArrayLike,
    k: int,
    *,
    predicted: ArrayLike | None = None,
) -> NDArray[np.int64]:
    """Find the wrong predictions that gave the truth least, at most ``k``, worst first.

    Right predictions are never among them, nor the abstained, so fewer than ``k`` may come back.
    Of equals, the earlier example comes first. predicted: as for ``score``.
    """
    given, true = checked(probabilities, targets)
    chosen = decided(given, true, predicted)
    wrong = ~is_right(true, chosen)
    if true.ndim == 1:
        wrong &= chosen != ABSTAINED
        of_truth = given[np.arange(len(given)), true]
    else:
        of_truth = np.where(true == 1, given, 1.0 - given).prod(axis=1)
    rows = np.flatnonzero(wrong)
    worst_first = np.argsort(of_truth[rows], kind="stable")
    return rows[worst_first][: max(k, 0)].astype(np.int64)


def is_right(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which examples are right (examples,): of several labels, in all of them."""
    same = truth == predicted
    return np.asarray(same if truth.ndim == 1 else same.all(axis=1))


def one_hot(numbers: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """0 and 1 (examples, classes) of class numbers (an abstained one has none) or of such flags."""
    if numbers.ndim == 2:
        return numbers
    return np.asarray(numbers[:, None] == np.arange(classes), dtype=np.int64)


def share(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Divide part by whole, and give 0 where the whole is 0."""
    return np.asarray(np.divide(part, whole, out=np.zeros(np.shape(part)), where=whole > 0))


def _confusion(
    true: NDArray[np.int64], chosen: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    if true.ndim == 1:
        answered = chosen != ABSTAINED
        cells = np.bincount(
            true[answered] * classes + chosen[answered], minlength=classes * classes
        )
        return cells.reshape(classes, classes).astype(np.int64)
    both = (true * chosen).sum(axis=0)
    missed, extra = true.sum(axis=0) - both, chosen.sum(axis=0) - both
    neither = len(true) - both - missed - extra
    return np.stack([neither, extra, missed, both], axis=1).reshape(classes, 2, 2)
