"""Calibration: whether a probability of 0.8 is right eight times in ten, and how to make it so.

Temperature scaling and the calibration error are those of Guo et al., "On Calibration of Modern
Neural Networks" (2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.evaluation.checks import checked

CLIP = 1e-7
"""Keras keeps probabilities this far from 0 and 1 before it takes their logarithm."""
BINS = 15
COLDEST, HOTTEST = 0.05, 20.0  # between these temperatures the best one is sought
_LEAST_GAIN = 1e-7  # what rounding to float32 could feign is no gain
_STEPS = 48  # each narrows the search by the golden section: to 1e-9 of its width

Floats = NDArray[np.float64]


def log_loss(probabilities: ArrayLike, targets: ArrayLike) -> float:
    """Mean of -log(probability of the truth), clipped as Keras' cross-entropies clip.

    Where an example may have several labels, the mean over its labels of the binary cross-entropy.
    """
    given, true = checked(probabilities, targets)
    return float(log_losses(given, true).mean())


def log_losses(probabilities: Floats, targets: NDArray[np.int64]) -> Floats:
    """The log loss of each example (examples,), of checked arguments."""
    if targets.ndim == 2:
        of_truth = np.where(targets == 1, probabilities, 1.0 - probabilities)
        return np.asarray(-np.log(of_truth.clip(CLIP, 1.0 - CLIP)).mean(axis=1))
    of_truth = probabilities[np.arange(len(targets)), targets]
    return np.asarray(-np.log(of_truth.clip(CLIP, 1.0 - CLIP)))


def calibration_error(probabilities: ArrayLike, targets: ArrayLike, *, bins: int = BINS) -> float:
    """Expected calibration error: by how much confidence and accuracy differ, bin by bin.

    The mean over ``bins`` of equal width, each weighted by its examples, of the distance between
    the mean probability of the most probable class and the share of examples it is right for.
    Where an example may have several labels: each label's probability against its truth.
    """
    given, true = checked(probabilities, targets)
    places, differences = confidence_bins(given, true, bins)
    sums = np.bincount(places.ravel(), differences.ravel(), minlength=bins)
    return float(np.abs(sums).sum() / places.size)


def confidence_bins(
    probabilities: Floats, targets: NDArray[np.int64], bins: int = BINS
) -> tuple[NDArray[np.int64], Floats]:
    """Bin number and (confidence - right) of each claim (examples, claims), of checked arguments.

    The calibration error is the sum over bins of |sum of differences|, divided by the claims.
    """
    if targets.ndim == 2:
        confidence, right = probabilities, targets
    else:
        confidence = probabilities.max(axis=1, keepdims=True)
        right = (probabilities.argmax(axis=1) == targets)[:, None].astype(np.int64)
    # Bin i holds the confidences above i / bins, up to (i + 1) / bins.
    places = (np.ceil(confidence * bins) - 1).clip(0, bins - 1).astype(np.int64)
    return places, confidence - right


def tempered(probabilities: Floats, temperature: float, *, multi_label: bool) -> Floats:
    """Divide the logits by a temperature: above 1 the probabilities become less extreme.

    One label: p ** (1 / T), made to sum to one. Several: sigmoid(logit(p) / T) of each.
    """
    return np.exp(_log_tempered(_logits(probabilities, multi_label), temperature, multi_label))


def fit_temperature(probabilities: ArrayLike, targets: ArrayLike) -> float:
    """Find the temperature of the least log loss on validation data; 1 unless another is better.

    One more example is thought of, which is like all the others and whose truth may be anything:
    otherwise a few examples that are all right would make every later text certain.
    The loss is convex in 1 / T, so that it has one valley for the golden section to close in on.
    """
    given, true = checked(probabilities, targets)
    multi_label = true.ndim == 2
    logits = _logits(given, multi_label)
    if multi_label:  # the logit of the truth
        logits = np.where(true == 1, logits, -logits)

    def loss(log_temperature: float) -> float:
        temperature = math.exp(log_temperature)
        logs = _log_tempered(logits, temperature, multi_label)
        if multi_label:
            of_truth = logs
            of_anything = (logs + _log_tempered(-logits, temperature, multi_label)) / 2
        else:
            of_truth, of_anything = logs[np.arange(len(true)), true], logs
        return -float(len(true) * of_truth.mean() + of_anything.mean())

    found = math.exp(_valley(loss, math.log(COLDEST), math.log(HOTTEST)))
    cooled = tempered(given, found, multi_label=multi_label).astype(np.float32)
    gain = log_loss(given, true) - log_loss(cooled, true)
    return found if gain > _LEAST_GAIN else 1.0


def _logits(probabilities: Floats, multi_label: bool) -> Floats:
    """Numbers whose sigmoid (several labels) or softmax (one label) the probabilities are."""
    clipped = probabilities.clip(CLIP, 1.0 - CLIP)
    logs: Floats = np.log(clipped)
    return logs - np.log1p(-clipped) if multi_label else logs


def _log_tempered(logits: Floats, temperature: float, multi_label: bool) -> Floats:
    """Logarithms of the sigmoids, or of the softmax of each row, of logits / temperature."""
    scaled = logits / temperature
    if multi_label:
        return -np.logaddexp(0.0, -scaled)
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    return np.asarray(scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)))


def _valley(height: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley is lowest between ``low`` and ``high``."""
    golden = (math.sqrt(5.0) - 1.0) / 2.0
    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = height(left), height(right)
    for _ in range(_STEPS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = height(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = height(right)
    return (low + high) / 2.0
