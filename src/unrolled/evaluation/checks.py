"""Arguments of the scores: arrays that fit together, or a ShapeError that says which row does not.

Throughout ``evaluation``: probabilities (examples, classes); targets (examples,) class numbers
from 0, or, where an example may have several labels or none, (examples, classes) of 0 and 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import ShapeError

ABSTAINED = -1
"""Stands for the class of an example that no class was chosen for."""
_SLACK = 1e-5  # float32 sums of float32 probabilities end this near to 0 and 1


def checked(
    probabilities: ArrayLike, targets: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities in float64 and targets, one number or one row of 0 and 1 an example."""
    true = np.asarray(targets)
    given = checked_probabilities(probabilities, fewest=1 if true.ndim == 2 else 2)
    if true.ndim == 2:
        return given, checked_labels("true", true, given.shape)
    true_classes, _ = same_length(true, np.zeros(len(given), dtype=np.int64))
    check_classes("true", true_classes, given.shape[1])
    return given, true_classes


def checked_probabilities(probabilities: ArrayLike, *, fewest: int = 1) -> NDArray[np.float64]:
    """Probabilities (examples, classes) in float64, of ``fewest`` classes or more."""
    given = np.asarray(probabilities, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] < fewest:
        number = "two classes" if fewest == 2 else "one class"
        raise ShapeError(
            f"probabilities must be (examples, classes) with {number} or more, "
            f"not of shape {given.shape}"
        )
    if not np.isfinite(given).all():
        row = int(np.flatnonzero(~np.isfinite(given).all(axis=1))[0])
        raise ShapeError(f"the probabilities of example {row} are not finite numbers")
    outside = (given < -_SLACK) | (given > 1 + _SLACK)
    if outside.any():
        row, column = np.argwhere(outside)[0].tolist()
        raise ShapeError(
            f"the probability of class {column} in example {row} is {given[row, column]:g}; "
            "it must be 0 to 1"
        )
    return np.ascontiguousarray(given.clip(0.0, 1.0))


def checked_labels(
    name: str, labels: NDArray[np.generic], shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Labels (examples, classes) of 0 and 1."""
    if labels.shape != shape:
        raise ShapeError(
            f"{name} labels are of shape {labels.shape}; the probabilities of shape {shape} "
            "need as many rows and columns"
        )
    if len(labels) == 0:
        raise ShapeError(f"no {name} labels: scores need at least one example")
    if labels.dtype.kind not in "iub" or not np.isin(labels, (0, 1)).all():
        raise ShapeError(f"{name} labels (examples, classes) must be 0 or 1, as whole numbers")
    return labels.astype(np.int64)


def checked_predictions(
    predicted: ArrayLike, targets: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """Decisions that fit checked targets; where one class is chosen, -1 for none."""
    if targets.ndim == 2:
        return checked_labels("predicted", np.asarray(predicted), targets.shape)
    _, numbers = same_length(targets, predicted)
    check_classes("predicted", numbers[numbers != ABSTAINED], classes)
    return numbers


def same_length(
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


def check_classes(name: str, numbers: NDArray[np.int64], classes: int) -> None:
    """Every class number is that of one of the ``classes``."""
    outside = np.flatnonzero((numbers < 0) | (numbers >= classes))
    if len(outside):
        row = int(outside[0])
        raise ShapeError(
            f"the {name} class of example {row} is {numbers[row]}; "
            f"with {classes} classes it must be 0 to {classes - 1}"
        )
