"""Recipes belong here: every hyperparameter, validated; the only home of defaults; presets."""

from unrolled.recipe.loading import changed_recipe, load_recipe
from unrolled.recipe.presets import DEFAULT_RECIPE, PRESETS
from unrolled.recipe.sections import (
    DecisionRecipe,
    NetworkRecipe,
    Recipe,
    TextRecipe,
    TrainingRecipe,
)

__all__ = [
    "DEFAULT_RECIPE",
    "PRESETS",
    "DecisionRecipe",
    "NetworkRecipe",
    "Recipe",
    "TextRecipe",
    "TrainingRecipe",
    "changed_recipe",
    "load_recipe",
]
