"""A run over all texts: to a file, which an interrupted run goes on with, or row by row."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from unrolled import __version__, bundle
from unrolled.datasets.decoding import unreadable
from unrolled.datasets.stream import Chunk, RowStream, open_rows
from unrolled.datasets.tables import BATCH
from unrolled.errors import DataError
from unrolled.model.predictions import Label, Predictions
from unrolled.model.trained import TrainedModel
from unrolled.scoring.formats import COLUMNS, FORMATS, LINES, Format
from unrolled.scoring.parts import Entry, Parts
from unrolled.scoring.pipeline import label_chunks


@dataclass(frozen=True)
class Columns:
    """What is read of files: the column of texts, where it was named, and what is kept beside."""

    text: str | None = None
    keep: Sequence[str] = ()


@dataclass(frozen=True)
class Texts:
    """The texts of a run.

    chunks: all behind the first so many rows; made_from: what decides about what is written, by
    name, or None when the texts cannot be read again; kept: the names of the columns beside them.
    """

    chunks: Callable[[int], Iterator[Chunk]]
    made_from: Mapping[str, Any] | None = None
    kept: Sequence[str] = ()


@dataclass
class Tally:
    """What was written, counted.

    labels: texts of each label; unlabelled: texts that the model leaves without a label;
    cut: texts that were too long to be read whole; unknown: sum of the shares of unknown tokens.
    """

    rows: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    unlabelled: int = 0
    cut: int = 0
    unknown: float = 0.0

    def add(self, entry: Entry) -> None:
        """Count one part more."""
        self.rows += entry["rows"]
        self.labels.update(entry["labels"])
        self.unlabelled += entry["unlabelled"]
        self.cut += entry["cut"]
        self.unknown += entry["unknown"]

    def entry(self) -> Entry:
        """What ``add`` takes."""
        return {**vars(self), "labels": dict(self.labels)}


@dataclass(frozen=True)
class Source:
    """A file of texts: the name of their column, those kept, and the SHA-256 (hex) of its bytes."""

    path: Path
    column: str
    kept: Sequence[str]
    digest: str


@dataclass(frozen=True)
class Part:
    """The rows of one chunk, as bytes of a file of labels, and what the journal says of them."""

    data: bytes
    entry: Entry


def open_texts(path: str | Path, columns: Columns) -> RowStream:
    """The rows of a file of texts.

    Raises DataError: a column is not there, or it cannot be kept beside those that are written.
    """
    stream = open_rows(path, text=columns.text, keep=columns.keep)
    for name in stream.kept:
        if name in COLUMNS:
            raise DataError(
                f"{path}: {name!r} cannot be kept, since predict writes a column of that name; "
                "rename it in the file"
            )
    return stream


def source_of(stream: RowStream) -> Source:
    """What is to be known of an open file before its texts are labelled; reads all of it."""
    return Source(stream.path, stream.columns[0], stream.kept, _digest(stream.path))


def made_from(source: Source, model: Path, output: Path) -> dict[str, Any]:
    """What decides about the bytes of ``output``, by name; ``model`` is the model's folder."""
    return {
        "the input": source.digest,
        "the column of texts": source.column,
        "the columns kept": list(source.kept),
        "the model": _digest(model / bundle.CONFIG),  # which has the digests of its other files
        "the format": output.suffix.lower(),
        "the version of unrolled": __version__,
        "the rows of a part": BATCH,
    }


def format_of(output: Path) -> Format:
    """How a file of labels is written, by its suffix."""
    return FORMATS.get(output.suffix.lower(), LINES)


def label_to_file(
    model: TrainedModel,
    texts: Texts,
    parts: Parts,
    *,
    threads: int | None,
    on_part: Callable[[int, float], None],
) -> Tally:
    """Write the label of each text behind those of the finished ``parts``, then the whole file.

    on_part: is told (rows that are finished, how much of the texts is read). Whatever ends the run,
    the finished parts stay, unless the texts are at fault.
    """
    made = parts_of(model, texts.chunks(parts.rows), format_of(parts.output), threads)
    return write_parts(parts, _some(made, parts), on_part, texts.kept)


def parts_of(
    model: TrainedModel, chunks: Iterator[Chunk], written_as: Format, threads: int | None
) -> Generator[Part, None, None]:
    """Each chunk of texts as a part of a file of labels, in their order."""
    with closing(label_chunks(model, chunks, threads)) as labelled:
        for chunk, predictions in labelled:
            yield part_of(chunk, predictions, written_as)


def part_of(chunk: Chunk, predictions: Predictions, written_as: Format) -> Part:
    """What is written of one chunk."""
    entry = _entry(predictions) | {"share": chunk.share}
    return Part(written_as.part(chunk, predictions), entry)


def write_parts(
    parts: Parts,
    made: Generator[Part, None, None],
    on_part: Callable[[int, float], None],
    kept: Sequence[str],
) -> Tally:
    """Put what is ``made`` behind the finished ``parts``, then the whole file in its place.

    kept: the names of the columns that are kept. The other arguments and the errors are those of
    ``label_to_file``; the parts are closed in any case.
    """
    try:
        with closing(made):
            for part in made:
                parts.add(part.data, part.entry)
                on_part(parts.rows, parts.share)
        tally = Tally()
        for entry in parts.finished:
            tally.add(entry)
        parts.finish(partial(format_of(parts.output).join, kept=kept))
    except DataError:
        parts.finished.clear()
        raise
    finally:
        parts.close()
    return tally


def _some(made: Generator[Part, None, None], parts: Parts) -> Generator[Part, None, None]:
    """The same parts; DataError when in the end there are no rows."""
    with closing(made):
        yield from made
    if not parts.rows:
        raise DataError("there are no texts to label: the input has no rows")


def _entry(predictions: Predictions) -> Entry:
    several = [_names(label) for label in predictions.labels]
    return {
        "rows": len(predictions),
        "labels": dict(Counter(name for names in several for name in names)),
        "unlabelled": sum(not names for names in several),
        "cut": int(predictions.was_cut.sum()),
        "unknown": float(predictions.unknown_share.sum()),
    }


def _names(label: Label) -> Sequence[str]:
    if label is None:
        return ()
    return (label,) if isinstance(label, str) else label


def _digest(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(unreadable(path, error)) from error
