"""Learner: what a network must be able to do to be trained by ``fit``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from unrolled.ragged import Sequences

if TYPE_CHECKING:
    from unrolled.engine.optimizers import Optimizer

Target = TypeVar("Target", contravariant=True)
MakeLearner = Callable[[Any], "Learner[Any]"]
"""What trains a network in its place, on other machines say; the network keeps the weights."""


class Learner(Protocol[Target]):
    """A `Network`, which learns classes, or an `EncoderDecoder`, which learns sequences.

    parameters: all weights end to end, in place. Both methods return the mean loss and the share of
    right answers.
    """

    optimizer: Optimizer | None
    parameters: NDArray[np.float32]

    @property
    def rates(self) -> list[float] | None:
        """What each layer's learning rate is multiplied by, None where all have the same."""
        ...

    def train_epoch(
        self,
        sequences: Sequences,
        targets: Target,
        order: NDArray[np.integer],
        /,
        *,
        batch_size: int,
        threads: int | None,
        on_progress: Callable[[int], None] | None,
    ) -> tuple[float, float]:
        """One pass over the rows in ``order``."""
        ...

    def evaluate(
        self, sequences: Sequences, targets: Target, /, *, threads: int | None
    ) -> tuple[float, float]:
        """Learn nothing."""
        ...
