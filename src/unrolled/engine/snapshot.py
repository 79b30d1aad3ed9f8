"""Snapshot: everything that a network's next step depends on, besides the texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from unrolled.engine.batches import Floats
from unrolled.engine.optimizers import Optimizer
from unrolled.errors import ShapeError


class Trained(Protocol):
    """A network with weights in one vector, and an optimizer that changes them."""

    parameters: Floats
    optimizer: Optimizer | None

    @property
    def rates(self) -> list[float] | None:
        """What each layer's learning rate is multiplied by, where they have their own."""
        ...


@dataclass(frozen=True)
class Snapshot:
    """A network between two steps; the arrays are its own copies.

    parameters: float32 (parameters,); slots: what the optimizer remembers, by name; rates: what
    each layer's learning rate is multiplied by, where they have their own.
    """

    parameters: Floats
    slots: dict[str, Floats]
    iterations: int
    learning_rate: float
    rates: list[float] | None

    @classmethod
    def of(cls, network: Trained) -> Snapshot:
        """Take it of a network that has an optimizer; ShapeError without one."""
        optimizer = network.optimizer
        if optimizer is None:
            raise ShapeError("the network has no optimizer: give it one to train it")
        return cls(
            parameters=network.parameters.copy(),
            slots={name: slot.copy() for name, slot in optimizer.slots.items()},
            iterations=optimizer.iterations,
            learning_rate=optimizer.learning_rate,
            rates=None if network.rates is None else list(network.rates),
        )

    def put_into(self, network: Trained) -> None:
        """Bring a network of the same making to where this one was."""
        optimizer = network.optimizer
        assert optimizer is not None
        network.parameters[:] = self.parameters
        for name, slot in self.slots.items():
            optimizer.slots[name][:] = slot
        optimizer.iterations = self.iterations
        optimizer.learning_rate = self.learning_rate
        if self.rates is not None:
            assert network.rates is not None
            network.rates[:] = self.rates
