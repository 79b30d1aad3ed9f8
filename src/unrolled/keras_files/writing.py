"""Files that Keras loads, written without Keras."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.atomic import write_file
from unrolled.errors import InputError
from unrolled.keras_files.description import describe
from unrolled.keras_files.expressing import express
from unrolled.keras_files.graph import Floats, Graph
from unrolled.keras_files.names import (
    CONFIG,
    DESCRIPTION,
    KERAS_VERSION,
    LEGACY_CONFIG,
    LEGACY_WEIGHTS,
    METADATA,
    WEIGHTS,
    paths_of,
)
from unrolled.model.trained import TrainedModel

_NEVER = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes
_ONE_ATTRIBUTE = 60_000  # bytes; HDF5 allows 64 KiB


def write_keras(model: TrainedModel, path: str | Path) -> None:
    """Write a model so that Keras 3.5 or later opens it, whole, in place of a file that is there.

    path: what its name ends in says what is written:

    - ``.keras``: the whole model; ``keras.saving.load_model`` opens it. It is a zip of
      ``config.json`` (the layers), ``model.weights.h5`` and ``metadata.json``.
    - ``.weights.h5``: the weights alone, for ``load_weights`` on that model.
    - ``.h5``: the whole model in Keras' older form, which ``load_model`` opens too.

    The Keras model reads ids int32 (texts, steps) and gives calibrated probabilities (texts,
    outputs), those of ``predict_proba`` to 1e-5. Of two classes its one output is that of the
    second. What it does not do is in the JSON under ``"unrolled"`` in ``metadata.json``, or in the
    array of bytes ``unrolled`` of an HDF5 file: ``preprocessing`` says in sentences how a text
    becomes ids, ``vocabulary`` has the words (the word at place i has id i + 4), ``labels`` those
    of the outputs, ``decision`` the thresholds, ``recipe`` all settings.

    Raises InputError for a layer that Keras cannot express and for another ending, OutputError.
    """
    path = Path(path)
    form = next((form for ending, form in _FORMS.items() if path.name.endswith(ending)), None)
    if form is None:
        raise InputError(f"{path}: Keras' files end in {', '.join(_FORMS)}; choose one of these")
    write_file(path, form(express(model), dict(model.network.weights), describe(model)))


def _zip(graph: Graph, weights: dict[str, Floats], description: dict[str, Any]) -> bytes:
    metadata = {"keras_version": KERAS_VERSION, DESCRIPTION: description}
    contents = {
        METADATA: _json(metadata),
        CONFIG: _json(graph.to_config()),
        WEIGHTS: _hdf5(graph, weights),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in contents.items():
            archive.writestr(zipfile.ZipInfo(name, _NEVER), data)
    return packed.getvalue()


def _hdf5(
    graph: Graph, weights: dict[str, Floats], description: dict[str, Any] | None = None
) -> bytes:
    """The variables as Keras 3 lays them out: "layers/lstm/cell/vars/0"."""
    packed = io.BytesIO()
    with _library().File(packed, "w") as file:
        file.create_group("vars")
        for layer, path in zip(graph.layers, paths_of(_classes(graph)), strict=True):
            for variable in layer.variables:
                file[f"{path}/{variable.path}"] = variable.filled(weights)
        if description is not None:
            file[DESCRIPTION] = np.frombuffer(_json(description), np.uint8)
    return packed.getvalue()


def _legacy_hdf5(graph: Graph, weights: dict[str, Floats], description: dict[str, Any]) -> bytes:
    """The whole model as Keras 2 laid it out: the layers are an attribute."""
    packed = io.BytesIO()
    with _library().File(packed, "w") as file:
        config = _json(graph.to_config())
        if len(config) > _ONE_ATTRIBUTE:
            raise InputError("the network has more layers than .h5 has room for; choose .keras")
        file.attrs["keras_version"] = KERAS_VERSION.encode()
        file.attrs[LEGACY_CONFIG] = config
        file[DESCRIPTION] = np.frombuffer(_json(description), np.uint8)
        group = file.create_group(LEGACY_WEIGHTS)
        group.attrs["keras_version"] = KERAS_VERSION.encode()
        group.attrs["layer_names"] = np.array([layer.name.encode() for layer in graph.layers])
        for layer in graph.layers:
            own = group.create_group(layer.name)
            names = [f"{layer.name}/{variable.path}" for variable in layer.variables]
            own.attrs["weight_names"] = np.array([name.encode() for name in names], dtype="S")
            for name, variable in zip(names, layer.variables, strict=True):
                own[name] = variable.filled(weights)
        group.create_group("top_level_model_weights").attrs["weight_names"] = np.array([], "S1")
    return packed.getvalue()


_FORMS = {".keras": _zip, ".weights.h5": _hdf5, ".h5": _legacy_hdf5}


def _classes(graph: Graph) -> list[str]:
    return [layer.class_name for layer in graph.layers]


def _json(value: Any) -> bytes:
    r"""UTF-8; half of a character, which has none, becomes ``\udcxx``, which JSON reads back."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", errors="backslashreplace")


def _library() -> Any:
    try:
        import h5py
    except ImportError:
        raise InputError(
            "Keras' files are written by h5py, which is not installed: pip install 'unrolled[hdf5]'"
        ) from None
    return h5py
