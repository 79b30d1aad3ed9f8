"""The arguments that several commands share, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def complete_presets(incomplete: str) -> list[str]:
    """The presets whose names begin so, for the shell; of files it knows by itself."""
    from unrolled.recipe import PRESETS

    return [name for name in PRESETS if name.startswith(incomplete)]


Model = Annotated[Path, typer.Argument(metavar="MODEL", help="The folder of a trained model.")]
Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A built-in name (imdb) or a csv, tsv, jsonl, parquet or fastText file.",
    ),
]
Text = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="The column of texts, where its name does not tell."),
]
Label = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="The column of labels, where its name does not tell."),
]
LabelSeparator = Annotated[
    str | None,
    typer.Option(metavar="SIGN", help="What stands between the labels of a row with several."),
]
INPUT = typer.Option(
    "--input",
    metavar="FILE",
    help="Read texts from a file (csv, tsv, jsonl, parquet; txt has one a line).",
)
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated."),
]
Seed = Annotated[int | None, typer.Option(metavar="N", help="Overrules the recipe's.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stopped.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the model that is there.")]
Check = Annotated[
    bool, typer.Option("--check/--no-check", help="Examine the data before training on them.")
]
Baselines = Annotated[
    bool,
    typer.Option(
        "--baselines/--no-baselines",
        help="Fit TF-IDF + logistic regression too, for the report to compare with.",
    ),
]
Track = Annotated[
    Path | None,
    typer.Option(
        "--track", metavar="DIR", help="Write every epoch into files that TensorBoard shows."
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Threads (default: one a core); changes only the time."),
]
On = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="CLUSTER",
        help="Work on a Ray cluster: ray://HOST:PORT; HOST:PORT or auto on one of its nodes; "
        "local-cluster starts one of this machine.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="With --on: how many workers (default: one a core)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
