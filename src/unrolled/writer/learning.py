"""One training: from pairs of ids and a recipe to a trained writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from unrolled.engine.threads import thread_count
from unrolled.errors import InputError
from unrolled.model.keeping import check_same_run, fit_by_recipe, lengths_in
from unrolled.recipe import Recipe
from unrolled.training.callbacks import Callback
from unrolled.training.fit import FitResult
from unrolled.training.history import EpochRecord
from unrolled.training.learner import MakeLearner
from unrolled.training.state import data_fingerprint
from unrolled.writer.encoding import EncodedPairs
from unrolled.writer.networks import build_writer, rows_of
from unrolled.writer.trained import TrainedWriter


def learn_to_write(
    recipe: Recipe,
    encoded: EncodedPairs,
    *,
    source: str,
    threads: int | None,
    out: Path | None,
    resume: bool,
    learner: MakeLearner | None,
    callbacks: Sequence[Callback],
    on_epoch: Callable[[EpochRecord], None] | None,
    on_progress: Callable[[int], None] | None,
) -> TrainedWriter:
    """Train as ``TextWriter.fit`` says; ``out`` then holds the model too."""
    if resume and out is None:
        raise InputError("resume needs out, the folder of the unfinished run")
    model = _untrained(recipe, encoded, source)
    model.metrics |= {"threads": thread_count(threads)}
    unfinished = None
    if resume and out is not None and out.exists():
        previous = TrainedWriter.load(out)
        _check_same_run(out, previous, model)
        if previous.training is None:  # it was finished: nothing is left to do
            return previous
        unfinished = previous.training

    result = fit_by_recipe(
        recipe,
        model.network if learner is None else learner(model.network),
        encoded.train,
        encoded.validation,
        callbacks=callbacks,
        threads=threads,
        resume=unfinished,
        on_epoch=on_epoch,
        on_progress=on_progress,
        checkpoint=None if out is None else partial(model.save_unfinished, out),
        row_numbers=encoded.train_rows,
    )
    _take_in(model, result)
    if out is not None:
        model.save(out)
    return model


def _untrained(recipe: Recipe, encoded: EncodedPairs, source: str) -> TrainedWriter:
    """The model before its first epoch."""
    inputs, targets = encoded.train
    reads = rows_of(encoded.vocabulary)
    writes = rows_of(encoded.target_vocabulary or encoded.vocabulary)
    counts = np.bincount(targets.packed().ids, minlength=writes)
    network = build_writer(recipe, reads=reads, writes=writes, word_counts=counts.tolist())
    return TrainedWriter(
        recipe=recipe,
        vocabulary=encoded.vocabulary,
        target_vocabulary=encoded.target_vocabulary,
        network=network,
        source=source,
        longest=int(targets.lengths.max()),
        fingerprint=data_fingerprint(encoded.train, encoded.validation),
        metrics={
            "parameters": len(network.parameters),
            "train_count": len(inputs),
            "validation_count": len(encoded.validation[0]),
            "lengths": lengths_in(inputs),
            "target_lengths": lengths_in(targets),
        },
    )


def _take_in(model: TrainedWriter, result: FitResult) -> None:
    """Give the model the figures of its training; KeyboardInterrupt if there was no epoch."""
    if result.state is None:
        raise KeyboardInterrupt
    model.record(result.history, epoch=result.epoch, stop_reason=result.stop_reason)
    model.training = result.state if result.stop_reason == "interrupted" else None


def _check_same_run(folder: Path, previous: TrainedWriter, model: TrainedWriter) -> None:
    """Raise ModelError unless both have the same settings and data."""
    is_same = (
        model.vocabulary == previous.vocabulary
        and model.target_vocabulary == previous.target_vocabulary
        and model.fingerprint == previous.fingerprint
    )
    check_same_run(
        folder, model.recipe, previous.recipe, other_data="" if is_same else previous.source
    )
