"""``unrolled explain``: how a model reads one text, word by word."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli import console, options, reading
from unrolled.cli.progress import tell_when_compiling
from unrolled.errors import DataError, InputError

if TYPE_CHECKING:
    from unrolled.model.trained import TrainedModel

Document = Mapping[str, Any]

_LONGEST_TITLE = 60


def explain(
    model: options.Model,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text; - is standard input.")],
    label: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Explain this label (default: the likeliest)."),
    ] = None,
    step: Annotated[
        str | None,
        typer.Option(
            metavar="N|WORD",
            help="Write out the weighted sums of a step: its number, from 0 as in the table, "
            "padding and start counted, or the word that is first read there.",
        ),
    ] = None,
    unit: Annotated[
        int | None,
        typer.Option(
            metavar="K", help="Of this unit, from 0 (default: the one that changes most)."
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of this recurrent layer (default: the first)."),
    ] = None,
    direction: Annotated[
        str | None,
        typer.Option(metavar="WAY", help="forward (the default) or backward, from the end."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the reading as an HTML page too.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the HTML file that is there.")
    ] = False,
    color: Annotated[
        reading.When,
        typer.Option(help="Colours: auto leaves them out where NO_COLOR is set or no terminal is."),
    ] = "auto",
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Show what each word of a text does to the answer.

    A word's weight is the probability of the label explained, minus that of the text without the
    word (deletion); beside it stands what integrated gradients give it. The curve is the
    probability after each step, had the text ended there. Unknown words are dim or in parentheses.
    """
    from unrolled.model.trained import TrainedModel
    from unrolled.report.trace import Trace

    _check_options(step, {"--unit": unit, "--layer": layer, "--direction": direction})
    if html is not None:
        _check_page(html, overwrite=overwrite)
    trained = TrainedModel.load(model)
    content = _standard_input() if text == "-" else text
    tell_when_compiling()
    document = trained.explain(content, label=label, threads=threads).to_dict()
    arithmetic = None
    if step is not None:
        arithmetic = _arithmetic(trained, content, document, step, unit, layer, direction)
    if html is not None:
        _write_page(html, content, document, model.resolve().name)
    if json:
        more = {} if arithmetic is None else {"arithmetic": arithmetic}
        console.result_json({**document, **more})
        return
    trace = Trace(document)
    console.result(reading.answer_line(trace))
    console.result()
    console.result(reading.draw(trace, reading.width(), reading.has_colours(color)))
    if arithmetic is not None:
        from unrolled.cli.arithmetic import written_out

        console.result(f"\n{written_out(arithmetic)}")
    if html is not None:
        console.result(f"\npage {html}")


def _check_options(step: str | None, of_step: Mapping[str, object]) -> None:
    for name, value in of_step.items():
        if value is not None and step is None:
            raise InputError(f"{name} says more about a step; name one with --step")


def _check_page(path: Path, *, overwrite: bool) -> None:
    """Refuse whatever would lose what is there."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file in it with --html")
    if path.is_file() and not overwrite:
        raise InputError(f"{path}: the file is there; --overwrite replaces it")


def _standard_input() -> str:
    """All of it as one text."""
    if sys.stdin.isatty():
        console.note("reading the text from the terminal; Ctrl-D ends it")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"standard input, byte {error.start}: not UTF-8 text; convert it first"
        ) from None


def _write_page(path: Path, text: str, document: Document, name: str) -> None:
    from unrolled.atomic import write_file
    from unrolled.report.readings import Reading, render_readings

    title = " ".join(text.split())
    if len(title) > _LONGEST_TITLE:
        title = f"{title[:_LONGEST_TITLE]}\N{HORIZONTAL ELLIPSIS}"
    page = render_readings(name, [Reading(document, title or "An empty text", f"model {name}")])
    write_file(path, page.encode("utf-8"))


# --- One step ------------------------------------------------------------------------------------


def _arithmetic(
    trained: TrainedModel,
    text: str,
    document: Document,
    step: str,
    unit: int | None,
    layer: str | None,
    direction: str | None,
) -> dict[str, Any]:
    way = direction or "forward"
    number = _step_number(document, step)
    if unit is None:
        unit = _most_changed(document, number, layer, way)
    return trained.explain_step(text, step=number, unit=unit, layer=layer, direction=way).to_dict()


def _step_number(document: Document, step: str) -> int:
    """A number as it is; of a word, the first step that reads it, in small letters if need be."""
    tokens: Sequence[str] = document["tokens"]
    if re.fullmatch(r"-?\d+", step):
        number = int(step)
        if number not in range(len(tokens)):
            raise InputError(f"there is no step {number}: {_span(tokens)}")
        return number
    for wanted in (step, step.lower()):
        for number, token in enumerate(tokens):
            if token == wanted or token.strip() == wanted:
                return number
    near = difflib.get_close_matches(step.lower(), tokens, n=1)
    hint = f'; did you mean "{near[0]}"?' if near else f"; {_span(tokens)}"
    raise InputError(f'no step reads "{step:.60}"{hint}')


def _span(tokens: Sequence[str]) -> str:
    return f"the steps go from 0 to {len(tokens) - 1}" if tokens else "the text has none"


def _most_changed(document: Document, step: int, layer: str | None, direction: str) -> int:
    """The unit whose state this step changes most; 0 where the layer or direction is none."""
    for found in document["layers"]:
        states = found["states" if direction == "forward" else "backward_states"]
        if layer in (None, found["name"]):
            break
    else:
        states = None
    if states is None:
        return 0  # the layer's own error comes later
    earlier = step - 1 if direction == "forward" else step + 1
    before = states[earlier] if 0 <= earlier < len(states) else [0.0] * len(states[step])
    changes = [abs(now - then) for now, then in zip(states[step], before, strict=True)]
    return changes.index(max(changes))
