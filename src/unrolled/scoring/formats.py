"""What a file of labels looks like: each format writes a chunk of rows, and joins what it wrote."""

from __future__ import annotations

import io
import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from unrolled.datasets.stream import Chunk
from unrolled.model.predictions import Label, Predictions

JOINED_LABELS = "|"  # between the labels of one text, where a format has no lists
_ROW_GROUP = 1 << 14
_FIELDS = ("label", "probability", "unknown_share", "was_cut", "text")
COLUMNS = (*_FIELDS, "probabilities")


class Format(ABC):
    """Turns chunks of predictions into parts, and parts into a file.

    The columns that are kept come first, in the order of their names in ``kept``.
    """

    @abstractmethod
    def part(self, chunk: Chunk, predictions: Predictions) -> bytes:
        """The rows of one chunk."""

    @abstractmethod
    def join(self, parts: Sequence[Path], whole: Path, kept: Sequence[str] = ()) -> None:
        """Write the file that has the rows of all parts, in their order."""


class TextFormat(Format):
    """Rows that are text, so that parts are joined by writing one behind the other."""

    between = ""
    end = ""

    def start(self, kept: Sequence[str]) -> str:
        """What comes before the rows."""
        return ""

    def part(self, chunk: Chunk, predictions: Predictions) -> bytes:
        """The rows of one chunk."""
        return self.rows(chunk, predictions).encode("utf-8")

    def join(self, parts: Sequence[Path], whole: Path, kept: Sequence[str] = ()) -> None:
        """Write the file that has the rows of all parts, in their order."""
        with whole.open("wb") as file:
            file.write(self.start(kept).encode("utf-8"))
            for number, part in enumerate(parts):
                file.write(self.between.encode("utf-8") if number else b"")
                with part.open("rb") as rows:
                    shutil.copyfileobj(rows, file, 1 << 20)
            file.write(self.end.encode("utf-8"))

    @abstractmethod
    def rows(self, chunk: Chunk, predictions: Predictions) -> str:
        """The rows of one chunk."""


class Fields(TextFormat):
    """csv and tsv: the label, figures and text of each row, below a header.

    The fields that need quotes have them, as in what Python's csv module writes, in a fifth of its
    time.
    """

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter

    def start(self, kept: Sequence[str]) -> str:
        """The header."""
        return self._delimiter.join(map(self._field, (*kept, *_FIELDS))) + "\n"

    def rows(self, chunk: Chunk, predictions: Predictions) -> str:
        """The rows of one chunk."""
        columns = (
            *(map(self._field, column.as_texts()) for column in chunk.kept.values()),
            map(self._field, map(shown, predictions.labels)),
            map(repr, predictions.probability.tolist()),
            map(repr, predictions.unknown_share.tolist()),
            ("true" if was_cut else "false" for was_cut in predictions.was_cut.tolist()),
            map(self._field, chunk.texts),
        )
        return "".join(self._delimiter.join(row) + "\n" for row in zip(*columns, strict=True))

    def _field(self, text: str) -> str:
        if self._delimiter in text or '"' in text or "\n" in text or "\r" in text:
            return '"' + text.replace('"', '""') + '"'
        return text


class JsonLines(TextFormat):
    """One JSON object a line."""

    _ends = "\n"

    def rows(self, chunk: Chunk, predictions: Predictions) -> str:
        """The rows of one chunk."""
        encode = json.JSONEncoder(ensure_ascii=False).encode
        return "".join(encode(row) + "\n" for row in documents(chunk, predictions))


class JsonList(TextFormat):
    """One JSON list of objects, an object a line."""

    between = ",\n"
    end = "\n]\n"

    def start(self, kept: Sequence[str]) -> str:
        """What comes before the rows."""
        return "[\n"

    def rows(self, chunk: Chunk, predictions: Predictions) -> str:
        """The rows of one chunk."""
        encode = json.JSONEncoder(ensure_ascii=False).encode
        return ",\n".join(encode(row) for row in documents(chunk, predictions))


class Lines(TextFormat):
    """``positive  0.9312``, one a text, ``-`` for no label; ``25% unknown``, ``cut`` behind it."""

    def rows(self, chunk: Chunk, predictions: Predictions) -> str:
        """The rows of one chunk."""
        width = max(len(_printable(name)) for name in predictions.classes)
        rows = zip(
            (_printable(shown(label)) or "-" for label in predictions.labels),
            predictions.probability.tolist(),
            predictions.unknown_share.tolist(),
            predictions.was_cut.tolist(),
            strict=True,
        )
        return "".join(
            f"{label:<{width}}  {sure:.4f}"
            + (f"  {unknown:.0%} unknown" if unknown else "")
            + ("  cut" if was_cut else "")
            + "\n"
            for label, sure, unknown, was_cut in rows
        )


class Parquet(Format):
    """Columns; the probabilities of all classes are the fields of one of them."""

    def part(self, chunk: Chunk, predictions: Predictions) -> bytes:
        """The rows of one chunk, as an Arrow file, which is quickly written and read."""
        import polars

        several = any(isinstance(label, tuple) for label in predictions.labels)
        label_type = polars.List(polars.String) if several else polars.String
        labels = [list(one) if isinstance(one, tuple) else one for one in predictions.labels]
        classes = list(predictions.classes)
        frame = polars.DataFrame(
            {
                **{name: column.as_series() for name, column in chunk.kept.items()},
                "label": polars.Series(labels, dtype=label_type),
                "probability": predictions.probability,
                "unknown_share": predictions.unknown_share,
                "was_cut": predictions.was_cut,
                "probabilities": polars.DataFrame(
                    predictions.probabilities, schema=classes, orient="row"
                ).to_struct(),
                "text": polars.Series(chunk.texts, dtype=polars.String),
            }
        )
        file = io.BytesIO()
        frame.write_ipc(file)
        return file.getvalue()

    def join(self, parts: Sequence[Path], whole: Path, kept: Sequence[str] = ()) -> None:
        """Write the file that has the rows of all parts, in their order."""
        import polars

        polars.scan_ipc(list(parts)).sink_parquet(
            whole, compression="zstd", compression_level=1, row_group_size=_ROW_GROUP
        )


FORMATS: Mapping[str, Format] = {
    ".csv": Fields(","),
    ".tsv": Fields("\t"),
    ".json": JsonList(),
    ".jsonl": JsonLines(),
    ".ndjson": JsonLines(),
    ".parquet": Parquet(),
}
LINES = Lines()


def documents(chunk: Chunk, predictions: Predictions) -> Iterator[dict[str, Any]]:
    """A JSON object for each text."""
    columns = zip(
        _objects(chunk),
        chunk.texts,
        predictions.labels,
        predictions.probability.tolist(),
        predictions.unknown_share.tolist(),
        predictions.was_cut.tolist(),
        predictions.probabilities.tolist(),
        strict=True,
    )
    for kept, text, label, probability, unknown_share, was_cut, probabilities in columns:
        yield {
            **kept,
            "text": text,
            "label": label,
            "probability": probability,
            "unknown_share": unknown_share,
            "was_cut": was_cut,
            "probabilities": dict(zip(predictions.classes, probabilities, strict=True)),
        }


def _objects(chunk: Chunk) -> Iterator[dict[str, Any]]:
    """Of each row, what is kept."""
    if not chunk.kept:
        return ({} for _ in chunk.texts)
    rows = zip(*(column.as_json() for column in chunk.kept.values()), strict=True)
    return (dict(zip(chunk.kept, row, strict=True)) for row in rows)


def shown(label: Label) -> str:
    """A label where there are only strings: several are joined, and an abstaining one is empty."""
    if label is None:
        return ""
    return label if isinstance(label, str) else JOINED_LABELS.join(label)


def _printable(label: str) -> str:
    """A label in one line, with nothing that could steer a terminal."""
    if label.isprintable():
        return label
    words = " ".join(label.split())
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in words)
