"""Names or files -> texts without labels, or pairs of texts (Corpus), each knowing its line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from unrolled import datasets
from unrolled.datasets.examples import Stored
from unrolled.datasets.stream import open_labelled_rows, open_rows
from unrolled.errors import DataError


@dataclass(frozen=True)
class Corpus:
    """Texts, and for some uses another text for each.

    name, source, lines, path, set_aside: as in `Examples`.
    parts: what it is joined of, in order; each has its own lines, path and rows set aside.
    """

    name: str
    source: str
    texts: Sequence[str]
    targets: Sequence[str] | None = None
    lines: Sequence[int] | None = None
    path: Path | None = None
    set_aside: Sequence[tuple[int, str]] = ()
    parts: Sequence[Corpus] = ()

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def is_streamed(self) -> bool:
        """Whether the texts are not in memory: as in `Examples`."""
        return isinstance(self.texts, Stored)

    def where(self, index: int) -> str:
        """Place of a row, for people: ``pairs.csv:17``, or ``imdb row 17`` without a file."""
        index = range(len(self))[index]
        for part in self.parts:
            if index < len(part):
                return part.where(index)
            index -= len(part)
        if self.lines is None:
            return f"{self.name} row {index + 1}"
        return f"{self.name}:{self.lines[index]}"


def load_corpora(data: Sequence[str | Path], *, text: str | None = None) -> Corpus:
    """The texts of several built-in data sets and files, joined in the order given.

    ``text`` names the column in each file that has columns, so that one without it is a DataError;
    built-in data sets and .txt files, which have none, are read as they are.
    """
    if not data:
        raise DataError("no data set is named; name one or more")
    names = [str(one) if _is_built_in(one) else str(Path(one).resolve()) for one in data]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise DataError(f"{data[index]}: the data set is named twice; name it once")
    with_columns = [one for one in data if _has_columns(one)] or data
    parts = [load_corpus(one, text=text if one in with_columns else None) for one in data]
    if len(parts) == 1:
        return parts[0]
    count = Counter(part.name for part in parts)
    parts = [replace(one, name=str(one.path)) if count[one.name] > 1 else one for one in parts]
    return Corpus(
        name=_enumerated([part.name for part in parts]),
        source=_enumerated([part.source for part in parts]),
        texts=[one for part in parts for one in part.texts],
        parts=parts,
    )


def load_corpus(data: str | Path, *, text: str | None = None, target: str | None = None) -> Corpus:
    """The texts of a built-in data set or of a file; target: the column of the other texts.

    Labels are not read, and of ``imdb`` only the training reviews. Rows without a text, or without
    a target where there is such a column, are set aside.
    """
    name, path = str(data), Path(data)
    if _is_built_in(data) and (text is not None or target is not None):
        raise DataError(f"{name} is built in and has no columns; leave out --text and --target")
    if name in datasets.UNLABELLED:
        module = import_module(datasets.UNLABELLED[name])
        return Corpus(name, module.unlabelled_source(), module.load_unlabelled())
    if _is_built_in(data) or not (path.suffix or path.exists()):
        examples = datasets.load(name)
        return Corpus(name=examples.name, source=examples.source, texts=examples.texts)
    return _of_file(path, text, target)


def _is_built_in(data: str | Path) -> bool:
    return str(data) in datasets.BUILT_IN or str(data) in datasets.UNLABELLED


def _has_columns(data: str | Path) -> bool:
    return not _is_built_in(data) and Path(data).suffix.lower() != ".txt"


def _enumerated(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


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
