"""What all layers share that read a sequence step by step and keep a state."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np

from unrolled.engine.initializers import glorot_uniform
from unrolled.engine.layers.base import (
    Blueprint,
    Floats,
    Flow,
    Gradients,
    Initializer,
    Layer,
    Longs,
    Noise,
    Operations,
    Signal,
    State,
    Weights,
    check_sizes,
    check_steps,
    present,
    zero,
)

Memory = tuple[Any, ...]
"""What a scan remembers for the way back: its states (time + 2, lane, units) come first."""


@dataclass(frozen=True)
class Scanned(Layer):
    """An input projection z = x · kernel + bias of all steps at once, then a scan over time.

    units: numbers in the state h.
    return_sequences: every state comes out, not only the one that is reached last.
    go_backwards: the last step is read first (and comes out first).
    gates: blocks of ``units`` numbers that the scan reads at each step.
    state_at: which arrays of a `Memory` the next step reads.
    """

    units: int
    _: KW_ONLY
    use_bias: bool = True
    return_sequences: bool = False
    go_backwards: bool = False
    gates: ClassVar[int]
    state_at: ClassVar[tuple[int, ...]] = (0,)

    def __post_init__(self) -> None:
        check_sizes(self, units=self.units)

    @abstractmethod
    def scan(
        self,
        operations: Operations,
        weights: Weights,
        z: Floats,
        starts: Longs,
        noise: Noise,
        first: State | None = None,
    ) -> Memory:
        """All states of the projected inputs z (time, lane, gates * units), from ``first`` on."""

    @abstractmethod
    def scan_backward(
        self,
        operations: Operations,
        weights: Weights,
        memory: Memory,
        starts: Longs,
        d_states: Floats,
        carried: State | None = None,
    ) -> tuple[Floats, Weights]:
        """Gradient of z and of the weights that `scan` reads, a bias row of its own included.

        carried: the gradient of the state reached last; becomes that of the state at the start.
        """

    def flow(self, incoming: Flow) -> Flow:
        check_steps(self, incoming)
        return Flow("steps" if self.return_sequences else "vector", self.units)

    def initializers(self, incoming: Flow) -> Blueprint:
        kernel: Blueprint = {"kernel": (self.kernel_shape(incoming.size), glorot_uniform)}
        bias: Blueprint = {"bias": self.bias()} if self.use_bias else {}
        return kernel | self.scan_initializers() | bias

    def kernel_shape(self, size: int) -> tuple[int, ...]:
        """Of the input projection of steps of ``size`` numbers."""
        return (size, self.gates * self.units)

    def scan_initializers(self) -> Blueprint:
        """The weights that only `scan` reads."""
        return {}

    def bias(self) -> tuple[tuple[int, ...], Initializer]:
        """Shape and first distribution of the bias."""
        return (self.gates * self.units,), zero

    def input_bias(self, weights: Weights) -> Floats:
        """The part of the bias that is added to the projected inputs."""
        if self.use_bias:
            return weights["bias"]
        return np.zeros(self.gates * self.units, weights["kernel"].dtype)

    def forward(
        self, operations: Operations, weights: Weights, incoming: Signal, noise: Noise
    ) -> tuple[Signal, Any]:
        outgoing, saved = self.read(operations, weights, incoming, noise)
        if self.turns_round:
            turned = turned_round(outgoing.values, outgoing.first_steps)
            outgoing = Signal(turned, outgoing.starts, self.units)
        return outgoing, saved

    def backward(
        self, operations: Operations, weights: Weights, saved: Any, gradient: Floats
    ) -> tuple[Floats | None, Gradients]:
        if self.turns_round:
            gradient = turned_round(gradient, saved[1])
        return self.read_backward(operations, weights, saved, gradient)

    @property
    def turns_round(self) -> bool:
        """Whether the states come out in the order opposite to that of the steps."""
        return self.go_backwards and self.return_sequences

    def read(
        self,
        operations: Operations,
        weights: Weights,
        incoming: Signal,
        noise: Noise,
        first: State | None = None,
    ) -> tuple[Signal, Any]:
        """As `forward`, but each state comes out beside the step after which it was reached.

        first: the state to start from, where every sequence has a token at the step that is read
        first, or none at all; None: zero.
        """
        x, starts = incoming.values, incoming.first_steps
        z = operations.project(
            x, starts, weights["kernel"], self.input_bias(weights), self.gates, self.go_backwards
        )
        memory = self.scan(operations, weights, z, starts, noise, first)
        states = memory[0]
        if self.return_sequences:
            outgoing = Signal(states[1:-1], starts, self.units)
        elif self.go_backwards:
            last = states[starts + 1, np.arange(len(starts))]
            outgoing = Signal(last, None, self.units)
        else:
            outgoing = Signal(states[-2], None, self.units)
        return outgoing, (x, starts, memory)

    def read_backward(
        self,
        operations: Operations,
        weights: Weights,
        saved: Any,
        gradient: Floats,
        carried: State | None = None,
    ) -> tuple[Floats | None, Gradients]:
        """As `backward`, from the gradient of what `read` gave.

        carried: the gradient of what `reached` gave; becomes that of the state at the start.
        """
        x, starts, memory = saved
        if not self.return_sequences:
            gradient = self._only_at_the_end(gradient, starts, len(x))
        d_z, own = self.scan_backward(operations, weights, memory, starts, gradient, carried)
        d_x, d_kernel, d_bias = operations.project_backward(
            x, starts, weights["kernel"], d_z, self.gates, self.go_backwards
        )
        second_row = own.pop("bias", None)
        gradients: Gradients = {"kernel": d_kernel, **own}
        if self.use_bias:
            gradients["bias"] = d_bias if second_row is None else np.stack([d_bias, second_row])
        return d_x, gradients

    def reached(self, saved: Any) -> State:
        """The state after the step that is read last, from what `read` remembers: copies.

        Zero for a sequence that has no token there.
        """
        memory = saved[2]
        place = 1 if self.go_backwards else -2
        return tuple(
            np.ascontiguousarray(memory[at][place][:, : self.units]) for at in self.state_at
        )

    def _only_at_the_end(self, gradient: Floats, starts: Longs, time: int) -> Floats:
        """Gradient (time, lane, units) of all states from that of the state reached last."""
        lanes = np.flatnonzero(starts < time)  # an empty sequence reaches none
        d_states = np.zeros((time, *gradient.shape), dtype=gradient.dtype)
        ends = starts[lanes] if self.go_backwards else np.full(len(lanes), time - 1)
        d_states[ends, lanes] = gradient[lanes]
        return d_states


def turned_round(steps: Floats, starts: Longs) -> Floats:
    """Each lane's own steps in the opposite order, still ending together."""
    time = len(steps)
    own = np.arange(time)[:, None]  # (time, 1)
    opposite = np.where(present(starts, time)[:, :, 0], starts + time - 1 - own, own)
    return np.asarray(steps[opposite, np.arange(len(starts))])
