"""Labelled files -> Examples: csv, tsv, JSON lines, Parquet, and fastText's labelled lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from unrolled.datasets.columns import text_and_label_columns, text_column
from unrolled.datasets.decoding import check_file, read_text, split_lines
from unrolled.datasets.examples import Examples
from unrolled.datasets.tables import Table, read_csv, read_json_lines, read_parquet, read_tsv
from unrolled.errors import DataError

TABLE_READERS: Mapping[str, Callable[[Path], Table]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".parquet": read_parquet,
}
SUFFIXES = (*TABLE_READERS, ".txt")

_LABEL_PREFIX = "__label__"
_FASTTEXT_SPACE = re.compile(r"[ \t\v\f\r]+")
_FASTTEXT_LABEL = re.compile(rf"(?:^|[ \t\v\f\r]){_LABEL_PREFIX}")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

_Row = tuple[int, str, str]  # line, text, label


def load_file(path: str | Path, text: str | None = None, label: str | None = None) -> Examples:
    """The labelled texts of a file, in its order; every problem is a DataError that names the line.

    ``text`` and ``label`` name the columns where their names are not obvious. Rows without a text
    or without a label are set aside, with their lines.
    """
    path = Path(path)
    if _suffix(path) in TABLE_READERS:
        table = TABLE_READERS[_suffix(path)](path)
        columns = text_and_label_columns(table.header, table.columns, text, label)
        names = tuple(table.columns[column] for column in columns)
        source = f"the file {path.name} (text {names[0]!r}, label {names[1]!r})"
        rows = _table_rows(path, table, *columns)
    else:
        lines = split_lines(read_text(path))
        if not any(line.startswith(_LABEL_PREFIX) for line in lines):
            raise DataError(
                f"{path}:1: a .txt file needs a label in front of each text: __label__x text"
            )
        if text is not None or label is not None:
            raise DataError(f"{path}: a .txt file has no columns; leave out --text and --label")
        source = f"the file {path.name} (fastText lines)"
        rows = _fasttext_rows(path, lines)
    return _examples(path, source, rows)


def read_texts(path: str | Path, text: str | None = None) -> list[str]:
    """The texts of a file, one for each row, for prediction; no label is needed.

    A .txt file holds one text a line (fastText labels in front are left out). An empty text stays,
    so that the n-th text is that of the n-th row.
    """
    path = Path(path)
    if _suffix(path) in TABLE_READERS:
        table = TABLE_READERS[_suffix(path)](path)
        values = table.values(text_column(table.header, table.columns, text))
        lines = zip(table.lines, values, strict=True)
        return [_text(f"{path}:{line}", value) for line, value in lines]
    if text is not None:
        raise DataError(f"{path}: a .txt file has no columns; leave out --text")
    return [_split_labels(line)[1] for line in split_lines(read_text(path))]


def _suffix(path: Path) -> str:
    """The suffix of a file that is there and that there is a reader for."""
    check_file(path)
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        given = f"the suffix {path.suffix!r} is unknown" if path.suffix else "there is no suffix"
        raise DataError(f"{path}: {given}; known are {known}")
    return path.suffix.lower()


def _table_rows(path: Path, table: Table, text: int, label: int) -> list[_Row]:
    rows = zip(table.lines, table.values(text), table.values(label), strict=True)
    return [
        (line, _text(f"{path}:{line}", a_text), _label(f"{path}:{line}", a_label))
        for line, a_text, a_label in rows
    ]


def _fasttext_rows(path: Path, lines: Iterable[str]) -> list[_Row]:
    rows = []
    for line, string in enumerate(lines, start=1):
        labels, text = _split_labels(string)
        if len(labels) > 1 or (labels and _FASTTEXT_LABEL.search(text)):
            raise DataError(
                f"{path}:{line}: the line has several labels; "
                "texts with more than one label are not supported"
            )
        if string.strip():
            rows.append((line, text, labels[0] if labels else ""))
    return rows


def _split_labels(line: str) -> tuple[list[str], str]:
    """The labels at the start of a fastText line, without their prefix, and the text after them."""
    labels = []
    while line.startswith(_LABEL_PREFIX):
        word, line = (*_FASTTEXT_SPACE.split(line, maxsplit=1), "")[:2]
        labels.append(word.removeprefix(_LABEL_PREFIX))
    return labels, line


def _text(place: str, value: Any) -> str:
    """A text; halves of characters, which JSON can hold and no file can, become U+FFFD."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{place}: the text is {_kind(value)}, not a string")
    return _LONE_SURROGATE.sub("\ufffd", value)


def _label(place: str, value: Any) -> str:
    """A label; 1, 1.0 and "1" are the same one, as files of one data set can differ in this."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value != value:  # not a number: how data frames say "missing"
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple | dict):
        raise DataError(f"{place}: the label is {_kind(value)}; each row needs a single label")
    return _text(place, value).strip()


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return names.get(type(value), f"a {type(value).__name__}")


def _examples(path: Path, source: str, rows: list[_Row]) -> Examples:
    """Set aside what cannot be used; refuse when too little is left."""
    kept, set_aside = [], []
    for line, text, label in rows:
        if not text.strip():
            set_aside.append((line, "the text is empty"))
        elif not label:
            set_aside.append((line, "the label is missing"))
        else:
            kept.append((line, text, label))
    if not rows:
        raise DataError(f"{path}: the file has no rows below its header")
    if not kept:
        first, reason = set_aside[0]
        if all(other == reason for _, other in set_aside):
            what = "text is empty" if "text" in reason else "label is missing"
            raise DataError(f"{path}: every {what}, from line {first} to {set_aside[-1][0]}")
        raise DataError(f"{path}: every row is without a text or without a label")
    examples = Examples(
        name=path.name,
        texts=[text for _, text, _ in kept],
        labels=[label for _, _, label in kept],
        source=source,
        lines=[line for line, _, _ in kept],
        path=path,
        set_aside=set_aside,
    )
    if len(examples.label_counts) == 1:
        raise DataError(
            f"{path}: all {len(kept)} rows have the label {kept[0][2]!r}; "
            "two or more different labels are needed"
        )
    return examples
