"""fit: train a network epoch by epoch, keep its best weights, and survive being stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.batches import NonFiniteBatch
from unrolled.errors import InputError, ModelError, NonFiniteError, ShapeError
from unrolled.ragged import Sequences
from unrolled.training.callbacks import Callback, EarlyStopping
from unrolled.training.history import EpochRecord, History
from unrolled.training.learner import Learner
from unrolled.training.signals import StopTraining, stop_on_signals
from unrolled.training.state import Part, TrainingState, data_fingerprint

Target = TypeVar("Target", bound=NDArray[np.integer] | Sequences)
StopReason = Literal["early stopping", "epochs", "interrupted"]
PLATEAU_MARGIN = 0.01
ROWS_NAMED = 5


@dataclass(frozen=True)
class FitResult:
    """How a run ended.

    epoch: the one, from 1, whose weights the network holds; 0 for the initial weights.
    state: after the last finished epoch; None when not even one was finished.
    plateau: early stopping ended the run before learning began, that is, with a best val_loss
        that is not PLATEAU_MARGIN below the ``chance_loss`` of the validation targets; never said
        of a network that writes.
    """

    history: History
    stop_reason: StopReason
    epoch: int
    state: TrainingState | None
    plateau: bool


def fit(
    network: Learner[Target],
    train: tuple[Sequences, Target],
    validation: tuple[Sequences, Target],
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    early_stopping: EarlyStopping | None = None,
    callbacks: Sequence[Callback] = (),
    threads: int | None = None,
    resume: TrainingState | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    on_progress: Callable[[int], None] | None = None,
    checkpoint: Callable[[TrainingState], None] | None = None,
    checkpoint_every: float = 1.0,
    row_numbers: NDArray[np.integer] | None = None,
) -> FitResult:
    """Train until ``epochs`` are done, or ``early_stopping`` or a signal ends it.

    on_epoch(record): after each epoch; on_progress(rows): within it, with the rows done so far.
    checkpoint(state): after an epoch, when ``checkpoint_every`` seconds have passed since the last
        one, and once more at the end. Only finished epochs are handed out.
    resume: the state of an unfinished run; it ends in the same bits as a run never stopped.
    row_numbers: what each training row is called in an error (rows,); without it, its index.

    At the end the network holds the weights of the best epoch; when ``early_stopping`` is missing
    or does not restore them, those of the last. SIGINT and SIGTERM stop the run within a moment:
    the epoch under way is dropped and the best weights so far are restored.
    Raises NonFiniteError, best weights restored, when a loss or a gradient is not finite.
    """
    _check(train, validation, epochs=epochs, batch_size=batch_size)
    stopping = early_stopping or EarlyStopping(None, restore_best_weights=False)
    run = _Run(network, train, validation, stopping, seed=seed)
    run.start(resume)
    keeper = _Keeper(checkpoint, checkpoint_every, resume)
    stop_reason: StopReason | None = None
    with stop_on_signals() as stop:

        def progress(rows: int) -> None:
            if on_progress is not None:
                on_progress(rows)
            stop.check()

        try:
            while (stop_reason := run.stop_reason(epochs)) is None:
                stop.check()
                for callback in callbacks:
                    callback.on_epoch_begin(network, run.epoch)
                record = run.train_epoch(epochs, batch_size, threads, progress)
                for callback in callbacks:
                    callback.on_epoch_end(network, record)
                if on_epoch is not None:
                    on_epoch(record)
                keeper.offer(run.state)
        except StopTraining:
            stop_reason = "interrupted"
        except (NonFiniteBatch, _NonFiniteValidation) as error:
            run.restore_best()
            keeper.finish(run.state)
            raise NonFiniteError(run.non_finite(error, row_numbers)) from None
        epoch = run.epoch
        if stopping.restore_best_weights or stop_reason == "interrupted":
            run.restore_best()
            epoch = stopping.best_epoch
        keeper.finish(run.state)
    plateau = (
        stop_reason == "early stopping"
        and isinstance(validation[1], np.ndarray)
        and stopping.best > chance_loss(validation[1]) - PLATEAU_MARGIN
    )
    return FitResult(run.history, stop_reason, epoch, run.state, plateau)


def epoch_order(count: int, *, seed: int, epoch: int) -> NDArray[np.int64]:
    """Order (count,) in which epoch ``epoch`` (from 1) visits the rows.

    It depends on its arguments only, so a resumed run needs no generator's state. Epochs count
    from 1 because NumPy takes the seed [42, 0] for the seed 42, which the weights were drawn with.
    """
    generator = np.random.Generator(np.random.PCG64([seed, epoch]))
    return generator.permutation(count)


def chance_loss(targets: NDArray[np.integer]) -> float:
    """Lowest mean cross-entropy of an answer that never looks at the text, in nats.

    That answer is the frequency p of each class, and its loss is their entropy, -sum(p ln p):
    ln(classes) where every class is equally frequent. With several labels a text it is the mean
    of each label's own. targets: class numbers (rows,), or 0 and 1 (rows, labels).
    """
    if targets.ndim == 2:
        return float(np.mean([chance_loss(label) for label in targets.T]))
    counts = np.bincount(targets)
    shares = counts[counts > 0] / len(targets)
    return float(-(shares * np.log(shares)).sum())


class _NonFiniteValidation(Exception):
    """The validation loss is not finite after an epoch whose every batch was."""


class _Run(Generic[Target]):
    """A network under way: one method an epoch, and the state after the last finished one."""

    def __init__(
        self,
        network: Learner[Target],
        train: tuple[Sequences, Target],
        validation: tuple[Sequences, Target],
        stopping: EarlyStopping,
        *,
        seed: int,
    ) -> None:
        if network.optimizer is None:
            raise InputError("the network has no optimizer: give it one to train it")
        self.network = network
        self.optimizer = network.optimizer
        self.train = train
        self.validation = validation
        self.stopping = stopping
        self.seed = seed
        self.fingerprint = data_fingerprint(train, validation)
        self.history = History()
        self.state: TrainingState | None = None
        self.best_weights = network.parameters.copy()

    @property
    def epoch(self) -> int:
        """Number of finished epochs."""
        return self.history.epochs

    def start(self, resume: TrainingState | None) -> None:
        """From nothing, or from an unfinished run of the same data, seed and network."""
        self.stopping.reset()
        if resume is None:
            return
        shapes = {name: slot.shape for name, slot in self.optimizer.slots.items()}
        if self.fingerprint != resume.fingerprint:
            raise ModelError("the data differ from those of the unfinished run; train anew")
        if self.seed != resume.seed:
            raise ModelError(
                f"the seed is {self.seed}, that of the unfinished run {resume.seed}; "
                "give the same seed, or train anew"
            )
        if (
            resume.weights.shape != self.network.parameters.shape
            or {name: slot.shape for name, slot in resume.slots.items()} != shapes
        ):
            raise ModelError("network or optimizer differ from the unfinished run's; train anew")
        self.network.parameters[:] = resume.weights
        for name, slot in resume.slots.items():
            self.optimizer.slots[name][:] = slot
        self.optimizer.iterations = resume.iterations
        self.optimizer.learning_rate = resume.learning_rate
        self.stopping.reset(wait=resume.wait, best=resume.best, best_epoch=resume.best_epoch)
        self.history = resume.history.copy()
        self.best_weights = resume.best_weights
        self.state = resume

    def stop_reason(self, epochs: int) -> StopReason | None:
        """Why no further epoch is needed, if so."""
        if self.stopping.stops:
            return "early stopping"
        return "epochs" if self.epoch >= epochs else None

    def train_epoch(
        self, epochs: int, batch_size: int, threads: int | None, progress: Callable[[int], None]
    ) -> EpochRecord:
        """Train and validate one epoch, and take it into history, early stopping and state."""
        epoch = self.epoch + 1
        start = time.perf_counter()
        loss, accuracy = self.network.train_epoch(
            *self.train,
            epoch_order(len(self.train[0]), seed=self.seed, epoch=epoch),
            batch_size=batch_size,
            threads=threads,
            on_progress=progress,
        )
        val_loss, val_accuracy = self.network.evaluate(*self.validation, threads=threads)
        if not math.isfinite(val_loss):
            raise _NonFiniteValidation
        record = EpochRecord(
            epoch=epoch,
            epochs=epochs,
            loss=loss,
            accuracy=accuracy,
            val_loss=val_loss,
            val_accuracy=val_accuracy,
            learning_rate=self.optimizer.learning_rate,
            seconds=time.perf_counter() - start,
        )
        self.history.append(record)
        if self.stopping.update(epoch, val_loss):
            self.best_weights = self.network.parameters.copy()
        self.state = self._snapshot()
        return record

    def restore_best(self) -> None:
        """Put the best epoch's weights into the network; before any epoch, the initial ones."""
        self.network.parameters[:] = self.best_weights

    def non_finite(
        self,
        error: NonFiniteBatch | _NonFiniteValidation,
        row_numbers: NDArray[np.integer] | None,
    ) -> str:
        """Where a number stopped being finite and what to do, in one line."""
        what = f"epoch {self.epoch + 1}: the validation loss"
        if isinstance(error, NonFiniteBatch):
            rows = error.rows if row_numbers is None else row_numbers[error.rows]
            named = ", ".join(str(row) for row in rows[:ROWS_NAMED])
            more = ", ..." if len(rows) > ROWS_NAMED else ""
            what = (
                f"epoch {self.epoch + 1}, batch {error.batch + 1}, rows {named}{more}: "
                f"the {error.what}"
            )
        best = self.stopping.best_epoch
        kept = f"the best model, of epoch {best}, is kept" if best else "no epoch had ended"
        return (
            f"{what} is not finite; try a learning rate lower than "
            f"{self.optimizer.learning_rate:g} ({kept})"
        )

    def _snapshot(self) -> TrainingState:
        return TrainingState(
            epoch=self.epoch,
            weights=self.network.parameters.copy(),
            slots={name: slot.copy() for name, slot in self.optimizer.slots.items()},
            iterations=self.optimizer.iterations,
            learning_rate=self.optimizer.learning_rate,
            best_weights=self.best_weights,
            best_epoch=self.stopping.best_epoch,
            best=self.stopping.best,
            wait=self.stopping.wait,
            history=self.history.copy(),
            seed=self.seed,
            fingerprint=self.fingerprint,
        )


class _Keeper:
    """Hands states to ``checkpoint``: none twice, and not more often than every so many seconds."""

    def __init__(
        self,
        checkpoint: Callable[[TrainingState], None] | None,
        every: float,
        kept: TrainingState | None,
    ) -> None:
        self.checkpoint = checkpoint
        self.every = every
        self.kept = kept
        self.last = time.monotonic()

    def offer(self, state: TrainingState | None) -> None:
        """Hand the state over when it is time."""
        if time.monotonic() - self.last >= self.every:
            self.finish(state)

    def finish(self, state: TrainingState | None) -> None:
        """Hand the state over now."""
        if self.checkpoint is None or state is None or state is self.kept:
            return
        self.checkpoint(state)
        self.kept = state
        self.last = time.monotonic()


def _check(train: Part, validation: Part, *, epochs: int, batch_size: int) -> None:
    if epochs < 1 or batch_size < 1:
        raise InputError(f"epochs = {epochs}, batch_size = {batch_size}: both must be 1 or more")
    for name, (sequences, targets) in (("training", train), ("validation", validation)):
        if len(sequences) != len(targets):
            raise ShapeError(f"{len(sequences)} {name} sequences but {len(targets)} targets")
        if len(sequences) == 0:
            raise InputError(f"there are no {name} examples")
