"""``unrolled predict``: the label of each text, and how sure the model is of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli import console, options
from unrolled.cli.progress import tell_when_compiling
from unrolled.cli.row_progress import RowProgress
from unrolled.errors import DataError, InputError

if TYPE_CHECKING:
    from unrolled.datasets.stream import Chunk
    from unrolled.model.trained import TrainedModel
    from unrolled.scoring.parts import Parts
    from unrolled.scoring.run import Tally, Texts

INTERRUPTED = 130


def predict(
    model: options.Model,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts to label.")
    ] = None,
    input_file: Annotated[
        Path | None,
        typer.Option(
            "--input",
            metavar="FILE",
            help="Read texts from a file (csv, tsv, jsonl, parquet; txt has one a line).",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write to a file instead; parquet, json, jsonl, csv and tsv hold the texts too.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output file that is there.")
    ] = False,
    text: options.Text = None,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Write the label and its probability for each text.

    Texts are arguments, a file, or standard input (-), one a line; the answers keep their order.
    The part of a text's words that the model does not know is named, and whether it was cut.
    A file may be of any size. When the run is interrupted, the same command goes on with it.
    """
    from unrolled.model.trained import TrainedModel

    if texts and input_file is not None:
        raise InputError("texts were given both as arguments and with --input; give one of them")
    if output is not None:
        _check_output(output, input_file, overwrite=overwrite)
    trained = TrainedModel.load(model)
    tell_when_compiling()
    asked = _texts(texts, input_file, text, model, output)
    if output is not None:
        _to_file(trained, asked, output, threads=threads, json=json)
    else:
        _to_standard_output(trained, asked, threads=threads, json=json)


def _check_output(output: Path, input_file: Path | None, *, overwrite: bool) -> None:
    """Refuse whatever would lose what is there."""
    if output.is_dir():
        raise InputError(f"{output}: is a folder; name a file in it with --output")
    if input_file is not None and output.exists() and output.samefile(input_file):
        raise InputError(f"{output}: is the input too; choose another --output")
    if output.is_file() and not overwrite:
        raise InputError(
            f"{output}: the file is there; --overwrite replaces it, --output names another"
        )


# --- The texts -----------------------------------------------------------------------------------


def _texts(
    given: list[str] | None, path: Path | None, column: str | None, model: Path, output: Path | None
) -> Texts:
    from unrolled.scoring.run import Texts, made_from

    if path is not None:
        from unrolled.datasets.stream import open_rows

        stream = open_rows(path, text=column)
        again = None if output is None else made_from(stream, model, output)
        return Texts(lambda start: stream.chunks(start=start), again)
    lines = iter(given) if given and given != ["-"] else _standard_input()
    return Texts(lambda start: _chunks(lines))


def _chunks(texts: Iterator[str]) -> Iterator[Chunk]:
    """Texts that are not in a file, as if they were the rows of one."""
    from unrolled.datasets.stream import Chunk
    from unrolled.datasets.tables import BATCH
    from unrolled.datasets.values import text_of

    row = 1
    while some := [text_of(f"text {row}", one) for one in islice(texts, BATCH)]:
        yield Chunk(range(row, row + len(some)), some, [], 0.0)
        row += len(some)


def _standard_input() -> Iterator[str]:
    """Its lines: LF or CRLF ends one."""
    if sys.stdin.isatty():
        console.note("reading texts from the terminal, one a line; Ctrl-D ends them")
    number = 0
    for number, data in enumerate(sys.stdin.buffer, start=1):
        try:
            line = data.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise DataError(
                f"standard input, line {number}: not UTF-8 text; convert it first"
            ) from None
        yield line.removesuffix("\n").removesuffix("\r")
    if not number:
        raise DataError("standard input is empty; give texts as arguments, or one a line")


# --- The answers ---------------------------------------------------------------------------------


def _to_standard_output(
    model: TrainedModel, texts: Texts, *, threads: int | None, json: bool
) -> None:
    from unrolled.scoring.formats import LINES, documents
    from unrolled.scoring.pipeline import label_chunks

    answers: list[dict[str, Any]] = []
    rows = 0
    for chunk, predictions in label_chunks(model, texts.chunks(0), threads):
        rows += len(predictions)
        if json:
            answers += documents(chunk.texts, predictions)
        else:
            console.result(LINES.rows(chunk.texts, predictions).removesuffix("\n"))
    if not rows:
        raise DataError("there are no texts to label: the input has no rows")
    if json:
        console.result_json(answers)


def _to_file(
    model: TrainedModel, texts: Texts, output: Path, *, threads: int | None, json: bool
) -> None:
    from unrolled.scoring.parts import Parts
    from unrolled.scoring.run import label_to_file

    parts = Parts(output, texts.made_from)
    _tell_earlier(parts)
    began, earlier = time.monotonic(), parts.rows
    try:
        with RowProgress(parts.rows, parts.share) as progress:
            tally = label_to_file(model, texts, parts, threads=threads, on_part=progress.update)
    except KeyboardInterrupt:
        console.note(_interrupted(parts, texts))
        raise typer.Exit(INTERRUPTED) from None
    seconds = time.monotonic() - began
    _show(tally, model.classes, output, speed=(tally.rows - earlier) / seconds, json=json)


def _tell_earlier(parts: Parts) -> None:
    """Say what is there of an earlier run."""
    if parts.changes:
        console.note(
            f"{parts.folder}: {console.counted(parts.dropped_rows, 'finished row')} dropped, since "
            f"{' and '.join(parts.changes)} changed; beginning anew"
        )
    elif parts.rows:
        console.note(f"{parts.folder}: going on after {console.counted(parts.rows, 'row')}")


def _interrupted(parts: Parts, texts: Texts) -> str:
    if not parts.rows or texts.made_from is None:
        return "interrupted: nothing was written"
    return (
        f"interrupted: {console.counted(parts.rows, 'finished row')} in {parts.folder}; "
        "the same command goes on from there"
    )


def _show(tally: Tally, classes: Sequence[str], output: Path, *, speed: float, json: bool) -> None:
    if json:
        document = {
            "texts": tally.rows,
            "labels": {name: tally.labels[name] for name in classes},
            "without_label": tally.unlabelled,
            "cut": tally.cut,
            "unknown_share": tally.unknown / tally.rows,
            "rows_per_second": speed,
            "output": str(output),
        }
        console.result_json(document)
        return
    shares = [f"{tally.labels[name]:,} {console.one_line(name)}" for name in classes]
    if tally.unlabelled:
        shares.append(f"{tally.unlabelled:,} without a label")
    console.result(f"{console.counted(tally.rows, 'text')} -> {output}: {', '.join(shares)}")
