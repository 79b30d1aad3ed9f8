"""One vector of all steps of a text; steps without a token do not take part."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from unrolled.engine.layers.base import (
    Floats,
    Flow,
    Gradients,
    Layer,
    Longs,
    Noise,
    Operations,
    Signal,
    Weights,
    check_numbers,
    check_steps,
    present,
)


@dataclass(frozen=True)
class Pooling(Layer):
    """Steps (time, lane, size) go in, a vector (lane, size) comes out; zero for an empty text."""

    def flow(self, incoming: Flow) -> Flow:
        check_numbers(self, incoming)
        check_steps(self, incoming)
        return Flow("vector", self.pooled_size(incoming.size))

    def pooled_size(self, size: int) -> int:
        """Numbers of the vector."""
        return size

    def forward(
        self, operations: Operations, weights: Weights, incoming: Signal, noise: Noise
    ) -> tuple[Signal, Any]:
        steps, starts = incoming.exact, incoming.first_steps
        pooled, saved = self.pool(steps, starts)
        return Signal(pooled, None, pooled.shape[-1]), (steps, starts, saved)

    def backward(
        self, operations: Operations, weights: Weights, saved: Any, gradient: Floats
    ) -> tuple[Floats | None, Gradients]:
        steps, starts, own = saved
        exact = gradient[:, : self.pooled_size(steps.shape[-1])]
        return self.spread(steps, starts, own, exact), {}

    @abstractmethod
    def pool(self, steps: Floats, starts: Longs) -> tuple[Floats, Any]:
        """The vector, and what `spread` needs besides."""

    @abstractmethod
    def spread(self, steps: Floats, starts: Longs, saved: Any, gradient: Floats) -> Floats:
        """The gradient of the steps from that of the vector."""


@dataclass(frozen=True)
class LastStep(Pooling):
    """The last step."""

    kind: ClassVar[str] = "last_step"

    def pool(self, steps: Floats, starts: Longs) -> tuple[Floats, Any]:
        if len(steps) == 0:
            return np.zeros(steps.shape[1:], steps.dtype), None
        return np.ascontiguousarray(steps[-1]), None

    def spread(self, steps: Floats, starts: Longs, saved: Any, gradient: Floats) -> Floats:
        d_steps = np.zeros_like(steps)
        d_steps[-1:] = np.where((starts < len(steps))[:, None], gradient, 0)
        return d_steps


@dataclass(frozen=True)
class MaxPooling(Pooling):
    """The largest of each number over time. Steps that share it share its gradient.

    Equals Keras' ``GlobalMaxPooling1D`` on a text without padding.
    """

    kind: ClassVar[str] = "max_pooling"

    def pool(self, steps: Floats, starts: Longs) -> tuple[Floats, Any]:
        pooled = largest(steps, starts)
        return pooled, pooled

    def spread(self, steps: Floats, starts: Longs, saved: Any, gradient: Floats) -> Floats:
        return largest_backward(steps, starts, saved, gradient)


@dataclass(frozen=True)
class MeanPooling(Pooling):
    """The mean of each number over time. Equals Keras' ``GlobalAveragePooling1D``, masks too."""

    kind: ClassVar[str] = "mean_pooling"

    def pool(self, steps: Floats, starts: Longs) -> tuple[Floats, Any]:
        return mean(steps, starts), None

    def spread(self, steps: Floats, starts: Longs, saved: Any, gradient: Floats) -> Floats:
        return mean_backward(steps, starts, gradient)


@dataclass(frozen=True)
class MaxMeanPooling(Pooling):
    """`MaxPooling` and `MeanPooling` side by side. Source: Howard & Ruder 2018, section 3.3."""

    kind: ClassVar[str] = "max_mean_pooling"

    def pooled_size(self, size: int) -> int:
        return 2 * size

    def pool(self, steps: Floats, starts: Longs) -> tuple[Floats, Any]:
        top = largest(steps, starts)
        return np.concatenate([top, mean(steps, starts)], axis=1), top

    def spread(self, steps: Floats, starts: Longs, saved: Any, gradient: Floats) -> Floats:
        size = steps.shape[-1]
        d_steps = largest_backward(steps, starts, saved, gradient[:, :size])
        d_steps += mean_backward(steps, starts, gradient[:, size:])
        return d_steps


def largest(steps: Floats, starts: Longs) -> Floats:
    """Maximum over each lane's own steps: (time, lane, size) -> (lane, size)."""
    time = len(steps)
    own = present(starts, time)
    pooled = np.max(steps, axis=0, where=own, initial=-np.inf)
    return np.where((starts < time)[:, None], pooled, steps.dtype.type(0))


def largest_backward(steps: Floats, starts: Longs, pooled: Floats, gradient: Floats) -> Floats:
    """Gradient of the steps: shared evenly by those of a lane that equal the largest."""
    hits = (steps == pooled) & present(starts, len(steps))
    d_steps: Floats = hits.astype(gradient.dtype)
    d_steps *= gradient / np.maximum(d_steps.sum(axis=0), 1)
    return d_steps


def mean(steps: Floats, starts: Longs) -> Floats:
    """Mean over each lane's own steps: (time, lane, size) -> (lane, size)."""
    return np.asarray(steps.sum(axis=0) / _counts(steps, starts))


def mean_backward(steps: Floats, starts: Longs, gradient: Floats) -> Floats:
    """Gradient of the steps: the same for all of a lane's own."""
    share = gradient / _counts(steps, starts)
    return np.asarray(share * present(starts, len(steps)).astype(share.dtype))


def _counts(steps: Floats, starts: Longs) -> Floats:
    """Own steps of each lane, at least 1: (lane, 1)."""
    return np.maximum(len(steps) - starts, 1)[:, None].astype(steps.dtype)
