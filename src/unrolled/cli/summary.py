"""``unrolled summary``: the layers of a model, or of a recipe before it is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unrolled.cli import console


def summary(
    model_or_recipe: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|RECIPE", help="A model's folder, a recipe's name or its TOML file."
        ),
    ],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a recipe's setting."),
    ] = None,
) -> None:
    """Show the layers with their shapes and parameters."""
    from unrolled import bundle
    from unrolled.errors import InputError
    from unrolled.model import TextClassifier
    from unrolled.recipe import PRESETS, load_recipe
    from unrolled.writer import TextWriter

    path = Path(model_or_recipe)
    is_recipe = model_or_recipe in PRESETS or path.suffix == ".toml" or not _looks_like_path(path)
    if is_recipe:
        recipe = load_recipe(model_or_recipe, changes or [])
        model = TextClassifier(recipe) if recipe.writing is None else TextWriter(recipe)
    elif changes:
        raise InputError(f"{path}: a trained model keeps its settings; leave out --set")
    else:
        model = TextWriter.load(path) if bundle.is_writer(path) else TextClassifier.load(path)
    console.result(model.summary())


def _looks_like_path(path: Path) -> bool:
    return path.exists() or len(path.parts) > 1
