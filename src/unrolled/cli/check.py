"""``unrolled check``: what is wrong with a data set, before anything is trained on it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrolled.cli import console, options
from unrolled.cli.places import check_writable
from unrolled.errors import DataError, InputError

if TYPE_CHECKING:
    from unrolled.datasets.doctor import Diagnosis, Finding, PartSummary
    from unrolled.datasets.doctor.lengths import Lengths
    from unrolled.datasets.examples import Examples
    from unrolled.recipe import Recipe

STOPPED = 1
EXAMPLES_SHOWN = 3
LABELS_SHOWN = 12
BAR = 40  # characters of the longest bar


def check(
    data: options.Data,
    test: Annotated[
        str | None, typer.Option(metavar="DATA", help="The test set, which must share no text.")
    ] = None,
    validation: Annotated[
        str | None, typer.Option(metavar="DATA", help="Validation texts, in place of a split.")
    ] = None,
    recipe: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="The recipe that will read the texts.")
    ] = "small",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated."),
    ] = None,
    text: options.Text = None,
    label: options.Label = None,
    label_separator: options.LabelSeparator = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the lengths; written as .png and as .svg."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Examine labelled texts before training on them.

    Names file and line of each fault, what it does and what to do about it. Exit code 1 when
    something stops a run, 0 otherwise.
    """
    from unrolled.recipe import load_recipe

    chosen = load_recipe(recipe, changes or [])
    if plot is not None:
        if plot.suffix.lower() not in (".png", ".svg"):
            raise InputError(f"{plot}: the plot is a .png or an .svg file; give it that suffix")
        check_writable(plot.parent)
    named = {"train": data, "validation": validation, "test": test}
    parts: dict[str, Examples] = {}
    faults: list[Finding] = []
    for part, name in named.items():
        if name is not None:
            _load(part, name, (text, label, label_separator), parts, faults)
    diagnosis = _examined(parts, faults, chosen)
    drawn = _draw(diagnosis, plot, chosen, Path(data).name)
    if json:
        console.result_json(diagnosis.to_dict() | {"plot": [str(path) for path in drawn]})
    else:
        _show(diagnosis, drawn)
    if diagnosis.stops:
        raise typer.Exit(STOPPED)


def _load(
    part: str,
    name: str,
    columns: tuple[str | None, str | None, str | None],
    parts: dict[str, Examples],
    faults: list[Finding],
) -> None:
    """Add a data set to the parts, or what its reader says against it to the faults.

    A name that leads to no file is an error of the command, and is raised.
    """
    from unrolled import datasets
    from unrolled.datasets.doctor import refusal
    from unrolled.datasets.files import SUFFIXES

    text, label, label_separator = columns
    split = "test" if part == "test" else "train"
    is_built_in = name in datasets.BUILT_IN
    try:
        if is_built_in:
            parts[part] = datasets.load(name, text, label, split, label_separator)
        else:
            parts[part] = datasets.load(name, text, label, label_separator=label_separator)
    except DataError as error:
        path = Path(name)
        if is_built_in or path.suffix.lower() not in SUFFIXES or not path.is_file():
            raise
        faults.append(refusal(path, error))


def _examined(parts: dict[str, Examples], faults: list[Finding], recipe: Recipe) -> Diagnosis:
    """Examine what could be read, with the split that training would make."""
    from unrolled.datasets.doctor import Diagnosis, examine, read_with, stopped
    from unrolled.datasets.split import train_validation_split

    if "train" not in parts:
        return Diagnosis((), faults)
    held_back, reading = None, None
    settings = recipe.training
    try:
        if "validation" not in parts:
            _, held_back = train_validation_split(
                len(parts["train"]), settings.validation_fraction, settings.split_seed
            )
        reading = read_with(recipe, parts, held_back)
    except DataError as error:
        faults.append(stopped("unusable", error))
    return examine(parts, held_back=held_back, reading=reading, also=faults)


def _draw(diagnosis: Diagnosis, plot: Path | None, recipe: Recipe, title: str) -> tuple[Path, ...]:
    """Write the histogram of the lengths and return its files."""
    if plot is None or diagnosis.lengths is None:
        return ()
    from dataclasses import asdict

    from unrolled.report import plots
    from unrolled.report.contents import Lengths as Drawn

    lengths = Drawn.of(asdict(diagnosis.lengths.statistics))
    figure = plots.length_histogram(lengths, maxlen=recipe.text.maxlen, title=title)
    return plots.save(figure, plot.with_suffix(""))


def _show(diagnosis: Diagnosis, drawn: tuple[Path, ...]) -> None:
    for part in diagnosis.parts:
        for line in _part_lines(part):
            console.result(line)
    if diagnosis.lengths is not None:
        console.result()
        for line in _length_lines(diagnosis.lengths):
            console.result(line)
    for finding in diagnosis.findings:
        console.result()
        for line in _finding_lines(finding):
            console.result(line)
    console.result()
    console.result(_verdict(diagnosis))
    if drawn:
        console.result(f"histogram {drawn[0]} and {drawn[1].name}")


def _verdict(diagnosis: Diagnosis) -> str:
    warnings = console.counted(diagnosis.counted("warns"), "warning")
    rest = f"{warnings}, {console.counted(diagnosis.counted('notes'), 'note')}"
    if stops := diagnosis.counted("stops"):
        return f"{console.counted(stops, 'finding')} would stop a run; {rest}"
    return f"nothing stops a run; {rest}"


def _part_lines(part: PartSummary) -> list[str]:
    """The sum of a part's rows, and its labels."""
    aside = ", ".join(f"{count:,} because {reason}" for reason, count in part.set_aside.items())
    labels = sorted(part.labels.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = [f"{count:,} {console.one_line(name)}" for name, count in labels[:LABELS_SHOWN]]
    more = f" and {len(labels) - len(shown):,} more" if len(labels) > len(shown) else ""
    return [
        f"{part.part}: {console.one_line(part.source)}",
        f"  {part.rows_in:,} rows in = {part.rows_used:,} used + {part.rows_set_aside:,} set aside"
        + (f" ({aside})" if aside else ""),
        f"  {console.counted(len(labels), 'label')}: {', '.join(shown)}{more}",
    ]


def _length_lines(lengths: Lengths) -> list[str]:
    """A small histogram."""
    figures = lengths.statistics
    rows = lengths.rows()
    width, most = max(len(name) for name, _ in rows), max(count for _, count in rows)
    sign = "█" if _can_print("█") else "#"
    return [
        f"tokens in a text: mean {figures.mean:.1f}, median {figures.median:g}, "
        f"95% up to {figures.p95:g}, longest {figures.longest:,}",
        *(
            f"  {name:>{width}}  {sign * -(-BAR * count // most):<{BAR}}  {count:,}"
            for name, count in rows
        ),
    ]


def _can_print(sign: str) -> bool:
    try:
        sign.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _finding_lines(finding: Finding) -> list[str]:
    """What, up to three places, and the advice."""
    places = [
        "       " + "  ".join(console.one_line(part) for part in example if part)
        for example in finding.examples[:EXAMPLES_SHOWN]
    ]
    more = finding.count - len(places)
    return [
        f"{finding.severity}  {console.one_line(finding.what)}",
        *places,
        *([f"       and {more:,} more"] if places and more > 0 else []),
        f"       -> {console.one_line(finding.advice)}",
    ]
