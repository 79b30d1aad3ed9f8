"""One training: from encoded texts and a recipe to a trained model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.threads import thread_count
from unrolled.errors import DataError, InputError, ModelError, RecipeError
from unrolled.model.keeping import check_same_run, fit_by_recipe, lengths_in
from unrolled.model.networks import balanced_weights, build_network
from unrolled.model.pretrained import HandedOver, Pretrained
from unrolled.model.trained import TrainedModel
from unrolled.recipe import Recipe, TransferRecipe
from unrolled.text.vocabulary import Vocabulary
from unrolled.training.callbacks import Callback, Unfreezing
from unrolled.training.fit import FitResult
from unrolled.training.history import EpochRecord
from unrolled.training.learner import MakeLearner
from unrolled.training.state import Labelled, data_fingerprint


def learn(
    recipe: Recipe,
    train: Labelled,
    validation: Labelled,
    *,
    vocabulary: Vocabulary,
    classes: Sequence[str] | Sequence[int],
    source: str,
    pretrained: Pretrained | None,
    threads: int | None,
    row_numbers: NDArray[np.int64] | None,
    out: Path | None,
    resume: bool,
    learner: MakeLearner | None,
    callbacks: Sequence[Callback],
    on_epoch: Callable[[EpochRecord], None] | None,
    on_progress: Callable[[int], None] | None,
) -> TrainedModel:
    """Train as ``TextClassifier.fit_sequences`` says; ``out`` then holds the model too."""
    if resume and out is None:
        raise InputError("resume needs out, the folder of the unfinished run")
    model = _untrained(recipe, train[1], vocabulary, classes, source)
    handed = [] if pretrained is None else pretrained.hand_over(model.network)
    model.metrics = {
        "parameters": model.network.parameter_count,
        "threads": thread_count(threads),
        "train_count": len(train[0]),
        "validation_count": len(validation[0]),
        "lengths": lengths_in(train[0]),
    }
    if pretrained is not None:
        model.metrics["pretrained"] = pretrained.told(handed)
    train = model.prepared(train[0]), train[1]
    validation = model.prepared(validation[0]), validation[1]
    model.fingerprint = data_fingerprint(train, validation)
    unfinished = None
    if resume and out is not None and out.exists():
        previous = TrainedModel.load(out)
        _check_same_run(out, previous, model)
        if previous.training is None:  # it was finished: nothing is left to do
            return previous
        unfinished = previous.training

    result = fit_by_recipe(
        recipe,
        model.network if learner is None else learner(model.network),
        _for_network(train),
        _for_network(validation),
        callbacks=[*_unfreezing(recipe, handed), *callbacks],
        threads=threads,
        resume=unfinished,
        on_epoch=on_epoch,
        on_progress=on_progress,
        checkpoint=None if out is None else partial(model.save_unfinished, out),
        row_numbers=row_numbers,
    )
    _take_in(model, result)
    model.fit_decision(validation, threads)
    if out is not None:
        model.save(out)
    return model


def _untrained(
    recipe: Recipe,
    targets: NDArray[np.integer[Any]],
    vocabulary: Vocabulary,
    classes: Sequence[str] | Sequence[int],
    source: str,
) -> TrainedModel:
    """The model before its first epoch. targets: of the training texts."""
    several = targets.ndim == 2
    if len(classes) < (1 if several else 2):
        needed = "at least one is" if several else "two different ones are"
        raise DataError(f"{source}: labels are {list(classes)}; {needed} needed")
    balanced = recipe.training.class_weight == "balanced"
    if balanced and several:
        raise RecipeError(
            'training.class_weight must be "none" where a text may have several labels; '
            'decision.threshold="f1" serves rare labels'
        )
    network = build_network(
        recipe,
        rows=vocabulary.size,
        classes=len(classes),
        several=several,
        class_weight=balanced_weights(targets, len(classes)) if balanced else None,
        has_rates=recipe.transfer != TransferRecipe(),
    )
    return TrainedModel(
        recipe=recipe,
        classes=[str(label) for label in classes],
        are_numbers=all(isinstance(label, int) for label in classes),
        several=several,
        vocabulary=vocabulary,
        network=network,
        source=source,
    )


def _unfreezing(recipe: Recipe, handed: Sequence[HandedOver]) -> list[Callback]:
    """What lets the layers that were handed over learn, the last one first."""
    settings = recipe.transfer
    if not handed or settings == TransferRecipe():
        return []
    places = [own.at for own in reversed(handed)]
    return [Unfreezing(places, rate=settings.rate, epochs=settings.frozen_epochs)]


def _for_network(part: Labelled) -> Labelled:
    """A single label that applies or not is to the network one of two classes."""
    sequences, targets = part
    is_single = targets.ndim == 2 and targets.shape[1] == 1
    return (sequences, targets[:, 0].astype(np.int64)) if is_single else part


def _take_in(model: TrainedModel, result: FitResult) -> None:
    """Give the model the figures of its training; KeyboardInterrupt if there was no epoch."""
    if result.state is None:
        raise KeyboardInterrupt
    model.record(
        result.history,
        epoch=result.epoch,
        stop_reason=result.stop_reason,
        plateau=result.plateau,
    )
    model.training = result.state if result.stop_reason == "interrupted" else None


def _check_same_run(folder: Path, previous: TrainedModel, model: TrainedModel) -> None:
    """Raise ModelError unless both have the same beginning, settings and data."""
    began, begins = (own.metrics.get("pretrained") for own in (previous, model))
    if began != begins:
        raise ModelError(
            f"{folder}: this run began with {_handed_by(began)}, not with {_handed_by(begins)}; "
            "resume with what it began with, or train anew"
        )
    is_same = (
        model.classes == previous.classes
        and model.are_numbers == previous.are_numbers
        and model.several == previous.several
        and model.vocabulary == previous.vocabulary
        and model.fingerprint == previous.fingerprint
    )
    check_same_run(
        folder, model.recipe, previous.recipe, other_data="" if is_same else previous.source
    )


def _handed_by(told: Mapping[str, Any] | None) -> str:
    """Who handed layers over, for an error."""
    return "nothing handed over" if told is None else f"the layers of {told['name']}"
