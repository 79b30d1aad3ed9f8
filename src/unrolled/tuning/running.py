"""How a trial is run: a training as any other, watched by whoever may end it early."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from unrolled.errors import NonFiniteError, UnrolledError
from unrolled.model import TextClassifier
from unrolled.recipe import Recipe
from unrolled.training.callbacks import Callback
from unrolled.training.history import EpochRecord
from unrolled.training.learner import Learner
from unrolled.tuning.pruning import Judge
from unrolled.tuning.texts import Texts
from unrolled.tuning.trials import Kind, Objective, Outcome


@dataclass(frozen=True)
class Task:
    """A trial to be run, here or on another machine.

    rivals: the curves of the trials that are complete, by which this one is judged; None: it is
    let run to its end.
    """

    number: int
    recipe: Recipe
    objective: Objective
    rivals: tuple[tuple[float, ...], ...] | None


class Runner(Protocol):
    """Whoever runs trials, ``places`` of them at once."""

    places: int

    def start(self, task: Task) -> None:
        """Begin with a trial, while there is a place for it."""
        ...

    def finished(self) -> tuple[int, Outcome]:
        """Wait until any trial has ended: its number, and how it went."""
        ...


@dataclass(frozen=True)
class Watched:
    """What a trial tells on its way: rows of an epoch, and epochs."""

    on_progress: Callable[[int], None] | None = None
    on_epoch: Callable[[EpochRecord], None] | None = None


class InThisProcess:
    """Runs one trial at a time."""

    places = 1

    def __init__(
        self, texts: Texts, *, threads: int | None = None, watched: Watched | None = None
    ) -> None:
        self.texts = texts
        self.threads = threads
        self.watched = watched
        self._task: Task | None = None

    def start(self, task: Task) -> None:
        """Keep the task; ``finished`` does the work."""
        self._task = task

    def finished(self) -> tuple[int, Outcome]:
        """Run the trial."""
        assert self._task is not None, "nothing was started"
        outcome = run(self._task, self.texts, threads=self.threads, watched=self.watched)
        return self._task.number, outcome


def run(
    task: Task, texts: Texts, *, threads: int | None = None, watched: Watched | None = None
) -> Outcome:
    """Train by the task's recipe, and say how it went; no fault of a trial is an error.

    Raises KeyboardInterrupt when the training is interrupted.
    """
    watched = watched or Watched()
    curve = _Curve(Judge(task.objective, task.rivals))
    begin = time.perf_counter()

    def ended(kind: Kind, epoch: int, note: object = "") -> Outcome:
        seconds = time.perf_counter() - begin
        losses, accuracies = tuple(curve.val_loss), tuple(curve.val_accuracy)
        return Outcome(kind, losses, accuracies, epoch, seconds, str(note))

    try:
        encoded = texts.encoded(task.recipe)
        classifier = TextClassifier(task.recipe, threads=threads)
        classifier.fit_sequences(
            encoded.train,
            encoded.validation,
            vocabulary=encoded.vocabulary,
            classes=encoded.classes,
            source=texts.examples.source,
            row_numbers=encoded.train_rows,
            callbacks=[curve],
            on_epoch=watched.on_epoch,
            on_progress=watched.on_progress,
        )
    except _Hopeless:
        return ended("pruned", curve.best_epoch)
    except NonFiniteError as error:
        return ended("diverged", curve.best_epoch, error)
    except MemoryError:
        return ended("failed", curve.best_epoch, "not enough memory")
    except UnrolledError as error:
        return ended("failed", curve.best_epoch, error)
    if classifier.is_unfinished:
        raise KeyboardInterrupt
    return ended("complete", classifier.metrics_["epoch"])


class _Hopeless(Exception):
    """A trial is worse than most."""


class _Curve(Callback):
    """Writes down the validation figures, and ends a training that is hopeless by them."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.val_loss: list[float] = []
        self.val_accuracy: list[float] = []

    @property
    def best_epoch(self) -> int:
        """From 1, the one of the lowest loss; 0 before any."""
        return self.val_loss.index(min(self.val_loss)) + 1 if self.val_loss else 0

    def on_epoch_end(self, network: Learner[Any], record: EpochRecord) -> None:
        """Take in an epoch; after the last one there is nothing left to end."""
        self.val_loss.append(record.val_loss)
        self.val_accuracy.append(record.val_accuracy)
        if self.judge.is_hopeless(record) and record.epoch < record.epochs:
            raise _Hopeless
