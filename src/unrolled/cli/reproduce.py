"""``unrolled reproduce``: the notebook's two experiments, held against its own figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli import console, options
from unrolled.cli.places import check_writable
from unrolled.cli.progress import TrainingProgress, tell_when_compiling
from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.reproduce.notebook import Experiment


def reproduce(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where results, models and reports go.")
    ] = Path("runs/reproduce"),
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the first run.")] = 42,
    threads: options.Threads = None,
    runs: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many seeds, from --seed on.")
    ] = 1,
    json: options.Json = False,
) -> None:
    """Run both experiments of the notebook.

    One-hot words and an embedding, each into SimpleRNN(8) and one sigmoid, on the 25,000 IMDB
    training reviews, compared with the figures that the notebook printed.
    """
    _check_place(out)
    console.note("loading the reviews ...")
    from unrolled.reproduce import experiments

    tell_when_compiling()
    document = experiments.reproduce(out, seed=seed, runs=runs, threads=threads, watch=_watch)
    if json:
        console.result_json(document)
        return
    data = document["data"]
    console.result(
        f"{data['reviews']:,} reviews from {data['source']}: {data['train']:,} to train, "
        f"{data['validation']:,} to validate"
    )
    console.result()
    console.result(_comparison(document))
    if "runs" in document:
        console.result()
        console.result(_spread(document["runs"]))
    console.result()
    memory = document["peak_memory_mb"]
    held = "" if memory is None else f", {memory:,.0f} MB at most"
    console.result(f"{document['seconds']:.1f} s with {document['threads']} threads{held}")
    console.result(f"report {out / experiments.REPORT}")


def _check_place(out: Path) -> None:
    """Refuse a place that could not be written, or a model's folder that is something else's."""
    from unrolled import bundle
    from unrolled.reproduce.notebook import EXPERIMENTS

    check_writable(out)
    for folder in (out / experiment.key for experiment in EXPERIMENTS):
        other = folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))
        if other and not bundle.is_bundle(folder):
            raise InputError(f"{folder}: is no model, and is left alone; choose another --out")


@contextmanager
def _watch(experiment: Experiment, seed: int, rows: int) -> Iterator[TrainingProgress]:
    console.note(f"{experiment.title}, seed {seed}")
    with TrainingProgress(rows=rows) as progress:
        yield progress


def _comparison(document: Mapping[str, Any]) -> str:
    """Each experiment's figures beside those of the notebook."""
    from unrolled.reproduce.notebook import EXPERIMENTS, notebook_figures

    head, columns = [""], []
    for experiment in EXPERIMENTS:
        for name, figures in ((experiment.title, document), ("notebook", notebook_figures())):
            head.append(name)
            columns.append(figures["experiments"][experiment.key])
    formats = {
        "parameters": "{:,}", "val_loss": "{:.4f}", "val_accuracy": "{:.4f}", "best_epoch": "{}",
        "epochs": "{}", "median_seconds_per_epoch": "{:.3g}", "seconds": "{:,.3g}",
    }  # fmt: skip
    names = {
        "val_loss": "validation loss", "val_accuracy": "validation accuracy",
        "best_epoch": "best epoch", "median_seconds_per_epoch": "seconds an epoch",
    }  # fmt: skip
    rows = [
        [names.get(key, key), *(form.format(column[key]) for column in columns)]
        for key, form in formats.items()
    ]
    return console.table([head, *rows])


def _spread(runs: Mapping[str, Any]) -> str:
    """What many seeds say: a row of the validation loss and one of the accuracy each."""
    from unrolled.reproduce.notebook import EXPERIMENTS, notebook_figures
    from unrolled.reproduce.seeds import PLATEAU

    rows: list[list[str]] = [
        ["over the seeds", "runs", "median", "min", "max", "interquartile", "notebook", "its rank"]
    ]
    remarks = []
    for experiment in EXPERIMENTS:
        found, notebook = runs[experiment.key], notebook_figures()["experiments"][experiment.key]
        parts = [("all", "")]
        if found["plateaus"]:
            remarks.append(
                f"{experiment.title}: {found['plateaus']} of {found['all']['count']} runs {PLATEAU}"
            )
            parts += [("learnt", " without those")] if found["learnt"] else []
        for part, suffix in parts:
            for key, name in (("val_loss", "loss"), ("val_accuracy", "accuracy")):
                spread, count = found[part][key], found[part]["count"]
                figures = [spread[of] for of in ("median", "min", "max", "interquartile_range")]
                rows.append(
                    [
                        f"{experiment.title} {name}{suffix}",
                        str(count),
                        *(f"{figure:.4f}" for figure in figures),
                        f"{notebook[key]:.4f}",
                        f"{spread['notebook_rank']} of {count + 1}",
                    ]
                )
    return "\n".join([console.table(rows), *remarks])
