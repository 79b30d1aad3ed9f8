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

# Those whose texts have no labels, for `load_corpus`.
UNLABELLED: Mapping[str, str] = {"imdb-unlabelled": "unrolled.datasets.imdb"}

# The texts of a file of so many bytes are not held, but read anew for each use.
LARGE_FILE = 64 * 2**20

__all__ = ["BUILT_IN", "LARGE_FILE", "UNLABELLED", "Examples", "load"]


def load(
    data: str | Path,
    text: str | None = None,
    label: str | None = None,
    split: str = "train",
    label_separator: str | None = None,
) -> Examples:
    """The labelled texts of a built-in data set, or of a file with named columns.

    ``text`` and ``label`` are the columns of a file, ``label_separator`` stands between the labels
    of a row that may have several; ``split`` is that of a built-in data set. The texts of a large
    file stay in it: they are in memory only as they are iterated over.
    """
    name = str(data)
    if name in BUILT_IN:
        if text is not None or label is not None:
            raise DataError(f"{name} is built in and has no columns; leave out --text and --label")
        if label_separator is not None:
            raise DataError(f"{name} is built in: its rows have one label; no --label-separator")
        examples: Examples = import_module(BUILT_IN[name]).load_examples(split)
        return examples
    if name in UNLABELLED:
        raise DataError(
            f"{name} has no labels to learn; its texts are for `unrolled pretrain` and "
            "`unrolled train --task`"
        )
    if not Path(name).suffix and not Path(name).exists():
        names = [*BUILT_IN, *UNLABELLED]
        nearest = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else f"; built in: {', '.join(names)}"
        raise DataError(f"{name}: no file and no built-in data set has this name{hint}")
    from unrolled.datasets.files import load_file

    path = Path(name)
    return load_file(
        path,
        text=text,
        label=label,
        label_separator=label_separator,
        hold_texts=not path.is_file() or path.stat().st_size < LARGE_FILE,
    )
