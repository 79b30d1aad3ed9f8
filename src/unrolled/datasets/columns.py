"""Which column holds the texts and which the labels: the one that was named, or the obvious one."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

from unrolled.errors import DataError

# Names of a later group count only when no column has a name of an earlier one.
TEXT_NAMES: Sequence[Collection[str]] = (
    [
        *("text", "review", "review_text", "sentence", "comment", "content", "body", "message"),
        *("document", "tweet", "post", "utterance", "description"),
    ],
    ["title", "headline", "subject"],
)
LABEL_NAMES: Sequence[Collection[str]] = (
    [
        *("label", "class", "category", "sentiment", "target", "y", "polarity"),
        *("topic", "intent", "emotion"),
    ],
    ["rating", "star", "score"],
)
_ROW_NAMES = ("", "id", "index", "row")  # never texts or labels unless asked for
_SHOWN_COLUMNS, _SHOWN_LETTERS = 12, 40


def text_column(place: str, columns: Sequence[str], text: str | None = None) -> int:
    """Index of the column with the texts; ``place`` begins the message of the DataError."""
    if text is not None:
        return _named(place, columns, text)
    found = _obvious(columns, TEXT_NAMES)
    if not found:
        found = range(1) if len(columns) == 1 else _other(columns, _obvious(columns, LABEL_NAMES))
    return _only(place, columns, found, "text")


def text_and_label_columns(
    place: str, columns: Sequence[str], text: str | None = None, label: str | None = None
) -> tuple[int, int]:
    """Indices of the columns with the texts and with the labels.

    Of two columns, one name is enough: the other column is the other thing.
    """
    texts = _obvious(columns, TEXT_NAMES) if text is None else [_named(place, columns, text)]
    labels = _obvious(columns, LABEL_NAMES) if label is None else [_named(place, columns, label)]
    if text is None and label is not None:
        texts = [index for index in texts if index != labels[0]]
    if label is None and text is not None:
        labels = [index for index in labels if index != texts[0]]
    texts, labels = texts or _other(columns, labels), labels or _other(columns, texts)
    chosen = _only(place, columns, texts, "text"), _only(place, columns, labels, "label")
    if chosen[0] == chosen[1]:
        raise DataError(f"{place}: {_quoted(columns, labels)} cannot be both text and label")
    return chosen


def kept_columns(place: str, columns: Sequence[str], keep: Sequence[str]) -> list[int]:
    """Indices of the columns that are to be kept, in the order in which they are named."""
    found = [_named(place, columns, name) for name in keep]
    for at, index in enumerate(found):
        if index in found[:at]:
            raise DataError(f"{place}: {columns[index]!r} is to be kept twice; name it once")
    return found


def _named(place: str, columns: Sequence[str], name: str) -> int:
    """The column of that name; capital letters matter only where they tell two apart."""
    for key in (str, _normal):
        found = [index for index, column in enumerate(columns) if key(column) == key(name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise DataError(
                f"{place}: {len(found)} columns are called {name!r}; rename all but one"
            )
    nearest = difflib.get_close_matches(name, columns, n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise DataError(
        f"{place}: no column {name!r} among {_quoted(columns, range(len(columns)))}{hint}"
    )


def _normal(column: str) -> str:
    return column.strip().casefold().replace(" ", "_").replace("-", "_")


def _obvious(columns: Sequence[str], groups: Sequence[Collection[str]]) -> Sequence[int]:
    """The columns with names of the first group that has any, in the singular or with an s."""
    for group in groups:
        found = [
            index
            for index, column in enumerate(columns)
            if _normal(column) in group or _normal(column).removesuffix("s") in group
        ]
        if found:
            return found
    return []


def _other(columns: Sequence[str], known: Sequence[int]) -> Sequence[int]:
    """Of two columns with one known, the other one, unless it only numbers the rows."""
    if len(columns) != 2 or len(known) != 1 or _normal(columns[1 - known[0]]) in _ROW_NAMES:
        return []
    return [1 - known[0]]


def _only(place: str, columns: Sequence[str], found: Sequence[int], role: str) -> int:
    if len(found) > 1:
        choices = _quoted(columns, found, " or ")
        raise DataError(f"{place}: the {role} could be {choices}; name one with --{role}")
    if not found:
        there = _quoted(columns, range(len(columns)))
        raise DataError(f"{place}: no {role} column among {there}; name it with --{role}")
    return found[0]


def _quoted(columns: Sequence[str], indices: Sequence[int], separator: str = ", ") -> str:
    names = [columns[index] for index in indices[:_SHOWN_COLUMNS]]
    shown = [repr(n if len(n) <= _SHOWN_LETTERS else n[:_SHOWN_LETTERS] + "...") for n in names]
    more = len(indices) - len(names)
    return separator.join(shown) + (f" and {more} more" if more else "")
