"""What the page is told about a model, wherever its answers come from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from unrolled import bundle
from unrolled.model.front_matter import without_front_matter
from unrolled.model.trained import TrainedModel

_CURVES = ("loss", "accuracy", "val_loss", "val_accuracy")
_FOLDERS = re.compile(r"(?<![\w:/.])(?:[A-Za-z]:)?[\\/](?:[^\s\\/]+[\\/])*(?=[^\s\\/])")


def describe(
    name: str,
    model: TrainedModel,
    stored: bundle.Bundle,
    *,
    models: Sequence[str],
    examples: Sequence[str],
) -> dict[str, Any]:
    """Everything that is known about the model, for people: no weights, and no texts or words.

    stored: what its folder holds. models: the names of all that are there. examples: texts to try.
    """
    source = without_folders(model.source)
    return {
        "name": name,
        "labels": list(model.classes),
        "multi_label": model.several,
        "parameters": model.network.parameter_count,
        "layers": _layers(model),
        "metrics": _figures(model.metrics),
        "history": {curve: model.history.history[curve] for curve in _CURVES},
        "best_epoch": model.history.best_epoch,
        "recipe": model.recipe.to_dict(),
        "card": without_front_matter(stored.card).replace(model.source, source),
        "hash": stored.config["sha256"][bundle.CONFIG],
        "source": source,
        "library_version": stored.config["library_version"],
        "examples": list(examples),
        "models": list(models),
    }


def without_folders(text: str) -> str:
    """Paths by their last names only: where things lie on a machine is nobody's business."""
    return _FOLDERS.sub("", text)


def _figures(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Single figures. What the report is made of stays behind: there are texts in it."""
    return {name: value for name, value in metrics.items() if not isinstance(value, dict | list)}


def _layers(model: TrainedModel) -> list[dict[str, Any]]:
    network = model.network
    return [
        {
            "name": name,
            "kind": type(layer).__name__,
            "output_shape": row.output_shape,
            "parameters": row.parameters,
        }
        for name, layer, row in zip(
            network.names, network.layers, network.layer_rows(), strict=True
        )
    ]
