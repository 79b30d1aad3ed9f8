"""A name or a file -> labelled texts (Examples), each knowing its file and line."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from unrolled.datasets.examples import Examples
from unrolled.errors import DataError

# Built-in data sets and the modules that load them, imported only when asked for.
BUILT_IN: Mapping[str, str] = {"imdb": "unrolled.datasets.imdb"}

__all__ = ["BUILT_IN", "Examples", "load"]


def load(
    data: str | Path, text: str | None = None, label: str | None = None, split: str = "train"
) -> Examples:
    """The labelled texts of a built-in data set, or of a file with named columns.

    ``text`` and ``label`` are the columns of a file; ``split`` is that of a built-in data set.
    """
    name = str(data)
    if name in BUILT_IN:
        if text is not None or label is not None:
            raise DataError(f"{name} is built in and has no columns; leave out --text and --label")
        examples: Examples = import_module(BUILT_IN[name]).load_examples(split)
        return examples
    if not Path(name).suffix and not Path(name).exists():
        nearest = difflib.get_close_matches(name, BUILT_IN, n=1)
        hint = (
            f"; did you mean {nearest[0]!r}?" if nearest else f"; built in: {', '.join(BUILT_IN)}"
        )
        raise DataError(f"{name}: no file and no built-in data set has this name{hint}")
    from unrolled.datasets.files import load_file

    return load_file(Path(name), text=text, label=label)
