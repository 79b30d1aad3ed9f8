"""The rows of a page's tables of scores, each cell already in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.evaluation.baselines import LINEAR
from unrolled.evaluation.decision import Decision
from unrolled.evaluation.metrics import precision_recall_f1
from unrolled.evaluation.thresholds import NEUTRAL
from unrolled.report.contents import ReportData
from unrolled.report.standing import CLASS_FIGURES, Interval, Standing
from unrolled.report.words import NONE, four, percent

FIGURES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "roc_auc": "ROC-AUC",
    "loss": "log loss",
    "calibration_error": "calibration error",
}
LOWER_IS_BETTER = ("loss", "calibration_error")
IN_FULL = ("loss", "roc_auc")  # with four decimals, and not as a percentage
MOST_CELLS = 60
"""A confusion matrix of more classes than this shows those with the most mistakes only."""
PAIRS = 12


class Cell(NamedTuple):
    """A figure, its 95% interval or nothing, and whether it is the best of its row."""

    value: str
    interval: str = ""
    is_best: bool = False


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix: for each true class its name and its (number, share) by column.

    left_out: the classes that there was no room for.
    """

    names: Sequence[str]
    rows: Sequence[tuple[str, Sequence[tuple[int, float]]]]
    left_out: int


def score_rows(standing: Standing) -> list[tuple[str, list[Cell]]]:
    """A row for each figure, with a cell for each contestant."""
    rows = []
    for key, words in FIGURES.items():
        if key == "micro_f1" and not standing.several:
            continue  # it is the accuracy
        if key == "accuracy" and standing.several:
            words = "texts with all labels right"
        values = [one.figures[key] for one in standing.contestants]
        known = [value for value in values if value is not None]
        best = (min if key in LOWER_IS_BETTER else max)(known, default=None)
        cells = [
            _cell(key, value, one.intervals.get(key), is_best=value == best)
            for one, value in zip(standing.contestants, values, strict=True)
        ]
        rows.append((words, cells))
    return rows


def class_head(report: ReportData) -> list[str]:
    """Names of the columns of ``class_rows`` behind the first."""
    head = ["texts"]
    if report.several:
        head += ["given rightly", "missed", "given wrongly"]
    head += ["precision", "recall", "F1"]
    if _has_aucs(report):
        head.append("ROC-AUC")
    if _limits(report.decision, len(report.classes)) is not None:
        head.append("weight" if report.decision.weights is not None else "threshold")
    return head


def class_rows(report: ReportData) -> list[tuple[str, list[Cell]]]:
    """A row for each class, with a cell for each column of ``class_head``."""
    rows = []
    counts, figures = _class_figures(report)
    by_class = None if report.standing is None else report.standing.by_class
    limits = _limits(report.decision, len(report.classes))
    for place, name in enumerate(report.classes):
        cells = [Cell(f"{counts[place]:,}")]
        if report.several:
            (_, extra), (missed, right) = report.confusion[place].tolist()
            cells += [Cell(f"{number:,}") for number in (right, missed, extra)]
        for column, key in enumerate(CLASS_FIGURES):
            interval = None if by_class is None else by_class.intervals[key][place]
            cells.append(_cell(key, float(figures[column, place]), interval))
        if by_class is not None and _has_aucs(report):
            cells.append(_cell("roc_auc", by_class.roc_auc[place], None))
        if limits is not None:
            cells.append(Cell(f"{limits[place]:.2f}"))
        rows.append((name, cells))
    return rows


def macro_f1(report: ReportData) -> float:
    """Mean F1 of the classes."""
    return float(_class_figures(report)[1][2].mean())


def confusion_matrix(report: ReportData) -> Matrix | None:
    """None where a text may have several labels."""
    if report.several:
        return None
    confusion, count = report.confusion, len(report.classes)
    shares = confusion / np.maximum(confusion.sum(axis=1), 1)[:, None]
    wrong = confusion.sum(axis=0) + confusion.sum(axis=1) - 2 * np.diagonal(confusion)
    shown = np.sort(np.argsort(-wrong, kind="stable")[:MOST_CELLS]).tolist()
    return Matrix(
        names=[report.classes[place] for place in shown],
        rows=[
            (
                report.classes[row],
                [(int(confusion[row, column]), float(shares[row, column])) for column in shown],
            )
            for row in shown
        ],
        left_out=count - len(shown),
    )


def confused_pairs(report: ReportData) -> list[tuple[str, str, int, float]]:
    """True class, the class it was taken for, texts, and their share of the true class."""
    if report.several:
        return []
    wrong = report.confusion.copy()
    np.fill_diagonal(wrong, 0)
    sums = np.maximum(report.confusion.sum(axis=1), 1)
    most = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    pairs = [divmod(place, len(wrong)) for place in most.tolist()]
    return [
        (
            report.classes[row],
            report.classes[column],
            int(wrong[row, column]),
            float(wrong[row, column] / sums[row]),
        )
        for row, column in pairs
        if wrong[row, column]
    ]


def remarks(standing: Standing) -> list[str]:
    """What belongs to the verdict, a sentence each."""
    sentences = []
    if standing.missing:
        sentences.append(f"{standing.missing}.")
    elif standing.fitted_on < standing.train_count:
        sentences.append(
            f"{LINEAR} was fitted on {standing.fitted_on:,} of the {standing.train_count:,} "
            "training texts, drawn at random."
        )
    if standing.count < standing.available:
        sentences.append(
            f"All are measured on {standing.count:,} of the {standing.available:,} validation "
            "texts, drawn at random."
        )
    sentences.append(
        "The network's epoch and its decision were chosen on these texts, which favours it a "
        "little: unrolled evaluate measures both on others."
    )
    return sentences


def decision_rows(report: ReportData) -> list[tuple[str, str]]:
    """How probabilities become labels."""
    decision, standing = report.decision, report.standing
    rows = [("label", _label_rule(report))]
    if decision.temperature == 1.0:
        rows.append(("temperature", "1: probabilities are the network's own"))
    else:
        fault = "too sure" if decision.temperature > 1 else "not sure enough"
        rows.append(("temperature", f"{decision.temperature:.2f}: alone, it was {fault}"))
    if decision.abstain_below:
        rows.append(("no label below", f"a probability of {decision.abstain_below:g}"))
    if standing is not None and decision.abstains:
        share = standing.abstained / standing.count
        rows.append(
            (
                "validation texts without",
                f"{standing.abstained:,} of {standing.count:,}, {share:.1%}",
            )
        )
        right = standing.right_otherwise
        rows.append(("right of the others", NONE if right is None else percent(right)))
    if decision.note:
        rows.append(("but", decision.note))
    return rows


def _label_rule(report: ReportData) -> str:
    decision, classes = report.decision, report.classes
    if report.several:
        if decision.thresholds is None:
            return f"each that is more probable than {NEUTRAL:g}"
        return "each that is more probable than its threshold"
    if decision.weights is not None:
        return "the most probable, after each probability is multiplied by its class's weight"
    if decision.thresholds is None:
        return "the most probable"
    if len(classes) == 2:
        return (
            f"{classes[1]} above a probability of {decision.thresholds[0]:.4g}, else {classes[0]}"
        )
    return "the most probable, if it is above its threshold"


def _limits(decision: Decision, classes: int) -> Sequence[float] | None:
    """Threshold or weight of each class, if each has one."""
    found = decision.thresholds if decision.weights is None else decision.weights
    return found if found is not None and len(found) == classes else None


def _has_aucs(report: ReportData) -> bool:
    """Whether classes have AUCs of their own: two have the same."""
    return report.standing is not None and (report.several or len(report.classes) > 2)


def _class_figures(report: ReportData) -> tuple[list[int], NDArray[np.float64]]:
    """Texts of each class, and precision, recall and F1 of each (3, classes)."""
    confusion = report.confusion
    if not report.several:
        return confusion.sum(axis=1).tolist(), np.array(precision_recall_f1(confusion))
    # Each label is there or not: its figures are those of "there".
    figures = [[of_both[1] for of_both in precision_recall_f1(label)] for label in confusion]
    return confusion[:, 1].sum(axis=1).tolist(), np.array(figures, dtype=np.float64).T


def _cell(
    key: str, value: float | None, interval: Interval | None, *, is_best: bool = False
) -> Cell:
    if value is None:
        return Cell(NONE)
    words = four if key in IN_FULL else percent
    between = ""
    if interval is not None and interval[0] != interval[1]:
        between = "\N{NO-BREAK SPACE}\N{EN DASH} ".join(map(words, interval))
    return Cell(words(value), between, is_best)
