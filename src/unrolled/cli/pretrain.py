"""``unrolled pretrain``: from texts, with labels or without, to layers that can be handed over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unrolled.cli import console, options
from unrolled.cli.places import check_place
from unrolled.cli.tracking import callbacks_for
from unrolled.cli.train_writer import train_writer
from unrolled.errors import InputError

OBJECTIVES = ("language-model", "autoencoder")


def pretrain(
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA...",
            help="Built-in names (imdb, imdb-unlabelled) or files; their labels are not read.",
        ),
    ],
    objective: Annotated[
        str,
        typer.Option(metavar="TASK", help="language-model or autoencoder: what it learns to do."),
    ] = OBJECTIVES[0],
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="A preset that writes, or a TOML file.",
            autocompletion=options.complete_presets,
            show_default="the objective's own: language-model, or writer",
        ),
    ] = None,
    changes: options.Changes = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The model's folder.")] = Path(
        "runs/pretrained"
    ),
    seed: options.Seed = None,
    threads: options.Threads = None,
    resume: options.Resume = False,
    track: options.Track = None,
    overwrite: options.Overwrite = False,
    text: options.Text = None,
    json: options.Json = False,
) -> None:
    """Learn to read from texts without labels; unrolled train DATA --from DIR then begins with it.

    What is learned, by foreseeing each next word or by rebuilding texts, are the words' vectors
    and the recurrent layers. Of imdb, only the training reviews are read.
    """
    from unrolled.datasets.corpus import load_corpora
    from unrolled.recipe import LANGUAGE_MODEL_RECIPE, WRITER_RECIPE, load_recipe, writing_of

    if objective not in OBJECTIVES:
        raise InputError(f"--objective {objective}: choose one of {', '.join(OBJECTIVES)}")
    usual = LANGUAGE_MODEL_RECIPE if objective == OBJECTIVES[0] else WRITER_RECIPE
    settings = [] if seed is None else [f"seed={seed}"]
    writing_of(load_recipe(recipe or usual))
    chosen = load_recipe(
        recipe or usual, [*(changes or []), *settings, f"writing.task={objective}"]
    )
    check_place(out, resume=resume, overwrite=overwrite)
    callbacks = callbacks_for(track, resume=resume, overwrite=overwrite)
    corpus = load_corpora(data, text=text)
    train_writer(
        chosen, corpus, folder=out, threads=threads, resume=resume, callbacks=callbacks, json=json
    )
    if not json:
        console.note(f"now: unrolled train DATA --from {out}")
