"""TrainedModel: everything that makes up one model, to a folder and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled import __version__, bundle
from unrolled.engine.layers import Dense, Embedding, OneHot, SimpleRNN
from unrolled.engine.network import Network
from unrolled.engine.optimizers import optimizer_named
from unrolled.errors import InputError, ModelError
from unrolled.model.card import model_card
from unrolled.ragged import Ragged
from unrolled.recipe import Recipe
from unrolled.text.sequences import prepare
from unrolled.text.vocabulary import Vocabulary
from unrolled.training.history import History
from unrolled.training.state import TrainingState

UNFINISHED = "unfinished"


@dataclass
class TrainedModel:
    """A network that has learned, and what its numbers mean.

    classes: the label of each class number; source, fingerprint: of the data it was trained on.
    training: the state of its run as long as that is not finished; the network then has the
    weights of the best epoch so far.
    """

    recipe: Recipe
    classes: list[str]
    vocabulary: Vocabulary
    network: Network
    source: str
    fingerprint: str = ""
    history: History = field(default_factory=History)
    metrics: dict[str, Any] = field(default_factory=dict)
    training: TrainingState | None = None
    report: str | None = None

    def prepared(self, sequences: Ragged) -> Ragged:
        """Cut and fill encoded texts as the network reads them."""
        return prepare(sequences, self.recipe.text.maxlen, self.recipe.text.padding)

    def record(
        self, history: History, *, epoch: int, stop_reason: str, plateau: bool = False
    ) -> None:
        """Take in the figures of its training; the weights are those of epoch ``epoch``."""
        own = ("loss", "accuracy", "val_loss", "val_accuracy")
        self.history = history
        self.metrics |= {
            "epochs": history.epochs,
            "best_epoch": history.best_epoch,
            "epoch": epoch,
            **{key: history.history[key][epoch - 1] for key in own},
            "seconds": sum(history.history["seconds"]),
            "stop_reason": stop_reason,
            "plateau": plateau,
        }

    def save(self, path: Path) -> None:
        """Write the model's folder; the one that was there survives until this one is whole."""
        config = {
            "recipe": self.recipe.to_dict(),
            "labels": self.classes,
            "library_version": __version__,
            "data": {"source": self.source, "fingerprint": self.fingerprint},
        }
        card = model_card(
            name=path.resolve().name,
            recipe=self.recipe,
            classes=self.classes,
            source=self.source,
            metrics=self.metrics,
        )
        contents = bundle.Bundle(
            config=config,
            weights=dict(self.network.weights),
            vocabulary=self.vocabulary.to_dict(),
            history_csv=self.history.to_csv(),
            metrics=self.metrics,
            card=card,
            report=self.report,
            training=None if self.training is None else self.training.to_arrays(),
        )
        bundle.write(path, contents)

    @classmethod
    def load(cls, path: Path) -> TrainedModel:
        """Read a model's folder; ModelError names the file that is wrong."""
        stored = bundle.read(path)
        with _errors_name(path / bundle.CONFIG):
            recipe = Recipe.from_dict(stored.config["recipe"])
            classes = [str(label) for label in stored.config["labels"]]
            source, fingerprint = (stored.config["data"][key] for key in ("source", "fingerprint"))
        with _errors_name(path / bundle.VOCABULARY):
            vocabulary = Vocabulary.from_dict(stored.vocabulary)
        with _errors_name(path / bundle.HISTORY):
            history = History.from_csv(stored.history_csv)
        training = None
        if stored.training is not None:
            with _errors_name(path / bundle.TRAINING):
                training = TrainingState.from_arrays(stored.training)
        network = build_network(recipe, rows=vocabulary.size, classes=len(classes))
        shapes = {name: array.shape for name, array in network.weights.items()}
        bundle.check_shapes(path, stored.weights, shapes)
        for name, array in network.weights.items():
            array[...] = stored.weights[name]
        return cls(
            recipe=recipe,
            classes=classes,
            vocabulary=vocabulary,
            network=network,
            source=source,
            fingerprint=fingerprint,
            history=history,
            metrics=stored.metrics,
            training=training,
            report=stored.report,
        )

    def save_unfinished(self, path: Path, state: TrainingState) -> None:
        """Write the model of the best epoch so far, and what its run needs to go on."""
        self.record(state.history, epoch=state.best_epoch, stop_reason=UNFINISHED)
        self.training = state
        with _weights(self.network, state.best_weights):
            self.save(path)


def build_network(recipe: Recipe, *, rows: int, classes: int) -> Network:
    """Build the untrained network of a recipe for ids below ``rows``.

    Two classes share one sigmoid, the probability of the second; more have a softmax.
    """
    settings, training = recipe.network, recipe.training
    first = OneHot(rows) if settings.input == "onehot" else Embedding(rows, settings.embedding_size)
    binary = classes == 2
    return Network(
        [
            first,
            SimpleRNN(settings.units, activation=settings.activation),
            Dense(1, activation="sigmoid") if binary else Dense(classes, activation="softmax"),
        ],
        seed=recipe.seed,
        loss="binary_crossentropy" if binary else "sparse_categorical_crossentropy",
        optimizer=optimizer_named(
            training.optimizer, learning_rate=training.learning_rate, momentum=training.momentum
        ),
    )


@contextmanager
def _weights(network: Network, weights: NDArray[np.float32]) -> Iterator[None]:
    """For a moment the network has other weights (parameters,)."""
    own = network.parameters.copy()
    network.parameters[:] = weights
    try:
        yield
    finally:
        network.parameters[:] = own


@contextmanager
def _errors_name(file: Path) -> Iterator[None]:
    """Every error within is a ModelError that begins with the file's name."""
    try:
        yield
    except InputError as error:
        raise ModelError(f"{file}: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{file}: the file is damaged ({type(error).__name__}: {error}); train the model again"
        ) from error
