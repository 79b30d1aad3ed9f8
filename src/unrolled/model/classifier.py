"""TextClassifier: learns from labelled texts to label new ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from unrolled.datasets.examples import Examples
from unrolled.datasets.split import train_validation_split
from unrolled.datasets.statistics import LengthStatistics, length_statistics
from unrolled.engine.network import Network
from unrolled.engine.summary import LayerRow, format_table
from unrolled.engine.threads import thread_count
from unrolled.errors import DataError, InputError, ModelError
from unrolled.model.labelled import check_labelled, check_texts, class_numbers
from unrolled.model.trained import TrainedModel, build_network
from unrolled.ragged import Ragged
from unrolled.recipe import DEFAULT_RECIPE, Recipe, load_recipe
from unrolled.text.vocabulary import Vocabulary
from unrolled.training.callbacks import Callback, EarlyStopping
from unrolled.training.fit import fit
from unrolled.training.history import EpochRecord, History
from unrolled.training.state import Labelled, data_fingerprint

Rows = NDArray[np.int64]


class TextClassifier:
    """Learns from labelled texts to label new ones.

    A text's probabilities have the same bits alone, in any company, and after save and load.
    """

    def __init__(
        self, recipe: Recipe | str | Path = DEFAULT_RECIPE, *, threads: int | None = None
    ) -> None:
        self.recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
        self.threads = threads
        self._model: TrainedModel | None = None

    # --- Learning --------------------------------------------------------------------------------

    def fit(
        self,
        texts: Iterable[str],
        labels: Iterable[str],
        validation: tuple[Iterable[str], Iterable[str]] | None = None,
        *,
        source: str = "a list in memory",
        out: str | Path | None = None,
        resume: bool = False,
        callbacks: Sequence[Callback] = (),
        on_epoch: Callable[[EpochRecord], None] | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> Self:
        """Train on texts and their labels; without ``validation``, ``split`` holds some back.

        The recipe says which words get an id. The other arguments are those of ``fit_sequences``.
        """
        texts, labels = check_labelled("training", texts, labels)
        if validation is None:
            train_rows, validation_rows = self.split(len(texts))
        else:
            more_texts, more_labels = check_labelled("validation", *validation)
            class_numbers(more_labels, sorted(set(labels)), lambda row: f"validation row {row}")
            train_rows = np.arange(len(texts))
            validation_rows = len(texts) + np.arange(len(more_texts))
            texts, labels = texts + more_texts, labels + more_labels
        classes = sorted(set(labels))
        targets = class_numbers(labels, classes)
        vocabulary, train, held_back = self._encode(texts, train_rows, validation_rows)
        return self.fit_sequences(
            (train, targets[train_rows]),
            (held_back, targets[validation_rows]),
            vocabulary=vocabulary,
            classes=classes,
            source=source,
            row_numbers=train_rows,
            out=out,
            resume=resume,
            callbacks=callbacks,
            on_epoch=on_epoch,
            on_progress=on_progress,
        )

    def fit_sequences(
        self,
        train: Labelled,
        validation: Labelled,
        *,
        vocabulary: Vocabulary,
        classes: Sequence[str],
        source: str,
        row_numbers: Rows | None = None,
        out: str | Path | None = None,
        resume: bool = False,
        callbacks: Sequence[Callback] = (),
        on_epoch: Callable[[EpochRecord], None] | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> Self:
        """Train on texts that ``vocabulary`` has encoded already: (sequences, class numbers).

        source: where the data came from, as a part of a sentence. row_numbers: what each training
        row is called in an error (rows,).
        out: a folder that holds the best model so far while training goes on; a model that was
        there is replaced. resume: go on with the unfinished run that is there, if any.
        Ctrl-C and SIGTERM stop the training and keep the best model so far; before there is one,
        KeyboardInterrupt is raised.
        """
        if len(classes) < 2:
            raise DataError(f"{source}: labels are {list(classes)}; two different ones are needed")
        if resume and out is None:
            raise InputError("resume needs out, the folder of the unfinished run")
        model = TrainedModel(
            recipe=self.recipe,
            classes=list(classes),
            vocabulary=vocabulary,
            network=build_network(self.recipe, rows=vocabulary.size, classes=len(classes)),
            source=source,
        )
        model.metrics = {
            "parameters": model.network.parameter_count,
            "threads": thread_count(self.threads),
            "train_count": len(train[0]),
            "validation_count": len(validation[0]),
            "lengths": _plain(length_statistics(train[0].lengths)),
        }
        train = model.prepared(train[0]), train[1]
        validation = model.prepared(validation[0]), validation[1]
        model.fingerprint = data_fingerprint(train, validation)

        folder = None if out is None else Path(out)
        unfinished = None
        if resume and folder is not None and folder.exists():
            previous = TrainedModel.load(folder)
            check_same_run(folder, previous, model)
            unfinished = previous.training
            if unfinished is None:  # it was finished: nothing is left to do
                self._model = previous
                return self

        settings = self.recipe.training
        result = fit(
            model.network,
            train,
            validation,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            seed=self.recipe.seed,
            early_stopping=EarlyStopping(
                settings.patience, restore_best_weights=settings.restore_best_weights
            ),
            callbacks=callbacks,
            threads=self.threads,
            resume=unfinished,
            on_epoch=on_epoch,
            on_progress=on_progress,
            checkpoint=None if folder is None else partial(model.save_unfinished, folder),
            row_numbers=row_numbers,
        )
        if result.state is None:
            raise KeyboardInterrupt
        model.record(
            result.history,
            epoch=result.epoch,
            stop_reason=result.stop_reason,
            plateau=result.plateau,
        )
        model.training = result.state if result.stop_reason == "interrupted" else None
        self._model = model
        if folder is not None:
            model.save(folder)
        return self

    def split(self, count: int) -> tuple[Rows, Rows]:
        """Which of ``count`` rows are for training and which for validation, by the recipe."""
        settings = self.recipe.training
        return train_validation_split(count, settings.validation_fraction, settings.split_seed)

    def _encode(
        self, texts: Sequence[str], train_rows: Rows, validation_rows: Rows
    ) -> tuple[Vocabulary, Ragged, Ragged]:
        """Learn the vocabulary; give it and both parts as ids."""
        settings = self.recipe.text
        learned_from = range(len(texts)) if settings.vocabulary_of == "all" else train_rows
        vocabulary, encoded = Vocabulary.fit(
            [texts[row] for row in learned_from],
            tokenizer=settings.tokenizer,
            num_words=settings.num_words,
            start=settings.start_token,
        )
        if settings.vocabulary_of == "all":
            return vocabulary, encoded.take(train_rows), encoded.take(validation_rows)
        held_back = vocabulary.encode_all(
            (texts[row] for row in validation_rows), start=settings.start_token
        )
        return vocabulary, encoded, held_back

    # --- Using -----------------------------------------------------------------------------------

    def predict_proba(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Probability of each class (texts, classes), classes in the order of ``classes_``."""
        model = self._trained()
        encoded = model.vocabulary.encode_all(
            check_texts("", texts), start=model.recipe.text.start_token
        )
        outputs = model.network.predict(model.prepared(encoded), threads=self.threads)
        return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs

    def predict(self, texts: Iterable[str]) -> list[str]:
        """Give each text its most probable label, the first of equals."""
        return [self.classes_[number] for number in self.predict_proba(texts).argmax(axis=1)]

    def score(self, texts: Iterable[str], labels: Iterable[str]) -> float:
        """Share of texts that get their own label."""
        texts, labels = check_labelled("", texts, labels)
        targets = class_numbers(labels, self.classes_)
        return float((self.predict_proba(texts).argmax(axis=1) == targets).mean())

    def targets(self, examples: Examples) -> Rows:
        """Class number of each example (examples,); DataError names where a strange label is."""
        return class_numbers(examples.labels, self.classes_, examples.where)

    def layer_rows(self) -> list[LayerRow]:
        """Describe each layer: name, output shape, parameters; before training, of two classes."""
        text = self.recipe.text
        steps = text.maxlen if text.padding == "keras" else None
        if self._model is not None:
            return self._model.network.layer_rows(steps)
        if text.num_words is None:
            raise InputError(
                "text.num_words is none, so that the size of the network depends on the texts: "
                "train it first"
            )
        return build_network(self.recipe, rows=text.num_words, classes=2).layer_rows(steps)

    def summary(self) -> str:
        """Keras' table of the layers."""
        return format_table(self.layer_rows())

    # --- Keeping ---------------------------------------------------------------------------------

    def save(self, path: str | Path, *, report: str | None = None) -> None:
        """Write the model's folder, with an HTML page as its report if one is given."""
        model = self._trained()
        if report is not None:
            model.report = report
        model.save(Path(path))

    @classmethod
    def load(cls, path: str | Path, *, threads: int | None = None) -> Self:
        """Read a model's folder; of an unfinished run, the best model so far."""
        model = TrainedModel.load(Path(path))
        classifier = cls(model.recipe, threads=threads)
        classifier._model = model
        return classifier

    # --- What it learned -------------------------------------------------------------------------

    @property
    def classes_(self) -> list[str]:
        """The labels, sorted."""
        return self._trained().classes

    @property
    def vocabulary_(self) -> Vocabulary:
        """The words that it knows."""
        return self._trained().vocabulary

    @property
    def network_(self) -> Network:
        """The network itself."""
        return self._trained().network

    @property
    def history_(self) -> History:
        """The figures of every epoch."""
        return self._trained().history

    @property
    def metrics_(self) -> dict[str, Any]:
        """Figures in types that JSON has; what is added to them is saved with the model."""
        return self._trained().metrics

    @property
    def is_unfinished(self) -> bool:
        """Whether its training was interrupted and can be resumed."""
        return self._trained().training is not None

    def _trained(self) -> TrainedModel:
        if self._model is None:
            raise InputError("this classifier has not learned anything yet: call fit or load")
        return self._model


def check_same_run(folder: Path, previous: TrainedModel, model: TrainedModel) -> None:
    """Raise ModelError unless both have the same settings and data."""
    named = model.recipe.model_copy(update={"name": previous.recipe.name})
    differences = named.differences(previous.recipe)
    if not differences and (
        model.classes != previous.classes
        or model.vocabulary != previous.vocabulary
        or model.fingerprint != previous.fingerprint
    ):
        differences = [f"the data are not those from {previous.source}"]
    if differences:
        raise ModelError(
            f"{folder}: this is another run's model: {'; '.join(differences)}; "
            "resume with what it began with, or train anew"
        )


def _plain(statistics: LengthStatistics) -> dict[str, Any]:
    """Put lists in place of arrays, as JSON has them."""
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in asdict(statistics).items()
    }
