"""The first layers: what a token id stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from unrolled.engine.initializers import random_uniform
from unrolled.engine.layers.base import (
    Blueprint,
    Floats,
    Flow,
    Gradients,
    Layer,
    Noise,
    Operations,
    Signal,
    Weights,
    check_sizes,
)


@dataclass(frozen=True)
class OneHot(Layer):
    """One-hot vectors of length ``num_words``, never made: a row look-up in the next layer.

    Equals Keras' ``to_categorical`` in front of a recurrent layer. Parameters: none.
    """

    num_words: int
    kind: ClassVar[str] = "one_hot"

    def __post_init__(self) -> None:
        check_sizes(self, num_words=self.num_words)

    def flow(self, incoming: Flow) -> Flow:
        return Flow("ids", self.num_words)

    def forward(
        self, operations: Operations, weights: Weights, incoming: Signal, noise: Noise
    ) -> tuple[Signal, Any]:
        return incoming, None

    def backward(
        self, operations: Operations, weights: Weights, saved: Any, gradient: Floats
    ) -> tuple[Floats | None, Gradients]:
        return None, {}


@dataclass(frozen=True)
class Embedding(Layer):
    """A vector of ``size`` numbers for each of ``num_words`` ids. Equals Keras' ``Embedding``."""

    num_words: int
    size: int
    kind: ClassVar[str] = "embedding"

    def __post_init__(self) -> None:
        check_sizes(self, num_words=self.num_words, size=self.size)

    def flow(self, incoming: Flow) -> Flow:
        return Flow("steps", self.size)

    def initializers(self, incoming: Flow) -> Blueprint:
        return {"embeddings": ((self.num_words, self.size), random_uniform)}

    def forward(
        self, operations: Operations, weights: Weights, incoming: Signal, noise: Noise
    ) -> tuple[Signal, Any]:
        ids, starts = incoming.values, incoming.first_steps
        values = operations.embed(ids, starts, weights["embeddings"])
        return Signal(values, starts, self.size), (ids, starts)

    def backward(
        self, operations: Operations, weights: Weights, saved: Any, gradient: Floats
    ) -> tuple[Floats | None, Gradients]:
        ids, starts = saved
        rows = operations.embed_backward(ids, starts, gradient, self.size)
        return None, {"embeddings": rows}
