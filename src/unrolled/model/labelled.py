"""Texts and labels as users give them, checked before anything is done with them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import DataError

Labels = Sequence[str | tuple[str, ...]]
Place = Callable[[int], str]

_NAMED = 20  # classes that a message names


def check_texts(part: str, texts: Iterable[str]) -> list[str]:
    """Make a list of strings; DataError names the row that is none."""
    return list(each_text(part, texts))


def each_text(part: str, texts: Iterable[str]) -> Iterator[str]:
    """Check texts one by one as they are read, so that they may come from anywhere, once."""
    return _each(part, "text", _one_column(part, "text", texts))


class InvalidRows(DataError, ValueError):
    """Texts or labels that cannot be used: a ValueError too, as scikit-learn has it."""


class Names(NamedTuple):
    """Labels as strings, or for several labels a text, as sorted tuples of strings.

    are_numbers: they were whole numbers, which some of scikit-learn's tools put in place of labels.
    """

    rows: Labels
    are_numbers: bool = False


def check_labels(part: str, labels: Iterable[Any]) -> Names:
    """Labels in one form; DataError names the row that is wrong.

    A label is a string, or all of them are whole numbers. A row's labels, where it may have
    several, come as a tuple, a list or a set.
    """
    rows = list(_one_column(part, "label", labels))
    if any(isinstance(row, tuple | list | set | frozenset) for row in rows):
        return Names([_label_set(part, number, row) for number, row in enumerate(rows)])
    if rows and all(_is_number(row) for row in rows):
        return Names([str(int(row)) for row in rows], are_numbers=True)
    return Names(list(_each(part, "label", rows)))


def _is_number(row: Any) -> bool:
    return isinstance(row, int | np.integer) and not isinstance(row, bool)


def _label_set(part: str, number: int, row: Any) -> tuple[str, ...]:
    if not isinstance(row, tuple | list | set | frozenset):
        raise InvalidRows(
            f"{part} label {number} is {row!r:.60} among rows of several labels: "
            "make it a tuple too".lstrip()
        )
    return tuple(sorted(set(_each(f"{part} row {number}", "label", row))))


@dataclass(frozen=True)
class Targets:
    """Turns labels into the numbers that a network learns.

    classes: the label of each class number. several: a text may have any number of them.
    """

    classes: Sequence[str]
    several: bool

    @classmethod
    def among(cls, names: Names) -> Targets:
        """For the labels that there are, in sorted order, numbers by their size."""
        rows = [row if isinstance(row, tuple) else (row,) for row in names.rows]
        return cls(
            classes=sorted(
                {name for row in rows for name in row}, key=int if names.are_numbers else None
            ),
            several=any(isinstance(row, tuple) for row in names.rows),
        )

    def given(self, are_numbers: bool) -> list[str] | list[int]:
        """The classes in the form in which they were given."""
        return [int(name) for name in self.classes] if are_numbers else list(self.classes)

    def of(self, labels: Labels, where: Place | None = None) -> NDArray[Any]:
        """Class numbers int64 (labels,); of several, 0 and 1 uint8 (labels, classes).

        where: what a row is called in the DataError of a strange label.
        """
        return self._sets(labels, where) if self.several else self._numbers(labels, where)

    def _numbers(self, labels: Labels, where: Place | None) -> NDArray[np.int64]:
        numbers = {name: number for number, name in enumerate(self.classes)}
        found = np.empty(len(labels), dtype=np.int64)
        for row, label in enumerate(labels):
            if not isinstance(label, str):
                if len(label) != 1:
                    raise InvalidRows(
                        f"{_place(row, where)}: {len(label)} labels where the model gives one; "
                        "score it on texts with one label each"
                    )
                (label,) = label
            found[row] = self._number(numbers, label, row, where)
        return found

    def _sets(self, labels: Labels, where: Place | None) -> NDArray[np.uint8]:
        numbers = {name: number for number, name in enumerate(self.classes)}
        found = np.zeros((len(labels), len(self.classes)), dtype=np.uint8)
        for row, names in enumerate(labels):
            for name in (names,) if isinstance(names, str) else names:
                found[row, self._number(numbers, name, row, where)] = 1
        return found

    def _number(self, numbers: dict[str, int], name: str, row: int, where: Place | None) -> int:
        if name in numbers:
            return numbers[name]
        near = difflib.get_close_matches(name, self.classes, n=1)
        raise InvalidRows(
            f'{_place(row, where)}: the label "{name:.60}" is none of {named(self.classes)}'
            + (f'; did you mean "{near[0]}"?' if near else "")
        )


def named(classes: Sequence[str]) -> str:
    """The names of classes in a message: all if they are few, or the first."""
    more = f" and {len(classes) - _NAMED:,} more" if len(classes) > _NAMED else ""
    return ", ".join(classes[:_NAMED]) + more


def _place(row: int, where: Place | None) -> str:
    return where(row) if where is not None else f"row {row}"


def _one_column(part: str, kind: str, rows: Iterable[Any]) -> Iterable[Any]:
    name = f"{part} {kind}".strip()
    if isinstance(rows, str):
        raise InvalidRows(f"a list of {name}s is needed, not a single one: put it in [ ]")
    dimensions = getattr(rows, "ndim", 1)
    if dimensions != 1:
        raise InvalidRows(f"the {name}s have {dimensions} dimensions; give one column of strings")
    return rows


def _each(part: str, kind: str, rows: Iterable[Any]) -> Iterator[str]:
    name = f"{part} {kind}".strip()
    for number, row in enumerate(rows):
        if not isinstance(row, str):
            raise InvalidRows(
                f"{name} {number} is {row!r:.60}, not a string: convert it or leave it out"
            )
        yield str(row)
