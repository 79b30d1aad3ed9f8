"""The command line: every command by its name, and the global options."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from unrolled.cli import console
from unrolled.cli.check import check
from unrolled.cli.compare import compare
from unrolled.cli.data import app as data
from unrolled.cli.decode import decode
from unrolled.cli.embed import embed
from unrolled.cli.evaluate import evaluate
from unrolled.cli.explain import explain
from unrolled.cli.export import export
from unrolled.cli.guard import INTERRUPTED, guarded
from unrolled.cli.import_ import import_
from unrolled.cli.predict import predict
from unrolled.cli.pretrain import pretrain
from unrolled.cli.report import report
from unrolled.cli.reproduce import reproduce
from unrolled.cli.serve import serve
from unrolled.cli.summary import summary
from unrolled.cli.train import train
from unrolled.cli.tune import tune

# Help is plain text: the Rich kind takes longer to import than all the rest together.
app = typer.Typer(
    name="unrolled",
    help="Small recurrent networks that read text.",
    epilog="Results go to standard output, progress to standard error. Exit codes: 0 done, "
    "1 the work failed, 2 the command or its input is wrong, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    reproduce, check, train, tune, pretrain, evaluate, compare, predict, explain, decode, embed,
    serve, export, summary, report,
):  # fmt: skip
    app.command()(guarded(command))
app.command("import")(guarded(import_))
app.add_typer(data, name="data")


def _version(wanted: bool) -> None:
    if wanted:
        from unrolled import __version__

        console.result(f"unrolled {__version__}")
        raise typer.Exit


@app.callback()
def global_options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Small recurrent networks that read text."""
    console.settings.debug = debug


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a label that the terminal cannot show is escaped
            stream.reconfigure(errors="backslashreplace")
    console.settings.debug = False
    try:
        app(args=None if arguments is None else list(arguments), prog_name="unrolled")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _open_closed_streams() -> None:
    """Lead a stream that was closed (``>&-``) to nowhere: else notes would go among the results."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
