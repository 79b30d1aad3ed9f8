"""What a cell of a table, or a line of fastText's, says: its text, its label, its labels."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from unrolled.datasets.examples import Label
from unrolled.errors import DataError

LABEL_PREFIX = "__label__"

_SPACE = r" \t\v\f\r"  # what fastText takes for the end of a word, in a line
_LABEL_WORD = re.compile(rf"(?:(?<=[{_SPACE}])|^){LABEL_PREFIX}([^{_SPACE}]*)[{_SPACE}]*")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def text_of(place: str, value: Any) -> str:
    """A text; halves of characters, which JSON can hold and no file can, become U+FFFD."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{place}: the text is {_kind(value)}, not a string")
    return whole_characters(value)


def whole_characters(text: str) -> str:
    """With U+FFFD for each half of a character."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def label_of(place: str, value: Any, separator: str | None = None) -> Label:
    """A label, "" where it is missing; of a list, or with ``separator``, the tuple of its labels.

    1, 1.0 and "1" are the same label, as files of one data set can differ in this. With
    ``separator``, an empty string is the row that has none of the labels.
    """
    if isinstance(value, list):
        return several(_single(place, element) for element in value)
    if separator is None or value is None:
        return _single(place, value)
    return several(part.strip() for part in _single(place, value).split(separator))


def several(labels: Iterable[str]) -> tuple[str, ...]:
    """The labels of one row: each once, in sorted order, the blank ones left out."""
    return tuple(sorted({label for label in labels if label}))


def split_line(line: str) -> tuple[list[str], str]:
    """The labels of a fastText line, wherever they stand, and its text without them."""
    if LABEL_PREFIX not in line:
        return [], line
    return _LABEL_WORD.findall(line), _LABEL_WORD.sub("", line)


def _single(place: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value != value:  # not a number: how data frames say "missing"
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple | dict):
        raise DataError(
            f"{place}: a label is {_kind(value)}; a row needs a label, or a list of labels"
        )
    return text_of(place, value).strip()


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return names.get(type(value), f"a {type(value).__name__}")
