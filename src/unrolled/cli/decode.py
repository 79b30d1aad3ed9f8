"""``unrolled decode``: what a model writes to each text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unrolled.cli import console, options
from unrolled.cli.given_texts import check_once, chunks_of
from unrolled.cli.progress import tell_when_compiling
from unrolled.errors import DataError


def decode(
    model: options.Model,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts to write to.")
    ] = None,
    input_file: Annotated[Path | None, options.INPUT] = None,
    beams: Annotated[
        int, typer.Option(min=1, max=16, metavar="N", help="Ways that are followed at once.")
    ] = 1,
    length_penalty: Annotated[
        float, typer.Option(min=0, metavar="X", help="Of several ways, favour longer ones.")
    ] = 0.0,
    longest: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Tokens at most.", show_default="as it learned"),
    ] = None,
    text: options.Text = None,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Write what the model says to each text, a line each; a language model goes on with it.

    Texts are arguments, a file, or standard input (-), one a line; the answers keep their order.
    """
    from unrolled.writer import TextWriter

    check_once(texts, input_file)
    writer = TextWriter.load(model, threads=threads)
    tell_when_compiling()
    answers: list[dict[str, str]] = []
    rows = 0
    for chunk in chunks_of(texts, input_file, text):
        rows += len(chunk.texts)
        written = writer.decode(
            chunk.texts, beams=beams, length_penalty=length_penalty, longest=longest
        )
        if json:
            pairs = zip(chunk.texts, written, strict=True)
            answers += [{"text": text, "written": answer} for text, answer in pairs]
        else:
            for answer in written:
                console.result(console.one_line(answer))
    if not rows:
        raise DataError("there are no texts to write to: the input has no rows")
    if json:
        console.result_json(answers)
