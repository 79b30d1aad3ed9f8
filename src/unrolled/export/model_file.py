"""Models as a page holds them: what they are, and all that is needed to ask them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled import bundle
from unrolled.engine.layers import Bidirectional, Dropout, Layer, WordDropout
from unrolled.engine.network import Network
from unrolled.export.characters import tables
from unrolled.model.trained import TrainedModel
from unrolled.page.description import describe


def model_file(models: Mapping[str, TrainedModel], *, examples: Sequence[str]) -> str:
    """JSON of models by name, the first of which is shown first; it can stand inside of HTML."""
    document = {
        "characters": tables({model.vocabulary.tokenizer for model in models.values()}),
        "models": [
            {**_known(name, model, list(models), examples), **_engine_parts(model)}
            for name, model in models.items()
        ],
    }
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Half of a character has no UTF-8, and "<" could end the element that holds this.
    return text.encode("utf-8", "backslashreplace").decode().replace("<", "\\u003c")


def _known(
    name: str, model: TrainedModel, models: Sequence[str], examples: Sequence[str]
) -> dict[str, Any]:
    """The description, with the hash that the model's folder would have."""
    stored = bundle.from_files(Path(name), bundle.to_files(model.to_bundle(name)))
    return describe(name, model, stored, models=models, examples=examples)


def _engine_parts(model: TrainedModel) -> dict[str, Any]:
    """What the engine of the page reads."""
    vocabulary = model.vocabulary.to_dict()
    del vocabulary["counts"]  # only training asks how often a word occurred
    return {
        "network": _layers(model.network),
        "weights": {name: _encoded(array) for name, array in model.network.weights.items()},
        "vocabulary": vocabulary,
        "text": model.recipe.to_dict()["text"],
        "decision": model.decision.to_dict(),
    }


def _layers(network: Network) -> list[dict[str, Any]]:
    """Settings of each layer, without those that only work in training."""
    return [
        {"name": name, **_settings(layer)}
        for name, layer in zip(network.names, network.layers, strict=True)
        if not isinstance(layer, Dropout | WordDropout)
    ]


def _settings(layer: Layer) -> dict[str, Any]:
    if isinstance(layer, Bidirectional):
        return {**_settings(layer.layer), "merge": layer.merge}
    return {"kind": type(layer).__name__, **vars(layer)}


def _encoded(array: NDArray[np.float32]) -> dict[str, Any]:
    data = np.ascontiguousarray(array, dtype="<f4").tobytes()
    return {"shape": list(array.shape), "data": base64.b64encode(data).decode("ascii")}
