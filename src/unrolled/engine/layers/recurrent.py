"""Recurrent layers of Keras: each step reads the state before it through a matrix."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from unrolled.engine.initializers import orthogonal
from unrolled.engine.layers.base import (
    Blueprint,
    Floats,
    Initializer,
    Longs,
    Noise,
    Operations,
    State,
    Weights,
    check_choice,
    check_rate,
    zero,
)
from unrolled.engine.layers.dropout import kept
from unrolled.engine.layers.scanned import Memory, Scanned


@dataclass(frozen=True)
class Recurrent(Scanned):
    """A scan with a recurrent kernel (units, gates * units).

    recurrent_dropout: share of the numbers of the state before a step that a gate's block of the
    recurrent kernel does not see in training; the same ones at all steps of a text.
    """

    _: KW_ONLY
    recurrent_dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_rate(self, "recurrent_dropout", self.recurrent_dropout)

    def scan_initializers(self) -> Blueprint:
        return {"recurrent_kernel": ((self.units, self.gates * self.units), orthogonal)}

    def mask(self, noise: Noise, lanes: int) -> Floats | None:
        """What each gate sees of the state before a step, (gates, lane, units); None: all."""
        if noise is None or not self.recurrent_dropout:
            return None
        return kept(self.recurrent_dropout, noise, (self.gates, lanes, self.units))


@dataclass(frozen=True)
class SimpleRNN(Recurrent):
    """h[t] = activation(x[t] · kernel + h[t - 1] · recurrent_kernel + bias), h[-1] = 0.

    activation: "tanh", "linear" or "relu".
    Equals Keras' ``SimpleRNN``; source: Elman 1990.
    """

    activation: Literal["tanh", "linear", "relu"] = "tanh"
    kind: ClassVar[str] = "simple_rnn"
    gates: ClassVar[int] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "activation", self.activation, ("tanh", "linear", "relu"))

    def scan(
        self,
        operations: Operations,
        weights: Weights,
        z: Floats,
        starts: Longs,
        noise: Noise,
        first: State | None = None,
    ) -> Memory:
        mask = self.mask(noise, len(starts))
        states = operations.simple_rnn(
            z, starts, weights["recurrent_kernel"], mask, self.activation, self.go_backwards, first
        )
        return states, mask

    def scan_backward(
        self,
        operations: Operations,
        weights: Weights,
        memory: Memory,
        starts: Longs,
        d_states: Floats,
        carried: State | None = None,
    ) -> tuple[Floats, Weights]:
        states, mask = memory
        d_z, d_recurrent = operations.simple_rnn_backward(
            states,
            starts,
            weights["recurrent_kernel"],
            mask,
            self.activation,
            self.go_backwards,
            d_states,
            carried,
        )
        return d_z, {"recurrent_kernel": d_recurrent}


@dataclass(frozen=True)
class LSTM(Recurrent):
    """Long short-term memory, with the gates in the order input, forget, candidate, output.

    i, f, o = sigmoid, g = tanh of their blocks of z[t] + h[t - 1] · recurrent_kernel
    c[t] = f · c[t - 1] + i · g,    h[t] = o · tanh(c[t])

    unit_forget_bias: the bias of the forget gate starts at one.
    Equals Keras' ``LSTM``; source: Hochreiter & Schmidhuber 1997, Gers et al. 2000.
    """

    _: KW_ONLY
    unit_forget_bias: bool = True
    kind: ClassVar[str] = "lstm"
    gates: ClassVar[int] = 4
    state_at: ClassVar[tuple[int, ...]] = (0, 1)

    def bias(self) -> tuple[tuple[int, ...], Initializer]:
        return (4 * self.units,), self._first_bias

    def _first_bias(self, shape: Any, rng: np.random.Generator) -> Floats:
        bias = zero(shape, rng)
        if self.unit_forget_bias:
            bias[self.units : 2 * self.units] = 1
        return bias

    def scan(
        self,
        operations: Operations,
        weights: Weights,
        z: Floats,
        starts: Longs,
        noise: Noise,
        first: State | None = None,
    ) -> Memory:
        mask = self.mask(noise, len(starts))
        recurrent = weights["recurrent_kernel"]
        return (*operations.lstm(z, starts, recurrent, mask, self.go_backwards, first), mask)

    def scan_backward(
        self,
        operations: Operations,
        weights: Weights,
        memory: Memory,
        starts: Longs,
        d_states: Floats,
        carried: State | None = None,
    ) -> tuple[Floats, Weights]:
        states, cells, gates, mask = memory
        d_z, d_recurrent = operations.lstm_backward(
            states,
            cells,
            gates,
            starts,
            weights["recurrent_kernel"],
            mask,
            self.go_backwards,
            d_states,
            carried,
        )
        return d_z, {"recurrent_kernel": d_recurrent}


@dataclass(frozen=True)
class GRU(Recurrent):
    """Gated recurrent unit, with the gates in the order update, reset, candidate.

    u, r = sigmoid of their blocks of z[t] + h[t - 1] · recurrent_kernel
    g = tanh(its block of z[t], plus what r lets through of h[t - 1] · recurrent_kernel)
    h[t] = u · h[t - 1] + (1 - u) · g

    reset_after: r multiplies h[t - 1] · recurrent_kernel + a bias of its own (the bias is then
    (2, 3 * units): of the inputs, and of the state); otherwise it multiplies h[t - 1].
    Equals Keras' ``GRU``; source: Cho et al. 2014.
    """

    _: KW_ONLY
    reset_after: bool = True
    kind: ClassVar[str] = "gru"
    gates: ClassVar[int] = 3

    def bias(self) -> tuple[tuple[int, ...], Initializer]:
        return ((2, 3 * self.units) if self.reset_after else (3 * self.units,)), zero

    def input_bias(self, weights: Weights) -> Floats:
        bias = super().input_bias(weights)
        return bias[0] if bias.ndim == 2 else bias

    def scan(
        self,
        operations: Operations,
        weights: Weights,
        z: Floats,
        starts: Longs,
        noise: Noise,
        first: State | None = None,
    ) -> Memory:
        mask = self.mask(noise, len(starts))
        bias = weights["bias"][1] if self.use_bias and self.reset_after else None
        arrays = operations.gru(
            z,
            starts,
            weights["recurrent_kernel"],
            bias,
            mask,
            self.reset_after,
            self.go_backwards,
            first,
        )
        return (*arrays, mask)

    def scan_backward(
        self,
        operations: Operations,
        weights: Weights,
        memory: Memory,
        starts: Longs,
        d_states: Floats,
        carried: State | None = None,
    ) -> tuple[Floats, Weights]:
        states, gates, inner, mask = memory
        d_z, d_recurrent, d_bias = operations.gru_backward(
            states,
            gates,
            inner,
            starts,
            weights["recurrent_kernel"],
            mask,
            self.reset_after,
            self.go_backwards,
            d_states,
            carried,
        )
        gradients = {"recurrent_kernel": d_recurrent}
        return d_z, gradients if d_bias is None else gradients | {"bias": d_bias}
