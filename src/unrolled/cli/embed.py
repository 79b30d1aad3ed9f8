"""``unrolled embed``: a vector of each text, to a file."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrolled.cli import console, options
from unrolled.cli.given_texts import check_output, chunks_of
from unrolled.cli.progress import tell_when_compiling
from unrolled.cli.row_progress import RowProgress
from unrolled.errors import DataError, InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]


def embed(
    model: options.Model,
    input_file: Annotated[Path, options.INPUT],
    output: Annotated[
        Path,
        typer.Option(metavar="FILE", help="npy has the vectors alone, parquet the texts too."),
    ],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output file that is there.")
    ] = False,
    text: options.Text = None,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Write a vector of each text: the last state of the layers that read it, one row each.

    The rows keep their order; an empty text has a vector too.
    """
    import numpy as np

    from unrolled.atomic import write_file
    from unrolled.writer import TextWriter

    if output.suffix.lower() not in FORMATS:
        raise InputError(f"{output}: the suffix must be one of {', '.join(FORMATS)}")
    check_output(output, input_file, overwrite=overwrite)
    writer = TextWriter.load(model, threads=threads)
    tell_when_compiling()
    texts: list[str] = []
    parts: list[Vectors] = []
    with RowProgress() as progress:
        for chunk in chunks_of(None, input_file, text):
            texts += chunk.texts
            parts.append(writer.embed(chunk.texts))
            progress.update(len(texts), chunk.share)
    if not texts:
        raise DataError(f"{input_file}: there are no texts: the file has no rows")
    vectors = np.concatenate(parts)
    write_file(output, FORMATS[output.suffix.lower()](texts, vectors))
    if json:
        console.result_json(
            {"texts": len(texts), "numbers": vectors.shape[1], "output": str(output)}
        )
        return
    console.result(
        f"{console.counted(len(texts), 'text')} -> {output}: {vectors.shape[1]} numbers each"
    )


def _npy(texts: list[str], vectors: Vectors) -> bytes:
    import numpy as np

    file = io.BytesIO()
    np.save(file, vectors, allow_pickle=False)
    return file.getvalue()


def _parquet(texts: list[str], vectors: Vectors) -> bytes:
    import polars

    file = io.BytesIO()
    own = polars.Series(vectors, dtype=polars.Array(polars.Float32, vectors.shape[1]))
    columns = {"text": polars.Series(texts, dtype=polars.String), "vector": own}
    polars.DataFrame(columns).write_parquet(file)
    return file.getvalue()


FORMATS: Mapping[str, Callable[[list[str], Vectors], bytes]] = {".npy": _npy, ".parquet": _parquet}
