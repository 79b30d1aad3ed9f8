"""Layers: their settings, shapes, initial weights, and the way through them forward and back.

A layer works on one tile of sequences and on arrays only. Its arithmetic is in `Operations`,
which exists twice: `engine.reference` (NumPy) and `engine.kernels.operations` (compiled).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.initializers import glorot_uniform, orthogonal, random_uniform, zeros
from unrolled.errors import ShapeError

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Weights = dict[str, Floats]
Initializer = Callable[[Any, np.random.Generator], Floats]


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
    """The values of one tile on their way, shaped as their Flow says.

    present: (time, lane), where a sequence has a token; None for a vector.
    """

    values: NDArray[Any]
    present: NDArray[np.bool_] | None


class Operations(Protocol):
    """The functions of `engine.reference` that layers are made of."""

    def affine(self, inputs: Floats, kernel: Floats, bias: Floats, /) -> Floats: ...
    def affine_backward(
        self, inputs: Floats, kernel: Floats, d_outputs: Floats, /
    ) -> tuple[Floats, Floats, Floats]: ...
    def simple_rnn(
        self, table: Floats, positions: Ints, recurrent: Floats, activation: str, /
    ) -> Floats: ...
    def simple_rnn_backward(
        self, states: Floats, recurrent: Floats, d_states: Floats, activation: str, /
    ) -> tuple[Floats, Floats]: ...
    def scatter_rows(self, d_inputs: Floats, positions: Ints, rows: int, /) -> Floats: ...


class Layer(ABC):
    """One layer. `kind` is its Keras class name in lower case with underscores."""

    kind: ClassVar[str]

    @abstractmethod
    def flow(self, incoming: Flow) -> Flow:
        """What comes out when ``incoming`` goes in. Raises ShapeError if it cannot go in."""

    @abstractmethod
    def initializers(self, incoming: Flow) -> dict[str, tuple[tuple[int, ...], Initializer]]:
        """Name, shape and first distribution of each weight, in Keras' order."""

    @abstractmethod
    def forward(
        self, operations: Operations, weights: Weights, incoming: Signal
    ) -> tuple[Signal, Any]:
        """The outgoing signal, and what `backward` needs to remember."""

    @abstractmethod
    def backward(
        self, operations: Operations, weights: Weights, saved: Any, gradient: Floats
    ) -> tuple[Floats | None, Weights]:
        """Gradient of the incoming values (None for ids) and of the weights."""


@dataclass(frozen=True)
class OneHot(Layer):
    """One-hot vectors of length ``num_words``, never made: a row look-up in the next layer.

    Equals Keras' ``to_categorical`` in front of a recurrent layer. Parameters: none.
    """

    num_words: int
    kind: ClassVar[str] = "one_hot"

    def __post_init__(self) -> None:
        _check_sizes(self, num_words=self.num_words)

    def flow(self, incoming: Flow) -> Flow:
        return Flow("ids", self.num_words)

    def initializers(self, incoming: Flow) -> dict[str, tuple[tuple[int, ...], Initializer]]:
        return {}

    def forward(
        self, operations: Operations, weights: Weights, incoming: Signal
    ) -> tuple[Signal, Any]:
        return incoming, None

    def backward(
        self, operations: Operations, weights: Weights, saved: Any, gradient: Floats
    ) -> tuple[Floats | None, Weights]:
        return None, {}


@dataclass(frozen=True)
class Embedding(Layer):
    """A vector of ``size`` numbers for each of ``num_words`` ids. Equals Keras' ``Embedding``."""

    num_words: int
    size: int
    kind: ClassVar[str] = "embedding"

    def __post_init__(self) -> None:
        _check_sizes(self, num_words=self.num_words, size=self.size)

    def flow(self, incoming: Flow) -> Flow:
        return Flow("steps", self.size)

    def initializers(self, incoming: Flow) -> dict[str, tuple[tuple[int, ...], Initializer]]:
        return {"embeddings": ((self.num_words, self.size), random_uniform)}

    def forward(
        self, operations: Operations, weights: Weights, incoming: Signal
    ) -> tuple[Signal, Any]:
        present = _present(incoming)
        values = weights["embeddings"][np.where(present, incoming.values, 0)]
        values[~present] = 0
        return Signal(values, present), (incoming.values, present)

    def backward(
        self, operations: Operations, weights: Weights, saved: Any, gradient: Floats
    ) -> tuple[Floats | None, Weights]:
        ids, present = saved
        positions = np.where(present, ids, self.num_words).astype(np.int32)
        rows = operations.scatter_rows(gradient, positions, self.num_words + 1)
        return None, {"embeddings": rows[: self.num_words]}


@dataclass(frozen=True)
class SimpleRNN(Layer):
    """h[t] = activation(x[t] · kernel + h[t - 1] · recurrent_kernel + bias), h[-1] = 0.

    units: numbers in the state h. activation: "tanh", "linear" or "relu".
    return_sequences: every state comes out, not only the last.
    go_backwards: the last step is read first (and comes out first).
    Equals Keras' ``SimpleRNN``; source: Elman 1990.
    """

    units: int
    activation: Literal["tanh", "linear", "relu"] = "tanh"
    use_bias: bool = True
    return_sequences: bool = False
    go_backwards: bool = False
    kind: ClassVar[str] = "simple_rnn"

    def __post_init__(self) -> None:
        _check_sizes(self, units=self.units)
        _check_activation(self, self.activation, ("tanh", "linear", "relu"))

    def flow(self, incoming: Flow) -> Flow:
        if incoming.kind == "vector":
            raise ShapeError(
                f"{self.kind} reads steps, but a vector comes in: "
                "give the recurrent layer before it return_sequences=True"
            )
        return Flow("steps" if self.return_sequences else "vector", self.units)

    def initializers(self, incoming: Flow) -> dict[str, tuple[tuple[int, ...], Initializer]]:
        weights: dict[str, tuple[tuple[int, ...], Initializer]] = {
            "kernel": ((incoming.size, self.units), glorot_uniform),
            "recurrent_kernel": ((self.units, self.units), orthogonal),
        }
        return {**weights, "bias": ((self.units,), _zero)} if self.use_bias else weights

    def forward(
        self, operations: Operations, weights: Weights, incoming: Signal
    ) -> tuple[Signal, Any]:
        kernel, bias = weights["kernel"], self._bias(weights)
        present = _present(incoming)
        if incoming.values.ndim == 2:
            inputs, projected, positions = None, kernel + bias, incoming.values
        else:
            inputs = incoming.values.reshape(-1, incoming.values.shape[2])
            projected = operations.affine(inputs, kernel, bias)
            positions = np.arange(len(inputs)).reshape(present.shape)
        table = np.concatenate([projected, np.zeros((1, self.units), projected.dtype)])
        positions = np.where(present, positions, len(projected)).astype(np.int32)
        if self.go_backwards:
            positions = _turned_round(positions, present)
        states = operations.simple_rnn(
            table, positions, weights["recurrent_kernel"], self.activation
        )
        outgoing = (
            Signal(states[1:], present) if self.return_sequences else Signal(states[-1], None)
        )
        return outgoing, (inputs, positions, len(projected), states)

    def backward(
        self, operations: Operations, weights: Weights, saved: Any, gradient: Floats
    ) -> tuple[Floats | None, Weights]:
        inputs, positions, rows, states = saved
        d_states = gradient
        if not self.return_sequences:
            d_states = np.zeros_like(states[1:])
            d_states[-1] = gradient
        d_projected, d_recurrent = operations.simple_rnn_backward(
            states, weights["recurrent_kernel"], d_states, self.activation
        )
        d_table = operations.scatter_rows(d_projected, positions, rows + 1)[:rows]
        if inputs is None:
            d_values, d_kernel, d_bias = None, d_table, d_table.sum(axis=0)
        else:
            flat, d_kernel, d_bias = operations.affine_backward(inputs, weights["kernel"], d_table)
            d_values = flat.reshape(*positions.shape, -1)
        gradients = {"kernel": d_kernel, "recurrent_kernel": d_recurrent}
        return d_values, {**gradients, "bias": d_bias} if self.use_bias else gradients

    def _bias(self, weights: Weights) -> Floats:
        return weights["bias"] if self.use_bias else np.zeros(self.units, np.float32)


@dataclass(frozen=True)
class Dense(Layer):
    """activation(x · kernel + bias), for a vector or for every step.

    activation: "linear", "sigmoid" or "softmax". Equals Keras' ``Dense``.
    """

    units: int
    activation: Literal["linear", "sigmoid", "softmax"] = "linear"
    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        _check_sizes(self, units=self.units)
        _check_activation(self, self.activation, ("linear", "sigmoid", "softmax"))

    def flow(self, incoming: Flow) -> Flow:
        if incoming.kind == "ids":
            raise ShapeError(
                f"{self.kind} cannot read ids: put an Embedding or a recurrent layer before it"
            )
        return Flow(incoming.kind, self.units)

    def initializers(self, incoming: Flow) -> dict[str, tuple[tuple[int, ...], Initializer]]:
        return {
            "kernel": ((incoming.size, self.units), glorot_uniform),
            "bias": ((self.units,), _zero),
        }

    def forward(
        self, operations: Operations, weights: Weights, incoming: Signal
    ) -> tuple[Signal, Any]:
        inputs = incoming.values.reshape(-1, incoming.values.shape[-1])
        z = operations.affine(inputs, weights["kernel"], weights["bias"])
        outputs = dense_activation(self.activation, z)
        shaped = outputs.reshape(*incoming.values.shape[:-1], self.units)
        return Signal(shaped, incoming.present), (inputs, outputs)

    def backward(
        self, operations: Operations, weights: Weights, saved: Any, gradient: Floats
    ) -> tuple[Floats | None, Weights]:
        outputs = saved[1].reshape(gradient.shape)
        if self.activation == "sigmoid":
            gradient = gradient * outputs * (1 - outputs)
        elif self.activation == "softmax":
            mean = (gradient * outputs).sum(axis=-1, keepdims=True)
            gradient = outputs * (gradient - mean)
        return self.backward_from_logits(operations, weights, saved, gradient)

    def backward_from_logits(
        self, operations: Operations, weights: Weights, saved: Any, d_logits: Floats
    ) -> tuple[Floats | None, Weights]:
        """As `backward`, but from the gradient before the activation."""
        flat = d_logits.reshape(-1, self.units)
        d_inputs, d_kernel, d_bias = operations.affine_backward(saved[0], weights["kernel"], flat)
        d_values = d_inputs.reshape(*d_logits.shape[:-1], -1)
        return d_values, {"kernel": d_kernel, "bias": d_bias}


def dense_activation(name: str, z: Floats) -> Floats:
    """Linear: z; sigmoid: 1 / (1 + exp(-z)); softmax: exp(z) over the sum of its row."""
    if name == "sigmoid":
        small = np.exp(-np.abs(z))
        return np.where(z >= 0, 1 / (1 + small), small / (1 + small)).astype(z.dtype)
    if name == "softmax":
        powers = np.exp(z - z.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    return z


def _check_sizes(layer: Layer, **sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ShapeError(f"{layer.kind}: {name} is {size}: give a whole number from 1 on")


def _check_activation(layer: Layer, activation: str, known: tuple[str, ...]) -> None:
    if activation not in known:
        raise ShapeError(
            f"{layer.kind}: unknown activation {activation!r}: choose one of {', '.join(known)}"
        )


def _present(signal: Signal) -> NDArray[np.bool_]:
    if signal.present is None:
        raise ShapeError("steps are needed where a vector comes in")
    return signal.present


def _turned_round(positions: Ints, present: NDArray[np.bool_]) -> Ints:
    """Each lane's own steps in the opposite order, still ending together."""
    time = len(positions)
    starts = time - present.sum(axis=0)  # (lane,)
    steps = starts + time - 1 - np.arange(time)[:, None]
    steps = np.where(present, steps, np.arange(time)[:, None])
    return np.take_along_axis(positions, steps, axis=0)


def _zero(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    return zeros(shape)
