"""The report: one HTML page that needs nothing but itself, from plain numbers and texts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure
from numpy.typing import NDArray

from unrolled.engine.summary import LayerRow
from unrolled.evaluation.metrics import precision_recall_f1
from unrolled.report import plots

SHORT_TEXT = 280
"""Longer texts show this many characters until they are unfolded."""

LONGEST_TEXT = 100_000
"""No text puts more characters than this into a page."""

NONE = "\N{EN DASH}"

# What HTML cannot hold (lone surrogates, control characters) or what turns the text around.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A text that was taken for the wrong class.

    probability: what the network gave to ``predicted``; where: the place of the text in its data.
    """

    text: str
    truth: str
    predicted: str
    probability: float
    where: str


@dataclass(frozen=True, kw_only=True, eq=False)
class ReportData:
    """All that one training run has to show.

    data, recipe: rows of name and value, shown as they are.
    history: ``History.history``; "seconds" may be missing. best_epoch counts from 1; 0 is none.
    confusion: (true class, predicted class), in the order of ``classes``, on the validation texts.
    mistakes: worst first. lengths, maxlen: for the histogram; maxlen None means never cut.
    reference: the same experiment's history in the notebook. note: one remark that explains the
    run, such as "stopped on a plateau before learning began".
    """

    title: str
    data: Sequence[tuple[str, str]]
    recipe: Sequence[tuple[str, str]]
    layers: Sequence[LayerRow]
    history: Mapping[str, Sequence[float]]
    best_epoch: int
    stop_reason: str
    seconds: float
    classes: Sequence[str]
    confusion: NDArray[np.int64]
    mistakes: Sequence[Mistake]
    lengths: plots.Lengths
    maxlen: int | None = None
    peak_memory_mb: float | None = None
    reference: Mapping[str, Sequence[float]] | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class SeedRuns:
    """One experiment over several seeds, and the notebook's single run of it.

    summary: as ``reproduce.seeds.summarise`` gives it.
    """

    title: str
    summary: Mapping[str, Any]
    notebook_loss: float
    notebook_accuracy: float


@dataclass(frozen=True)
class Drawing:
    """Inline SVG: the one thing that the template must not escape."""

    svg: str

    def __html__(self) -> str:
        return self.svg


def render(report: ReportData) -> str:
    """Write the page of one run."""
    return _page(report.title, [report])


def render_reproduction(
    reports: Sequence[ReportData],
    *,
    title: str,
    facts: Sequence[tuple[str, str]] = (),
    seeds: Sequence[SeedRuns] = (),
) -> str:
    """Write the page of several experiments on the same texts, compared at the top.

    facts: rows about the whole, such as seconds and threads; seeds: what ``--runs`` found.
    """
    return _page(title, reports, facts=facts, seeds=seeds, several=True)


def _page(
    title: str,
    reports: Sequence[ReportData],
    *,
    facts: Sequence[tuple[str, str]] = (),
    seeds: Sequence[SeedRuns] = (),
    several: bool = False,
) -> str:
    views = [
        _view(report, number, show_data=number == 0 or report.data != reports[0].data)
        for number, report in enumerate(reports)
    ]
    overviews = [_overview(report) for report in reports]
    seed_tables = [_seed_table(runs) for runs in seeds]
    text = _environment().get_template("template.html").render(
        title=title,
        facts=facts,
        several=several,
        reports=views,
        overview=_side_by_side(overviews),
        seeds=seeds,
        seed_rows=_side_by_side(seed_tables),
    )  # fmt: skip
    return text.strip() + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("unrolled.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: _printable(value) if type(value) is str else value,
    )
    environment.filters["whole"] = lambda number: f"{number:,}"
    environment.filters["percent"] = lambda share: f"{share:.1%}"
    environment.filters["sure"] = _sure
    environment.filters["four"] = _four
    return environment


def _view(report: ReportData, number: int, *, show_data: bool) -> dict[str, Any]:
    """Gather what the template shows of one run; ``number`` keeps the ids of its plots apart."""
    confusion = report.confusion
    precision, recall, f1 = precision_recall_f1(confusion)
    sums = confusion.sum(axis=1)
    shares = confusion / np.maximum(sums, 1)[:, None]
    return {
        "title": report.title,
        "note": report.note,
        "data": report.data,
        "recipe": report.recipe,
        "layers": report.layers,
        "classes": report.classes,
        "figures": _figures(report),
        "comparison": _comparison(report),
        "confusion_rows": [
            (name, list(zip(confusion[row].tolist(), shares[row].tolist(), strict=True)))
            for row, name in enumerate(report.classes)
        ],
        "class_rows": list(
            zip(report.classes, precision, recall, f1, sums.tolist(), strict=True)
        ),
        "macro_f1": float(f1.mean()),
        "mistakes": [_mistake(mistake) for mistake in report.mistakes],
        "show_data": show_data,
        **_plots(report, f"run{number}", show_data=show_data),
    }  # fmt: skip


def _plots(report: ReportData, name: str, *, show_data: bool) -> dict[str, Drawing | None]:
    """Draw the plots; None for those that would show nothing or that a table shows better."""
    drawn: dict[str, Drawing | None] = dict.fromkeys(
        ("lengths_plot", "loss_plot", "accuracy_plot", "confusion_plot")
    )
    if show_data:
        drawn["lengths_plot"] = _inline(
            plots.length_histogram(report.lengths, maxlen=report.maxlen),
            f"{name}-lengths",
            "Histogram of the number of words in a text",
        )
    if report.history.get("loss"):
        quantities: tuple[plots.Quantity, ...] = ("loss", "accuracy")
        for quantity in quantities:
            drawn[f"{quantity}_plot"] = _inline(
                plots.learning_curve(
                    report.history,
                    quantity,
                    best_epoch=report.best_epoch or None,
                    reference=report.reference,
                ),
                f"{name}-{quantity}",
                f"{quantity.capitalize()} of training and validation by epoch",
            )
    if len(report.classes) > plots.MANY_CLASSES:
        drawn["confusion_plot"] = _inline(
            plots.confusion(report.confusion, report.classes),
            f"{name}-confusion",
            "Confusion matrix: true classes in rows, predicted ones in columns",
        )
    return drawn


def _inline(figure: Figure, name: str, description: str) -> Drawing:
    return Drawing(plots.inline_svg(figure, name=name, description=description))


def _mistake(mistake: Mistake) -> dict[str, Any]:
    text = mistake.text
    if len(text) > LONGEST_TEXT:
        text = f"{text[:LONGEST_TEXT]}… ({len(text) - LONGEST_TEXT:,} more characters)"
    return {
        "text": text,
        "beginning": text[:SHORT_TEXT] if len(text) > SHORT_TEXT else None,
        "truth": mistake.truth,
        "predicted": mistake.predicted,
        "probability": mistake.probability,
        "where": mistake.where,
    }


def _summary(history: Mapping[str, Sequence[float]], best_epoch: int) -> dict[str, str]:
    """Best loss, its accuracy, epochs and time of one run, as words."""
    best = best_epoch - 1
    summary = {
        "best validation loss": _four(history["val_loss"][best]) if best_epoch else NONE,
        "its accuracy": _four(history["val_accuracy"][best]) if best_epoch else NONE,
        "epochs": str(len(history.get("loss", ()))),
        "best epoch": str(best_epoch) if best_epoch else NONE,
        "seconds an epoch": NONE,
    }
    if seconds := history.get("seconds"):
        summary["seconds an epoch"] = _duration(median(seconds))
    return summary


def _notebook_summary(report: ReportData) -> dict[str, str]:
    if report.reference is None:
        return {}
    best_epoch = 1 + int(np.nanargmin(report.reference["val_loss"]))
    return _summary(report.reference, best_epoch)


def _comparison(report: ReportData) -> list[tuple[str, str, str]]:
    notebook = _notebook_summary(report)
    ours = _summary(report.history, report.best_epoch)
    return [(name, ours[name], value) for name, value in notebook.items()]


def _figures(report: ReportData) -> list[tuple[str, str]]:
    """Pick the numbers that a reader looks for first."""
    ours = _summary(report.history, report.best_epoch)
    reason = "all done" if report.stop_reason == "epochs" else report.stop_reason
    figures = [
        ("validation accuracy", ours["its accuracy"]),
        ("validation loss", ours["best validation loss"]),
        (f"epochs, the best: {ours['best epoch']}; end: {reason}", ours["epochs"]),
        ("seconds an epoch", ours["seconds an epoch"]),
        ("seconds in all", _duration(report.seconds)),
    ]
    if report.peak_memory_mb is not None:
        figures.append(("MB of memory at most", f"{report.peak_memory_mb:,.0f}"))
    return figures


def _overview(report: ReportData) -> dict[str, tuple[str, str]]:
    """Rows of the table that compares experiments: this run's value and the notebook's."""
    parameters = f"{sum(layer.parameters for layer in report.layers):,}"
    notebook = _notebook_summary(report)
    ours = _summary(report.history, report.best_epoch)
    rows = {name: (value, notebook.get(name, "")) for name, value in ours.items()}
    return {"parameters": (parameters, "")} | rows | {"seconds": (_duration(report.seconds), "")}


def _seed_table(seeds: SeedRuns) -> dict[str, str]:
    every, plateaus = seeds.summary["all"], seeds.summary["plateaus"]
    table = {
        "runs": str(every["count"]),
        "stopped on a plateau before learning began": str(plateaus),
    }
    for name, key, notebook in (
        ("loss", "val_loss", seeds.notebook_loss),
        ("accuracy", "val_accuracy", seeds.notebook_accuracy),
    ):
        spread = every[key]
        learnt = (seeds.summary["learnt"] or {}).get(key)
        table |= {
            f"median {name}": _four(spread["median"]),
            f"lowest to highest {name}": f"{_four(spread['min'])} to {_four(spread['max'])}",
            f"{name} without the plateaus": (
                f"{_four(learnt['min'])} to {_four(learnt['max'])}" if learnt else NONE
            ),
            f"the notebook's {name}": _four(notebook),
            f"its place by {name}, best first": (
                f"{spread['notebook_rank']} of {every['count'] + 1}"
            ),
        }
    return table


def _side_by_side(tables: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Any]]]:
    """Tables with the same rows as one: (row name, a cell from each)."""
    return [(name, [table[name] for table in tables]) for name in (tables[0] if tables else ())]


def _four(number: float) -> str:
    return f"{number:.4f}"


def _duration(seconds: float) -> str:
    """Seconds with about three digits: 0.0310, 1.25, 24, 1,234."""
    if seconds >= 100:
        return f"{seconds:,.0f}"
    return f"{seconds:.3g}" if seconds >= 10 else f"{seconds:#.3g}"


def _sure(probability: float) -> str:
    """Write a percentage that does not claim certainty: 99.97 %, not 100 %."""
    for digits in range(1, 6):
        text = f"{probability:.{digits}%}"
        if not text.startswith("100"):
            return text
    return "100%"


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
