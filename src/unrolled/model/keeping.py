"""What every kind of model does in its training, with its figures and with its folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from unrolled.datasets.statistics import length_statistics
from unrolled.errors import InputError, ModelError
from unrolled.ragged import Sequences
from unrolled.recipe import Recipe
from unrolled.training.callbacks import Callback, EarlyStopping, schedule_named
from unrolled.training.fit import FitResult, fit
from unrolled.training.history import History
from unrolled.training.learner import Learner

Target = TypeVar("Target", bound=NDArray[np.integer] | Sequences)

UNFINISHED = "unfinished"


def figures_of(history: History, *, epoch: int, stop_reason: str) -> dict[str, Any]:
    """The figures of a training, whose model has the weights of epoch ``epoch``."""
    own = ("loss", "accuracy", "val_loss", "val_accuracy")
    return {
        "epochs": history.epochs,
        "best_epoch": history.best_epoch,
        "epoch": epoch,
        **{key: history.history[key][epoch - 1] for key in own},
        "seconds": sum(history.history["seconds"]),
        "stop_reason": stop_reason,
    }


def lengths_in(sequences: Sequences) -> dict[str, Any]:
    """Statistics of lengths, with lists in place of arrays, as JSON has them."""
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in asdict(length_statistics(sequences.lengths)).items()
    }


def fit_by_recipe(
    recipe: Recipe,
    network: Learner[Target],
    train: tuple[Sequences, Target],
    validation: tuple[Sequences, Target],
    *,
    callbacks: Iterable[Callback],
    **others: Any,
) -> FitResult:
    """Train as the recipe says; ``others`` are those of ``training.fit.fit``."""
    settings = recipe.training
    schedule = schedule_named(
        settings.schedule, rate=settings.learning_rate, epochs=settings.epochs
    )
    return fit(
        network,
        train,
        validation,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        seed=recipe.seed,
        early_stopping=EarlyStopping(
            settings.patience, restore_best_weights=settings.restore_best_weights
        ),
        callbacks=[*schedule, *callbacks],
        **others,
    )


def check_same_run(folder: Path, recipe: Recipe, previous: Recipe, *, other_data: str) -> None:
    """Raise ModelError unless a run has the settings and data of the one that is in ``folder``.

    other_data: where that one's data came from, if they are others; otherwise "".
    """
    differences = recipe.model_copy(update={"name": previous.name}).differences(previous)
    if not differences and other_data:
        differences = [f"the data are not those from {other_data}"]
    if differences:
        raise ModelError(
            f"{folder}: this is another run's model: {'; '.join(differences)}; "
            "resume with what it began with, or train anew"
        )


@contextmanager
def other_weights(network: Learner[Any], weights: NDArray[np.float32]) -> Iterator[None]:
    """For a moment the network has other weights (parameters,)."""
    own = network.parameters.copy()
    network.parameters[:] = weights
    try:
        yield
    finally:
        network.parameters[:] = own


@contextmanager
def errors_name(file: Path) -> Iterator[None]:
    """Every error within is a ModelError that begins with the file's name."""
    try:
        yield
    except InputError as error:
        raise ModelError(f"{file}: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{file}: the file is damaged ({type(error).__name__}: {error}); train the model again"
        ) from error
