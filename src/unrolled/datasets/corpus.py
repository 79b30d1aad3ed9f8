"""A name or a file -> texts without labels, or pairs of texts (Corpus), each knowing its line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unrolled import datasets
from unrolled.datasets.examples import Stored
from unrolled.datasets.stream import open_labelled_rows, open_rows
from unrolled.errors import DataError


@dataclass(frozen=True)
class Corpus:
    """Texts, and for some uses another text for each.

    name, source, lines, path, set_aside: as in `Examples`.
    """

    name: str
    source: str
    texts: Sequence[str]
    targets: Sequence[str] | None = None
    lines: Sequence[int] | None = None
    path: Path | None = None
    set_aside: Sequence[tuple[int, str]] = ()

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def is_streamed(self) -> bool:
        """Whether the texts are not in memory: as in `Examples`."""
        return isinstance(self.texts, Stored)

    def where(self, index: int) -> str:
        """Place of a row, for people: ``pairs.csv:17``, or ``imdb row 17`` without a file."""
        if self.path is None or self.lines is None:
            return f"{self.name} row {index + 1}"
        return f"{self.path.name}:{self.lines[index]}"


def load_corpus(data: str | Path, *, text: str | None = None, target: str | None = None) -> Corpus:
    """The texts of a built-in data set or of a file; target: the column of the other texts.

    Rows without a text, or without a target where there is such a column, are set aside.
    """
    path = Path(data)
    if str(data) in datasets.BUILT_IN or not (path.suffix or path.exists()):
        if target is not None:
            raise DataError(f"{data} is built in and has no columns; leave out --target")
        examples = datasets.load(data, text=text)
        return Corpus(name=examples.name, source=examples.source, texts=examples.texts)
    return _of_file(path, text, target)


def _of_file(path: Path, text: str | None, target: str | None) -> Corpus:
    source = f"the file {path.name}"
    if target is None:
        stream = open_rows(path, text=text)
        source = stream.source
    else:
        named = open_labelled_rows(path, text=text, label=target).columns
        source += f" (text {named[0]!r}, target {named[1]!r})"
        stream, other = (open_rows(path, text=name) for name in named)
    lines, texts = list[int](), list[str]()
    for chunk in stream.chunks():
        lines += chunk.lines
        texts += chunk.texts
    columns = {"text": texts}
    if target is not None:
        columns["target"] = [one for chunk in other.chunks() for one in chunk.texts]
    aside = {
        row: f"the {what} is empty"
        for what, column in reversed(columns.items())
        for row, one in enumerate(column)
        if not one.strip()
    }
    kept = [row for row in range(len(lines)) if row not in aside]
    if not kept:
        raise DataError(f"{path}: no row has a {' and a '.join(columns)}")
    chosen = {what: [column[row] for row in kept] for what, column in columns.items()}
    return Corpus(
        name=path.name,
        source=source,
        texts=chosen["text"],
        targets=chosen.get("target"),
        lines=[lines[row] for row in kept],
        path=path,
        set_aside=[(lines[row], aside[row]) for row in sorted(aside)],
    )
