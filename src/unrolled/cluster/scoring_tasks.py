"""What the nodes of a cluster do when texts are labelled: read a file, label a chunk of texts.

A chunk is one row of an Arrow table, its texts a list in that row, so that Ray neither joins chunks
nor cuts them, and so that texts and parts lie in shared memory as they are. What is wrong with a
file or a model travels as a row too, and is raised where the rows are wanted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled import bundle
from unrolled.cluster.scoring_kept import packed, unpacked
from unrolled.datasets.stream import Chunk
from unrolled.errors import UnrolledError
from unrolled.model.trained import TrainedModel
from unrolled.scoring.files import chunks_of
from unrolled.scoring.formats import Format
from unrolled.scoring.run import Columns, Part, format_of, open_texts, part_of

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class Piece:
    """What one task reads: the rows of a file from the one at index ``start``.

    column: the name of that of the texts, where it was named; output: the file of labels, of which
    the suffix counts; keep: the names of the columns that are carried into it.
    """

    source: str
    column: str | None
    output: str
    start: int
    keep: Sequence[str] = ()


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
    columns = Columns(piece.column, piece.keep)
    waiting = None
    try:
        for chunk in chunks_of(open_texts(piece.source, columns), piece.start):
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
            kept = unpacked(fields["kept"], fields["series"])
            chunk = Chunk([], texts.flatten().to_pylist(), [], fields["share"], kept)
            part = self._part(chunk, format_of(Path(fields["output"])))
        except UnrolledError as error:
            return _answer_row({**fields, "error": _described(error)})
        return _answer_row(fields, part)

    def _part(self, chunk: Chunk, written_as: Format) -> Part:
        start = self._model.recipe.text.start_token
        encoded = self._model.vocabulary.encode_all(chunk.texts, start=start)
        return part_of(chunk, self._model.predictions(encoded, threads=1), written_as)


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

    kept, series = packed(chunk.kept if chunk else {})
    texts = pyarrow.array(chunk.texts if chunk else [], pyarrow.large_string())
    ends = pyarrow.array([0 if chunk else None, len(texts)], pyarrow.int64())
    columns = {
        "output": [piece.output],
        "share": [chunk.share if chunk else 1.0],
        "is_last": [is_last],
        "error": pyarrow.array([_described(error) if error else None], pyarrow.string()),
        "kept": pyarrow.array([kept], pyarrow.large_string()),
        "series": pyarrow.array([series], pyarrow.large_binary()),
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
