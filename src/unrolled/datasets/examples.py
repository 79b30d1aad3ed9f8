"""Labelled texts, each knowing where it came from."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import SupportsIndex, TypeVar

from unrolled.errors import DataError

T = TypeVar("T")

Label = str | tuple[str, ...]
"""A row's label, or all labels of a row: sorted, each once, perhaps none."""

_SEVERAL = b"\xff" * 8  # in the hashed bytes, where the length of a single label would be


class Stored(Sequence[T], ABC):
    """Items that are kept in another form than one by one, such as in their file."""

    @abstractmethod
    def take(self, indices: Sequence[int]) -> Stored[T]:
        """The items at ``indices``, in that order."""


@dataclass(frozen=True)
class Examples:
    """Texts and their labels, row by row.

    name: what the data set is called; source: where it came from, as a part of a sentence.
    labels: one string a row, or (``multi_label``) a tuple of strings, sorted, each once.
    lines: the line (from 1) on which each row starts in the file at ``path``; for a Parquet file,
    which has no lines, its row (from 1). Without a file, its row (from 1) in the whole data set;
    None: they are all there, in order.
    set_aside: the line of each row that was left out, and why.
    """

    name: str
    texts: Sequence[str]
    labels: Sequence[Label]
    source: str
    lines: Sequence[int] | None = None
    path: Path | None = None
    set_aside: Sequence[tuple[int, str]] = ()

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.labels):
            raise DataError(
                f"{self.name}: {len(self.texts)} texts and {len(self.labels)} labels; "
                "each text needs one label"
            )
        if self.lines is not None and len(self.lines) != len(self.texts):
            raise DataError(
                f"{self.name}: {len(self.texts)} texts and {len(self.lines)} line numbers"
            )
        if len({isinstance(label, tuple) for label in self.labels}) > 1:
            raise DataError(
                f"{self.name}: some rows have a label and others a tuple of labels; "
                "give every row a tuple"
            )

    def __len__(self) -> int:
        return len(self.texts)

    def where(self, index: int) -> str:
        """Place of a row, for people: ``reviews.csv:17``, or ``imdb row 17`` without a file."""
        index = range(len(self))[index]
        line = index + 1 if self.lines is None else self.lines[index]
        if self.path is None or self.lines is None:
            return f"{self.name} row {line}"
        return f"{self.path.name}:{line}"

    @property
    def is_streamed(self) -> bool:
        """Whether the texts are not in memory, and every pass over them reads their file."""
        return isinstance(self.texts, Stored)

    @property
    def multi_label(self) -> bool:
        """Whether a row may have several labels, or none."""
        return len(self.labels) > 0 and isinstance(self.labels[0], tuple)

    @cached_property
    def label_counts(self) -> dict[str, int]:
        """Number of rows of each label, labels in sorted order."""
        return dict(sorted(Counter(chain.from_iterable(map(_several, self.labels))).items()))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the texts and labels in their order; the file's name has no part in it.

        Every string is preceded by its length, and several labels by a mark and their number, so
        that no two data sets share the hashed bytes.
        """
        digest = hashlib.sha256()
        for text, label in zip(self.texts, self.labels, strict=True):
            digest.update(_measured(text))
            if isinstance(label, tuple):
                digest.update(_SEVERAL + len(label).to_bytes(8, "little"))
            for single in _several(label):
                digest.update(_measured(single))
        return digest.hexdigest()

    def take(self, indices: Iterable[SupportsIndex]) -> Examples:
        """The rows at ``indices``, in that order; nothing is set aside in them."""
        chosen = [range(len(self))[index] for index in indices]
        rows = [index + 1 for index in chosen]
        return Examples(
            name=self.name,
            texts=_taken(self.texts, chosen),
            labels=_taken(self.labels, chosen),
            source=self.source,
            lines=rows if self.lines is None else _taken(self.lines, chosen),
            path=None if self.lines is None else self.path,
        )


def _taken(items: Sequence[T], indices: Sequence[int]) -> Sequence[T]:
    if isinstance(items, Stored):
        return items.take(indices)
    return [items[index] for index in indices]


def _several(label: Label) -> tuple[str, ...]:
    return (label,) if isinstance(label, str) else label


def _measured(string: str) -> bytes:
    """The string's bytes, with their number in front."""
    data = string.encode("utf-8", errors="surrogatepass")
    return len(data).to_bytes(8, "little") + data
