"""Losses on probabilities, with the gradient back to the logits.

Keras does not take the logits: it clips the probabilities and takes their logarithm, so that a
saturated output has a bounded loss and no gradient. Both are repeated here.

With p clipped to [low, high], low = 1e-7 and high = 1 - 1e-7 (in float32: 1 - 2**-23), automatic
differentiation multiplies the gradient of the unclipped loss by ``clip_slope(p)``:

    1 where low < p < high,    1/2 where p = low or p = high,    0 outside.

The half is no curiosity: in float32 all logits from about 15.6 to 16.6 have the probability
``high``.
NaN stays NaN, in the loss and in the gradient.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import RecipeError, ShapeError

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]

CLIP = 1e-7


def clip_bounds(dtype: np.dtype[Any]) -> FloatArray:
    """Round the lowest and the highest probability to ``dtype`` (2,)."""
    return np.array([CLIP, 1.0 - CLIP], dtype=dtype)


def clip(probabilities: FloatArray) -> FloatArray:
    """Compute min(max(p, low), high), any shape."""
    low, high = clip_bounds(probabilities.dtype)
    clipped: FloatArray = np.clip(probabilities, low, high)
    return clipped


def clip_slope(probabilities: FloatArray) -> FloatArray:
    """Compute the derivative of ``clip`` as automatic differentiation does, any shape."""
    low, high = clip_bounds(probabilities.dtype)
    slope: FloatArray = np.zeros_like(probabilities)
    slope[(low < probabilities) & (probabilities < high)] = 1.0
    slope[(probabilities == low) | (probabilities == high)] = 0.5
    return slope


def check_targets(probabilities: FloatArray, targets: IntArray, *, classes: int) -> None:
    """Raise ShapeError unless each row of probabilities has one target in 0 ... classes - 1."""
    if targets.shape != probabilities.shape[:1]:
        raise ShapeError(
            f"targets have shape {targets.shape} where {probabilities.shape[:1]} is needed: "
            "give one class number for each example"
        )
    outside = np.flatnonzero((targets < 0) | (targets >= classes))
    if len(outside):
        row = int(outside[0])
        raise ShapeError(
            f"the target of row {row} is {targets[row]}: give a class from 0 to {classes - 1}"
        )


def check_label_targets(probabilities: FloatArray, targets: IntArray) -> None:
    """Raise ShapeError unless each probability (n, labels) has a target 0 or 1."""
    if targets.shape != probabilities.shape:
        raise ShapeError(
            f"targets have shape {targets.shape} where {probabilities.shape} is needed: "
            "give 0 or 1 for each label of each example"
        )
    outside = np.argwhere((targets != 0) & (targets != 1))
    if len(outside):
        row, label = outside[0].tolist()
        raise ShapeError(
            f"the target of row {row}, label {label} is {targets[row, label]}: give 0 or 1"
        )


class Loss(ABC):
    """A loss of probabilities (n, outputs) against class numbers (n,), or 0 and 1 for each output.

    name: Keras' name of it.
    """

    name: ClassVar[str]

    @abstractmethod
    def loss(self, probabilities: FloatArray, targets: IntArray) -> FloatArray:
        """Compute the loss of each example (n,)."""

    @abstractmethod
    def gradient(self, probabilities: FloatArray, targets: IntArray) -> FloatArray:
        """Compute the gradient of the sum of the losses by the logits (n, outputs)."""

    @abstractmethod
    def accuracy(self, probabilities: FloatArray, targets: IntArray) -> NDArray[Any]:
        """Tell whether each example's predicted class is its target, or how far (n,)."""


class BinaryCrossentropy(Loss):
    """-(t log p + (1 - t) log(1 - p)), p = clip(sigmoid(z)); the mean of several outputs.

    probabilities (n, 1) and targets t (n,) of 0 and 1; or probabilities (n, labels), each label
    being there or not, and targets (n, labels).
    Gradient with respect to z: (p - t) · clip_slope(p) / labels.
    Source: Keras ``binary_crossentropy``, ``binary_accuracy`` (p > 0.5 is 1).
    """

    name = "binary_crossentropy"

    def loss(self, probabilities: FloatArray, targets: IntArray) -> FloatArray:
        """Compute -log p where t = 1, -log(1 - p) where t = 0 (n,)."""
        clipped = clip(probabilities)
        is_one = self._shaped(probabilities, targets) == 1
        losses: FloatArray = -np.log(np.where(is_one, clipped, 1 - clipped)).mean(axis=1)
        return losses

    def gradient(self, probabilities: FloatArray, targets: IntArray) -> FloatArray:
        """Compute (p - t) · clip_slope(p) / labels (n, labels)."""
        shaped = self._shaped(probabilities, targets).astype(probabilities.dtype)
        gradient: FloatArray = (probabilities - shaped) * clip_slope(probabilities)
        return (
            gradient
            if gradient.shape[1] == 1
            else gradient / gradient.dtype.type(gradient.shape[1])
        )

    def accuracy(self, probabilities: FloatArray, targets: IntArray) -> NDArray[Any]:
        """Share of the outputs with p > 0.5 where t = 1 and not where t = 0 (n,)."""
        right = (probabilities > 0.5) == (self._shaped(probabilities, targets) == 1)
        share: NDArray[Any] = right[:, 0] if right.shape[1] == 1 else right.mean(axis=1)
        return share

    @staticmethod
    def _shaped(probabilities: FloatArray, targets: IntArray) -> IntArray:
        """Give the targets the shape of the probabilities (n, labels)."""
        if probabilities.ndim != 2:
            raise ShapeError(
                f"binary cross-entropy needs probabilities (n, labels), not {probabilities.shape}: "
                "end the network with Dense(1, 'sigmoid'), or with a unit for each label"
            )
        if probabilities.shape[1] == 1 and targets.ndim == 1:
            check_targets(probabilities, targets, classes=2)
            return targets[:, None]
        check_label_targets(probabilities, targets)
        return targets


class SparseCategoricalCrossentropy(Loss):
    """-log clip(q[t]), q = p / sum(p), p = softmax(z).

    probabilities (n, classes), targets t (n,) from 0 to classes - 1.
    Gradient with respect to z: (q - one_hot(t)) · clip_slope(q[t]): a row whose target is clipped
    has no gradient at all. Source: Keras ``sparse_categorical_crossentropy`` and
    ``sparse_categorical_accuracy`` (the first of the largest probabilities is the class).
    """

    name = "sparse_categorical_crossentropy"

    def loss(self, probabilities: FloatArray, targets: IntArray) -> FloatArray:
        """Compute -log clip(q[t]) (n,)."""
        normalised = self._normalised(probabilities, targets)
        return -np.log(clip(normalised[np.arange(len(targets)), targets]))

    def gradient(self, probabilities: FloatArray, targets: IntArray) -> FloatArray:
        """Compute (q - one_hot(t)) · clip_slope(q[t]) (n, classes)."""
        errors = self._normalised(probabilities, targets)
        rows = np.arange(len(targets))
        slopes = clip_slope(errors[rows, targets])
        errors[rows, targets] -= 1
        return errors * slopes[:, None]

    def accuracy(self, probabilities: FloatArray, targets: IntArray) -> NDArray[np.bool_]:
        """Tell whether the largest q is that of t (n,)."""
        largest = self._normalised(probabilities, targets).argmax(axis=1)
        right: NDArray[np.bool_] = largest == targets
        return right

    @staticmethod
    def _normalised(probabilities: FloatArray, targets: IntArray) -> FloatArray:
        """Divide each row by its sum, in a new array (n, classes)."""
        if probabilities.ndim != 2 or probabilities.shape[1] < 2:
            raise ShapeError(
                "sparse categorical cross-entropy needs probabilities (n, classes) of two classes "
                f"or more, not {probabilities.shape}: end the network with Dense(classes, "
                "'softmax')"
            )
        check_targets(probabilities, targets, classes=probabilities.shape[1])
        normalised: FloatArray = probabilities / probabilities.sum(axis=1, keepdims=True)
        return normalised


LOSSES: dict[str, type[Loss]] = {
    loss.name: loss for loss in (BinaryCrossentropy, SparseCategoricalCrossentropy)
}


def loss_named(name: str) -> Loss:
    """Make the loss that Keras calls ``name``. Raises RecipeError for an unknown name."""
    if name not in LOSSES:
        raise RecipeError(f"unknown loss {name!r}: choose one of {', '.join(LOSSES)}")
    return LOSSES[name]()
