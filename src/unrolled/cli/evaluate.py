"""``unrolled evaluate``: how well a model does on labelled texts, and whether simpler ones do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from unrolled.cli import console, figures, options
from unrolled.cli.evaluate_writer import evaluate_writer
from unrolled.cli.progress import tell_when_compiling
from unrolled.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unrolled.datasets import Examples
    from unrolled.evaluation.contest import Contender
    from unrolled.evaluation.decision import Decision
    from unrolled.model import TextClassifier

_SEED = 0


@dataclass(frozen=True)
class _Training:
    """What the baselines learn from.

    what: which texts these are, as the end of a sentence. shared: how many of the texts that are
    scored are among the training data.
    """

    examples: Examples
    targets: NDArray[Any]
    what: str
    shared: int


def evaluate(
    model: options.Model,
    data: options.Data,
    train: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="The model's training data, for the baseline that learns from them "
            "(default for a built-in data set: its training texts).",
        ),
    ] = None,
    split: Annotated[
        Literal["test", "train"], typer.Option(help="Which part of a built-in data set.")
    ] = "test",
    text: options.Text = None,
    label: options.Label = None,
    label_separator: options.LabelSeparator = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Of a seq2seq model: what is to be written."),
    ] = None,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Score a model on labelled texts, beside simpler ones; of imdb, on the test reviews.

    The first line says whether the network beats a majority guess and TF-IDF + logistic regression
    (needs scikit-learn). Each figure has its 95% bootstrap interval. A model that may abstain has
    to answer every text here; how often it would, and how right it is otherwise, comes last.
    A model that writes needs no labels and has figures of its own, perplexity for one.
    """
    from unrolled import bundle, datasets
    from unrolled.evaluation.contest import contender, judge
    from unrolled.model import TextClassifier

    if bundle.is_writer(model):
        if (train, label, label_separator) != (None, None, None):
            raise InputError(f"{model}: a model that writes has no use for --train and --label")
        evaluate_writer(
            model, data, split=split, text=text, target=target, threads=threads, json=json
        )
        return
    if target is not None:
        raise InputError(f"{model}: --target is for a model that writes; leave it out")
    classifier = TextClassifier.load(model, threads=threads)
    tell_when_compiling()
    columns = {"text": text, "label": label, "label_separator": label_separator}
    examples = datasets.load(data, split=split, **columns)
    targets = classifier.targets(examples)
    training = _training(classifier, examples, train or _built_in(data), columns)
    probabilities = classifier.predict_proba(examples.texts)
    chosen = classifier.decision_.answers(probabilities, several=targets.ndim == 2)
    network = contender("network", probabilities, targets, chosen)
    names = [str(label) for label in classifier.classes_]
    baselines, missing = _baselines(examples, targets, training, len(names))
    verdict = judge(network, list(baselines.values()), targets)
    abstentions = _abstentions(classifier.decision_, probabilities, targets)
    if json:
        console.result_json(
            {"model": str(model), "data": {"name": examples.name, "source": examples.source}}
            | {"classes": names, **network.to_dict()}
            | {"verdict": str(verdict), "wins": verdict.wins, "rival": verdict.rival.name}
            | {"comparison": verdict.comparison.to_dict()}
            | {"baselines": {name: one.to_dict() for name, one in baselines.items()}}
            | {"missing_baseline": missing, "training": _told(training)}
            | {"decision": classifier.decision_.to_dict(), "abstentions": abstentions}
        )
        return
    console.result(f"{verdict}" + (f"; {missing}" if missing else ""))
    source = f"{console.counted(len(examples), 'text')} from {examples.source}"
    learned = f"; the baselines learned from {training.what}" if training is not None else ""
    console.result(f"{source}{learned}")
    console.result()
    console.result(figures.side_by_side([network, *baselines.values()]))
    console.result()
    console.result(figures.by_class(names, network))
    console.result()
    console.result(figures.confusion(names, network.scores))
    for line in _remarks(training, abstentions, classifier.decision_.note, len(examples)):
        console.result(f"\n{line}")


def _built_in(data: str) -> str | None:
    from unrolled import datasets

    return data if data in datasets.BUILT_IN else None


def _training(
    classifier: TextClassifier, examples: Examples, train: str | None, columns: dict[str, Any]
) -> _Training | None:
    """The training data, without the rows that the model's own split held back, if it is known.

    It is where the data have as many rows as the model was trained and validated on.
    """
    from unrolled import datasets

    if train is None:
        return None
    if _built_in(train):
        columns = dict.fromkeys(columns)
    everything = datasets.load(train, split="train", **columns)
    known = set(everything.texts)
    shared = sum(text in known for text in examples.texts)
    used, metrics = everything, classifier.metrics_
    what = f"all {console.counted(len(everything), 'text')} from {everything.source}"
    if len(everything) == metrics["train_count"] + metrics["validation_count"]:
        rows, _ = classifier.split(len(everything))
        if len(rows) == metrics["train_count"]:
            used = everything.take(rows)
            what = f"the {console.counted(len(used), 'text')} that the network learned from"
    return _Training(used, classifier.targets(used), what, shared)


def _baselines(
    examples: Examples, targets: NDArray[Any], training: _Training | None, classes: int
) -> tuple[dict[str, Contender], str | None]:
    """The baselines by their short names, and why the linear one is missing, if it is."""
    from unrolled.evaluation.baselines import LINEAR, MAJORITY, linear, majority, why_no_linear
    from unrolled.evaluation.contest import contender

    reason = why_no_linear()
    if training is None:  # the best that any constant guess could do
        best = majority(targets, targets, classes)
        reason = reason or f"{LINEAR} needs the training data: name them with --train"
        return {"majority": contender(f"{MAJORITY} (of these texts)", best, targets)}, reason
    guess = contender(MAJORITY, majority(training.targets, targets, classes), targets)
    if reason is not None:
        return {"majority": guess}, reason
    count = console.counted(len(training.examples), "text")
    console.note(f"fitting {LINEAR} on {count} ...")
    found = linear(
        training.examples.texts, training.targets, examples.texts, seed=_SEED, classes=classes
    )
    return {"majority": guess, "linear": contender(LINEAR, found, targets)}, None


def _abstentions(
    decision: Decision, probabilities: NDArray[Any], targets: NDArray[Any]
) -> dict[str, Any] | None:
    """On how many texts the model would abstain, and how right it is on the others."""
    from unrolled.evaluation.bootstrap import proportion_interval

    if targets.ndim == 2 or not decision.abstains:
        return None
    chosen = decision.choose(probabilities)
    answered = int((chosen >= 0).sum())
    right = int((chosen == targets).sum())
    interval = proportion_interval([right, answered - right], [1, 0]) if answered else None
    return {
        "abstained": len(chosen) - answered,
        "answered": answered,
        "accuracy": right / answered if answered else None,
        "interval": interval,
    }


def _told(training: _Training | None) -> dict[str, Any] | None:
    if training is None:
        return None
    return {
        "source": training.examples.source,
        "count": len(training.examples),
        "shared": training.shared,
    }


def _remarks(
    training: _Training | None, abstentions: dict[str, Any] | None, note: str, count: int
) -> list[str]:
    """What else should be known, a sentence each."""
    remarks = []
    if abstentions is not None:
        right = figures.with_interval(abstentions["accuracy"], abstentions["interval"])
        remarks.append(
            f"the model abstains on {console.counted(abstentions['abstained'], 'text')} of "
            f"{count:,}; of the {abstentions['answered']:,} others it has right: {right}"
        )
    if note:
        remarks.append(f"when it was trained: {note}")
    if training is not None and training.shared:
        remarks.append(
            f"shared with the training data: {training.shared:,} of {count:,} texts; "
            "on them the figures are kinder than the truth"
        )
    return remarks
