"""``unrolled import``: from a file of Keras to a model's folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrolled.cli import console, options
from unrolled.cli.places import check_place
from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.model.trained import TrainedModel


def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .keras or .h5 file with a whole model.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The model's folder.")],
    vocabulary: Annotated[
        str | None,
        typer.Option(
            metavar="keras-imdb|FILE",
            help="What the ids mean: as keras.datasets.imdb has it, a vocabulary.json of ours, or "
            "JSON with the rank of each word. A file that unrolled exported says it itself.",
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME...",
            help="Of the outputs, in their order.",
            show_default="0,1,...; with keras-imdb negative,positive",
        ),
    ] = None,
    maxlen: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Ids that are read of a text, where the file does not say."
        ),
    ] = None,
    changes: options.Changes = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Make a model of ours of one that Keras wrote, without Keras and without running its code.

    Layers that we have are read: an Embedding or one-hot input, SimpleRNN, LSTM or GRU, alone or
    in Bidirectional, pooling over time, and Dense with sigmoid or softmax.
    """
    check_place(out, resume=False, overwrite=overwrite)

    from unrolled.keras_files import read_keras
    from unrolled.recipe import parsed_changes

    model = read_keras(
        file,
        vocabulary=vocabulary,
        labels=_names(labels),
        maxlen=maxlen,
        changes=parsed_changes(changes or []),
    )
    model.save(out)
    _show(model, file, out, json=json)


def _names(labels: str | None) -> list[str] | None:
    if labels is None:
        return None
    names = [name.strip() for name in labels.split(",")]
    if not all(names):
        raise InputError(f"--labels {labels}: a label is empty; write them as --labels no,yes")
    return names


def _show(model: TrainedModel, file: Path, out: Path, *, json: bool) -> None:
    left_out = model.metrics["imported"]["training_only"]
    for what in left_out:
        console.note(console.one_line(f"left out, as it works in training only: {what}"))
    classes, parameters = model.targets.given(model.are_numbers), model.metrics["parameters"]
    if json:
        console.result_json(
            {
                "model": str(out),
                "classes": classes,
                "parameters": parameters,
                "recipe": model.recipe.to_dict(),
                "training_only": left_out,
            }
        )
        return
    listed = ", ".join(map(str, classes))
    console.result(console.one_line(f"{file} -> {out}: {parameters:,} parameters, labels {listed}"))
