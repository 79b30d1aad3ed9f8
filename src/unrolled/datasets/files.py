"""Labelled files -> Examples: csv, tsv, JSON lines, Parquet, and fastText's labelled lines."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unrolled.datasets.examples import Examples, Label
from unrolled.datasets.stream import CodedLabels, StreamedTexts, open_labelled_rows, open_rows
from unrolled.datasets.tables import READERS
from unrolled.errors import DataError

SUFFIXES = tuple(READERS)

_EMPTY = -1  # in place of a label's number: the text is empty


def load_file(
    path: str | Path,
    text: str | None = None,
    label: str | None = None,
    label_separator: str | None = None,
    *,
    hold_texts: bool = True,
) -> Examples:
    """The labelled texts of a file, in its order; every problem is a DataError that names the line.

    ``text`` and ``label`` name the columns where their names are not obvious. Rows without a text
    or without a label are set aside, with their lines. Rows may have several labels, or none, when
    ``label_separator`` stands between the labels of a row, when labels are lists, and when a
    fastText line has more than one.

    Without ``hold_texts`` the texts stay in the file: each use reads them anew, and a row takes
    twenty bytes of memory.
    """
    stream = open_labelled_rows(path, text=text, label=label, label_separator=label_separator)
    texts: list[str] = []
    lines, codes = array("q"), array("i")
    numbers: defaultdict[Label, int] = defaultdict(lambda: len(numbers))
    for chunk in stream.chunks():
        rows = zip(chunk.texts, chunk.labels, strict=True)
        codes.extend(numbers[a_label] if a_text.strip() else _EMPTY for a_text, a_label in rows)
        lines.extend(chunk.lines)
        if hold_texts:
            texts.extend(chunk.texts)
    path = stream.path
    labels = CodedLabels(
        np.array(codes, dtype=np.int32), _of_one_kind(list(numbers), stream.unlabelled)
    )
    kept, set_aside = _sorted_out(path, labels, lines)
    of_kept = (lines[row] for row in kept.tolist())
    examples = Examples(
        name=path.name,
        texts=[texts[row] for row in kept.tolist()] if hold_texts else StreamedTexts(stream, kept),
        labels=list(labels.take(kept)) if hold_texts else labels.take(kept),
        source=stream.source,
        lines=list(of_kept) if hold_texts else array("q", of_kept),
        path=path,
        set_aside=set_aside,
    )
    if len(set(examples.labels)) == 1:
        raise DataError(f"{path}: {_all_alike(len(examples), examples.labels[0])}")
    return examples


def read_texts(path: str | Path, text: str | None = None) -> list[str]:
    """The texts of a file, one for each row, for prediction; no label is needed.

    A .txt file holds one text a line (fastText labels are left out). An empty text stays,
    so that the n-th text is that of the n-th row.
    """
    return [one for chunk in open_rows(path, text=text).chunks() for one in chunk.texts]


def _of_one_kind(labels: list[Label], unlabelled: Label) -> list[Label]:
    """Beside a row with a list of labels, a row with one label has a list of one."""
    if all(isinstance(label, str) for label in labels):
        return labels
    return [
        label if isinstance(label, tuple) else (label,) if label else unlabelled for label in labels
    ]


def _sorted_out(
    path: Path, labels: CodedLabels, lines: Sequence[int]
) -> tuple[NDArray[np.int64], list[tuple[int, str]]]:
    """The rows that can be used, and the lines of the others with the reasons."""
    if not lines:
        raise DataError(f"{path}: the file has no rows below its header")
    is_empty = labels.codes == _EMPTY
    is_blank = np.array([*(label == "" for label in labels.values), False])  # _EMPTY is the last
    is_used = ~(is_empty | is_blank[labels.codes])
    set_aside = [
        (lines[row], "the text is empty" if is_empty[row] else "the label is missing")
        for row in np.flatnonzero(~is_used).tolist()
    ]
    if not is_used.any():
        if is_empty.all() or not is_empty.any():
            what = "text is empty" if is_empty.all() else "label is missing"
            raise DataError(f"{path}: every {what}, from line {lines[0]} to {lines[-1]}")
        raise DataError(f"{path}: every row is without a text or without a label")
    return np.flatnonzero(is_used), set_aside


def _all_alike(count: int, label: Label) -> str:
    if isinstance(label, str):
        return f"all {count} rows have the label {label!r}; two or more different labels are needed"
    if not label:
        return f"none of the {count} rows has a label"
    names = ", ".join(map(repr, label))
    return f"all {count} rows have the same labels, {names}; rows that differ are needed"
