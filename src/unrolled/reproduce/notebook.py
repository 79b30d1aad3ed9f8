"""What the notebook itself printed: the figures that a run is held against."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from unrolled.recipe import PRESETS, Recipe


@dataclass(frozen=True)
class Experiment:
    """One of the notebook's two.

    key: in ``results.json``, and the name of its folder; preset: its recipe.
    """

    key: str
    title: str
    preset: str


EXPERIMENTS = (
    Experiment("onehot", "one-hot", "notebook-onehot"),
    Experiment("embedding", "embedding", "notebook-embedding"),
)


@cache
def notebook_figures() -> dict[str, Any]:
    """``figures.json``, in the form of ``results.json``."""
    text = files("unrolled.reproduce").joinpath("figures.json").read_text(encoding="utf-8")
    figures: dict[str, Any] = json.loads(text)
    return figures


def notebook_history(recipe: Recipe, data_name: str) -> dict[str, list[float]] | None:
    """The notebook's history of the same experiment, if this is one, whatever its seed."""
    for experiment in EXPERIMENTS:
        preset = PRESETS[experiment.preset]
        same = recipe.model_copy(update={"name": preset.name, "seed": preset.seed})
        if data_name == "imdb" and same == preset:
            history: dict[str, list[float]] = notebook_figures()["experiments"][experiment.key][
                "history"
            ]
            return history
    return None
