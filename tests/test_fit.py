"""Training runs: how they end, what they keep, and that a resumed one has the same bits."""

from __future__ import annotations

import math
import os
import signal
from dataclasses import fields

import numpy as np
import pytest

from unrolled.engine.batches import NonFiniteBatch
from unrolled.engine.optimizers import SGD, Adam, RMSprop
from unrolled.errors import InputError, ModelError, NonFiniteError, ShapeError
from unrolled.ragged import Ragged
from unrolled.training.callbacks import Callback, EarlyStopping, LearningRateSchedule
from unrolled.training.fit import chance_loss, epoch_order, fit
from unrolled.training.state import TrainingState

WORDS = 6


class BagOfWords:
    """A stand-in for Network: logistic regression over word counts, one parameter a word.

    val_losses: what ``evaluate`` answers, epoch by epoch, in place of the truth.
    bad: (epoch, batch) in which the gradient is not finite.
    """

    def __init__(self, optimizer=None, *, val_losses=None, bad=None) -> None:
        self.optimizer = optimizer or RMSprop(0.05)
        self.optimizer.build(WORDS)
        self.parameters = np.linspace(-0.1, 0.1, WORDS, dtype=np.float32)
        self.val_losses = list(val_losses or [])
        self.bad = bad
        self.epochs = 0
        self.evaluations = 0
        self.threads = []

    def counts(self, sequences: Ragged) -> np.ndarray:
        return np.array([np.bincount(ids, minlength=WORDS) for ids in sequences], np.float32)

    def scores(self, counts, targets):
        given = 1 / (1 + np.exp(-(counts @ self.parameters)))
        loss = -np.log(np.where(targets == 1, given, 1 - given))
        return given, loss.astype(np.float64), (given > 0.5) == (targets == 1)

    def train_epoch(self, sequences, targets, order, *, batch_size, threads, on_progress=None):
        self.epochs += 1
        self.threads.append(threads)
        losses, rights = [], []
        for batch, start in enumerate(range(0, len(order), batch_size)):
            rows = order[start : start + batch_size]
            if self.bad == (self.epochs, batch):
                raise NonFiniteBatch(batch, rows, "gradient")
            counts = self.counts(sequences.take(rows))
            given, loss, right = self.scores(counts, targets[rows])
            gradient = counts.T @ (given - targets[rows]).astype(np.float32) / np.float32(len(rows))
            self.optimizer.apply(self.parameters, gradient.astype(np.float32))
            losses.extend(loss)
            rights.extend(right)
            if on_progress is not None:
                on_progress(start + len(rows))
        return float(np.mean(losses)), float(np.mean(rights))

    def evaluate(self, sequences, targets, *, threads=None):
        self.evaluations += 1
        _, loss, right = self.scores(self.counts(sequences), targets)
        scripted = self.val_losses.pop(0) if self.val_losses else float(loss.mean())
        return scripted, float(right.mean())


def labelled(count: int, seed: int) -> tuple[Ragged, np.ndarray]:
    rng = np.random.default_rng(seed)
    lists = [rng.integers(0, WORDS, rng.integers(1, 9)) for _ in range(count)]
    targets = np.array([int(ids.mean() + rng.normal() > 2.5) for ids in lists])
    return Ragged.from_lists(lists), targets


TRAIN, VALIDATION = labelled(23, 1), labelled(11, 2)


def run(network: BagOfWords, **changes):
    settings = {"epochs": 6, "batch_size": 5, "seed": 9, **changes}
    return fit(network, TRAIN, VALIDATION, **settings)


def weights_by_epoch(**changes) -> list[np.ndarray]:
    """Weights after each epoch; before the first at index 0."""
    network = BagOfWords()
    kept = [network.parameters.copy()]
    run(network, on_epoch=lambda record: kept.append(network.parameters.copy()), **changes)
    return kept


def same_bits(one: TrainingState, other: TrainingState) -> None:
    for field in fields(TrainingState):
        first, second = getattr(one, field.name), getattr(other, field.name)
        if field.name == "slots":
            assert first.keys() == second.keys()
            assert all(first[name].tobytes() == second[name].tobytes() for name in first)
        elif field.name == "history":
            one_history, other_history = dict(first.history), dict(second.history)
            assert len(one_history.pop("seconds")) == len(other_history.pop("seconds"))
            assert one_history == other_history
        elif isinstance(first, np.ndarray):
            assert first.tobytes() == second.tobytes(), field.name
        else:
            assert first == second, field.name


# --- How a run ends ------------------------------------------------------------------------------


def test_it_learns_and_tells_every_epoch():
    records, rows = [], []
    network = BagOfWords()
    result = run(network, on_epoch=records.append, on_progress=rows.append, threads=2)
    assert result.stop_reason == "epochs"
    assert [record.epoch for record in records] == [1, 2, 3, 4, 5, 6]
    assert {record.epochs for record in records} == {6}
    assert rows == [5, 10, 15, 20, 23] * 6
    assert result.history.history["loss"] == [record.loss for record in records]
    assert result.history.history["val_accuracy"] == [record.val_accuracy for record in records]
    assert result.history.history["val_loss"] == [record.val_loss for record in records]
    assert all(record.seconds > 0 for record in records)
    assert records[-1].loss < records[0].loss
    assert network.threads == [2] * 6


def test_every_epoch_has_its_own_order_that_depends_on_seed_and_epoch_only():
    orders = [epoch_order(50, seed=3, epoch=epoch) for epoch in (1, 2)]
    orders.append(epoch_order(50, seed=4, epoch=1))
    assert len({order.tobytes() for order in orders}) == 3
    assert all(np.array_equal(np.sort(order), np.arange(50)) for order in orders)
    assert np.array_equal(orders[0], epoch_order(50, seed=3, epoch=1))
    weights_stream = np.random.default_rng(3).permutation(50)
    assert not np.array_equal(orders[0], weights_stream)


@pytest.mark.parametrize("restore", [True, False])
def test_early_stopping_ends_it_and_restores_the_best_epoch(restore):
    losses = [0.5, 0.4, 0.6, 0.4, 0.1]
    by_epoch = weights_by_epoch()
    network = BagOfWords(val_losses=losses)
    result = run(network, early_stopping=EarlyStopping(2, restore_best_weights=restore))
    assert result.stop_reason == "early stopping"
    assert result.history.history["val_loss"] == losses[:4]
    assert result.history.best_epoch == 2
    assert np.array_equal(network.parameters, by_epoch[2 if restore else 4])
    assert np.array_equal(result.state.best_weights, by_epoch[2])
    assert np.array_equal(result.state.weights, by_epoch[4])


def test_the_best_epoch_is_restored_also_when_training_ends_by_itself():
    network = BagOfWords(val_losses=[0.5, 0.4, 0.6, 0.7, 0.8, 0.9])
    result = run(network, early_stopping=EarlyStopping(9))
    assert (result.stop_reason, result.history.epochs) == ("epochs", 6)
    assert np.array_equal(network.parameters, weights_by_epoch()[2])


def test_without_early_stopping_the_last_epoch_stays():
    network = BagOfWords(val_losses=[0.5, 0.4, 0.6, 0.7, 0.8, 0.9])
    run(network)
    assert np.array_equal(network.parameters, weights_by_epoch()[6])


def test_one_early_stopping_serves_two_runs():
    stopping = EarlyStopping(2)
    for _ in range(2):
        result = run(BagOfWords(val_losses=[0.5, 0.6, 0.7]), early_stopping=stopping)
        assert (result.stop_reason, result.history.epochs) == ("early stopping", 3)


def test_callbacks_are_called_around_every_epoch():
    calls = []

    class Spy(Callback):
        def on_epoch_begin(self, network, epoch):
            calls.append(("begin", epoch, network.epochs))

        def on_epoch_end(self, network, record):
            calls.append(("end", record.epoch, network.epochs))

    run(BagOfWords(), epochs=2, callbacks=[Spy(), Callback()])
    assert calls == [("begin", 0, 0), ("end", 1, 1), ("begin", 1, 1), ("end", 2, 2)]


def test_the_scheduled_rate_is_used_and_told():
    network = BagOfWords(SGD(0.5))
    schedule = LearningRateSchedule(lambda epoch, rate: 0.0 if epoch == 1 else rate + 0.25)
    kept = []
    result = run(
        network,
        epochs=3,
        callbacks=[schedule],
        on_epoch=lambda record: kept.append(network.parameters.copy()),
    )
    assert result.history.history["learning_rate"] == [0.75, 0.0, 0.25]
    assert np.array_equal(kept[0], kept[1])
    assert not np.array_equal(kept[1], kept[2])


@pytest.mark.parametrize(
    ("losses", "patience", "plateau"),
    [
        ([0.69, 0.691, 0.692], 2, True),
        ([0.67, 0.671, 0.672], 2, False),  # ln 2 = 0.693: it had begun to learn
        ([0.69, 0.691, 0.692], 9, False),  # not stopped early
    ],
)
def test_a_plateau_is_early_stopping_at_the_loss_of_chance(losses, patience, plateau):
    validation = (VALIDATION[0].take(np.arange(10)), np.array([0, 1] * 5))
    network = BagOfWords(val_losses=losses)
    stopping = EarlyStopping(patience)
    result = fit(
        network, TRAIN, validation, epochs=3, batch_size=5, seed=9, early_stopping=stopping
    )
    assert result.plateau is plateau


def test_the_loss_of_chance_is_the_entropy_of_the_classes():
    assert chance_loss(np.array([0, 1, 2, 3] * 3)) == pytest.approx(math.log(4))
    assert chance_loss(np.array([2, 2])) == 0
    expected = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    assert chance_loss(np.array([1] * 9 + [0])) == pytest.approx(expected)


# --- Checkpoints ---------------------------------------------------------------------------------


def test_fast_epochs_are_not_checkpointed_each():
    states = []
    result = run(BagOfWords(), checkpoint=states.append)
    assert [state.epoch for state in states] == [6]
    assert states[0] is result.state


def test_every_epoch_is_checkpointed_once_when_it_is_time():
    states = []
    run(BagOfWords(), checkpoint=states.append, checkpoint_every=0)
    assert [state.epoch for state in states] == [1, 2, 3, 4, 5, 6]


def test_the_time_between_checkpoints_is_kept(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("unrolled.training.fit.time.monotonic", lambda: clock[0])
    states = []

    def tick(record) -> None:
        clock[0] += 0.4

    run(BagOfWords(), checkpoint=states.append, checkpoint_every=1.0, on_epoch=tick)
    assert [state.epoch for state in states] == [3, 6]
    states.clear()
    clock[0] = 0.0
    run(BagOfWords(), checkpoint=states.append, checkpoint_every=1.0, on_epoch=tick, epochs=5)
    assert [state.epoch for state in states] == [3, 5]


def test_a_checkpointed_state_does_not_change_afterwards():
    states = []
    run(BagOfWords(), checkpoint=states.append, checkpoint_every=0)
    by_epoch = weights_by_epoch()
    for state in states:
        assert np.array_equal(state.weights, by_epoch[state.epoch])
        assert state.history.epochs == state.epoch
    assert not np.array_equal(states[0].slots["velocity"], states[1].slots["velocity"])


# --- Going on ------------------------------------------------------------------------------------


def optimizers():
    return [
        RMSprop(0.05),
        RMSprop(0.01, momentum=0.8),
        Adam(0.05),
        SGD(0.1),
        SGD(0.05, momentum=0.9),
    ]


@pytest.mark.parametrize("which", range(5))
@pytest.mark.parametrize("patience", [1, None])
def test_a_run_resumed_after_any_epoch_ends_in_the_same_bits(which, patience):
    val_losses = [0.6, 0.5, 0.4, 0.7, 0.3, 0.2, 0.1]

    def settings() -> dict:
        return {
            "epochs": 7,
            "early_stopping": EarlyStopping(patience),
            "callbacks": [LearningRateSchedule(lambda epoch, rate: rate * 0.9)],
        }

    states = []
    whole = BagOfWords(optimizers()[which], val_losses=val_losses)
    expected = run(whole, checkpoint=states.append, checkpoint_every=0, **settings())
    assert len(states) == (4 if patience else 7)
    for state in states:
        network = BagOfWords(optimizers()[which], val_losses=val_losses[state.epoch :])
        network.parameters[:] = 77  # nothing may be left of what a new network starts with
        stored = TrainingState.from_arrays(state.to_arrays())
        result = run(network, resume=stored, **settings())
        assert network.epochs == len(states) - state.epoch
        assert result.stop_reason == expected.stop_reason
        same_bits(result.state, expected.state)
        assert network.parameters.tobytes() == whole.parameters.tobytes()


def test_the_state_that_a_run_goes_on_from_does_not_change():
    state = run(BagOfWords(), epochs=2).state
    before = TrainingState.from_arrays(state.to_arrays())
    weights, history = state.best_weights.copy(), state.history.copy()
    assert run(BagOfWords(), resume=state).state.epoch == 6
    assert np.array_equal(state.best_weights, weights)
    assert state.history == history
    same_bits(state, before)


def test_a_run_that_had_ended_is_not_checkpointed_again():
    ended = run(BagOfWords()).state
    states = []
    result = run(BagOfWords(), resume=ended, checkpoint=states.append)
    assert states == []
    assert result.stop_reason == "epochs"


def test_a_run_does_not_go_on_with_anything_else():
    state = run(BagOfWords(), epochs=2).state
    with pytest.raises(ModelError, match="the data differ"):
        fit(BagOfWords(), TRAIN, TRAIN, epochs=6, batch_size=5, seed=9, resume=state)
    with pytest.raises(ModelError, match="the seed is 8, that of the unfinished run 9"):
        run(BagOfWords(), seed=8, resume=state)
    with pytest.raises(ModelError, match="network or optimizer differ"):
        run(BagOfWords(Adam(0.05)), resume=state)


# --- Being stopped -------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drops_the_epoch_and_keeps_the_best(number):
    """Stopped in epoch 5, which a resumed run does again; the best epoch was the second."""
    val_losses = [0.5, 0.3, 0.6, 0.7, 0.8, 0.9]
    states = []
    network = BagOfWords(val_losses=val_losses)
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    def interrupt(rows: int) -> None:
        if network.epochs == 5 and rows == 10:
            os.kill(os.getpid(), number)

    stopping = EarlyStopping(9)
    result = run(network, early_stopping=stopping, on_progress=interrupt, checkpoint=states.append)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert result.stop_reason == "interrupted"
    assert not result.plateau
    assert [state.epoch for state in states] == [4]
    assert result.history.epochs == result.state.epoch == 4
    by_epoch = weights_by_epoch()
    assert np.array_equal(network.parameters, by_epoch[2])
    assert np.array_equal(result.state.weights, by_epoch[4])

    resumed = BagOfWords(val_losses=val_losses[4:])
    result = run(resumed, early_stopping=stopping, resume=states[0])
    assert np.array_equal(result.state.weights, by_epoch[6])
    assert np.array_equal(resumed.parameters, by_epoch[2])


def test_a_signal_between_epochs_keeps_the_epoch():
    network = BagOfWords()

    def interrupt(record) -> None:
        if record.epoch == 3:
            signal.raise_signal(signal.SIGINT)

    result = run(network, on_epoch=interrupt)
    assert (result.stop_reason, result.state.epoch, network.epochs) == ("interrupted", 3, 3)


def test_a_signal_in_the_first_epoch_leaves_nothing_behind():
    network = BagOfWords()
    states = []
    result = run(
        network,
        on_progress=lambda rows: signal.raise_signal(signal.SIGINT),
        checkpoint=states.append,
    )
    assert (result.stop_reason, result.state, result.history.epochs) == ("interrupted", None, 0)
    assert states == []
    assert np.array_equal(network.parameters, BagOfWords().parameters)


def test_a_second_ctrl_c_ends_the_run_at_once():
    def impatient(rows: int) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    states = []
    with pytest.raises(KeyboardInterrupt):
        run(BagOfWords(), on_progress=impatient, checkpoint=states.append)
    assert states == []


# --- Numbers that are not finite -----------------------------------------------------------------


def test_a_bad_batch_is_named_and_the_best_model_kept():
    order = epoch_order(23, seed=9, epoch=4)[10:15]
    numbers = np.arange(23) * 10
    states = []
    network = BagOfWords(val_losses=[0.5, 0.3, 0.6], bad=(4, 2))
    with pytest.raises(NonFiniteError) as caught:
        run(network, checkpoint=states.append, row_numbers=numbers)
    rows = ", ".join(str(10 * row) for row in order)
    assert str(caught.value) == (
        f"epoch 4, batch 3, rows {rows}: the gradient is not finite; try a learning rate lower "
        "than 0.05 (the best model, of epoch 2, is kept)"
    )
    assert [state.epoch for state in states] == [3]
    by_epoch = weights_by_epoch()
    assert np.array_equal(states[0].best_weights, by_epoch[2])
    assert np.array_equal(network.parameters, by_epoch[2])


def test_many_bad_rows_are_cut_and_a_bad_first_epoch_keeps_nothing():
    states = []
    with pytest.raises(NonFiniteError) as caught:
        run(BagOfWords(bad=(1, 0)), batch_size=8, checkpoint=states.append)
    rows = ", ".join(str(row) for row in epoch_order(23, seed=9, epoch=1)[:5])
    assert str(caught.value).startswith(f"epoch 1, batch 1, rows {rows}, ...: the gradient is not")
    assert str(caught.value).endswith("(no epoch had ended)")
    assert states == []


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_validation_loss_that_is_not_finite_stops_the_run(value):
    states = []
    network = BagOfWords(val_losses=[0.5, 0.6, value])
    with pytest.raises(NonFiniteError, match="epoch 3: the validation loss is not finite; try"):
        run(network, checkpoint=states.append)
    assert [state.epoch for state in states] == [2]
    assert np.array_equal(network.parameters, weights_by_epoch()[1])


# --- What cannot be trained ----------------------------------------------------------------------


def test_impossible_arguments_are_named():
    with pytest.raises(InputError, match="epochs = 0, batch_size = 5: both must be 1 or more"):
        run(BagOfWords(), epochs=0)
    with pytest.raises(InputError, match="batch_size = 0"):
        run(BagOfWords(), batch_size=0)
    with pytest.raises(ShapeError, match="23 training sequences but 22 targets"):
        fit(BagOfWords(), (TRAIN[0], TRAIN[1][:-1]), VALIDATION, epochs=1, batch_size=1, seed=0)
    empty = (Ragged.from_lists([]), np.zeros(0, np.int64))
    with pytest.raises(InputError, match="there are no validation examples"):
        fit(BagOfWords(), TRAIN, empty, epochs=1, batch_size=1, seed=0)
