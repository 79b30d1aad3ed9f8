"""Callbacks, with Keras' own as the oracle."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from unrolled.engine.optimizers import SGD
from unrolled.errors import InputError, RecipeError
from unrolled.training.callbacks import (
    EarlyStopping,
    LearningRateSchedule,
    Unfreezing,
    schedule_named,
)


class KerasModel:
    """What keras.callbacks.EarlyStopping needs of a model: its weights are the epoch (from 1)."""

    def __init__(self) -> None:
        self.stop_training = False
        self.weights = 0

    def get_weights(self) -> int:
        return self.weights

    def set_weights(self, weights: int) -> None:
        self.weights = weights


def with_keras(losses: list[float], patience: int, min_delta: float) -> tuple[int, int]:
    """(last epoch trained, epoch whose weights are restored), both from 1."""
    import keras

    callback = keras.callbacks.EarlyStopping(
        monitor="val_loss",
        mode="min",
        patience=patience,
        min_delta=min_delta,
        restore_best_weights=True,
    )
    model = KerasModel()
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        model.weights = epoch + 1
        callback.on_epoch_end(epoch, {"val_loss": loss})
        if model.stop_training:
            break
    callback.on_train_end()
    return epoch + 1, model.weights


def with_ours(losses: list[float], patience: int, min_delta: float) -> tuple[int, int]:
    stopping = EarlyStopping(patience, min_delta=min_delta)
    for epoch, loss in enumerate(losses, start=1):
        stopping.update(epoch, loss)
        if stopping.stops:
            break
    return epoch, stopping.best_epoch


@pytest.mark.parametrize("min_delta", [0.0, 0.125])
@pytest.mark.parametrize("patience", [0, 1, 2, 3, 5])
def test_early_stopping_is_keras_own(patience, min_delta):
    rng = np.random.default_rng([patience, int(min_delta * 8)])
    stopped_early = 0
    for _ in range(40):
        # Multiples of 1/16: exact in float32, in which Keras compares, and with many ties.
        losses = (rng.integers(1, 16, size=rng.integers(1, 20)) / 16).tolist()
        expected = with_keras(losses, patience, min_delta)
        assert with_ours(losses, patience, min_delta) == expected, losses
        stopped_early += expected[0] < len(losses)
    assert 0 < stopped_early < 40


def test_without_patience_it_only_remembers_the_best():
    stopping = EarlyStopping(None)
    for epoch, loss in enumerate([3.0, 1.0, 2.0, 2.0, 1.0, 9.0], start=1):
        assert stopping.update(epoch, loss) == (epoch in (1, 2))
        assert not stopping.stops
    assert (stopping.best_epoch, stopping.best) == (2, 1.0)


def test_it_goes_on_where_it_was_reset_to():
    stopping = EarlyStopping(3)
    stopping.reset(wait=2, best=0.5, best_epoch=4)
    assert not stopping.stops
    assert not stopping.update(7, 0.5)
    assert stopping.stops
    assert stopping.best_epoch == 4
    stopping.reset()
    assert stopping.update(1, 0.75)


def test_a_negative_patience_is_refused():
    with pytest.raises(InputError, match="patience = -1"):
        EarlyStopping(-1)


def test_the_schedule_is_asked_with_the_epoch_from_0_and_the_rate():
    asked = []

    def halve(epoch: int, rate: float) -> float:
        asked.append((epoch, rate))
        return rate / 2

    network = SimpleNamespace(optimizer=SGD(0.5))
    schedule = LearningRateSchedule(halve)
    for epoch in range(3):
        schedule.on_epoch_begin(network, epoch)
    assert asked == [(0, 0.5), (1, 0.25), (2, 0.125)]
    assert network.optimizer.learning_rate == 0.0625


def test_a_network_without_an_optimizer_has_no_schedule():
    with pytest.raises(InputError, match="has no learning rate to schedule"):
        LearningRateSchedule(max).on_epoch_begin(SimpleNamespace(optimizer=None), 0)


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), -1.0])
def test_an_impossible_rate_is_named_with_its_epoch(rate):
    schedule = LearningRateSchedule(lambda epoch, current: rate)
    with pytest.raises(RecipeError, match="the schedule's rate of epoch 3: learning_rate is"):
        schedule.on_epoch_begin(SimpleNamespace(optimizer=SGD(0.5)), 2)


def test_the_rate_falls_evenly_to_zero():
    network = SimpleNamespace(optimizer=SGD(0.8))
    (schedule,) = schedule_named("linear", rate=0.8, epochs=4)
    rates = []
    for epoch in range(4):
        schedule.on_epoch_begin(network, epoch)
        rates.append(network.optimizer.learning_rate)
    assert rates == pytest.approx([0.8, 0.6, 0.4, 0.2])
    assert schedule_named("constant", rate=0.8, epochs=4) == []


def test_layers_begin_to_learn_one_after_the_other():
    network = SimpleNamespace(rates=[1.0, 1.0, 1.0, 1.0])
    unfreezing = Unfreezing([2, 0], rate=0.3, epochs=2)
    seen = []
    for epoch in (0, 1, 2, 3, 4, 5):
        unfreezing.on_epoch_begin(network, epoch)
        seen.append((network.rates[2], network.rates[0]))
    assert seen == [(0.0, 0.0), (0.0, 0.0), (0.3, 0.0), (0.3, 0.0), (0.3, 0.3), (0.3, 0.3)]
    assert network.rates[1] == network.rates[3] == 1.0
    Unfreezing([2, 0], rate=0.3, epochs=0).on_epoch_begin(network, 0)
    assert network.rates == [0.3, 1.0, 0.3, 1.0]
    with pytest.raises(InputError, match="no rates"):
        unfreezing.on_epoch_begin(SimpleNamespace(rates=None), 0)
