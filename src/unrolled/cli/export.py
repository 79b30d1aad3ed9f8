"""``unrolled export``: a model as one file that works without this library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrolled.cli import console, options
from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.model.trained import TrainedModel

_FORMS = ("html",)


def export(
    model: options.Model,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    to: Annotated[
        str, typer.Option("--to", metavar="FORM", help="html: a page with the model inside.")
    ],
    beside: Annotated[
        list[Path] | None,
        typer.Option(metavar="MODEL", help="One more model on the page; may be repeated."),
    ] = None,
    examples: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Texts to click on, one a line (default: six of ours)."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file that is there.")
    ] = False,
) -> None:
    """Write a page that reads texts by itself: tokenizer, network and explanations are inside.

    It works from a disk, without a network, in any browser of 2023 or later.
    """
    if to not in _FORMS:
        raise InputError(f"--to {to}: there is no such form; there is: {', '.join(_FORMS)}")
    _check_file(file, examples, overwrite=overwrite)
    folders = [model, *(beside or [])]
    _check_names([folder.resolve().name for folder in folders])
    _write_page(folders, file, examples)


def _check_file(file: Path, examples: Path | None, *, overwrite: bool) -> None:
    """Refuse whatever would lose what is there."""
    if file.is_dir():
        raise InputError(f"{file}: is a folder; name a file in it")
    if examples is not None and file.exists() and file.samefile(examples):
        raise InputError(f"{file}: is the file of examples too; choose another FILE")
    if file.is_file() and not overwrite:
        raise InputError(f"{file}: the file is there; --overwrite replaces it, or name another")


def _check_names(names: list[str]) -> None:
    """Models are told apart by the names of their folders."""
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two models are called {name}: rename the folder of one")


def _write_page(folders: list[Path], file: Path, examples: Path | None) -> None:
    from unrolled.atomic import write_file
    from unrolled.export.html import to_html
    from unrolled.model.trained import TrainedModel

    models = {folder.resolve().name: TrainedModel.load(folder) for folder in folders}
    data = to_html(models, examples=_examples(models, examples)).encode("utf-8")
    write_file(file, data)
    console.result(f"{console.one_line(', '.join(models))} -> {file}: {len(data):,} bytes")


def _examples(models: dict[str, TrainedModel], file: Path | None) -> list[str]:
    from unrolled.page.examples import examples_for, read_examples

    if file is not None:
        return read_examples(file)
    return examples_for(next(iter(models.values())).classes)
