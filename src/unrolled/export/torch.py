"""A model as a folder for PyTorch: a module in plain Python, its weights, and how to use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from unrolled.atomic import write_folder
from unrolled.errors import InputError
from unrolled.export.manual import manual
from unrolled.export.torch_module import module_of
from unrolled.export.torch_source import source_of
from unrolled.model.trained import TrainedModel

SOURCE, WEIGHTS = "model.py", "model.safetensors"
VOCABULARY, PREPROCESSING = "vocabulary.json", "preprocessing.json"
_FILES = {SOURCE, WEIGHTS, VOCABULARY, PREPROCESSING}


def write_torch(model: TrainedModel, path: Path, *, overwrite: bool = False) -> None:
    """Write a model as the folder ``path``; neither this nor reading it needs this library.

    model.py: a module of ``torch.nn`` layers, and ``load()``, which gives it with its weights from
    model.safetensors; its probabilities (texts, labels) are those of
    ``TextClassifier.predict_proba``. vocabulary.json: the words in the order of their ids.
    preprocessing.json: the other parts of the `manual`.

    overwrite: replace such a folder. Raises InputError for what `check_folder` refuses, and
    OutputError where the folder cannot be written.
    """
    check_folder(path, overwrite=overwrite)
    parts = manual(model)
    words = parts.pop("vocabulary")
    module = module_of(model.network)
    weights = {name: np.array(array, order="C") for name, array in module.weights.items()}
    contents = {
        SOURCE: source_of(module, model).encode("utf-8"),
        WEIGHTS: bytes(safetensors.numpy.save(weights)),
        VOCABULARY: _json(words),
        PREPROCESSING: _json(parts),
    }

    def fill(folder: Path) -> None:
        for name, data in contents.items():
            (folder / name).write_bytes(data)

    write_folder(path, fill)


def check_folder(path: Path, *, overwrite: bool) -> None:
    """Raise InputError where to write such a folder would lose what is there."""
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: a file has this name; name a folder")
    found = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
    if found - _FILES - {"__pycache__"}:
        raise InputError(f"{path}: the folder has other files; name an empty folder or a new one")
    if found and not overwrite:
        raise InputError(f"{path}: a module is there: --overwrite replaces it, or name another")


def _json(value: Any) -> bytes:
    """For people to read; half of a character, which has no UTF-8, stays escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace")
