"""Layers that leave something out in training, and do nothing afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from unrolled.engine.layers.base import (
    Floats,
    Flow,
    Gradients,
    Layer,
    Noise,
    Operations,
    Signal,
    Weights,
    check_numbers,
    check_rate,
    check_steps,
)
from unrolled.errors import ShapeError


def kept(rate: float, noise: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Factors: 0 for a share ``rate`` of the numbers, 1 / (1 - rate) for the others."""
    share = np.float32(1 / (1 - rate))
    return (noise.random(shape, np.float32) >= rate) * share


@dataclass(frozen=True)
class Dropout(Layer):
    """A share ``rate`` of all numbers is zero, the others are larger by 1 / (1 - rate).

    Equals Keras' ``Dropout``; source: Srivastava et al. 2014.
    """

    rate: float
    kind: ClassVar[str] = "dropout"

    def __post_init__(self) -> None:
        check_rate(self, "rate", self.rate)

    def flow(self, incoming: Flow) -> Flow:
        check_numbers(self, incoming)
        return incoming

    def forward(
        self, operations: Operations, weights: Weights, incoming: Signal, noise: Noise
    ) -> tuple[Signal, Any]:
        if noise is None or not self.rate:
            return incoming, None
        values = incoming.exact
        factors = kept(self.rate, noise, self.shape(values.shape))
        return Signal(values * factors, incoming.starts, incoming.size), factors

    def backward(
        self, operations: Operations, weights: Weights, saved: Any, gradient: Floats
    ) -> tuple[Floats | None, Gradients]:
        if saved is None:
            return gradient, {}
        return gradient[..., : saved.shape[-1]] * saved, {}

    def shape(self, values: tuple[int, ...]) -> tuple[int, ...]:
        """Of the factors for ``values`` of a shape."""
        return values


@dataclass(frozen=True)
class SpatialDropout(Dropout):
    """As `Dropout`, but what is zero is so at all steps of a text.

    Equals Keras' ``SpatialDropout1D``; source: Tompson et al. 2015.
    """

    kind: ClassVar[str] = "spatial_dropout"

    def flow(self, incoming: Flow) -> Flow:
        check_steps(self, incoming)
        return super().flow(incoming)

    def shape(self, values: tuple[int, ...]) -> tuple[int, ...]:
        return (1, *values[1:])


@dataclass(frozen=True)
class WordDropout(Layer):
    """A share ``rate`` of a text's tokens is read as the id ``unknown``.

    It reads ids: it stands in front of a network's other layers. Source: Iyyer et al. 2015.
    """

    rate: float
    unknown: int = 2
    kind: ClassVar[str] = "word_dropout"

    def __post_init__(self) -> None:
        check_rate(self, "rate", self.rate)
        if self.unknown < 0:
            raise ShapeError(f"{self.kind}: unknown is {self.unknown}: give a token id from 0 on")

    def flow(self, incoming: Flow) -> Flow:
        if incoming.kind != "ids":
            raise ShapeError(f"{self.kind} reads ids: put it before the Embedding")
        if self.unknown >= incoming.size:
            raise ShapeError(
                f"{self.kind}: unknown is {self.unknown}: give a token id below {incoming.size}"
            )
        return incoming

    def forward(
        self, operations: Operations, weights: Weights, incoming: Signal, noise: Noise
    ) -> tuple[Signal, Any]:
        if noise is None or not self.rate:
            return incoming, None
        ids = incoming.values
        dropped = noise.random(ids.shape, np.float32) < self.rate
        unknown = np.asarray(self.unknown, ids.dtype)
        return Signal(np.where(dropped, unknown, ids), incoming.starts), None

    def backward(
        self, operations: Operations, weights: Weights, saved: Any, gradient: Floats
    ) -> tuple[Floats | None, Gradients]:
        return None, {}
