"""What a search tries where a recipe does not say so, and how the [search] of one is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unrolled.errors import RecipeError
from unrolled.recipe.loading import load_recipe, origin_of, parsed_changes
from unrolled.recipe.search_space import SearchSpace

_SMALL: dict[str, Any] = {
    "network.units": [8, 16, 32, 64],
    "network.dropout": {"low": 0.0, "high": 0.6, "step": 0.1},
    "network.word_dropout": {"low": 0.0, "high": 0.4, "step": 0.1},
    "training.learning_rate": {"low": 1e-3, "high": 1e-2, "log": True},
    "training.batch_size": [16, 32, 64, 128],
    "text.num_words": [5_000, 10_000, 20_000, 40_000],
}
_NOTEBOOK: dict[str, Any] = {
    "network.units": [4, 8, 16, 32],
    "network.dropout": {"low": 0.0, "high": 0.5, "step": 0.1},
    "training.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "training.batch_size": [32, 64, 128],
    "text.num_words": [300, 1_000, 3_000, 10_000],
    "text.maxlen": [100, 200],
}
SEARCHES: Mapping[str, Mapping[str, Any]] = {
    "notebook-onehot": _NOTEBOOK,
    "notebook-embedding": {**_NOTEBOOK, "network.embedding_size": [8, 16, 32]},
    "small": _SMALL,
    "accurate": {
        **_SMALL,
        "network.units": [32, 64, 128],
        "network.dropout": {"low": 0.3, "high": 0.8, "step": 0.1},
        "network.word_dropout": {"low": 0.0, "high": 0.6, "step": 0.1},
        "training.learning_rate": {"low": 5e-4, "high": 5e-3, "log": True},
        "text.num_words": [15_000, 30_000, 60_000],
    },
    "fine-tune": {
        "network.dropout": {"low": 0.2, "high": 0.7, "step": 0.1},
        "network.word_dropout": {"low": 0.0, "high": 0.5, "step": 0.1},
        "training.learning_rate": {"low": 3e-4, "high": 5e-3, "log": True},
        "training.batch_size": [16, 32, 64],
    },
}
"""By preset: the [search] that a recipe file could have."""


def load_search(name_or_path: str | Path, overrides: Sequence[str] = ()) -> SearchSpace:
    """Read a recipe, as ``load_recipe`` does, with what a search shall try.

    That is the [search] of a file; without it, the usual search of the preset that it starts from,
    less what the file names itself. What an override sets is not searched.
    Raises RecipeError for a mistake in the file, the overrides or the [search], and for a recipe
    of a network that writes.
    """
    where = str(name_or_path)
    recipe = load_recipe(name_or_path, overrides)
    if recipe.writing is not None:
        raise RecipeError(
            f"{where}: the recipe is that of a network that writes; a search is for classifiers"
        )
    origin = origin_of(name_or_path)
    fixed = set(parsed_changes(overrides))
    if origin.search is not None:
        return SearchSpace.of(recipe, origin.search, where, fixed)
    return SearchSpace.of(recipe, SEARCHES[origin.preset], where, fixed | origin.named)
