"""``unrolled export``: a model in a form that works without this library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrolled.cli import console, options
from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.model.trained import TrainedModel


def export(
    model: options.Model,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file to write; for torch, the folder.")
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FORM",
            help="html: a page with the model inside; keras: what Keras 3 loads, from FILE.keras "
            "or FILE.h5, or the weights alone, FILE.weights.h5; onnx; torch.",
        ),
    ],
    beside: Annotated[
        list[Path] | None,
        typer.Option(metavar="MODEL", help="html: one more model on the page; may be repeated."),
    ] = None,
    examples: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="html: texts to click on, one a line (default: six of ours)."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
) -> None:
    """Write a model for a browser, for Keras, for ONNX or for PyTorch.

    A page reads texts by itself: tokenizer, network and explanations are inside, and it works from
    a disk, without a network, in any browser of 2023 or later. The other forms are the network,
    which reads ids, with a description of how a text becomes ids.
    """
    if to not in _FORMS:
        raise InputError(f"--to {to}: there is no such form; there is: {', '.join(_FORMS)}")
    if to != "html" and (beside or examples is not None):
        raise InputError(f"--to {to}: leave out --beside and --examples, which are for --to html")
    check = _check_folder if to == "torch" else _check_file
    check(file, examples, overwrite=overwrite)
    folders = [model, *(beside or [])]
    _check_names([folder.resolve().name for folder in folders])

    from unrolled.model.trained import TrainedModel

    models = {folder.resolve().name: TrainedModel.load(folder) for folder in folders}
    _FORMS[to](models, file, examples)
    names = console.one_line(", ".join(models))
    console.result(f"{names} -> {file}: {_size(file):,} bytes")


def _check_file(file: Path, examples: Path | None, *, overwrite: bool) -> None:
    """Refuse whatever would lose what is there."""
    if file.is_dir():
        raise InputError(f"{file}: is a folder; name a file in it")
    if examples is not None and file.exists() and file.samefile(examples):
        raise InputError(f"{file}: is the file of examples too; choose another FILE")
    if file.is_file() and not overwrite:
        raise InputError(f"{file}: the file is there; --overwrite replaces it, or name another")


def _check_folder(folder: Path, _: Path | None, *, overwrite: bool) -> None:
    from unrolled.export.torch import check_folder

    check_folder(folder, overwrite=overwrite)


def _check_names(names: list[str]) -> None:
    """Models are told apart by the names of their folders."""
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two models are called {name}: rename the folder of one")


def _size(written: Path) -> int:
    """Bytes of a file, or of the files in a folder."""
    files = written.rglob("*") if written.is_dir() else [written]
    return sum(file.stat().st_size for file in files)


def _write_html(models: Mapping[str, TrainedModel], file: Path, examples: Path | None) -> None:
    from unrolled.atomic import write_file
    from unrolled.export.html import to_html

    texts = _examples(models, examples)
    write_file(file, to_html(models, examples=texts).encode("utf-8"))


def _examples(models: Mapping[str, TrainedModel], file: Path | None) -> list[str]:
    from unrolled.page.examples import examples_for, read_examples

    if file is not None:
        return read_examples(file)
    return examples_for(next(iter(models.values())).classes)


def _write_keras(models: Mapping[str, TrainedModel], file: Path, _: Path | None) -> None:
    from unrolled.keras_files import write_keras

    (model,) = models.values()
    write_keras(model, file)


def _write_onnx(models: Mapping[str, TrainedModel], file: Path, _: Path | None) -> None:
    from unrolled.atomic import write_file
    from unrolled.export.onnx import to_onnx

    (model,) = models.values()
    write_file(file, to_onnx(model))


def _write_torch(models: Mapping[str, TrainedModel], file: Path, _: Path | None) -> None:
    from unrolled.export.torch import write_torch

    (model,) = models.values()
    write_torch(model, file, overwrite=True)


_FORMS: dict[str, Callable[[Mapping[str, TrainedModel], Path, Path | None], None]] = {
    "html": _write_html,
    "keras": _write_keras,
    "onnx": _write_onnx,
    "torch": _write_torch,
}
