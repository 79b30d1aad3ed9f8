"""``unrolled train``: from texts to a model's folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrolled.cli import console, options
from unrolled.cli.places import check_place, check_writable, tell_set_aside
from unrolled.cli.progress import TrainingProgress, tell_when_compiling
from unrolled.cli.tracking import callbacks_for
from unrolled.cli.train_cluster import check_workers, learner_on
from unrolled.cli.train_writer import train_writer
from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.datasets.corpus import Corpus
    from unrolled.datasets.doctor import Diagnosis
    from unrolled.datasets.examples import Examples
    from unrolled.model import TextClassifier
    from unrolled.model.encoding import Encoded
    from unrolled.model.pretrained import Pretrained
    from unrolled.recipe import Recipe
    from unrolled.report.standing import Standing

INTERRUPTED = 130


def train(
    data: options.Data,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="TASK",
            help="Learn without labels to write: autoencoder, seq2seq or language-model.",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="A preset's name or a TOML file.",
            autocompletion=options.complete_presets,
            show_default="small; writer for a task, fine-tune with --from",
        ),
    ] = None,
    changes: options.Changes = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The model's folder.", show_default="runs/ and the data's name"
        ),
    ] = None,
    pretrained: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="DIR", help="Begin with the words and layers of unrolled pretrain."
        ),
    ] = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    on: options.On = None,
    workers: options.Workers = None,
    resume: options.Resume = False,
    track: options.Track = None,
    overwrite: options.Overwrite = False,
    check: options.Check = True,
    baselines: options.Baselines = True,
    text: options.Text = None,
    label: options.Label = None,
    label_separator: options.LabelSeparator = None,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Of seq2seq: the column to be written.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Train a classifier on labelled texts, or with --task a model that writes, and save it.

    The data are examined first, as by unrolled check, and what is wrong is named. Ctrl-C keeps the
    best model so far, and --resume goes on from there. Of imdb, only the training reviews are read.
    """
    from unrolled import datasets

    settings = list(changes or []) + ([] if seed is None else [f"seed={seed}"])
    chosen = _recipe(recipe, task, pretrained, settings)
    folder = out or Path("runs") / Path(data).stem
    check_place(folder, resume=resume, overwrite=overwrite)
    check_workers(on, workers)
    callbacks = callbacks_for(track, resume=resume, overwrite=overwrite)
    if chosen.writing is not None:
        if label is not None or label_separator is not None:
            raise InputError("a model that writes learns without labels: leave out --label")
        if pretrained is not None:
            raise InputError("--from is for a classifier: a model that writes begins from nothing")
        corpus = _corpus(chosen, data, text=text, target=target)
        train_writer(
            chosen,
            corpus,
            folder=folder,
            threads=threads,
            on=on,
            workers=workers,
            resume=resume,
            callbacks=callbacks,
            json=json,
        )
        return
    if target is not None:
        raise InputError("--target is the column that --task seq2seq writes: give both or none")
    examples = datasets.load(data, text=text, label=label, label_separator=label_separator)
    tell_set_aside(examples)
    check_writable(folder.parent if folder.exists() else folder)

    from unrolled.model import TextClassifier
    from unrolled.recipe import parsed_changes

    classifier = TextClassifier(
        chosen, settings=parsed_changes(settings), threads=threads, pretrained=pretrained
    )
    chosen = classifier.recipe
    if classifier.handed_over is not None:
        _tell_handed_over(classifier.handed_over)
    train_rows, validation_rows = classifier.split(len(examples))
    console.note(
        f"training on {console.counted(len(train_rows), 'text')} from {examples.source}, "
        f"validating on {len(validation_rows):,}"
    )
    tell_when_compiling()
    encoded = classifier.encode(examples.texts, examples.labels)
    diagnosis = examine_data(examples, encoded, chosen) if check else None
    with (
        learner_on(on, workers=workers, threads=threads) as learner,
        TrainingProgress(rows=len(train_rows)) as progress,
    ):
        classifier.fit_sequences(
            encoded.train,
            encoded.validation,
            vocabulary=encoded.vocabulary,
            classes=encoded.classes,
            source=examples.source,
            row_numbers=train_rows,
            out=folder,
            resume=resume,
            learner=learner,
            callbacks=callbacks,
            on_epoch=progress.on_epoch,
            on_progress=progress.on_progress,
        )
    standing = save_trained(classifier, examples, encoded, diagnosis, folder, baselines=baselines)
    _show(classifier, standing, folder, json=json)
    if classifier.is_unfinished:
        console.note(
            f"interrupted: the best model so far is in {folder}; the same command with --resume "
            "goes on from there"
        )
        raise typer.Exit(INTERRUPTED)


def _recipe(
    name: str | None, task: str | None, pretrained: Path | None, settings: list[str]
) -> Recipe:
    """The recipe that was asked for; a task needs one that writes."""
    from unrolled.recipe import (
        DEFAULT_RECIPE,
        FINE_TUNE_RECIPE,
        WRITER_RECIPE,
        load_recipe,
        writing_of,
    )

    if task is None:
        usual = DEFAULT_RECIPE if pretrained is None else FINE_TUNE_RECIPE
        return load_recipe(name or usual, settings)
    writing_of(load_recipe(name or WRITER_RECIPE))
    return load_recipe(name or WRITER_RECIPE, [*settings, f"writing.task={task}"])


def _corpus(recipe: Recipe, data: str, *, text: str | None, target: str | None) -> Corpus:
    """The texts that a task reads, with what is to be written where it needs that."""
    from unrolled.datasets.corpus import load_corpus
    from unrolled.recipe import writing_of

    task = writing_of(recipe).task
    if (target is not None) != (task == "seq2seq"):
        needs = "needs --target, the column of what is written" if target is None else "has no"
        raise InputError(f"--task {task} {needs}{' --target' * (target is not None)}")
    return load_corpus(data, text=text, target=target)


def _tell_handed_over(pretrained: Pretrained) -> None:
    """Whose words and layers the network begins with, and their settings."""
    network = pretrained.recipe.network
    console.note(
        f"beginning with {console.counted(len(pretrained.vocabulary.words), 'word')} and "
        f"{console.counted(network.layers, 'layer')} {network.cell} of {network.units} units from "
        f"{pretrained.name}, which has read {console.counted(pretrained.texts, 'text')} from "
        f"{pretrained.source}"
    )


def examine_data(examples: Examples, encoded: Encoded, recipe: Recipe) -> Diagnosis:
    """Say what is wrong with the data; InputError when something stops a run."""
    from unrolled.datasets.doctor import examine
    from unrolled.model.reading import reading_of

    diagnosis = examine(
        {"train": examples},
        held_back=encoded.validation_rows,
        reading=reading_of(encoded, recipe),
    )
    for line in diagnosis.lines():
        console.note(console.one_line(line))
    if diagnosis.stops:
        raise InputError(
            f"{examples.name}: the data have faults that stop a run; mend what is named above, "
            "or train all the same with --no-check"
        )
    return diagnosis


def save_trained(
    classifier: TextClassifier,
    examples: Examples,
    encoded: Encoded,
    diagnosis: Diagnosis | None,
    folder: Path,
    *,
    baselines: bool,
) -> Standing:
    """Save the model again, now with its report and plots; returns how the network stands."""
    from unrolled.report.facts import keep_facts
    from unrolled.report.folder import save_with_report
    from unrolled.report.rival import fit_rival, no_rival
    from unrolled.reproduce.notebook import notebook_history
    from unrolled.reproduce.results import peak_memory_mb

    memory = peak_memory_mb()  # of the training: that of the baseline is its own
    if classifier.is_unfinished:
        rival = no_rival("the training was interrupted")
    elif not baselines:
        rival = no_rival("--no-baselines")
    else:
        rival = fit_rival(classifier, examples, encoded, console.note)
    standing = keep_facts(
        classifier,
        data_name=examples.name,
        train=encoded.train,
        validation=encoded.validation,
        examples=examples.take(encoded.validation_rows),
        probabilities=classifier.predict_proba_sequences(encoded.validation[0]),
        rival=rival,
        diagnosis=diagnosis,
        peak_memory_mb=memory,
        reference=notebook_history(classifier.recipe, examples.name),
    )
    save_with_report(classifier, folder, folder.resolve().name)
    return standing


def _show(classifier: TextClassifier, standing: Standing, folder: Path, *, json: bool) -> None:
    metrics = classifier.metrics_
    if json:
        shown = ("parameters", "epochs", "best_epoch", "val_loss", "val_accuracy", "seconds",
                 "stop_reason", "plateau")  # fmt: skip
        document = {key: metrics[key] for key in shown}
        console.result_json(
            {"model": str(folder), "classes": classifier.classes_.tolist()}
            | {"decision": classifier.decision_.to_dict()}
            | {"pretrained": metrics.get("pretrained")}
            | {"verdict": standing.verdict, "outcome": standing.outcome, "rival": standing.rival}
            | document
            | {"history": classifier.history_.history}
        )
        return
    console.result(
        f"best epoch {metrics['best_epoch']} of {metrics['epochs']}  "
        f"val_loss {metrics['val_loss']:.4f}  val_accuracy {metrics['val_accuracy']:.4f}  "
        f"{metrics['seconds']:.1f}s"
    )
    if "pretrained" in metrics:
        given = metrics["pretrained"]
        console.result(
            f"handed over from {given['name']}: {console.counted(given['words'], 'row')} of words, "
            f"layers {', '.join(given['layers']) or 'none'}"
        )
    console.result(console.one_line(standing.verdict))
    if metrics["plateau"]:
        from unrolled.reproduce.seeds import PLATEAU

        console.result(f"{PLATEAU}; try another --seed")
    if classifier.decision_.note:
        console.result(classifier.decision_.note)
    console.result(f"model {folder}")
    console.result(f"report {folder / 'report.html'}")
