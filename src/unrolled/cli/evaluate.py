"""``unrolled evaluate``: how well a model does on labelled texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from unrolled.cli import console, options
from unrolled.cli.progress import tell_when_compiling

if TYPE_CHECKING:
    from unrolled.evaluation.metrics import Scores


def evaluate(
    model: options.Model,
    data: options.Data,
    split: Annotated[
        Literal["test", "train"], typer.Option(help="Which part of a built-in data set.")
    ] = "test",
    text: options.Text = None,
    label: options.Label = None,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Score a model on labelled texts; of imdb, on the test reviews."""
    from unrolled import datasets
    from unrolled.evaluation.metrics import score
    from unrolled.model import TextClassifier

    classifier = TextClassifier.load(model, threads=threads)
    tell_when_compiling()
    examples = datasets.load(data, text=text, label=label, split=split)
    targets = classifier.targets(examples)
    scores = score(classifier.predict_proba(examples.texts), targets)
    if json:
        source = {"name": examples.name, "source": examples.source}
        console.result_json(
            {"model": str(model), "data": source, "classes": classifier.classes_} | scores.to_dict()
        )
        return
    console.result(f"{console.counted(scores.count, 'text')} from {examples.source}")
    console.result(f"accuracy {scores.accuracy:.4f}  loss {scores.loss:.4f}")
    console.result()
    console.result(_by_class(list(classifier.classes_), scores))


def _by_class(classes: list[str], scores: Scores) -> str:
    rows: list[list[Any]] = [["class", "texts", "precision", "recall", "f1"]]
    for place, name in enumerate(classes):
        figures = (scores.precision[place], scores.recall[place], scores.f1[place])
        texts = int(scores.confusion[place].sum())
        rows.append([name, f"{texts:,}", *(f"{figure:.4f}" for figure in figures)])
    return console.table(rows)
