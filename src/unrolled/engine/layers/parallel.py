"""Layers whose gates do not read the state: all but a scan of single numbers is parallel."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from unrolled.engine.layers.base import (
    Floats,
    Longs,
    Noise,
    Operations,
    State,
    Weights,
    check_choice,
)
from unrolled.engine.layers.scanned import Memory, Scanned


@dataclass(frozen=True)
class MinGRU(Scanned):
    """h[t] = (1 - u) · h[t - 1] + u · c, h[-1] = 0, with the blocks in the order update, candidate.

    u = sigmoid, c = its block of x[t] · kernel + bias as it is.
    Source: Feng et al. 2024, "Were RNNs All We Needed?", section 3.1.
    """

    kind: ClassVar[str] = "min_gru"
    gates: ClassVar[int] = 2

    def scan(
        self,
        operations: Operations,
        weights: Weights,
        z: Floats,
        starts: Longs,
        noise: Noise,
        first: State | None = None,
    ) -> Memory:
        return operations.min_gru(z, starts, self.go_backwards, first)

    def scan_backward(
        self,
        operations: Operations,
        weights: Weights,
        memory: Memory,
        starts: Longs,
        d_states: Floats,
        carried: State | None = None,
    ) -> tuple[Floats, Weights]:
        states, gates = memory
        backwards = self.go_backwards
        return operations.min_gru_backward(states, gates, starts, backwards, d_states, carried), {}


@dataclass(frozen=True)
class QRNN(Scanned):
    """Quasi-recurrent network with fo-pooling: blocks in the order candidate, forget, output.

    g = tanh, f, o = sigmoid of their blocks of a causal convolution over the last ``window`` steps
    c[t] = f · c[t - 1] + (1 - f) · g,    h[t] = o · c[t]

    window: 1 or 2. The kernel (window, size, 3 * units) is laid out as that of Keras' ``Conv1D``.
    Source: Bradbury et al. 2016, "Quasi-Recurrent Neural Networks", equations 1 to 4.
    """

    _: KW_ONLY
    window: int = 2
    kind: ClassVar[str] = "qrnn"
    gates: ClassVar[int] = 3
    state_at: ClassVar[tuple[int, ...]] = (1,)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "window", self.window, (1, 2))

    def kernel_shape(self, size: int) -> tuple[int, ...]:
        return (self.window, size, 3 * self.units)

    def scan(
        self,
        operations: Operations,
        weights: Weights,
        z: Floats,
        starts: Longs,
        noise: Noise,
        first: State | None = None,
    ) -> Memory:
        return operations.qrnn(z, starts, self.go_backwards, first)

    def scan_backward(
        self,
        operations: Operations,
        weights: Weights,
        memory: Memory,
        starts: Longs,
        d_states: Floats,
        carried: State | None = None,
    ) -> tuple[Floats, Weights]:
        states, cells, gates = memory
        backwards = self.go_backwards
        return operations.qrnn_backward(
            states, cells, gates, starts, backwards, d_states, carried
        ), {}
