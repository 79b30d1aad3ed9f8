"""Texts and labels as users give them, checked before anything is done with them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import DataError


def check_texts(part: str, texts: Iterable[str], kind: str = "text") -> list[str]:
    """Make a list of strings; DataError names the row that is none."""
    name = f"{part} {kind}".strip()
    if isinstance(texts, str):
        raise DataError(f"a list of {name}s is needed, not a single one: put it in [ ]")
    checked = list(texts)
    for row, text in enumerate(checked):
        if not isinstance(text, str):
            raise DataError(
                f"{name} {row} is {text!r:.60}, not a string: convert it or leave it out"
            )
    return [str(text) for text in checked]


def check_labelled(
    part: str, texts: Iterable[str], labels: Iterable[str]
) -> tuple[list[str], list[str]]:
    """Two lists of strings, as long as each other and not empty."""
    checked, names = check_texts(part, texts), check_texts(part, labels, "label")
    what = f"{part} texts".strip()
    if len(checked) != len(names):
        raise DataError(f"{len(checked)} {what} and {len(names)} labels; each text needs one")
    if not checked:
        raise DataError(f"there are no {what}")
    return checked, names


def class_numbers(
    labels: Sequence[str], classes: Sequence[str], where: Callable[[int], str] | None = None
) -> NDArray[np.int64]:
    """Place of each label among ``classes`` (labels,); ``where`` names the row of a strange one."""
    numbers = {name: number for number, name in enumerate(classes)}
    found = np.array([numbers.get(label, -1) for label in labels], dtype=np.int64)
    strange = np.flatnonzero(found < 0)
    if len(strange):
        row = int(strange[0])
        near = difflib.get_close_matches(labels[row], classes, n=1)
        raise DataError(
            f'{where(row) if where else f"row {row}"}: the label "{labels[row]:.60}" is none of '
            f"{', '.join(classes)}" + (f'; did you mean "{near[0]}"?' if near else "")
        )
    return found
