"""``unrolled tune``: a search for a better recipe, and the model that it trains."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli import console, options
from unrolled.cli.places import check_writable, tell_set_aside
from unrolled.cli.progress import TrainingProgress, tell_when_compiling
from unrolled.cli.train import examine_data, save_trained
from unrolled.cli.train_cluster import check_workers
from unrolled.cli.tune_results import Found, show, tell_trial, write_findings
from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.datasets.doctor import Diagnosis
    from unrolled.datasets.examples import Examples
    from unrolled.model import TextClassifier
    from unrolled.tuning.running import Runner
    from unrolled.tuning.search import Budget
    from unrolled.tuning.study import Purpose
    from unrolled.tuning.texts import Texts

INTERRUPTED = 130
USUAL_TRIALS = 50
_SECONDS = (3600, 60, 1)  # of an hour, a minute, a second
_OBJECTIVES = ("loss", "accuracy")


def tune(
    data: options.Data,
    trials: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="How many the study shall have.",
            show_default=f"{USUAL_TRIALS}; with --time, without end",
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="After which no trial begins any more: 90s, 10m, 1h30m."
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="A preset's name or a TOML file, whose [search] says what to try.",
            autocompletion=options.complete_presets,
            show_default="small",
        ),
    ] = None,
    changes: options.Changes = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The folder of study, recipe, plot and model.",
            show_default="runs/, the data's name and -tuned",
        ),
    ] = None,
    objective: Annotated[
        str, typer.Option(metavar="loss|accuracy", help="What is to be best in validation.")
    ] = "loss",
    prune: Annotated[
        bool,
        typer.Option("--prune/--no-prune", help="End trials whose curve is worse than most."),
    ] = True,
    train: Annotated[
        bool, typer.Option("--train/--no-train", help="Train the best recipe anew at the end.")
    ] = True,
    seed: options.Seed = None,
    threads: options.Threads = None,
    on: options.On = None,
    workers: options.Workers = None,
    resume: options.Resume = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the study and the model that are there.")
    ] = False,
    check: options.Check = True,
    baselines: options.Baselines = True,
    text: options.Text = None,
    label: options.Label = None,
    label_separator: options.LabelSeparator = None,
    json: options.Json = False,
) -> None:
    """Search for settings that do better in validation, and train the best recipe.

    Every trial trains on the same texts and is validated on the same others; a test split is never
    read. The study is kept in DIR/study.db: after Ctrl-C, or a crash, --resume goes on with it.
    """
    if importlib.util.find_spec("optuna") is None:
        raise InputError("the search needs Optuna: pip install 'unrolled[tune]'")
    if objective not in _OBJECTIVES:
        raise InputError(f"--objective {objective}: must be one of {', '.join(_OBJECTIVES)}")
    check_workers(on, workers)
    from unrolled import datasets
    from unrolled.recipe import DEFAULT_RECIPE, load_search

    settings = list(changes or []) + ([] if seed is None else [f"seed={seed}"])
    space = load_search(recipe or DEFAULT_RECIPE, settings)
    folder = out or Path("runs") / f"{Path(data).stem}-tuned"
    budget = _budget(trials, time)
    _check_place(folder, resume=resume, overwrite=overwrite)
    examples = datasets.load(data, text=text, label=label, label_separator=label_separator)
    tell_set_aside(examples)
    check_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)

    from unrolled.tuning.study import Purpose
    from unrolled.tuning.texts import Texts
    from unrolled.tuning.trials import Objective

    texts = Texts(examples)
    purpose = Purpose(
        data=examples.name,
        fingerprint=examples.fingerprint,
        space=space,
        objective=Objective(objective),
        is_pruned=prune,
    )
    _tell_search(purpose, examples)
    tell_when_compiling()
    encoded = texts.encoded(space.recipe)
    diagnosis = examine_data(examples, encoded, space.recipe) if check else None
    rows = len(encoded.train_rows)
    with _runner(texts, rows, on=on, workers=workers, threads=threads) as runner:
        found = _search(folder, purpose, runner, budget, resume=resume)
    best = write_findings(found)
    classifier = None
    if train and best is not None and not found.is_interrupted:
        classifier = _train_best(
            best, texts, folder / "model", diagnosis, threads=threads, baselines=baselines
        )
    show(found, classifier, json=json)
    if found.is_interrupted or (classifier is not None and classifier.is_unfinished):
        console.note(
            f"interrupted: {folder} keeps what there is; the same command with --resume goes on"
        )
        raise typer.Exit(INTERRUPTED)


def _budget(trials: int | None, time: str | None) -> Budget:
    from unrolled.tuning.search import Budget

    if time is None:
        return Budget(trials or USUAL_TRIALS)
    parts = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", time)
    counts = () if parts is None else parts.groups(default="0")
    seconds = sum(int(count) * unit for count, unit in zip(counts, _SECONDS, strict=False))
    if not seconds:
        raise InputError(f"--time {time}: must be a duration, as 90s, 10m or 1h30m")
    return Budget(trials, seconds)


def _check_place(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse whatever would lose what is there, or could not go on with it."""
    from unrolled.tuning.study import FILE

    has_study = (folder / FILE).is_file()
    if resume and overwrite:
        raise InputError("--resume goes on with a study and --overwrite drops it; give one of them")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: a file has this name; choose another --out")
    if resume and not has_study:
        raise InputError(f"{folder}: there is no study to --resume; leave it out to begin one")
    if has_study and not (resume or overwrite):
        raise InputError(
            f"{folder}: a study is there; --resume goes on with it, --overwrite begins anew, "
            "--out names another folder"
        )
    if not has_study and folder.is_dir() and any(folder.iterdir()):
        raise InputError(
            f"{folder}: the folder holds files and no study, and is left alone; "
            "choose another --out"
        )


def _tell_search(purpose: Purpose, examples: Examples) -> None:
    from unrolled.model import TextClassifier

    space = purpose.space
    train, validation = TextClassifier(space.recipe).split(len(examples))
    console.note(
        f'searching {", ".join(space.settings)} of the recipe "{space.recipe.name}" for the '
        f"{'lowest' if purpose.objective == 'loss' else 'highest'} {purpose.objective.figure}"
    )
    console.note(
        f"every trial trains on the same {console.counted(len(train), 'text')} from "
        f"{examples.source} and is validated on the same {len(validation):,}; no test text is read"
    )


@contextmanager
def _runner(
    texts: Texts, rows: int, *, on: str | None, workers: int | None, threads: int | None
) -> Iterator[Runner]:
    """Whoever runs the trials, of so many rows an epoch: this process, or a cluster."""
    if on is not None:
        from unrolled.cluster.connection import connected
        from unrolled.cluster.trials import OnCluster

        with connected(on, workers=workers) as cluster:
            console.note(f"{console.counted(cluster.workers, 'trial')} at a time on {on}")
            yield OnCluster(texts.examples, places=cluster.workers, threads=threads)
        return
    from unrolled.tuning.running import InThisProcess, Watched

    with TrainingProgress(rows=rows) as progress:
        bar = Watched(progress.on_progress, progress.on_epoch) if sys.stderr.isatty() else None
        yield InThisProcess(texts, threads=threads, watched=bar)


def _search(
    folder: Path, purpose: Purpose, runner: Runner, budget: Budget, *, resume: bool
) -> Found:
    """Run the trials; Ctrl-C ends the search and loses none that has ended."""
    from unrolled.tuning.search import search
    from unrolled.tuning.study import opened

    with opened(folder, purpose, resume=resume) as study:
        if study.trials:
            console.note(f"the study has {console.counted(len(study.trials), 'trial')} already")
        for number in sorted(study.cut_off):
            console.note(f"trial {number} was cut off, and is tried again")
        reason = None
        try:
            reason = search(
                study, purpose, runner, budget, on_trial=lambda trial: tell_trial(trial, purpose)
            )
        except KeyboardInterrupt:
            console.note("interrupted")
        return Found(folder, purpose, study.trials, reason)


def _train_best(
    best: Path,
    texts: Texts,
    folder: Path,
    diagnosis: Diagnosis | None,
    *,
    threads: int | None,
    baselines: bool,
) -> TextClassifier:
    """What `unrolled train DATA --recipe best.toml` does; a run that was interrupted goes on."""
    from unrolled.model import TextClassifier
    from unrolled.recipe import load_recipe

    classifier = TextClassifier(load_recipe(best), threads=threads)
    encoded = texts.encoded(classifier.recipe)
    console.note(f"training the best recipe anew, as unrolled train --recipe {best} does")
    with TrainingProgress(rows=len(encoded.train_rows)) as progress:
        classifier.fit_sequences(
            encoded.train,
            encoded.validation,
            vocabulary=encoded.vocabulary,
            classes=encoded.classes,
            source=texts.examples.source,
            row_numbers=encoded.train_rows,
            out=folder,
            resume=_is_of(folder, classifier),
            on_epoch=progress.on_epoch,
            on_progress=progress.on_progress,
        )
    save_trained(classifier, texts.examples, encoded, diagnosis, folder, baselines=baselines)
    return classifier


def _is_of(folder: Path, classifier: TextClassifier) -> bool:
    """Whether the model that is there was trained by this recipe."""
    from unrolled import bundle
    from unrolled.recipe import Recipe

    if not bundle.is_bundle(folder):
        return False
    stored: dict[str, Any] = bundle.read(folder).config
    return Recipe.from_dict(stored["recipe"]) == classifier.recipe
