"""The layers of a network that still do something after training, as other formats need them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unrolled.engine.layers import (
    Bidirectional,
    Dropout,
    Floats,
    Layer,
    Scanned,
    Weights,
    WordDropout,
)
from unrolled.engine.network import Network


@dataclass(frozen=True, eq=False)
class Recurrence:
    """One direction of a recurrent layer, and its weights by the names that it gives them."""

    layer: Scanned
    weights: Weights

    @property
    def now(self) -> Floats:
        """What the step that is read is multiplied by (size, gates * units)."""
        kernel = self.weights["kernel"]
        return kernel if kernel.ndim == 2 else kernel[-1]

    @property
    def before(self) -> Floats | None:
        """What the step that is read before it is multiplied by, of a window of 2."""
        kernel = self.weights["kernel"]
        return kernel[0] if kernel.ndim == 3 and len(kernel) == 2 else None

    @property
    def bias(self) -> Floats:
        """What is added to that (gates * units,)."""
        return self.layer.input_bias(self.weights)


@dataclass(frozen=True, eq=False)
class Running:
    """A layer by its name; reads_ids: it picks rows, and nothing stands for ids before it."""

    name: str
    layer: Layer
    weights: Weights
    reads_ids: bool

    @property
    def recurrences(self) -> list[Recurrence]:
        """Of a recurrent layer: its directions, forward first."""
        if isinstance(self.layer, Scanned):
            return [Recurrence(self.layer, self.weights)]
        assert isinstance(self.layer, Bidirectional)
        return [
            Recurrence(own, _beginning_with(f"{direction}/", self.weights))
            for direction, own in self.layer.directions.items()
        ]


def running(network: Network) -> Iterator[Running]:
    """The layers in their order, without those that leave something out in training."""
    incoming = "ids"
    for name, layer, weights, flow in zip(
        network.names, network.layers, network.layer_weights, network.flows, strict=True
    ):
        if not isinstance(layer, Dropout | WordDropout):
            yield Running(name, layer, weights, reads_ids=incoming == "ids")
        incoming = flow.kind


def _beginning_with(start: str, weights: Weights) -> Weights:
    return {
        name.removeprefix(start): weight
        for name, weight in weights.items()
        if name.startswith(start)
    }
