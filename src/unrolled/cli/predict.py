"""``unrolled predict``: the label of each text, and how sure the model is of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli import console, options
from unrolled.cli.given_texts import check_once, check_output, given_chunks
from unrolled.cli.predict_files import Asked, chunks_of_all, label_folder
from unrolled.cli.progress import tell_when_compiling
from unrolled.cli.row_progress import RowProgress
from unrolled.errors import DataError, InputError

if TYPE_CHECKING:
    from unrolled.model.trained import TrainedModel
    from unrolled.scoring.parts import Parts
    from unrolled.scoring.run import Columns, Tally, Texts

INTERRUPTED = 130


def predict(
    model: options.Model,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts to label.")
    ] = None,
    input_file: Annotated[Path | None, options.INPUT] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write to a file instead, or a folder for several files; parquet, json, jsonl, "
            "csv and tsv hold the texts too.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output file that is there.")
    ] = False,
    text: options.Text = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="A column of the input, such as ids, that goes into the output as it is; may be "
            "repeated.",
        ),
    ] = None,
    threads: options.Threads = None,
    on: options.On = None,
    workers: options.Workers = None,
    json: options.Json = False,
) -> None:
    """Write the label and its probability for each text.

    Texts are arguments, a file, or standard input (-), one a line; the answers keep their order.
    The part of a text's words that the model does not know is named, and whether it was cut.
    A file may be of any size. When the run is interrupted, the same command goes on with it.

    Several files are named by their folder or by a pattern in quotes, 'part-*.parquet'. Then, and
    on a cluster, the output is a folder: a file of the same name for each, and _SUCCESS at the end.
    """
    from unrolled.model.trained import TrainedModel
    from unrolled.scoring.jobs import names_several
    from unrolled.scoring.run import Columns

    check_once(texts, input_file)
    _check_cluster(on, workers, threads, input_file, output)
    are_several = input_file is not None and (on is not None or names_several(input_file))
    if output is not None and not are_several:
        check_output(output, input_file, overwrite=overwrite)
    if keep:
        _check_keep(input_file, output, are_several=are_several, json=json)
    columns = Columns(text, keep or [])
    trained = TrainedModel.load(model)
    tell_when_compiling()
    if are_several and input_file is not None and output is not None:
        files = Asked(model, input_file, output, columns, overwrite, threads, on, workers)
        began = time.monotonic()
        outcome = label_folder(files, trained)
        speed = outcome.made / (time.monotonic() - began)
        _show(outcome.tally, trained.classes, output, speed=speed, json=json)
        return
    asked = _texts(texts, input_file, columns, model, output)
    if output is not None:
        _to_file(trained, asked, output, threads=threads, json=json)
    else:
        _to_standard_output(trained, asked, threads=threads, json=json)


def _check_cluster(
    on: str | None, workers: int | None, threads: int | None, path: Path | None, output: Path | None
) -> None:
    if on is None:
        if workers is not None:
            raise InputError("--workers is for --on, which says where they are; or use --threads")
        return
    if threads is not None:
        raise InputError("--on: a worker has one thread; leave out --threads, or set --workers")
    if path is None or output is None:
        raise InputError("--on: name files with --input, and a folder with --output")


def _check_keep(path: Path | None, output: Path | None, *, are_several: bool, json: bool) -> None:
    from unrolled.scoring.formats import FORMATS

    if path is None:
        raise InputError("--keep is for columns of a file; name it with --input")
    has_columns = json if output is None else are_several or output.suffix.lower() in FORMATS
    if not has_columns:
        raise InputError(
            f"--keep: {output or 'standard output'} has lines without columns; name a csv, tsv, "
            "json, jsonl or parquet file with --output, or print with --json"
        )


# --- The texts -----------------------------------------------------------------------------------


def _texts(
    given: list[str] | None, path: Path | None, columns: Columns, model: Path, output: Path | None
) -> Texts:
    from unrolled.scoring.run import Texts, made_from, open_texts, source_of

    if path is not None:
        from unrolled.scoring.jobs import names_several

        if names_several(path):
            return Texts(lambda _: chunks_of_all(path, columns))
        stream = open_texts(path, columns)
        again = None if output is None else made_from(source_of(stream), model, output)
        return Texts(lambda start: stream.chunks(start=start), again, stream.kept)
    return Texts(lambda start: given_chunks(given))


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
            answers += documents(chunk, predictions)
        else:
            console.result(LINES.rows(chunk, predictions).removesuffix("\n"))
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
