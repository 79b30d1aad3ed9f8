"""``unrolled compare``: whether model B is better or worse than model A on the same texts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from unrolled.cli import console, figures, options
from unrolled.cli.progress import tell_when_compiling
from unrolled.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unrolled.datasets import Examples
    from unrolled.evaluation.comparison import Comparison
    from unrolled.model import TextClassifier

_WIDTH = 72  # of the part of a text that is shown
_TURNS = 2
_WARM_UP = 64  # texts
_WORSE = 1


@dataclass(frozen=True)
class _Side:
    """One of the two models.

    chosen: what every text gets, as ``Decision.answers`` says. seconds: for all texts, at best.
    """

    path: Path
    classifier: TextClassifier
    probabilities: NDArray[np.float32]
    chosen: NDArray[Any]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """What can be said of it alone."""
        return {
            "model": str(self.path),
            "parameters": self.classifier.network_.parameter_count,
            "bytes": sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file()),
            "texts_per_second": len(self.chosen) / self.seconds,
        }


def compare(
    model_a: Annotated[Path, typer.Argument(metavar="A", help="The folder of a trained model.")],
    model_b: Annotated[Path, typer.Argument(metavar="B", help="The one that may replace it.")],
    data: options.Data,
    split: Annotated[
        Literal["test", "train"], typer.Option(help="Which part of a built-in data set.")
    ] = "test",
    examples_shown: Annotated[
        int, typer.Option("--examples", min=0, metavar="N", help="Flipped texts to show each way.")
    ] = 3,
    fail_if_worse: Annotated[
        bool,
        typer.Option(
            "--fail-if-worse",
            help="Exit with 1 if B has a lower accuracy than A and McNemar's p is below 0.05.",
        ),
    ] = False,
    text: options.Text = None,
    label: options.Label = None,
    label_separator: options.LabelSeparator = None,
    threads: options.Threads = None,
    json: options.Json = False,
) -> None:
    """Compare two models with the same labels on labelled texts; of imdb, on the test reviews.

    Shows accuracies with 95% intervals, the texts on which just one of them is right, McNemar's
    exact test of whether that could be chance, size and speed. Models that may abstain have to
    answer every text. B counts as worse when its accuracy is lower and McNemar's p is below 0.05.
    """
    from unrolled import datasets
    from unrolled.evaluation.comparison import compare as compared
    from unrolled.model import TextClassifier

    classifiers = [TextClassifier.load(path, threads=threads) for path in (model_a, model_b)]
    _check_same_labels(model_a, model_b, *classifiers)
    tell_when_compiling()
    examples = datasets.load(
        data, text=text, label=label, split=split, label_separator=label_separator
    )
    targets = classifiers[0].targets(examples)
    a, b = _sides((model_a, model_b), classifiers, examples, several=targets.ndim == 2)
    found = compared(
        a.probabilities,
        b.probabilities,
        targets,
        predicted_a=a.chosen,
        predicted_b=b.chosen,
    )
    flips = {
        name: [
            {
                "where": examples.where(row),
                "text": examples.texts[row],
                "label": _named(classifiers[0], targets[row]),
                "a": _named(a.classifier, a.chosen[row]),
                "b": _named(b.classifier, b.chosen[row]),
            }
            for row in _worst(wrong, rows, targets)[:examples_shown]
        ]
        for name, wrong, rows in (("lost", b, found.lost), ("gained", a, found.gained))
    }
    if json:
        source = {"name": examples.name, "source": examples.source}
        console.result_json(
            {"a": a.to_dict(), "b": b.to_dict(), "data": source, **found.to_dict(), "flips": flips}
        )
    else:
        console.result(_report(found, a, b, examples, flips))
    if fail_if_worse and found.worse:
        raise typer.Exit(_WORSE)


def _check_same_labels(path_a: Path, path_b: Path, a: TextClassifier, b: TextClassifier) -> None:
    """Raise ModelError unless both give the same labels."""
    from unrolled.model.labelled import named

    of_a, of_b = set(a.classes_), set(b.classes_)
    if of_a != of_b:
        only = [
            f"only {path} has {named(sorted(names))}"
            for path, names in ((path_a, of_a - of_b), (path_b, of_b - of_a))
            if names
        ]
        raise ModelError(
            f"{path_a} and {path_b} have different labels ({'; '.join(only)}); "
            "compare models that were trained for the same ones"
        )
    if a.multi_label_ != b.multi_label_:
        one, several = (path_b, path_a) if a.multi_label_ else (path_a, path_b)
        raise ModelError(
            f"{several} gives a text several labels and {one} gives it one; "
            "compare models of the same kind"
        )


def _sides(
    paths: Sequence[Path],
    classifiers: Sequence[TextClassifier],
    examples: Examples,
    *,
    several: bool,
) -> list[_Side]:
    """Let both label all texts, in turn, and keep each one's better time."""
    texts = list(examples.texts)
    for classifier in classifiers:
        classifier.predict_proba(texts[:_WARM_UP])
    seconds = [float("inf")] * len(classifiers)
    probabilities = []
    for turn in range(_TURNS):
        for place, classifier in enumerate(classifiers):
            started = time.perf_counter()
            found = classifier.predict_proba(texts)
            seconds[place] = min(seconds[place], time.perf_counter() - started)
            if turn == 0:
                probabilities.append(found)
    return [
        _Side(
            path,
            classifier,
            found,
            classifier.decision_.answers(found, several=several),
            best,
        )
        for path, classifier, found, best in zip(
            paths, classifiers, probabilities, seconds, strict=True
        )
    ]


def _worst(wrong: _Side, rows: NDArray[np.int64], targets: NDArray[Any]) -> list[int]:
    """Those rows in another order: the first are those that ``wrong`` is most wrong about."""
    from unrolled.evaluation.metrics import most_wrong

    order = most_wrong(wrong.probabilities, targets, len(targets), predicted=wrong.chosen)
    wanted = set(rows.tolist())
    return [row for row in order.tolist() if row in wanted]


def _named(classifier: TextClassifier, chosen: Any) -> str:
    """The label of a class number; of a row of 0 and 1 all its labels, or "none"."""
    if chosen.ndim == 0:
        return str(classifier.classes_[int(chosen)])
    return ", ".join(classifier.classes_[chosen.astype(bool)]) or "none"


def _report(
    found: Comparison, a: _Side, b: _Side, examples: Examples, flips: dict[str, Any]
) -> str:
    from unrolled.evaluation.comparison import SIGNIFICANT
    from unrolled.evaluation.contest import chance_in_words

    verb = "better than" if found.difference > 0 else "worse than"
    if found.difference == 0:
        verb = "as good as"
    elif found.p_value >= SIGNIFICANT:
        verb = f"not clearly {verb}"
    interval = figures.bracketed(found.difference_interval)
    lines = [
        f"B is {verb} A: {found.accuracy_b:.4f} against {found.accuracy_a:.4f} "
        f"({chance_in_words(found)})",
        f"{console.counted(found.count, 'text')} from {examples.source}",
        "",
        _table(found, a, b),
        "",
        f"difference in accuracy {found.difference:+.4f} {interval}",
        f"right in A and wrong in B: {console.counted(len(found.lost), 'text')}",
        *(_flip_line(flip) for flip in flips["lost"]),
        f"wrong in A and right in B: {console.counted(len(found.gained), 'text')}",
        *(_flip_line(flip) for flip in flips["gained"]),
    ]
    return "\n".join(lines)


def _table(found: Comparison, a: _Side, b: _Side) -> str:
    of_a, of_b = a.to_dict(), b.to_dict()
    rows = [
        ["", f"A  {a.path}", f"B  {b.path}"],
        [
            "accuracy",
            figures.with_interval(found.accuracy_a, found.interval_a),
            figures.with_interval(found.accuracy_b, found.interval_b),
        ],
        ["parameters", f"{of_a['parameters']:,}", f"{of_b['parameters']:,}"],
        ["size on disk", f"{of_a['bytes'] / 1e6:.2f} MB", f"{of_b['bytes'] / 1e6:.2f} MB"],
        [
            "texts a second",
            f"{of_a['texts_per_second']:,.0f}",
            f"{of_b['texts_per_second']:,.0f}",
        ],
    ]
    return console.table(rows)


def _flip_line(flip: dict[str, str]) -> str:
    """``  films.csv:17  true bad, A bad, B good: a dull and ...``."""
    text = console.one_line(flip["text"])
    shown = text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."
    labels = console.one_line(f"true {flip['label']}, A {flip['a']}, B {flip['b']}")
    return f"  {flip['where']}  {labels}: {shown}"
