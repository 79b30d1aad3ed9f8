"""What a layer is: what goes through it, what it is made of, and the way there and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.initializers import zeros
from unrolled.engine.rows import Rows
from unrolled.errors import ShapeError

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]
Weights = dict[str, Floats]
Gradients = dict[str, Floats | Rows]
Noise = np.random.Generator | None
State = tuple[Floats, ...]
"""What a recurrence hands from step to step (lane, units): one array, of an LSTM two, h and c."""
Initializer = Callable[[Any, np.random.Generator], Floats]
Blueprint = dict[str, tuple[tuple[int, ...], Initializer]]


@dataclass(frozen=True)
class Flow:
    """The shape of what one layer hands to the next.

    kind: "ids" (time, lane), "steps" (time, lane, size), or "vector" (lane, size).
    size: numbers a step or a vector has; of ids, how many different ones there may be.
    """

    kind: Literal["ids", "steps", "vector"]
    size: int


@dataclass(frozen=True)
class Signal:
    """The values of one tile on their way: sequences side by side that end together.

    values: ids (time, lane), steps (time, lane, size or more), or a vector (lane, size or more).
    starts: int64 (lane,), the first step that has a token, time for none; None for a vector.
    size: numbers of a step or a vector that count; None: all.

    Steps without a token are zero, and so is what a step or a vector has beyond its size.
    """

    values: NDArray[Any]
    starts: Longs | None
    size: int | None = None

    @property
    def exact(self) -> NDArray[Any]:
        """The values without what lies beyond their size: a view."""
        return self.values[..., : self.size]

    @property
    def first_steps(self) -> Longs:
        """As ``starts``, of which a vector has none."""
        if self.starts is None:
            raise ShapeError("steps are needed where a vector comes in")
        return self.starts


class Operations(Protocol):
    """The functions of `engine.reference`, which layers are made of."""

    def affine(self, inputs: Floats, kernel: Floats, bias: Floats, /) -> Floats: ...
    def affine_backward(
        self, inputs: Floats, kernel: Floats, d_outputs: Floats, /
    ) -> tuple[Floats, Floats, Floats]: ...
    def embed(self, x: Ints, starts: Longs, table: Floats, /) -> Floats: ...
    def embed_backward(self, x: Ints, starts: Longs, d_values: Floats, size: int, /) -> Rows: ...
    def total_rows(self, parts: Sequence[Rows], /) -> Rows: ...
    def token_table(self, table: Floats, bias: Floats, /) -> Any: ...
    def token_logits(self, states: Floats, table: Any, /) -> Floats: ...
    def token_losses(
        self, states: Floats, targets: Longs, table: Any, share: float, /
    ) -> tuple[Floats, Floats, Floats, Floats, Floats]: ...
    def sampled_losses(
        self,
        states: Floats,
        targets: Longs,
        table: Floats,
        bias: Floats,
        samples: Longs,
        expected: Floats,
        share: float,
        /,
    ) -> tuple[Floats, Floats, Floats, Rows, Rows]: ...
    def project(
        self,
        x: NDArray[Any],
        starts: Longs,
        kernel: Floats,
        bias: Floats,
        gates: int,
        backwards: bool,
        /,
    ) -> Floats: ...
    def project_backward(
        self,
        x: NDArray[Any],
        starts: Longs,
        kernel: Floats,
        d_z: Floats,
        gates: int,
        backwards: bool,
        /,
    ) -> tuple[Floats | None, Floats | Rows, Floats]: ...
    def simple_rnn(
        self,
        z: Floats,
        starts: Longs,
        recurrent: Floats,
        mask: Floats | None,
        activation: str,
        backwards: bool,
        first: State | None = None,
        /,
    ) -> Floats: ...
    def simple_rnn_backward(
        self,
        states: Floats,
        starts: Longs,
        recurrent: Floats,
        mask: Floats | None,
        activation: str,
        backwards: bool,
        d_states: Floats,
        carried: State | None = None,
        /,
    ) -> tuple[Floats, Floats]: ...
    def lstm(
        self,
        z: Floats,
        starts: Longs,
        recurrent: Floats,
        mask: Floats | None,
        backwards: bool,
        first: State | None = None,
        /,
    ) -> tuple[Floats, Floats, Floats]: ...
    def lstm_backward(
        self,
        states: Floats,
        cells: Floats,
        gates: Floats,
        starts: Longs,
        recurrent: Floats,
        mask: Floats | None,
        backwards: bool,
        d_states: Floats,
        carried: State | None = None,
        /,
    ) -> tuple[Floats, Floats]: ...
    def gru(
        self,
        z: Floats,
        starts: Longs,
        recurrent: Floats,
        recurrent_bias: Floats | None,
        mask: Floats | None,
        reset_after: bool,
        backwards: bool,
        first: State | None = None,
        /,
    ) -> tuple[Floats, Floats, Floats]: ...
    def gru_backward(
        self,
        states: Floats,
        gates: Floats,
        inner: Floats,
        starts: Longs,
        recurrent: Floats,
        mask: Floats | None,
        reset_after: bool,
        backwards: bool,
        d_states: Floats,
        carried: State | None = None,
        /,
    ) -> tuple[Floats, Floats, Floats | None]: ...
    def min_gru(
        self, z: Floats, starts: Longs, backwards: bool, first: State | None = None, /
    ) -> tuple[Floats, Floats]: ...
    def min_gru_backward(
        self,
        states: Floats,
        gates: Floats,
        starts: Longs,
        backwards: bool,
        d_states: Floats,
        carried: State | None = None,
        /,
    ) -> Floats: ...
    def qrnn(
        self, z: Floats, starts: Longs, backwards: bool, first: State | None = None, /
    ) -> tuple[Floats, Floats, Floats]: ...
    def qrnn_backward(
        self,
        states: Floats,
        cells: Floats,
        gates: Floats,
        starts: Longs,
        backwards: bool,
        d_states: Floats,
        carried: State | None = None,
        /,
    ) -> Floats: ...


class Layer(ABC):
    """One layer. `kind` is its Keras class name in lower case with underscores."""

    kind: ClassVar[str]

    @abstractmethod
    def flow(self, incoming: Flow) -> Flow:
        """What comes out when ``incoming`` goes in. Raises ShapeError if it cannot go in."""

    def initializers(self, incoming: Flow) -> Blueprint:
        """Name, shape and first distribution of each weight, in Keras' order."""
        return {}

    @abstractmethod
    def forward(
        self, operations: Operations, weights: Weights, incoming: Signal, noise: Noise
    ) -> tuple[Signal, Any]:
        """The outgoing signal, and what `backward` needs to remember.

        noise: what dropout draws from in training; None when the network is asked.
        """

    @abstractmethod
    def backward(
        self, operations: Operations, weights: Weights, saved: Any, gradient: Floats
    ) -> tuple[Floats | None, Gradients]:
        """Gradient of the incoming values (None for ids) and of the weights.

        gradient: of the outgoing values, zero where a step has no token; may be overwritten.
        """


def present(starts: Longs, time: int) -> Flags:
    """Where a sequence has a token: (time, lane, 1)."""
    return np.asarray(np.arange(time)[:, None, None] >= starts[:, None])


def zero(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Keras' initial bias, as an initializer."""
    return zeros(shape)


def check_sizes(layer: Layer, **sizes: int) -> None:
    """Raises ShapeError for a size below 1."""
    for name, size in sizes.items():
        if size < 1:
            raise ShapeError(f"{layer.kind}: {name} is {size}: give a whole number from 1 on")


def check_choice(layer: Layer, name: str, value: object, known: tuple[object, ...]) -> None:
    """Raises ShapeError when ``value`` is not one of ``known``."""
    if value not in known:
        choices = ", ".join(map(str, known))
        raise ShapeError(f"{layer.kind}: unknown {name} {value!r}: choose one of {choices}")


def check_rate(layer: Layer, name: str, rate: float) -> None:
    """Raises ShapeError when a share of numbers to drop is not from 0 to below 1."""
    if not 0 <= rate < 1:
        raise ShapeError(f"{layer.kind}: {name} is {rate}: give a share from 0 to below 1")


def check_steps(layer: Layer, incoming: Flow) -> None:
    """Raises ShapeError when a vector comes in where steps are read."""
    if incoming.kind == "vector":
        raise ShapeError(
            f"{layer.kind} reads steps, but a vector comes in: "
            "give the recurrent layer before it return_sequences=True"
        )


def check_numbers(layer: Layer, incoming: Flow) -> None:
    """Raises ShapeError when ids come in where numbers are read."""
    if incoming.kind == "ids":
        raise ShapeError(
            f"{layer.kind} cannot read ids: put an Embedding or a recurrent layer before it"
        )
