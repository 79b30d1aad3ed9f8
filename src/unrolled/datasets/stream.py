"""The rows of a file, some at a time: lines, texts and labels, without holding the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from unrolled.datasets.columns import kept_columns, text_and_label_columns, text_column
from unrolled.datasets.decoding import check_file, unreadable
from unrolled.datasets.examples import Label, Stored
from unrolled.datasets.kept import Column, listed
from unrolled.datasets.tables import BATCH, READERS, Batch, Table, read_lines
from unrolled.datasets.values import (
    LABEL_PREFIX,
    label_of,
    several,
    split_line,
    text_of,
    whole_characters,
)
from unrolled.errors import DataError

_LINES = ".txt"
_WINDOW = 1 << 16  # texts that are held at once where they are wanted out of the file's order


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file.

    lines: where each starts (from 1), as in Examples; labels: "" where one is missing; empty when
    the stream was opened without them; share: how much of the file has been read, from 0 to 1;
    kept: the columns that the stream was told to keep, by their names.
    """

    lines: Sequence[int]
    texts: list[str]
    labels: list[Label]
    share: float
    kept: Mapping[str, Column] = field(default_factory=dict)


class RowStream:
    """The rows of a file in its order; every pass reads the file anew.

    source: where they come from, as a part of a sentence; rows: how many, where that is known;
    unlabelled: what a row without a label has in a file whose rows may have several.
    """

    def __init__(
        self,
        path: Path,
        table: Table,
        columns: Sequence[int],
        separator: str | None = None,
        kept: Sequence[int] = (),
    ) -> None:
        self.path = path
        self.rows = table.rows
        self._table = table
        self._columns = columns  # of the texts, and of the labels if they are wanted
        self._separator = separator
        self._kept = kept
        self._is_lines = path.suffix.lower() == _LINES
        self._stamp = _stamp(path)
        self.unlabelled: Label = () if self._is_lines else ""

    @property
    def source(self) -> str:
        """``the file films.csv (text 'review', label 'stars')``."""
        if self._is_lines:
            return f"the file {self.path.name} (fastText lines)"
        roles = zip(("text", "label"), self.columns, strict=False)
        named = ", ".join(f"{role} {name!r}" for role, name in roles)
        return f"the file {self.path.name} ({named})"

    @property
    def columns(self) -> list[str]:
        """The names of the column with the texts and, if they are wanted, of that with labels."""
        return [self._table.columns[column] for column in self._columns]

    @property
    def kept(self) -> list[str]:
        """The names of the columns that are kept, beside those that are read."""
        return [whole_characters(self._table.columns[column]) for column in self._kept]

    def chunks(self, *, start: int = 0, size: int = BATCH) -> Iterator[Chunk]:
        """The rows from the one at index ``start``, ``size`` at a time.

        DataError when the file is no longer the one that was opened.
        """
        self._check_unchanged()
        for batch in self._table.read([*self._columns, *self._kept], start, size):
            yield self._line_chunk(batch) if self._is_lines else self._chunk(batch)
        self._check_unchanged()

    def without_rows(self) -> Chunk:
        """A chunk that has no rows, only the names and types of the columns that are kept."""
        columns = [*self._columns, *self._kept]
        return self._chunk(Batch([], [[] for _ in columns], 1.0))

    def _chunk(self, batch: Batch) -> Chunk:
        places = zip(batch.lines, listed(batch.values[0]), strict=True)
        texts = [
            # Of ASCII there is nothing to repair, and most texts of many languages are ASCII.
            value if type(value) is str and value.isascii() else text_of(self._place(line), value)
            for line, value in places
        ]
        labels: list[Label] = []
        if len(self._columns) > 1:
            labels = [
                label_of(self._place(line), value, self._separator)
                for line, value in zip(batch.lines, listed(batch.values[1]), strict=True)
            ]
        return Chunk(batch.lines, texts, labels, batch.share, self._kept_in(batch))

    def _kept_in(self, batch: Batch) -> dict[str, Column]:
        types = [self._table.types[column] for column in self._kept]
        values = batch.values[len(self._columns) :]
        return {
            name: Column(f"{self.path}, column {name!r}", some, type_)
            for name, some, type_ in zip(self.kept, values, types, strict=True)
        }

    def _line_chunk(self, batch: Batch) -> Chunk:
        split = [split_line(string) for string in batch.values[0]]
        is_labelled = len(self._columns) > 1
        labels = [_fasttext_label(names) for names, _ in split] if is_labelled else []
        return Chunk(batch.lines, [text for _, text in split], labels, batch.share)

    def _place(self, line: int) -> str:
        return f"{self.path}:{line}"

    def _check_unchanged(self) -> None:
        if _stamp(self.path) != self._stamp:
            raise DataError(
                f"{self.path}: the file has changed since it was opened; begin with it anew"
            )


def open_rows(path: str | Path, *, text: str | None = None, keep: Sequence[str] = ()) -> RowStream:
    """The texts of a file, one for each row, an empty one too; no label is needed.

    text: the column of texts, where its name does not tell; keep: columns that come with the texts
    as they are. A .txt file holds one text a line (fastText labels are left out).
    """
    path = Path(path)
    table = READERS[_suffix(path)](path)
    if _suffix(path) == _LINES:
        if text is not None:
            raise DataError(f"{path}: a .txt file has no columns; leave out --text")
        if keep:
            raise DataError(f"{path}: a .txt file has no columns; leave out --keep")
        return RowStream(path, table, [0])
    columns = [text_column(table.header, table.columns, text)]
    return RowStream(path, table, columns, kept=kept_columns(table.header, table.columns, keep))


def open_labelled_rows(
    path: str | Path,
    *,
    text: str | None = None,
    label: str | None = None,
    label_separator: str | None = None,
) -> RowStream:
    """The texts and labels of a file; the columns are named where their names are not obvious."""
    path = Path(path)
    if label_separator == "":
        raise DataError("the label separator is empty; name what stands between labels, such as |")
    table = READERS[_suffix(path)](path)
    if _suffix(path) != _LINES:
        columns = text_and_label_columns(table.header, table.columns, text, label)
        return RowStream(path, table, columns, label_separator)
    _check_labels_in_lines(path, table)
    if text is not None or label is not None:
        raise DataError(f"{path}: a .txt file has no columns; leave out --text and --label")
    if label_separator is not None:
        raise DataError(
            f"{path}: in a .txt file each label is a word, __label__x; leave out --label-separator"
        )
    return RowStream(path, read_lines(path, skip_blank=True), [0, 0])


def _check_labels_in_lines(path: Path, table: Table) -> None:
    for batch in table.read([0], 0, BATCH):
        if any(line.startswith(LABEL_PREFIX) for line in batch.values[0]):
            return
    raise DataError(f"{path}:1: a .txt file needs a label in front of each text: __label__x text")


def _fasttext_label(names: list[str]) -> Label:
    if len(names) > 1:
        return several(names)
    return names[0] if names else ""


def _suffix(path: Path) -> str:
    """The suffix of a file that is there and that there is a reader for."""
    check_file(path)
    if path.suffix.lower() not in READERS:
        known = ", ".join(READERS)
        given = f"the suffix {path.suffix!r} is unknown" if path.suffix else "there is no suffix"
        raise DataError(f"{path}: {given}; known are {known}")
    return path.suffix.lower()


def _stamp(path: Path) -> tuple[int, int]:
    """Changes when the file does: its size and the time of its last change."""
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(unreadable(path, error)) from error
    return status.st_size, status.st_mtime_ns


class StreamedTexts(Stored[str]):
    """Texts that stay in their file and are read anew each time.

    rows: the index in the file of each text's row (texts,). One pass over all of them costs one
    reading of the file; so does a single text that is asked for by its index. In another order
    than the file's, every ``_WINDOW`` texts cost one.
    """

    def __init__(self, stream: RowStream, rows: NDArray[np.int64]) -> None:
        self._stream = stream
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        if (np.diff(self._rows) > 0).all():
            yield from self._ascending(self._rows)
            return
        for first in range(0, len(self), _WINDOW):
            rows, places = np.unique(self._rows[first : first + _WINDOW], return_inverse=True)
            texts = list(self._ascending(rows))
            yield from (texts[place] for place in places.tolist())

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> StreamedTexts: ...
    def __getitem__(self, index: int | slice) -> str | StreamedTexts:
        if isinstance(index, slice):
            return StreamedTexts(self._stream, self._rows[index])
        return next(iter(self.take([range(len(self))[index]])))

    def take(self, indices: Sequence[int] | NDArray[np.integer[Any]]) -> StreamedTexts:
        """The texts at ``indices``, in that order; nothing is read yet."""
        return StreamedTexts(self._stream, self._rows[np.asarray(indices, dtype=np.int64)])

    def _ascending(self, rows: NDArray[np.int64]) -> Iterator[str]:
        """The texts of rows in the order of the file."""
        if not len(rows):
            return
        first, done = int(rows[0]), 0  # the index of the chunk's first row; texts given
        for chunk in self._stream.chunks(start=first):
            end = int(np.searchsorted(rows, first + len(chunk.texts)))
            for place in (rows[done:end] - first).tolist():
                yield chunk.texts[place]
            first, done = first + len(chunk.texts), end
            if done == len(rows):
                return


class CodedLabels(Stored[Label]):
    """Labels, one a row, as numbers of the different ones: four bytes a row."""

    def __init__(self, codes: NDArray[np.int32], values: Sequence[Label]) -> None:
        self.codes = codes
        self.values = values

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[Label]:
        return map(self.values.__getitem__, self.codes.tolist())

    @overload
    def __getitem__(self, index: int) -> Label: ...
    @overload
    def __getitem__(self, index: slice) -> CodedLabels: ...
    def __getitem__(self, index: int | slice) -> Label | CodedLabels:
        if isinstance(index, slice):
            return CodedLabels(self.codes[index], self.values)
        return self.values[int(self.codes[index])]

    def take(self, indices: Sequence[int] | NDArray[np.integer[Any]]) -> CodedLabels:
        """The labels at ``indices``, in that order."""
        return CodedLabels(self.codes[np.asarray(indices, dtype=np.int64)], self.values)
