"""Optimisers on one flat vector of parameters, step for step as Keras 3 takes them.

In the equations w are the parameters, g the gradient and r the learning rate. Everything is
float32: constants are rounded once (1 - rho is subtracted in double precision and then rounded),
and the operations are done in the order that the equations show, each rounded to float32. A
compiled kernel that does the same has the same bits.

A run is resumed by copying ``slots``, ``iterations`` and ``learning_rate`` to a new object.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import RecipeError, ShapeError

Vector = NDArray[np.float32]
Slots = Mapping[str, Vector]


@dataclass(frozen=True)
class Part:
    """Parameters that a step changes, and their gradient; those that are in no part keep still.

    starts: int64 (rows,), where each row of parameters begins. gradient: float32 (rows, columns).
    rate: what the learning rate is multiplied by here.
    """

    starts: NDArray[np.int64]
    gradient: NDArray[np.float32]
    rate: float = 1.0

    @property
    def places(self) -> NDArray[np.int64]:
        """Where each number of the gradient belongs (rows, columns)."""
        return self.starts[:, None] + np.arange(self.gradient.shape[1])


class Optimizer(ABC):
    """What every optimiser has.

    kind: its number in the compiled kernels.
    slots: what it remembers of each parameter, by name (size,) float32, changed in place.
    iterations: the steps taken so far.
    learning_rate: r; a schedule may change it between steps.
    """

    name: ClassVar[str]
    kind: ClassVar[int]

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.slots: dict[str, Vector] = {}
        self.iterations = 0
        self._size: int | None = None

    @property
    def learning_rate(self) -> float:
        """Rate of the next step."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        if not (math.isfinite(rate) and rate >= 0.0):
            raise RecipeError(f"learning_rate is {rate}: give a finite number that is not negative")
        self._learning_rate = float(rate)

    def build(self, size: int) -> None:
        """Start anew for ``size`` parameters: no steps taken, every slot zero."""
        self._size = size
        self.iterations = 0
        self.slots = {name: np.zeros(size, dtype=np.float32) for name in self._slot_names()}

    def apply(self, parameters: Vector, gradient: Vector) -> None:
        """Take one step: changes ``parameters`` (size,) in place, ``gradient`` (size,) is read.

        Values that overflow become infinite or NaN without a warning, as in a compiled kernel.
        """
        if parameters.shape != (self._size,) or gradient.shape != (self._size,):
            raise ShapeError(
                f"parameters {parameters.shape} and gradient {gradient.shape} do not fit an "
                f"optimizer that was built for {self._size} parameters: call build(size) first"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            self._step(parameters, gradient, self.slots, self.step_rate())
        self.iterations += 1

    def apply_parts(self, parameters: Vector, parts: Sequence[Part]) -> None:
        """Take one step with the parameters that ``parts`` name, and their slots, only.

        With every parameter in a part it is `apply`; otherwise it is what PyTorch's ``SparseAdam``
        does: what a batch does not read is not moved by an old momentum, nor does that decay.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            for part in parts:
                places = part.places
                own = parameters[places]
                slots = {name: slot[places] for name, slot in self.slots.items()}
                self._step(own, part.gradient, slots, self.step_rate() * np.float32(part.rate))
                parameters[places] = own
                for name, slot in slots.items():
                    self.slots[name][places] = slot
        self.iterations += 1

    def step_rate(self) -> np.float32:
        """The number that the next step is multiplied by: r, or for Adam a."""
        return np.float32(self.learning_rate)

    @abstractmethod
    def _slot_names(self) -> tuple[str, ...]:
        """Name the slots that these settings need."""

    @abstractmethod
    def _step(self, parameters: Vector, gradient: Vector, slots: Slots, rate: np.float32) -> None:
        """Change the slots and the parameters in place; all have the gradient's shape."""


class RMSprop(Optimizer):
    """A step divided by the running root mean square of the gradient.

    ::

        v <- rho · v + (1 - rho) · g²
        i  = (r · g) / sqrt(v + epsilon)
        momentum = 0:   w <- w - i
        otherwise:      m <- momentum · m + i,   w <- w - m

    Slots: velocity v, and momentum m where momentum > 0. Epsilon sits inside the root.
    Source: Hinton 2012, lecture 6; Keras ``RMSprop``.
    """

    name = "rmsprop"
    kind = 0

    def __init__(
        self,
        learning_rate: float = 1e-3,
        *,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
    ) -> None:
        super().__init__(learning_rate)
        self.rho = rho
        self.momentum = checked_momentum(momentum)
        self.epsilon = epsilon

    def _slot_names(self) -> tuple[str, ...]:
        return ("velocity", "momentum") if self.momentum > 0.0 else ("velocity",)

    def _step(self, parameters: Vector, gradient: Vector, slots: Slots, rate: np.float32) -> None:
        epsilon = np.float32(self.epsilon)
        rho, rest = np.float32(self.rho), np.float32(1.0 - self.rho)
        velocity = slots["velocity"]
        velocity[:] = rho * velocity + rest * (gradient * gradient)
        increment = (rate * gradient) / np.sqrt(velocity + epsilon)
        if self.momentum > 0.0:
            momentum = slots["momentum"]
            momentum[:] = np.float32(self.momentum) * momentum + increment
            increment = momentum
        parameters -= increment


class Adam(Optimizer):
    """A step along the running mean of the gradient, divided by its running root mean square.

    ::

        a  = r · sqrt(1 - beta_2^k) / (1 - beta_1^k),   k = iterations + 1
        m <- m + (g - m) · (1 - beta_1)
        v <- v + (g² - v) · (1 - beta_2)
        w <- w - (m · a) / (sqrt(v) + epsilon)

    Slots: momentum m, velocity v. Epsilon sits outside the root and beside the uncorrected v
    ("epsilon hat"). Source: Kingma & Ba 2015, the formula before section 2.1; Keras ``Adam``.
    """

    name = "adam"
    kind = 1

    def __init__(
        self,
        learning_rate: float = 1e-3,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
    ) -> None:
        super().__init__(learning_rate)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def step_rate(self) -> np.float32:
        """Compute the rate a of the next step.

        The powers are those of the rounded betas, in double precision and rounded once: at the
        first step 1 - beta_2 is so small that the rounding of beta_2 shows, as it does in Keras.
        """
        step = self.iterations + 1
        one = np.float32(1.0)
        power_1 = np.float32(float(np.float32(self.beta_1)) ** step)
        power_2 = np.float32(float(np.float32(self.beta_2)) ** step)
        rate = np.float32(self.learning_rate) * np.sqrt(one - power_2) / (one - power_1)
        return np.float32(rate)

    def _slot_names(self) -> tuple[str, ...]:
        return ("momentum", "velocity")

    def _step(self, parameters: Vector, gradient: Vector, slots: Slots, rate: np.float32) -> None:
        epsilon = np.float32(self.epsilon)
        momentum, velocity = slots["momentum"], slots["velocity"]
        momentum += (gradient - momentum) * np.float32(1.0 - self.beta_1)
        velocity += (gradient * gradient - velocity) * np.float32(1.0 - self.beta_2)
        parameters -= (momentum * rate) / (np.sqrt(velocity) + epsilon)


class SGD(Optimizer):
    """A step down the gradient, with or without momentum.

    ::

        momentum = 0:   w <- w - g · r
        otherwise:      m <- m · momentum - g · r
                        plain:     w <- w + m
                        Nesterov:  w <- w + (m · momentum - g · r)

    Slot: momentum m, where momentum > 0. Without momentum, Nesterov changes nothing.
    Source: Sutskever et al. 2013; Keras ``SGD``.
    """

    name = "sgd"
    kind = 2

    def __init__(
        self, learning_rate: float = 0.01, *, momentum: float = 0.0, nesterov: bool = False
    ) -> None:
        super().__init__(learning_rate)
        self.momentum = checked_momentum(momentum)
        self.nesterov = nesterov

    def _slot_names(self) -> tuple[str, ...]:
        return ("momentum",) if self.momentum > 0.0 else ()

    def _step(self, parameters: Vector, gradient: Vector, slots: Slots, rate: np.float32) -> None:
        descent = gradient * rate
        if self.momentum == 0.0:
            parameters -= descent
            return
        decay, momentum = np.float32(self.momentum), slots["momentum"]
        momentum[:] = momentum * decay - descent
        parameters += momentum * decay - descent if self.nesterov else momentum


def checked_momentum(momentum: float) -> float:
    """Give ``momentum`` as a float. Raises RecipeError unless it is from 0 to 1."""
    if not 0.0 <= momentum <= 1.0:
        raise RecipeError(f"momentum is {momentum}: give a number from 0 to 1")
    return float(momentum)


def optimizer_named(name: str, *, learning_rate: float, momentum: float) -> Optimizer:
    """Make the optimiser that Keras calls ``name``, its other constants being Keras' own.

    Raises RecipeError for an unknown name, and for Adam with momentum, which it does not have.
    """
    if name == RMSprop.name:
        return RMSprop(learning_rate, momentum=momentum)
    if name == SGD.name:
        return SGD(learning_rate, momentum=momentum)
    if name != Adam.name:
        raise RecipeError(f"unknown optimizer {name!r}: choose one of rmsprop, adam, sgd")
    if momentum != 0.0:
        raise RecipeError(f"adam has no momentum, but it is {momentum}: set it to 0, or use sgd")
    return Adam(learning_rate)
