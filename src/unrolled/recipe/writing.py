"""Recipes of networks that write: what they have, and what becomes of the other settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from unrolled.errors import RecipeError
from unrolled.recipe.words import shown

if TYPE_CHECKING:
    from unrolled.recipe.sections import Recipe, WritingRecipe

Task = Literal["autoencoder", "seq2seq", "language-model"]


def faults(recipe: Recipe) -> Iterator[str]:
    """What a network that writes could not read, a sentence each; nothing for a classifier."""
    text, network, writing = recipe.text, recipe.network, recipe.writing
    if writing is None:
        return
    only = {
        "text.padding": (text.padding, "masked"),
        "network.bidirectional": (network.bidirectional, "none"),
        "network.pooling": (network.pooling, "last"),
        "network.window": (network.window, 1),
        "training.class_weight": (recipe.training.class_weight, "none"),
    }
    for key, (value, needed) in only.items():
        if value != needed:
            yield f"{key} must be {shown(needed)} where [writing] is: a writer goes word by word"
    if recipe.decision != type(recipe.decision)():
        yield "[decision] must be left out where [writing] is: a writer gives no labels"
    if recipe.transfer != type(recipe.transfer)():
        yield "[transfer] must be left out where [writing] is: a writer begins from nothing"
    if writing.task == "language-model" and text.start_token:
        yield "text.start_token must be false for a language model, which has a start anyway"
    if writing.tied and network.input != "embedding":
        yield 'network.input must be "embedding" when writing.tied is true'
    if writing.tied and network.embedding_size != network.units:
        yield (
            f"network.embedding_size must be {network.units}, as network.units, when writing.tied "
            "is true: a word is said by its embedding"
        )


def writing_of(recipe: Recipe) -> WritingRecipe:
    """Its section, or RecipeError where there is none."""
    if recipe.writing is None:
        raise RecipeError(
            f'recipe "{recipe.name}" is that of a TextClassifier: a TextWriter needs [writing], '
            'as the recipe "writer" has it'
        )
    return recipe.writing
