"""Recipes belong here: every hyperparameter, validated; the only home of defaults; presets."""

from unrolled.recipe.loading import changed_recipe, load_recipe
from unrolled.recipe.presets import DEFAULT_RECIPE, PRESETS, WRITER_RECIPE
from unrolled.recipe.sections import (
    DecisionRecipe,
    NetworkRecipe,
    Recipe,
    TextRecipe,
    TrainingRecipe,
    WritingRecipe,
)
from unrolled.recipe.writing import Task, writing_of

__all__ = [
    "DEFAULT_RECIPE",
    "PRESETS",
    "WRITER_RECIPE",
    "DecisionRecipe",
    "NetworkRecipe",
    "Recipe",
    "Task",
    "TextRecipe",
    "TrainingRecipe",
    "WritingRecipe",
    "changed_recipe",
    "load_recipe",
    "writing_of",
]
