"""``unrolled embed``: a vector of each text, to a file, and a picture of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrolled.cli import console, options
from unrolled.cli.given_texts import check_output, chunks_of
from unrolled.cli.places import check_writable
from unrolled.cli.progress import tell_when_compiling
from unrolled.cli.row_progress import RowProgress
from unrolled.errors import DataError, InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unrolled.datasets.stream import Chunk

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
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw them in their two principal components; written as .png and as .svg.",
        ),
    ] = None,
    text: options.Text = None,
    label: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Of --plot: what colours the dots.")
    ] = None,
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
    pictures = _pictures(plot, label, overwrite=overwrite)
    writer = TextWriter.load(model, threads=threads)
    tell_when_compiling()
    texts: list[str] = []
    labels: list[str] = []
    parts: list[Vectors] = []
    with RowProgress() as progress:
        for chunk in _chunks(input_file, text, label):
            texts += chunk.texts
            labels += [one if isinstance(one, str) else ", ".join(one) for one in chunk.labels]
            parts.append(writer.embed(chunk.texts))
            progress.update(len(texts), chunk.share)
    if not texts:
        raise DataError(f"{input_file}: there are no texts: the file has no rows")
    vectors = np.concatenate(parts)
    write_file(output, FORMATS[output.suffix.lower()](texts, vectors))
    if pictures:
        _draw(vectors, None if label is None else labels, pictures[0])
    if json:
        document = {"texts": len(texts), "numbers": vectors.shape[1], "output": str(output)}
        console.result_json(document | {"plot": [str(file) for file in pictures]})
        return
    console.result(
        f"{console.counted(len(texts), 'text')} -> {output}: {vectors.shape[1]} numbers each"
    )
    if pictures:
        console.result(f"plot {pictures[0]} and {pictures[1].name}")


def _pictures(plot: Path | None, label: str | None, *, overwrite: bool) -> list[Path]:
    """The files that the plot is written to."""
    if plot is None:
        if label is not None:
            raise InputError("--label colours the dots of --plot: give --plot too")
        return []
    if plot.suffix.lower() not in (".png", ".svg"):
        raise InputError(f"{plot}: the plot is a .png or an .svg file; give it that suffix")
    check_writable(plot.parent)
    files = [plot.with_suffix(suffix) for suffix in (".png", ".svg")]
    for file in files:
        if file.exists() and not overwrite:
            raise InputError(
                f"{file}: the file is there; --overwrite replaces it, --plot names another"
            )
    return files


def _chunks(path: Path, text: str | None, label: str | None) -> Iterator[Chunk]:
    """The texts, with their labels if these are wanted."""
    if label is None:
        return chunks_of(None, path, text)
    from unrolled.datasets.stream import open_labelled_rows

    return open_labelled_rows(path, text=text, label=label).chunks()


def _draw(vectors: Vectors, labels: list[str] | None, file: Path) -> None:
    from unrolled.evaluation.components import principal_components
    from unrolled.report import plots

    places, shares = principal_components(vectors)
    plots.save(plots.vectors(places, shares.tolist(), labels), file.with_suffix(""))


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
