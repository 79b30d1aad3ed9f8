"""From a file of Keras to a model of ours, without Keras and without running anything in it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.engine.layers import Flow
from unrolled.engine.network import Network
from unrolled.engine.structure import flows_of
from unrolled.errors import InputError, ModelError, RecipeError
from unrolled.keras_files.chain import chain_of
from unrolled.keras_files.description import Description, read_description
from unrolled.keras_files.expressing import express
from unrolled.keras_files.graph import Floats
from unrolled.keras_files.hdf5 import Array
from unrolled.keras_files.stored import Stored, open_stored
from unrolled.keras_files.understanding import Understood, understand
from unrolled.keras_files.vocabularies import KERAS_IMDB, read_vocabulary
from unrolled.model.card import IMPORTED
from unrolled.model.networks import build_network, layers_of
from unrolled.model.trained import TrainedModel
from unrolled.recipe import PRESETS, Recipe, changed_recipe
from unrolled.text.vocabulary import Vocabulary

_IMDB_LABELS = ("negative", "positive")


def read_keras(
    path: str | Path,
    *,
    vocabulary: str | Path | None = None,
    labels: Sequence[str] | None = None,
    maxlen: int | None = None,
    changes: dict[str, Any] | None = None,
) -> TrainedModel:
    """Read a ``.keras`` or ``.h5`` file that holds a model made of layers that we have.

    What is read: Sequential models and chains of Functional ones, of an Embedding or one-hot input
    (steps, width), equal recurrent layers (SimpleRNN, LSTM, GRU, each alone or in Bidirectional),
    GlobalMaxPooling1D or GlobalAveragePooling1D, and Dense with sigmoid or softmax. Dropout is
    kept where a recipe has it, and else told in ``metrics["imported"]["training_only"]``. Also
    what `write_keras` wrote, whose words, labels and settings are in the file.

    vocabulary: as in `read_vocabulary`, for a file that does not have it.
    labels: of the outputs, in their order; of one output, of 0 and 1. None: "negative" and
    "positive" with the vocabulary "keras-imdb", otherwise the numbers from 0 on.
    maxlen: ids that are read of a text, where the file does not say. changes: other settings, as
    {"text.start_token": False}.

    The file is data: no code in it is run, and what it claims is checked before memory is taken.
    Raises ModelError for a file that is damaged or has a layer or a setting that we lack, and
    InputError for arguments that do not fit it; the message names the file and the layer.
    """
    path = Path(path)
    try:
        with open_stored(path) as stored:
            if stored.description is not None:
                _refuse_known(vocabulary=vocabulary, labels=labels, maxlen=maxlen, changes=changes)
                return _own(stored, read_description(stored.description), path)
            return _foreign(stored, path, vocabulary, labels, maxlen, changes or {})
    except (ModelError, RecipeError) as error:
        raise ModelError(f"{path}: {error}") from None


def _refuse_known(**arguments: object) -> None:
    given = [name for name, value in arguments.items() if value]
    if given:
        raise InputError(
            f"the file came from unrolled and has its words and settings: leave out {given[0]}"
        )


# --- What write_keras wrote ----------------------------------------------------------------------


def _own(stored: Stored, described: Description, path: Path) -> TrainedModel:
    vocabulary, recipe = described.vocabulary, described.recipe
    _check_layers(recipe, stored)
    needed = _numbers(recipe, vocabulary.size, len(described.classes), several=described.several)
    if 4 * needed > stored.size:
        raise ModelError("it is smaller than the weights that its recipe needs")
    model = _model(
        recipe,
        described.classes,
        vocabulary,
        file=path.name,
        source=described.source,
        several=described.several,
    )
    model = replace(model, are_numbers=described.are_numbers, decision=described.decision)
    graph = express(model)
    if json.loads(json.dumps(graph.to_config())) != stored.config:
        raise ModelError("its layers are not those of its recipe: the file has been changed")
    called = [(layer.class_name, layer.name) for layer in graph.layers]
    size = sum(variable.constant.size for layer in graph.layers for variable in layer.variables)
    weights = {name: np.zeros_like(array) for name, array in model.network.weights.items()}
    for layer, arrays in zip(graph.layers, stored.arrays(called, size), strict=True):
        shapes = [variable.constant.shape for variable in layer.variables]
        values = _checked(layer.name, arrays if shapes else [], shapes)
        for variable, value in zip(layer.variables, values, strict=True):
            variable.take_back(value, weights)
            if variable.filled(weights).tobytes() != value.tobytes():
                raise ModelError(f"the weights of {layer.name} are not those of an export")
    model.network.set_weights(weights)
    return model


def _check_layers(recipe: Recipe, stored: Stored) -> None:
    """A recipe cannot have more recurrent layers than the file has layers."""
    config = stored.config.get("config")
    layers = config.get("layers") if isinstance(config, dict) else None
    if not isinstance(layers, list) or recipe.network.layers > len(layers):
        raise ModelError("its layers are not those of its recipe: the file has been changed")


def _numbers(recipe: Recipe, rows: int, classes: int, *, several: bool) -> int:
    """How many numbers a recipe's network has in Keras at least; nothing is made."""
    layers = layers_of(recipe.network, rows=rows, classes=classes, several=several)
    incoming = [Flow("ids", rows), *flows_of(layers)]
    counts = [
        math.prod(shape)
        for layer, flow in zip(layers, incoming, strict=False)
        for shape, _ in layer.initializers(flow).values()
    ]
    if recipe.network.cell in ("min_gru", "qrnn"):  # an LSTM whose recurrent kernel is zero
        counts.append(4 * recipe.network.units**2)
    return sum(counts)


# --- What others wrote ---------------------------------------------------------------------------


def _foreign(
    stored: Stored,
    path: Path,
    source: str | Path | None,
    labels: Sequence[str] | None,
    maxlen: int | None,
    changes: dict[str, Any],
) -> TrainedModel:
    chain = chain_of(stored.config)
    understood = understand(chain)
    if source is None:
        raise InputError(
            f"{path}: the file does not say what its ids mean: give the vocabulary, {KERAS_IMDB} "
            "or a file"
        )
    called = [(layer.class_name, layer.name) for layer in chain.listed]
    listed = {id(layer): at for at, layer in enumerate(chain.listed)}
    arrays = stored.arrays(called, understood.numbers)
    values = {
        at: _checked(chain.layers[at].called, arrays[listed[id(chain.layers[at])]], shapes)
        for at, shapes in understood.shapes.items()
    }
    vocabulary = read_vocabulary(source, understood.rows)
    classes = _classes(understood, labels, is_imdb=str(source) == KERAS_IMDB)
    recipe = _recipe(understood, vocabulary, path, maxlen, changes)
    model = _model(
        recipe,
        classes,
        vocabulary,
        file=path.name,
        source="texts that its file does not name",
        several=understood.several,
    )
    model.are_numbers = labels is None and str(source) != KERAS_IMDB
    model.metrics[IMPORTED]["training_only"] = understood.training_only
    _set_weights(model.network, understood, values)
    return model


def _classes(understood: Understood, labels: Sequence[str] | None, *, is_imdb: bool) -> list[str]:
    count = understood.classes
    if labels is None:
        if is_imdb and count == 2:
            return list(_IMDB_LABELS)
        return [str(number) for number in range(count)]
    if len(labels) != count or len(set(labels)) != count:
        raise InputError(f"{len(labels)} labels are given, and the network has {count} different")
    return list(labels)


def _recipe(
    understood: Understood,
    vocabulary: Vocabulary,
    path: Path,
    maxlen: int | None,
    changes: dict[str, Any],
) -> Recipe:
    """The settings that the file says, and the notebook's for those of a training."""
    if understood.steps is not None and maxlen not in (None, understood.steps):
        raise InputError(
            f"maxlen is {maxlen}, and the network reads {understood.steps} ids: leave it out"
        )
    length = maxlen or understood.steps
    if length is None and not understood.is_masked:
        raise InputError(
            "the file does not say how many ids of a text are read, and padding is read like "
            "words: give maxlen"
        )
    base = PRESETS["notebook-onehot"].to_dict()
    settings = base | {
        "name": path.stem,
        "text": base["text"]
        | {
            "tokenizer": vocabulary.tokenizer,
            "num_words": understood.rows,
            "maxlen": length,
            "padding": "masked" if understood.is_masked else "keras",
        },
        "network": {"embedding_size": 16} | understood.network,
    }
    try:
        return changed_recipe(Recipe.from_dict(settings, "its settings"), changes)
    except RecipeError as error:
        raise ModelError(str(error)) from None


def _set_weights(network: Network, understood: Understood, values: dict[int, list[Floats]]) -> None:
    """Give each layer that has weights those of its layer of Keras, which come in one order."""
    owners = [name for name, own in zip(network.names, network.layer_weights, strict=True) if own]
    weights = {}
    for owner, (at, arrays) in zip(owners, sorted(values.items()), strict=True):
        for name, array in understood.turns[at](arrays).items():
            weights[f"{owner}/{name}"] = array
    network.set_weights(weights)


# --- Both ----------------------------------------------------------------------------------------


def _model(
    recipe: Recipe,
    classes: list[str],
    vocabulary: Vocabulary,
    *,
    file: str,
    source: str,
    several: bool,
) -> TrainedModel:
    network = build_network(recipe, rows=vocabulary.size, classes=len(classes), several=several)
    return TrainedModel(
        recipe=recipe,
        classes=classes,
        several=several,
        vocabulary=vocabulary,
        network=network,
        source=source,
        metrics={
            "parameters": network.parameter_count,
            IMPORTED: {"file": file, "training_only": []},
        },
    )


def _checked(
    called: str, arrays: Sequence[Array], shapes: Sequence[tuple[int, ...]]
) -> list[Floats]:
    """The arrays of a layer, which have these shapes and are finite float32 numbers."""
    found = [array.shape for array in arrays]
    if found != list(shapes):
        raise ModelError(f"{called} has arrays of the shapes {found[:9]}, and needs {shapes}")
    values = []
    for array in arrays:
        if array.dtype != np.float32:
            raise ModelError(f"{called} has numbers of the kind {array.dtype}: we have float32")
        values.append(array.read())
        if not np.isfinite(values[-1]).all():
            raise ModelError(f"{called} has weights that are not finite numbers")
    return values
