"""The layer that decides: a matrix and an activation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from unrolled.engine.initializers import glorot_uniform
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
    check_numbers,
    check_sizes,
    present,
    zero,
)


@dataclass(frozen=True)
class Dense(Layer):
    """activation(x · kernel + bias), for a vector or for every step.

    activation: "linear", "sigmoid" or "softmax". Equals Keras' ``Dense``.
    """

    units: int
    activation: Literal["linear", "sigmoid", "softmax"] = "linear"
    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        check_sizes(self, units=self.units)
        check_choice(self, "activation", self.activation, ("linear", "sigmoid", "softmax"))

    def flow(self, incoming: Flow) -> Flow:
        check_numbers(self, incoming)
        return Flow(incoming.kind, self.units)

    def initializers(self, incoming: Flow) -> Blueprint:
        return {
            "kernel": ((incoming.size, self.units), glorot_uniform),
            "bias": ((self.units,), zero),
        }

    def forward(
        self, operations: Operations, weights: Weights, incoming: Signal, noise: Noise
    ) -> tuple[Signal, Any]:
        values, starts = incoming.values, incoming.starts
        inputs = values.reshape(-1, values.shape[-1])
        z = operations.affine(inputs, weights["kernel"], weights["bias"])[:, : self.units]
        outputs = dense_activation(self.activation, z).reshape(*values.shape[:-1], self.units)
        if starts is not None:
            outputs = np.where(present(starts, len(outputs)), outputs, outputs.dtype.type(0))
        return Signal(outputs, starts, self.units), (inputs, outputs)

    def backward(
        self, operations: Operations, weights: Weights, saved: Any, gradient: Floats
    ) -> tuple[Floats | None, Gradients]:
        outputs, gradient = saved[1], gradient[..., : self.units]
        if self.activation == "sigmoid":
            gradient = gradient * outputs * (1 - outputs)
        elif self.activation == "softmax":
            mean = (gradient * outputs).sum(axis=-1, keepdims=True)
            gradient = outputs * (gradient - mean)
        return self.backward_from_logits(operations, weights, saved, gradient)

    def backward_from_logits(
        self, operations: Operations, weights: Weights, saved: Any, d_logits: Floats
    ) -> tuple[Floats | None, Gradients]:
        """As `backward`, but from the gradient before the activation."""
        flat = d_logits.reshape(-1, self.units)
        d_inputs, d_kernel, d_bias = operations.affine_backward(saved[0], weights["kernel"], flat)
        d_values = d_inputs.reshape(*d_logits.shape[:-1], d_inputs.shape[-1])
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
