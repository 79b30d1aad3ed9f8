"""``unrolled predict``: the label of each text, and how sure the model is of it."""

from __future__ import annotations

import csv
import io
import json as json_library
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from unrolled.cli import console, options
from unrolled.cli.progress import tell_when_compiling
from unrolled.errors import DataError, InputError


def predict(
    model: options.Model,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts to label.")
    ] = None,
    input_file: Annotated[
        Path | None,
        typer.Option("--input", metavar="FILE", help="Read texts from a file: txt has one a line."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write to a file instead; json, jsonl, csv and tsv hold the texts too.",
        ),
    ] = None,
    text: options.Text = None,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Write the label and its probability for each text.

    Texts are arguments, a file, or standard input, one a line; the answers keep their order.
    """
    from unrolled.atomic import write_file
    from unrolled.model import TextClassifier

    if texts and input_file is not None:
        raise InputError("texts were given both as arguments and with --input; give one of them")
    classifier = TextClassifier.load(model, threads=threads)
    tell_when_compiling()
    asked = texts or _read(input_file, text)
    predictions = _predictions(asked, list(classifier.classes_), classifier.predict_proba(asked))
    if output is not None:
        write_file(output, _formatted(predictions, output.suffix.lower()).encode("utf-8"))
        counts = Counter(row["label"] for row in predictions)
        if json:
            console.result_json(
                {"texts": len(asked), "labels": dict(counts), "output": str(output)}
            )
        else:
            shares = ", ".join(f"{counts[name]:,} {name}" for name in classifier.classes_)
            console.result(f"{console.counted(len(asked), 'text')} -> {output}: {shares}")
    elif json:
        console.result_json(predictions)
    else:
        console.result(_lines(predictions))


def _read(path: Path | None, column: str | None) -> list[str]:
    if path is not None:
        from unrolled.datasets.files import read_texts

        return read_texts(path, text=column)
    if sys.stdin.isatty():
        console.note("reading texts from the terminal, one a line; Ctrl-D ends them")
    data = sys.stdin.buffer.read()
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"standard input, line {line}: not UTF-8 text; convert it first") from None
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise DataError("standard input is empty; give texts as arguments, or one a line")
    return [line.removesuffix("\r") for line in lines]


def _predictions(
    texts: Sequence[str], classes: list[str], probabilities: Any
) -> list[dict[str, Any]]:
    predictions = []
    for text, row in zip(texts, probabilities.tolist(), strict=True):
        best = row.index(max(row))
        predictions.append(
            {
                "text": text,
                "label": classes[best],
                "probability": row[best],
                "probabilities": dict(zip(classes, row, strict=True)),
            }
        )
    return predictions


def _lines(predictions: Sequence[dict[str, Any]]) -> str:
    """``positive  0.9312``, one a text."""
    width = max(len(row["label"]) for row in predictions)
    return "\n".join(f"{row['label']:<{width}}  {row['probability']:.4f}" for row in predictions)


def _formatted(predictions: Sequence[dict[str, Any]], suffix: str) -> str:
    if suffix == ".json":
        return json_library.dumps(predictions, ensure_ascii=False, indent=1) + "\n"
    if suffix == ".jsonl":
        return "".join(json_library.dumps(row, ensure_ascii=False) + "\n" for row in predictions)
    if suffix in (".csv", ".tsv"):
        text = io.StringIO()
        delimiter = "," if suffix == ".csv" else "\t"
        writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
        writer.writerow(("label", "probability", "text"))
        writer.writerows((row["label"], row["probability"], row["text"]) for row in predictions)
        return text.getvalue()
    return _lines(predictions) + "\n"
