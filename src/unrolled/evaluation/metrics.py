"""Scores of a classifier, from its probabilities and the true classes.

Throughout: probabilities (examples, classes), targets and predictions (examples,) class numbers
from 0, confusion (true class, predicted class).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import ShapeError

CLIP = 1e-7
"""Keras keeps probabilities this far from 0 and 1 before it takes their logarithm."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """What ``score`` found.

    precision, recall, f1: one number a class; 0 where a class was never predicted or never true.
    macro_f1: mean of f1 over the classes, each counting the same however rare it is.
    """

    count: int
    loss: float
    accuracy: float
    macro_f1: float
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    f1: tuple[float, ...]
    confusion: NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain numbers and lists, ready for JSON."""
        return {
            "count": self.count,
            "loss": self.loss,
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "precision": list(self.precision),
            "recall": list(self.recall),
            "f1": list(self.f1),
            "confusion": self.confusion.tolist(),
        }


def accuracy(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Share of examples whose predicted class is the true one."""
    true_classes, predicted_classes = _same_length(truth, predicted)
    return float(np.mean(true_classes == predicted_classes))


def log_loss(probabilities: ArrayLike, targets: ArrayLike) -> float:
    """Mean of -log(probability of the true class), clipped as Keras' cross-entropies clip."""
    given, true_classes = _checked(probabilities, targets)
    of_truth = given[np.arange(len(given)), true_classes]
    return float(-np.log(np.clip(of_truth, CLIP, 1.0 - CLIP)).mean())


def confusion_matrix(truth: ArrayLike, predicted: ArrayLike, classes: int) -> NDArray[np.int64]:
    """How many examples of each class (row) were taken for each class (column)."""
    true_classes, predicted_classes = _same_length(truth, predicted)
    for name, numbers in (("true", true_classes), ("predicted", predicted_classes)):
        _check_classes(name, numbers, classes)
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
    return _share(right, predicted), _share(right, true), _share(2.0 * right, predicted + true)


def score(probabilities: ArrayLike, targets: ArrayLike) -> Scores:
    """All scores at once; the predicted class is the most probable one, the first of equals."""
    given, true_classes = _checked(probabilities, targets)
    predicted = given.argmax(axis=1)
    confusion = confusion_matrix(true_classes, predicted, given.shape[1])
    precision, recall, f1 = precision_recall_f1(confusion)
    return Scores(
        count=len(given),
        loss=log_loss(given, true_classes),
        accuracy=accuracy(true_classes, predicted),
        macro_f1=float(f1.mean()),
        precision=tuple(precision.tolist()),
        recall=tuple(recall.tolist()),
        f1=tuple(f1.tolist()),
        confusion=confusion,
    )


def most_wrong(probabilities: ArrayLike, targets: ArrayLike, k: int) -> NDArray[np.int64]:
    """Find the wrong predictions that gave the true class least, at most ``k``, worst first.

    Right predictions are never among them, so fewer than ``k`` may come back. Of equals, the
    earlier example comes first.
    """
    given, true_classes = _checked(probabilities, targets)
    of_truth = given[np.arange(len(given)), true_classes]
    wrong = np.flatnonzero(given.argmax(axis=1) != true_classes)
    worst_first = np.argsort(of_truth[wrong], kind="stable")
    return wrong[worst_first][: max(k, 0)].astype(np.int64)


def _share(part: NDArray[np.float64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Divide part by whole, and give 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def _same_length(
    truth: ArrayLike, predicted: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Both as (examples,) of integers, at least one example, as many of each."""
    arrays = []
    for name, numbers in (("true", np.asarray(truth)), ("predicted", np.asarray(predicted))):
        if numbers.ndim != 1:
            raise ShapeError(f"{name} classes must be (examples,), not of shape {numbers.shape}")
        if len(numbers) == 0:
            raise ShapeError(f"no {name} classes: scores need at least one example")
        if numbers.dtype.kind not in "iub":
            raise ShapeError(f"{name} classes must be whole numbers, not {numbers.dtype}")
        arrays.append(numbers.astype(np.int64))
    if len(arrays[0]) != len(arrays[1]):
        raise ShapeError(f"{len(arrays[0])} true classes but {len(arrays[1])} predicted ones")
    return arrays[0], arrays[1]


def _checked(
    probabilities: ArrayLike, targets: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities (examples, classes) in float64 and targets (examples,) that fit them."""
    given = np.asarray(probabilities, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] < 2:
        raise ShapeError(
            f"probabilities must be (examples, classes) with two classes or more, "
            f"not of shape {given.shape}"
        )
    if not np.isfinite(given).all():
        row = int(np.flatnonzero(~np.isfinite(given).all(axis=1))[0])
        raise ShapeError(f"the probabilities of example {row} are not finite numbers")
    true_classes, _ = _same_length(targets, np.zeros(len(given), dtype=np.int64))
    _check_classes("true", true_classes, given.shape[1])
    return given, true_classes


def _check_classes(name: str, numbers: NDArray[np.int64], classes: int) -> None:
    outside = np.flatnonzero((numbers < 0) | (numbers >= classes))
    if len(outside):
        row = int(outside[0])
        raise ShapeError(
            f"the {name} class of example {row} is {numbers[row]}; "
            f"with {classes} classes it must be 0 to {classes - 1}"
        )
