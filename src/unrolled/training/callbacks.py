"""Callbacks: what may be done before and after each epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from unrolled.errors import InputError, RecipeError
from unrolled.training.history import EpochRecord
from unrolled.training.learner import Learner


class Callback:
    """Called around every epoch; a subclass overrides what it needs.

    A resumed run does not restore what a callback remembers: one that must resume in the same
    bits decides by its arguments alone.
    """

    def on_epoch_begin(self, network: Learner[Any], epoch: int) -> None:
        """Before an epoch is trained; ``epoch`` counts from 0, as in Keras' callbacks."""

    def on_epoch_end(self, network: Learner[Any], record: EpochRecord) -> None:
        """After an epoch was trained and validated."""


class LearningRateSchedule(Callback):
    """Keras' LearningRateScheduler: ``function(epoch, rate)`` gives the rate of the next epoch."""

    def __init__(self, function: Callable[[int, float], float]) -> None:
        self.function = function

    def on_epoch_begin(self, network: Learner[Any], epoch: int) -> None:
        """Set the learning rate of this epoch."""
        optimizer = network.optimizer
        if optimizer is None:
            raise InputError("a network without an optimizer has no learning rate to schedule")
        rate = self.function(epoch, optimizer.learning_rate)
        try:
            optimizer.learning_rate = float(rate)
        except RecipeError as error:
            raise RecipeError(f"the schedule's rate of epoch {epoch + 1}: {error}") from None


def schedule_named(name: str, *, rate: float, epochs: int) -> list[Callback]:
    """What changes a learning rate between epochs: nothing if it is "constant".

    "linear": ``rate`` in the first epoch, and less in each by as much as would make it zero in the
    one after the last.
    """
    if name == "constant":
        return []
    return [LearningRateSchedule(lambda epoch, _: rate * (1.0 - epoch / epochs))]


class Unfreezing(Callback):
    """Layers that begin to learn one after the other, and then at a rate of their own.

    places: of the layers in the network, whose ``rates`` are changed, in the order in which they
    begin. rate: what their learning rate is then multiplied by. epochs: that each keeps still after
    the one before it has begun; the first one, from the start of the training.
    Source: Howard and Ruder 2018, gradual unfreezing.
    """

    def __init__(self, places: Sequence[int], *, rate: float, epochs: int) -> None:
        self.places = places
        self.rate = rate
        self.epochs = epochs

    def on_epoch_begin(self, network: Learner[Any], epoch: int) -> None:
        """Say which layers learn in this epoch."""
        rates = network.rates
        if rates is None:
            raise InputError("the network has no rates to change: give it some")
        for number, place in enumerate(self.places, start=1):
            rates[place] = self.rate if epoch >= number * self.epochs else 0.0


class EarlyStopping:
    """Keras' EarlyStopping on val_loss: stop after ``patience`` epochs without a new best one.

    A loss is a new best when ``loss + min_delta`` is strictly lower than the best before. The
    first epoch never stops a run. With ``patience=None`` it only remembers which epoch was best.
    Unlike Keras it keeps the best epoch also without ``restore_best_weights``, which only says
    what the network holds when training ends.
    """

    def __init__(
        self,
        patience: int | None,
        *,
        restore_best_weights: bool = True,
        min_delta: float = 0.0,
    ) -> None:
        if patience is not None and patience < 0:
            raise InputError(f"patience = {patience}: must be 0 or more, or None")
        self.patience = patience
        self.restore_best_weights = restore_best_weights
        self.min_delta = abs(min_delta)
        self.reset()

    def reset(self, *, wait: int = 0, best: float = math.inf, best_epoch: int = 0) -> None:
        """Start anew, or where an unfinished run stood."""
        self.wait = wait
        self.best = best
        self.best_epoch = best_epoch  # from 1; 0 before the first epoch

    def update(self, epoch: int, val_loss: float) -> bool:
        """Take in epoch ``epoch`` (from 1): is it the best so far?"""
        if val_loss + self.min_delta < self.best:
            self.reset(best=val_loss, best_epoch=epoch)
            return True
        self.wait += 1
        return False

    @property
    def stops(self) -> bool:
        """Whether training ends after the epoch that was taken in last."""
        return self.patience is not None and self.wait >= max(self.patience, 1)
