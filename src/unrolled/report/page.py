"""The report: one HTML page that needs nothing but itself, from plain numbers and texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from unrolled.evaluation.decision import Decision
from unrolled.report import plots, runs, tables, words
from unrolled.report.contents import Examination, Flaw, Mistake, ReportData, SeedRuns
from unrolled.report.environment import Drawing, render_template
from unrolled.report.standing import Standing

SHORT_TEXT = 280
"""Longer texts show this many characters until they are unfolded."""

LONGEST_TEXT = 100_000
"""No text puts more characters than this into a page."""

FEW_CLASSES = 4
"""The tables of more classes than this take the whole width."""

PLACES = 3
"""So many places of a fault are shown, and the rest counted."""


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
    overviews = [runs.overview(report) for report in reports]
    seed_tables = [runs.seed_table(of_seeds) for of_seeds in seeds]
    return render_template(
        "template.html",
        title=title,
        facts=facts,
        several=several,
        reports=views,
        overview=runs.side_by_side(overviews),
        seeds=seeds,
        seed_rows=runs.side_by_side(seed_tables),
    )


def _view(report: ReportData, number: int, *, show_data: bool) -> dict[str, Any]:
    """Gather what the template shows of one run; ``number`` keeps the ids of its plots apart."""
    return {
        "title": report.title,
        "note": report.note,
        "data": report.data,
        "recipe": report.recipe,
        "layers": report.layers,
        "standing": None if report.standing is None else _standing(report.standing),
        "figures": _figures(report),
        "comparison": runs.against_notebook(report),
        "several_labels": report.several,
        "is_wide": report.several or len(report.classes) > FEW_CLASSES,
        "matrix": tables.confusion_matrix(report),
        "is_dense": len(report.classes) > plots.MANY_CLASSES,
        "pairs": tables.confused_pairs(report),
        "class_head": tables.class_head(report),
        "class_rows": tables.class_rows(report),
        "macro_f1": tables.macro_f1(report),
        "decision": tables.decision_rows(report),
        "unit": report.unit,
        "read": report.read,
        "examination": None if report.examination is None else _examination(report.examination),
        "mistakes": [_mistake(mistake) for mistake in report.mistakes],
        "readings": report.readings,
        "show_data": show_data,
        **_plots(report, f"run{number}", show_data=show_data),
    }


def _standing(standing: Standing) -> dict[str, Any]:
    return {
        "outcome": standing.outcome,
        "verdict": standing.verdict,
        "remarks": tables.remarks(standing),
        "names": [one.name for one in standing.contestants],
        "rows": tables.score_rows(standing),
        "count": standing.count,
    }


def _examination(examination: Examination) -> dict[str, Any]:
    """The faults that stop or warn, and apart from them those that are only noted."""
    flaws = [_flaw(flaw) for flaw in examination.flaws]
    return {
        "rows_in": examination.rows_in,
        "rows_used": examination.rows_used,
        "set_aside": list(examination.set_aside.items()),
        "grave": [flaw for flaw in flaws if flaw["severity"] != "notes"],
        "noted": [flaw for flaw in flaws if flaw["severity"] == "notes"],
    }


def _flaw(flaw: Flaw) -> dict[str, Any]:
    shown = flaw.examples[:PLACES]
    return {
        "severity": flaw.severity,
        "what": flaw.what,
        "advice": flaw.advice,
        "examples": shown,
        "more": max(0, flaw.count - len(shown)) if shown else 0,
    }


def _plots(report: ReportData, name: str, *, show_data: bool) -> dict[str, Drawing | None]:
    """Draw the plots; None for those that would show nothing."""
    drawn: dict[str, Drawing | None] = dict.fromkeys(
        ("lengths_plot", "loss_plot", "accuracy_plot", "calibration_plot")
    )
    if show_data:
        drawn["lengths_plot"] = _inline(
            plots.length_histogram(
                report.lengths, maxlen=report.maxlen, keep=report.keep, unit=report.unit
            ),
            f"{name}-lengths",
            f"Histogram of the number of {report.unit} in a text",
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
    if report.standing is not None:
        claims = "labels" if report.several else "texts"
        drawn["calibration_plot"] = _inline(
            plots.calibration(report.standing.bins, claims=claims),
            f"{name}-calibration",
            "The share that is right against the probability given",
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


def _figures(report: ReportData) -> list[tuple[str, str]]:
    """Pick the numbers that a reader looks for first."""
    ours = runs.summary(report.history, report.best_epoch)
    reason = "all done" if report.stop_reason == "epochs" else report.stop_reason
    figures = [
        *_best_scores(report),
        (f"epochs, the best: {ours['best epoch']}; end: {reason}", ours["epochs"]),
        ("seconds an epoch", ours["seconds an epoch"]),
        ("seconds in all", words.duration(report.seconds)),
    ]
    if report.peak_memory_mb is not None:
        figures.append(("MB of memory at most", f"{report.peak_memory_mb:,.0f}"))
    return figures


def _best_scores(report: ReportData) -> list[tuple[str, str]]:
    """Accuracy and loss of the whole model; those of its best epoch, where nothing was added."""
    standing = report.standing
    if standing is None or (report.decision == Decision() and not report.several):
        ours = runs.summary(report.history, report.best_epoch)
        accuracy, loss = ours["its accuracy"], ours["best validation loss"]
    else:
        found = standing.network.figures
        accuracy, loss = words.four(found["accuracy"] or 0.0), words.four(found["loss"] or 0.0)
    name = "texts with all labels right" if report.several else "validation accuracy"
    return [(name, accuracy), ("validation loss", loss)]
