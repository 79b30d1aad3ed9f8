"""A run over all texts: to a file, which an interrupted run goes on with, or row by row."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unrolled import __version__, bundle
from unrolled.datasets.decoding import unreadable
from unrolled.datasets.stream import Chunk, RowStream
from unrolled.datasets.tables import BATCH
from unrolled.errors import DataError
from unrolled.model.predictions import Label, Predictions
from unrolled.model.trained import TrainedModel
from unrolled.scoring.formats import FORMATS, LINES
from unrolled.scoring.parts import Entry, Parts
from unrolled.scoring.pipeline import label_chunks


@dataclass(frozen=True)
class Texts:
    """The texts of a run.

    chunks: all behind the first so many rows; made_from: what decides about what is written, by
    name, or None when the texts cannot be read again.
    """

    chunks: Callable[[int], Iterator[Chunk]]
    made_from: Mapping[str, Any] | None = None


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


def made_from(stream: RowStream, model: Path, output: Path) -> dict[str, Any]:
    """What decides about the bytes of ``output``, by name; ``model`` is the model's folder."""
    return {
        "the input": _digest(stream.path),
        "the column of texts": stream.columns[0],
        "the model": _digest(model / bundle.CONFIG),  # which has the digests of its other files
        "the format": output.suffix.lower(),
        "the version of unrolled": __version__,
        "the rows of a part": BATCH,
    }


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
    written_as = FORMATS.get(parts.output.suffix.lower(), LINES)
    try:
        with closing(label_chunks(model, texts.chunks(parts.rows), threads)) as labelled:
            for chunk, predictions in labelled:
                entry = _entry(predictions) | {"share": chunk.share}
                parts.add(written_as.part(chunk.texts, predictions), entry)
                on_part(parts.rows, parts.share)
        tally = Tally()
        for entry in parts.finished:
            tally.add(entry)
        if not tally.rows:
            raise DataError("there are no texts to label: the input has no rows")
        parts.finish(written_as.join)
    except DataError:
        parts.finished.clear()
        raise
    finally:
        parts.close()
    return tally


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
