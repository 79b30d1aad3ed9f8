"""Recipes belong here: every hyperparameter, validated; the only home of defaults; presets."""

from unrolled.recipe.loading import changed_recipe, load_recipe, parsed_changes
from unrolled.recipe.presets import (
    DEFAULT_RECIPE,
    FINE_TUNE_RECIPE,
    LANGUAGE_MODEL_RECIPE,
    PRESETS,
    WRITER_RECIPE,
)
from unrolled.recipe.search_defaults import load_search
from unrolled.recipe.search_space import SearchSpace
from unrolled.recipe.sections import (
    DecisionRecipe,
    NetworkRecipe,
    Recipe,
    TextRecipe,
    TrainingRecipe,
    TransferRecipe,
    WritingRecipe,
)
from unrolled.recipe.writing import Task, writing_of

__all__ = [
    "DEFAULT_RECIPE",
    "FINE_TUNE_RECIPE",
    "LANGUAGE_MODEL_RECIPE",
    "PRESETS",
    "WRITER_RECIPE",
    "DecisionRecipe",
    "NetworkRecipe",
    "Recipe",
    "SearchSpace",
    "Task",
    "TextRecipe",
    "TrainingRecipe",
    "TransferRecipe",
    "WritingRecipe",
    "changed_recipe",
    "load_recipe",
    "load_search",
    "parsed_changes",
    "writing_of",
]
