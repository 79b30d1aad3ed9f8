"""Both experiments, from the reviews to the saved models, the reports and the results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unrolled.atomic import write_file
from unrolled.datasets import imdb
from unrolled.datasets.examples import Examples
from unrolled.model import TextClassifier
from unrolled.ragged import Ragged
from unrolled.recipe import PRESETS
from unrolled.report.contents import ReportData, SeedRuns
from unrolled.report.facts import keep_facts
from unrolled.report.folder import save_with_report
from unrolled.report.page import render_reproduction
from unrolled.report.rival import no_rival
from unrolled.reproduce.notebook import EXPERIMENTS, Experiment, notebook_figures
from unrolled.reproduce.results import experiment_entry, peak_memory_mb, to_json
from unrolled.reproduce.seeds import Run, summarise
from unrolled.text.sequences import prepare
from unrolled.training.history import EpochRecord

RESULTS = "results.json"
REPORT = "report.html"


class Watcher(Protocol):
    """Is told how far one training is."""

    def on_epoch(self, record: EpochRecord) -> None:
        """An epoch has ended."""

    def on_progress(self, done: int) -> None:
        """Rows of the running epoch that are done."""


Watch = Callable[[Experiment, int, int], AbstractContextManager[Watcher]]
"""(experiment, seed, rows of an epoch) -> a context around its training."""


@dataclass(frozen=True)
class Reviews:
    """The notebook's data, encoded and split once for all runs: (sequences, class numbers)."""

    train: tuple[Ragged, NDArray[np.int64]]
    validation: tuple[Ragged, NDArray[np.int64]]
    examples: Examples
    validation_rows: NDArray[np.int64]
    different_words: int

    @classmethod
    def load(cls) -> Reviews:
        """The 25,000 training reviews, split as the notebook splits them."""
        recipe = PRESETS[EXPERIMENTS[0].preset]
        ids, targets = imdb.load_split("train", num_words=recipe.text.num_words)
        train, validation = TextClassifier(recipe).split(len(ids))
        return cls(
            train=(ids.take(train), targets[train]),
            validation=(ids.take(validation), targets[validation]),
            examples=imdb.load_examples("train"),
            validation_rows=validation,
            # Keras' index tells apart a few words that differ in an accented capital only.
            different_words=len({word.lower() for word in imdb.get_word_index()}),
        )


def reproduce(
    out: Path, *, seed: int, runs: int, threads: int | None, watch: Watch
) -> dict[str, Any]:
    """Run both experiments with ``runs`` seeds from ``seed`` on; return ``results.json``.

    Models, reports and results in ``out`` are those of the first seed. Ctrl-C ends it with
    KeyboardInterrupt; what was written until then stays.
    """
    start = time.perf_counter()
    reviews = Reviews.load()
    first: dict[str, TextClassifier] = {}
    others: dict[str, list[Run]] = {experiment.key: [] for experiment in EXPERIMENTS}
    for run_seed, experiment in _plan(seed, runs):
        folder = out / experiment.key if run_seed == seed else None
        with watch(experiment, run_seed, len(reviews.train[0])) as watcher:
            classifier = _train(experiment, reviews, run_seed, threads, folder, watcher)
        first.setdefault(experiment.key, classifier)
        others[experiment.key].append(_run(run_seed, classifier))
    reports = [_save(experiment, first[experiment.key], reviews, out) for experiment in EXPERIMENTS]
    document = _document(first, reviews, seed=seed)
    if runs > 1:
        figures = notebook_figures()["experiments"]
        document["runs"] = {key: summarise(all_, figures[key]) for key, all_ in others.items()}
    document["seconds"] = time.perf_counter() - start
    write_file(out / REPORT, _page(reports, document).encode("utf-8"))
    document["seconds"] = time.perf_counter() - start
    document["peak_memory_mb"] = peak_memory_mb()
    write_file(out / RESULTS, to_json(document))
    return document


def _plan(seed: int, runs: int) -> Iterator[tuple[int, Experiment]]:
    for run_seed in range(seed, seed + runs):
        for experiment in EXPERIMENTS:
            yield run_seed, experiment


def _train(
    experiment: Experiment,
    reviews: Reviews,
    seed: int,
    threads: int | None,
    folder: Path | None,
    watcher: Watcher,
) -> TextClassifier:
    recipe = PRESETS[experiment.preset].model_copy(update={"seed": seed})
    classifier = TextClassifier(recipe, threads=threads).fit_sequences(
        reviews.train,
        reviews.validation,
        vocabulary=imdb.vocabulary(recipe.text.num_words),
        classes=sorted(reviews.examples.label_counts),
        source=reviews.examples.source,
        out=folder,
        on_epoch=watcher.on_epoch,
        on_progress=watcher.on_progress,
    )
    if classifier.metrics_["stop_reason"] == "interrupted":
        raise KeyboardInterrupt
    return classifier


def _run(seed: int, classifier: TextClassifier) -> Run:
    metrics = classifier.metrics_
    return Run(
        seed=seed,
        epochs=metrics["epochs"],
        best_epoch=metrics["best_epoch"],
        val_loss=metrics["val_loss"],
        val_accuracy=metrics["val_accuracy"],
        seconds=metrics["seconds"],
        plateau=metrics["plateau"],
    )


def _save(
    experiment: Experiment, classifier: TextClassifier, reviews: Reviews, out: Path
) -> ReportData:
    """Save the model with a report of its own; returns what the one of both shows of it."""
    text = classifier.recipe.text
    read = prepare(reviews.validation[0], text.maxlen, text.padding)
    positive = classifier.network_.predict(read, threads=classifier.threads)
    keep_facts(
        classifier,
        data_name=reviews.examples.name,
        train=reviews.train,
        validation=reviews.validation,
        examples=reviews.examples.take(reviews.validation_rows),
        probabilities=np.concatenate([1 - positive, positive], axis=1),
        rival=no_rival("the notebook has none; unrolled evaluate compares with it"),
        diagnosis=None,
        peak_memory_mb=peak_memory_mb(),
        reference=notebook_figures()["experiments"][experiment.key]["history"],
    )
    data = save_with_report(classifier, out / experiment.key, experiment.title)
    return replace(data, readings=data.readings and f"{experiment.key}/{data.readings}")


def _document(
    classifiers: Mapping[str, TextClassifier], reviews: Reviews, *, seed: int
) -> dict[str, Any]:
    """``results.json`` but for what is known at the very end."""
    metrics = next(iter(classifiers.values())).metrics_
    return {
        "data": {
            "source": reviews.examples.source,
            "reviews": len(reviews.examples),
            "train": metrics["train_count"],
            "validation": metrics["validation_count"],
            "length_mean": metrics["lengths"]["mean"],
            "length_median": metrics["lengths"]["median"],
            "vocabulary": reviews.different_words,
        },
        "seed": seed,
        "threads": metrics["threads"],
        "seconds": 0.0,
        "peak_memory_mb": None,
        "experiments": {
            key: experiment_entry(
                parameters=classifier.metrics_["parameters"],
                history=classifier.history_.history,
                best_epoch=classifier.history_.best_epoch,
                seconds=classifier.metrics_["seconds"],
                model=key,
            )
            for key, classifier in classifiers.items()
        },
    }


def _page(reports: Sequence[ReportData], document: Mapping[str, Any]) -> str:
    figures = notebook_figures()["experiments"]
    runs = document.get("runs", {})
    seeds = [
        SeedRuns(
            title=experiment.title,
            summary=runs[experiment.key],
            notebook_loss=figures[experiment.key]["val_loss"],
            notebook_accuracy=figures[experiment.key]["val_accuracy"],
        )
        for experiment in EXPERIMENTS
        if experiment.key in runs
    ]
    facts = [
        ("seed", str(document["seed"])),
        ("threads", str(document["threads"])),
        ("seconds until this page", f"{document['seconds']:.1f}"),
    ]
    return render_reproduction(reports, title="The notebook, reproduced", facts=facts, seeds=seeds)
