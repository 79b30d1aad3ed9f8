"""``unrolled train --task``: from texts without labels to a model that writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from unrolled.cli import console
from unrolled.cli.places import check_writable, tell_set_aside
from unrolled.cli.progress import TrainingProgress, tell_when_compiling
from unrolled.cli.train_cluster import learner_on

if TYPE_CHECKING:
    from unrolled.datasets.corpus import Corpus
    from unrolled.recipe import Recipe
    from unrolled.training.callbacks import Callback
    from unrolled.writer import TextWriter

INTERRUPTED = 130
SCORED = 1_000  # texts of validation that it writes in the end
SAMPLED = 20  # of them, that its report shows
SHOWN = 5  # of these, that the command shows


def train_writer(
    recipe: Recipe,
    corpus: Corpus,
    *,
    folder: Path,
    threads: int | None,
    on: str | None = None,
    workers: int | None = None,
    resume: bool,
    callbacks: Sequence[Callback] = (),
    json: bool,
) -> None:
    """Train a recipe that writes, and show what it does with texts that it did not learn from."""
    from unrolled.report.folder import save_writer_with_report
    from unrolled.writer import TextWriter

    for part in corpus.parts or [corpus]:
        tell_set_aside(part)
    check_writable(folder.parent if folder.exists() else folder)
    writer = TextWriter(recipe, threads=threads)
    train_rows, validation_rows = writer.split(len(corpus))
    console.note(
        f"training on {console.counted(len(train_rows), 'text')} from {corpus.source}, "
        f"validating on {len(validation_rows):,}"
    )
    tell_when_compiling()
    with (
        learner_on(on, workers=workers, threads=threads) as learner,
        TrainingProgress(rows=len(train_rows)) as progress,
    ):
        writer.fit(
            corpus.texts,
            corpus.targets,
            source=corpus.source,
            where=corpus.where,
            out=folder,
            resume=resume,
            learner=learner,
            callbacks=callbacks,
            on_epoch=progress.on_epoch,
            on_progress=progress.on_progress,
        )
    _try_out(writer, corpus, validation_rows[:SCORED].tolist())
    save_writer_with_report(writer, folder, folder.resolve().name)
    _show(writer, folder, json=json)
    if writer.is_unfinished:
        console.note(
            f"interrupted: the best model so far is in {folder}; the same command with --resume "
            "goes on from there"
        )
        raise typer.Exit(INTERRUPTED)


def _try_out(writer: TextWriter, corpus: Corpus, rows: list[int]) -> None:
    """Keep figures and samples of validation texts with the model, for its report."""
    from unrolled.report.writer_page import FIGURES, MEMORY, SAMPLES
    from unrolled.reproduce.results import peak_memory_mb

    memory = peak_memory_mb()  # of the training
    if memory is not None:
        writer.metrics_[MEMORY] = memory
    console.note(f"writing to {console.counted(len(rows), 'validation text')} ...")
    texts = [corpus.texts[row] for row in rows]
    targets = None if corpus.targets is None else [corpus.targets[row] for row in rows]
    shown = targets if targets is None else targets[:SAMPLED]
    writer.metrics_[FIGURES] = writer.score(texts, targets).to_dict()
    writer.metrics_[SAMPLES] = [
        sample.to_dict() for sample in writer.samples(texts[:SAMPLED], shown)
    ]


def _show(writer: TextWriter, folder: Path, *, json: bool) -> None:
    metrics = writer.metrics_
    if json:
        shown = ("parameters", "epochs", "best_epoch", "val_loss", "val_accuracy", "val_perplexity",
                 "seconds", "stop_reason")  # fmt: skip
        console.result_json(
            {"model": str(folder)}
            | {key: metrics[key] for key in shown}
            | {key: metrics[key] for key in ("validation", "samples")}
            | {"history": writer.history_.history}
        )
        return
    console.result(
        f"best epoch {metrics['best_epoch']} of {metrics['epochs']}  "
        f"val_perplexity {metrics['val_perplexity']:.4g}  "
        f"token accuracy {metrics['val_accuracy']:.4f}  {metrics['seconds']:.1f}s"
    )
    figures = metrics["validation"]
    if figures["exact_match"] is not None:
        console.result(
            f"exact match {figures['exact_match']:.1%}  edit distance "
            f"{figures['edit_distance']:.2f}  of {figures['texts']:,} validation texts"
        )
    for sample in metrics["samples"][:SHOWN]:
        console.result(f"  {_short(sample['text'])} -> {_short(sample['greedy'])}")
    console.result(f"model {folder}")
    console.result(f"report {folder / 'report.html'}")


def _short(text: str) -> str:
    """A sample on one line, cut where it is long."""
    line = console.one_line(text)
    return line if len(line) <= 60 else line[:57] + "..."
