"""From one vector to many steps, and a layer at each step: how one becomes many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

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
from unrolled.engine.layers.dense import Dense
from unrolled.errors import ShapeError


@dataclass(frozen=True)
class RepeatVector(Layer):
    """The same vector at each of ``count`` steps. Equals Keras' ``RepeatVector``."""

    count: int
    kind: ClassVar[str] = "repeat_vector"

    def __post_init__(self) -> None:
        check_sizes(self, count=self.count)

    def flow(self, incoming: Flow) -> Flow:
        if incoming.kind != "vector":
            raise ShapeError(
                f"{self.kind} repeats a vector, but {incoming.kind} come in: "
                "give the recurrent layer before it return_sequences=False"
            )
        return Flow("steps", incoming.size)

    def forward(
        self, operations: Operations, weights: Weights, incoming: Signal, noise: Noise
    ) -> tuple[Signal, Any]:
        values = np.repeat(incoming.values[np.newaxis], self.count, axis=0)
        starts = np.zeros(values.shape[1], dtype=np.int64)
        return Signal(values, starts, incoming.size), None

    def backward(
        self, operations: Operations, weights: Weights, saved: Any, gradient: Floats
    ) -> tuple[Floats | None, Gradients]:
        return np.asarray(gradient.sum(axis=0)), {}


@dataclass(frozen=True)
class TimeDistributed(Layer):
    """``layer`` at each step, with the same weights. Equals Keras' ``TimeDistributed``.

    layer: a `Dense`, which does the same by itself; the name is for those who look for it.
    """

    layer: Dense
    kind: ClassVar[str] = "time_distributed"

    def __post_init__(self) -> None:
        if not isinstance(self.layer, Dense):
            raise ShapeError(f"{self.kind} needs a Dense layer, not {self.layer!r}")

    def flow(self, incoming: Flow) -> Flow:
        if incoming.kind != "steps":
            raise ShapeError(f"{self.kind} needs steps, but {incoming.kind} come in")
        return self.layer.flow(incoming)

    def initializers(self, incoming: Flow) -> Blueprint:
        return self.layer.initializers(incoming)

    def forward(
        self, operations: Operations, weights: Weights, incoming: Signal, noise: Noise
    ) -> tuple[Signal, Any]:
        return self.layer.forward(operations, weights, incoming, noise)

    def backward(
        self, operations: Operations, weights: Weights, saved: Any, gradient: Floats
    ) -> tuple[Floats | None, Gradients]:
        return self.layer.backward(operations, weights, saved, gradient)

    def backward_from_logits(
        self, operations: Operations, weights: Weights, saved: Any, d_logits: Floats
    ) -> tuple[Floats | None, Gradients]:
        """As that of `Dense`."""
        return self.layer.backward_from_logits(operations, weights, saved, d_logits)
