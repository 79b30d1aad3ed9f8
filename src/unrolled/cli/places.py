"""Where results go and rows come from: what is wrong with them is said before the work starts."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from unrolled.cli import console
from unrolled.errors import InputError, ModelError, OutputError

if TYPE_CHECKING:
    from unrolled.datasets.corpus import Corpus
    from unrolled.datasets.examples import Examples

LINES_NAMED = 3


def check_writable(folder: Path, option: str = "--out") -> None:
    """Make sure that files can be made in ``folder``, which is made when it is missing.

    Raises OutputError. Folders that had to be made for the check alone are removed again.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written: {error.strerror or error}; choose another {option}"
        ) from None
    finally:
        for place in made:
            with contextlib.suppress(OSError):
                place.rmdir()


def check_place(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse whatever would lose what is there, or could not go on with it."""
    from unrolled import bundle

    if resume and overwrite:
        raise InputError("--resume goes on with a run and --overwrite drops it; give one of them")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: a file has this name; choose another --out")
    if folder.is_dir() and any(folder.iterdir()) and not bundle.is_bundle(folder):
        raise InputError(
            f"{folder}: the folder holds files and no model, and is left alone; "
            "choose another --out"
        )
    is_model = bundle.is_bundle(folder)
    if resume and not is_model:
        raise InputError(f"{folder}: there is no run to --resume; leave it out to begin one")
    if resume and bundle.read(folder).training is None:
        raise ModelError(
            f"{folder}: the run is finished, so that there is nothing to --resume; "
            "--overwrite begins it anew"
        )
    if is_model and not (resume or overwrite):
        raise InputError(
            f"{folder}: a model is there; --overwrite replaces it, --resume goes on with an "
            "interrupted run, --out names another folder"
        )


def tell_set_aside(examples: Examples | Corpus) -> None:
    """Say which rows of the file are not used, and why, and whether texts stay in it."""
    if examples.is_streamed:
        console.note(f"{examples.name} is large: its texts stay in it and are read as needed")
    aside = examples.set_aside
    if aside:
        named = ", ".join(f"line {line}: {reason}" for line, reason in aside[:LINES_NAMED])
        more = ", ..." if len(aside) > LINES_NAMED else ""
        rows = console.counted(len(aside), "row")
        console.note(f"{rows} of {examples.name} not used ({named}{more})")
