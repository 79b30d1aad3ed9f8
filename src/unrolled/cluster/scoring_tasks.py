"""What the nodes of a cluster do when texts are labelled: read a file, label a chunk of texts.

A chunk is one row of an Arrow table, its texts a list in that row, so that Ray neither joins chunks
nor cuts them, and so that texts and parts lie in shared memory as they are. What is wrong with a
file or a model travels as a row too, and is raised where the rows are wanted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled import bundle
from unrolled.datasets.stream import Chunk, open_rows
from unrolled.errors import UnrolledError
from unrolled.model.trained import TrainedModel
from unrolled.scoring.files import chunks_of
from unrolled.scoring.run import Part, format_of, part_of

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class Piece:
    """What one task reads: the rows of a file from the one at index ``start``.

    column: the name of that of the texts, where it was named; output: the file of labels, of which
    the suffix counts.
    """

    source: str
    column: str | None
    output: str
    start: int


@dataclass(frozen=True)
class Answer:
    """What comes back for a chunk, or for the end of a piece.

    part: None at the end of a piece that has no rows left; is_last: nothing more comes of this
    piece; error: the class and the message of what is wrong with it.
    """

    part: Part | None
    is_last: bool
    error: tuple[str, str] | None


def read(pieces: pyarrow.Table) -> Iterator[pyarrow.Table]:
    """The chunks of a piece, the only row of a table; the last one says that it is the last."""
    (fields,) = pieces.to_pylist()
    piece = Piece(**fields)
    waiting = None
    try:
        for chunk in chunks_of(open_rows(piece.source, text=piece.column), piece.start):
            if waiting is not None:
                yield _chunk_row(piece, waiting)
            waiting = chunk
        yield _chunk_row(piece, waiting, is_last=True)
    except UnrolledError as error:
        yield _chunk_row(piece, is_last=True, error=error)


class Labeller:
    """An actor that holds a model and labels chunk after chunk, with one thread."""

    def __init__(self, name: str, files: Any) -> None:
        """name: of the model's folder; files: a reference to its files' bytes by their names."""
        import ray

        path = Path(name)
        self._model = TrainedModel.from_bundle(path, bundle.from_files(path, ray.get(files)))

    def __call__(self, chunks: pyarrow.Table) -> pyarrow.Table:
        """An answer for each row of a table that ``read`` made."""
        import pyarrow

        rows = (chunks.slice(row, 1) for row in range(len(chunks)))
        return pyarrow.concat_tables([self._answer(row) for row in rows])

    def _answer(self, row: pyarrow.Table) -> pyarrow.Table:
        (fields,) = row.drop_columns(["texts"]).to_pylist()
        texts = row.column("texts").combine_chunks()
        if texts.null_count:
            return _answer_row(fields)
        try:
            part = self._part(texts.flatten().to_pylist(), fields["share"], fields["output"])
        except UnrolledError as error:
            return _answer_row({**fields, "error": _described(error)})
        return _answer_row(fields, part)

    def _part(self, texts: list[str], share: float, output: str) -> Part:
        start = self._model.recipe.text.start_token
        encoded = self._model.vocabulary.encode_all(texts, start=start)
        predictions = self._model.predictions(encoded, threads=1)
        return part_of(Chunk([], texts, [], share), predictions, format_of(Path(output)))


def answers_in(table: pyarrow.Table) -> Iterator[Answer]:
    """The rows of a table that a ``Labeller`` made."""
    for row in table.to_pylist():
        part = None if row["data"] is None else Part(row["data"], json.loads(row["entry"]))
        error = None if row["error"] is None else tuple(json.loads(row["error"]))
        yield Answer(part, row["is_last"], error)


def _chunk_row(
    piece: Piece,
    chunk: Chunk | None = None,
    *,
    is_last: bool = False,
    error: UnrolledError | None = None,
) -> pyarrow.Table:
    import pyarrow

    texts = pyarrow.array(chunk.texts if chunk else [], pyarrow.large_string())
    ends = pyarrow.array([0 if chunk else None, len(texts)], pyarrow.int64())
    columns = {
        "output": [piece.output],
        "share": [chunk.share if chunk else 1.0],
        "is_last": [is_last],
        "error": pyarrow.array([_described(error) if error else None], pyarrow.string()),
        "texts": pyarrow.LargeListArray.from_arrays(ends, texts),
    }
    return pyarrow.table(columns)


def _answer_row(fields: dict[str, Any], part: Part | None = None) -> pyarrow.Table:
    import pyarrow

    columns = {
        "is_last": [fields["is_last"]],
        "error": pyarrow.array([fields["error"]], pyarrow.string()),
        "entry": pyarrow.array([json.dumps(part.entry) if part else None], pyarrow.string()),
        "data": pyarrow.array([part.data if part else None], pyarrow.large_binary()),
    }
    return pyarrow.table(columns)


def _described(error: UnrolledError) -> str:
    return json.dumps([type(error).__name__, str(error)])
