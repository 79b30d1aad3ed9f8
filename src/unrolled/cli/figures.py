"""Tables of scores: every figure with its 95% interval, one column a contender or a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from unrolled.cli import console

if TYPE_CHECKING:
    from unrolled.evaluation.contest import Contender
    from unrolled.evaluation.metrics import Scores

FIGURES = {
    "accuracy": "accuracy",
    "loss": "log loss",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "roc_auc": "ROC-AUC",
    "calibration_error": "calibration error",
}
WIDEST_MATRIX = 10  # classes; of more, only the most frequent confusions are shown
_SHOWN = 10


def with_interval(value: float | None, interval: tuple[float, float] | None) -> str:
    """``0.8512 [0.8468, 0.8556]``; a dash for what is not defined."""
    if value is None:
        return "-"
    return f"{value:.4f}" if interval is None else f"{value:.4f} {bracketed(interval)}"


def bracketed(interval: tuple[float, float]) -> str:
    """``[0.8468, 0.8556]``."""
    return f"[{interval[0]:.4f}, {interval[1]:.4f}]"


def side_by_side(contenders: Sequence[Contender]) -> str:
    """One row a figure, one column a contender."""
    several = contenders[0].scores.multi_label
    rows = [["", *(one.name for one in contenders)]]
    for name, words in FIGURES.items():
        if name == "micro_f1" and not several:
            continue  # it is the accuracy
        shown = "all labels right" if name == "accuracy" and several else words
        cells = [
            with_interval(getattr(one.scores, name), one.intervals.overall.get(name))
            for one in contenders
        ]
        rows.append([shown, *cells])
    return console.table(rows)


def by_class(classes: Sequence[str], network: Contender) -> str:
    """One row a class: how many texts it has, precision, recall and F1."""
    scores, intervals = network.scores, network.intervals.by_class
    rows = [["class", "texts", "precision", "recall", "f1"]]
    for place, name in enumerate(classes):
        cells = [
            with_interval(getattr(scores, figure)[place], intervals[figure][place])
            for figure in ("precision", "recall", "f1")
        ]
        rows.append([console.one_line(name), f"{scores.support[place]:,}", *cells])
    return console.table(rows)


def confusion(classes: Sequence[str], scores: Scores) -> str:
    """Which class was taken for which; of several labels, what was given and missed."""
    names = [console.one_line(name) for name in classes]
    if scores.multi_label:
        return _given_and_missed(names, scores)
    if len(names) <= WIDEST_MATRIX:
        rows = [["true, taken for", *names]]
        for name, counts in zip(names, scores.confusion.tolist(), strict=True):
            rows.append([name, *(f"{count:,}" for count in counts)])
        return console.table(rows)
    found = [
        (count, true, taken)
        for true, counts in enumerate(scores.confusion.tolist())
        for taken, count in enumerate(counts)
        if count and true != taken
    ]
    most = sorted(found, key=lambda cell: (-cell[0], cell[1:]))[:_SHOWN]
    rows = [["true", "taken for", "texts"]]
    rows += [[names[true], names[taken], f"{count:,}"] for count, true, taken in most]
    return f"most frequent confusions ({len(found):,} kinds)\n{console.table(rows)}"


def _given_and_missed(names: Sequence[str], scores: Scores) -> str:
    rows = [["label", "given rightly", "missed", "given wrongly"]]
    for name, ((_, extra), (missed, right)) in zip(names, scores.confusion.tolist(), strict=True):
        rows.append([name, *(f"{count:,}" for count in (right, missed, extra))])
    return console.table(rows)
