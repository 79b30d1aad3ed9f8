"""From a recipe to the untrained network that it describes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.engine import layers
from unrolled.engine.network import Network
from unrolled.engine.optimizers import optimizer_named
from unrolled.recipe import NetworkRecipe, Recipe
from unrolled.text.vocabulary import UNKNOWN

Layers = list[layers.Layer]


def build_network(
    recipe: Recipe,
    *,
    rows: int,
    classes: int,
    several: bool = False,
    class_weight: Sequence[float] | None = None,
    has_rates: bool = False,
) -> Network:
    """Build the untrained network of a recipe for ids below ``rows``.

    Two classes share one sigmoid, the probability of the second; more have a softmax; with several
    labels a text each has a sigmoid of its own. class_weight: what each class's loss counts.
    has_rates: each layer's learning rate may be changed, and is multiplied by one so far.
    """
    training = recipe.training
    sigmoid = several or classes == 2
    built = layers_of(recipe.network, rows=rows, classes=classes, several=several)
    return Network(
        built,
        seed=recipe.seed,
        loss="binary_crossentropy" if sigmoid else "sparse_categorical_crossentropy",
        optimizer=optimizer_named(
            training.optimizer, learning_rate=training.learning_rate, momentum=training.momentum
        ),
        class_weight=class_weight,
        sparse=training.embedding_updates == "sparse",
        rates=[1.0] * len(built) if has_rates else None,
    )


def layers_of(settings: NetworkRecipe, *, rows: int, classes: int, several: bool = False) -> Layers:
    """The layers of a recipe's network, which have no weights yet."""
    return [
        *input_layers(settings, rows),
        *_recurrent_layers(settings),
        *_last_layers(settings, classes, several=several),
    ]


def balanced_weights(targets: NDArray[np.integer[Any]], classes: int) -> list[float]:
    """What each class counts so that all weigh the same: examples / (classes · its examples).

    The formula is scikit-learn's. targets: class numbers (examples,).
    """
    counts = np.bincount(targets, minlength=classes)
    return [len(targets) / (classes * max(count, 1)) for count in counts.tolist()]


def input_layers(settings: NetworkRecipe, rows: int) -> Layers:
    """What makes a vector of each id below ``rows``."""
    built: Layers = []
    if settings.word_dropout:
        built.append(layers.WordDropout(settings.word_dropout, unknown=UNKNOWN))
    if settings.input == "onehot":
        return [*built, layers.OneHot(rows)]
    built.append(layers.Embedding(rows, settings.embedding_size))
    if settings.embedding_dropout:
        built.append(layers.SpatialDropout(settings.embedding_dropout))
    return built


def _recurrent_layers(settings: NetworkRecipe) -> Layers:
    """The stack of cells and what makes one vector of their steps."""
    last = settings.layers - 1
    built = [
        _recurrent_layer(settings, return_sequences=at < last or settings.pooling != "last")
        for at in range(settings.layers)
    ]
    return built if settings.pooling == "last" else [*built, _POOLINGS[settings.pooling]()]


def _recurrent_layer(settings: NetworkRecipe, *, return_sequences: bool) -> layers.Layer:
    cell = cell_of(settings, return_sequences)
    if settings.bidirectional == "none":
        return cell
    return layers.Bidirectional(cell, merge=settings.bidirectional)


def cell_of(settings: NetworkRecipe, return_sequences: bool) -> layers.Scanned:
    """One recurrent layer."""
    units, dropout = settings.units, settings.recurrent_dropout
    if settings.cell == "min_gru":
        return layers.MinGRU(units, return_sequences=return_sequences)
    if settings.cell == "qrnn":
        return layers.QRNN(units, window=settings.window, return_sequences=return_sequences)
    if settings.cell == "gru":
        return layers.GRU(
            units,
            reset_after=settings.reset_after,
            recurrent_dropout=dropout,
            return_sequences=return_sequences,
        )
    if settings.cell == "lstm":
        return layers.LSTM(
            units,
            unit_forget_bias=settings.unit_forget_bias,
            recurrent_dropout=dropout,
            return_sequences=return_sequences,
        )
    return layers.SimpleRNN(
        units,
        activation=settings.activation,
        recurrent_dropout=dropout,
        return_sequences=return_sequences,
    )


_POOLINGS: dict[str, type[layers.Layer]] = {
    "max": layers.MaxPooling,
    "mean": layers.MeanPooling,
    "max_mean": layers.MaxMeanPooling,
}


def _last_layers(settings: NetworkRecipe, classes: int, *, several: bool) -> Layers:
    built: Layers = [layers.Dropout(settings.dropout)] if settings.dropout else []
    if several:
        return [*built, layers.Dense(classes, activation="sigmoid")]
    if classes == 2:
        return [*built, layers.Dense(1, activation="sigmoid")]
    return [*built, layers.Dense(classes, activation="softmax")]
