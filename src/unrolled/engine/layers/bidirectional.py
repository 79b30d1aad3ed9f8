"""A recurrent layer that reads both ways."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

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
    check_choice,
)
from unrolled.engine.layers.scanned import Scanned
from unrolled.errors import ShapeError


@dataclass(frozen=True)
class Bidirectional(Layer):
    """``layer`` and another one of its kind that goes backwards, each with its own weights.

    Where ``layer`` returns sequences, both states beside a step are those reached after it.
    merge: "concat" puts the two side by side, "sum" adds them, "average" halves the sum.
    Equals Keras' ``Bidirectional``; source: Schuster & Paliwal 1997.
    """

    layer: Scanned
    merge: Literal["concat", "sum", "average"] = "concat"
    kind: ClassVar[str] = "bidirectional"

    def __post_init__(self) -> None:
        check_choice(self, "merge", self.merge, ("concat", "sum", "average"))
        if not isinstance(self.layer, Scanned):
            raise ShapeError(f"{self.kind} needs a recurrent layer, not {self.layer!r}")
        if self.layer.go_backwards:
            raise ShapeError(f"{self.kind} goes backwards itself: give a layer that does not")

    @property
    def directions(self) -> dict[str, Scanned]:
        """The two layers, by the name in front of their weights'."""
        return {"forward": self.layer, "backward": replace(self.layer, go_backwards=True)}

    def flow(self, incoming: Flow) -> Flow:
        own = self.layer.flow(incoming)
        return Flow(own.kind, 2 * own.size if self.merge == "concat" else own.size)

    def initializers(self, incoming: Flow) -> Blueprint:
        return {
            f"{direction}/{name}": weight
            for direction, layer in self.directions.items()
            for name, weight in layer.initializers(incoming).items()
        }

    def forward(
        self, operations: Operations, weights: Weights, incoming: Signal, noise: Noise
    ) -> tuple[Signal, Any]:
        read, saved = [], []
        for direction, layer in self.directions.items():
            outgoing, memory = layer.read(operations, _own(weights, direction), incoming, noise)
            read.append(outgoing)
            saved.append(memory)
        forward, backward = read
        if self.merge == "concat":
            merged = np.concatenate([forward.exact, backward.exact], axis=-1)
            return Signal(merged, forward.starts, 2 * self.layer.units), saved
        merged = forward.values + backward.values
        if self.merge == "average":
            merged *= 0.5
        return Signal(merged, forward.starts, self.layer.units), saved

    def backward(
        self, operations: Operations, weights: Weights, saved: Any, gradient: Floats
    ) -> tuple[Floats | None, Gradients]:
        d_values: Floats | None = None
        gradients: Gradients = {}
        parts = zip(self.directions.items(), saved, self._parts(gradient), strict=True)
        for (direction, layer), memory, part in parts:
            d_own, own = layer.read_backward(operations, _own(weights, direction), memory, part)
            gradients |= {f"{direction}/{name}": value for name, value in own.items()}
            if d_values is None:
                d_values = d_own
            elif d_own is not None:
                d_values += d_own
        return d_values, gradients

    def _parts(self, gradient: Floats) -> tuple[Floats, Floats]:
        """The gradient of each direction's states, in memory of its own."""
        if self.merge == "concat":
            units = self.layer.units
            return gradient[..., :units], gradient[..., units : 2 * units]
        if self.merge == "average":
            gradient = gradient * 0.5
        return gradient, gradient.copy()


def _own(weights: Weights, direction: str) -> Weights:
    """The weights of one direction, by the names that its layer gives them."""
    start = f"{direction}/"
    return {
        name.removeprefix(start): weight
        for name, weight in weights.items()
        if name.startswith(start)
    }
