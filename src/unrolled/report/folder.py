"""A model's folder with its report and its plots."""

from __future__ import annotations

from pathlib import Path

from unrolled import bundle
from unrolled.atomic import write_file
from unrolled.errors import ModelError
from unrolled.model import TextClassifier
from unrolled.report import plots
from unrolled.report.contents import ReportData
from unrolled.report.facts import FACTS, report_data
from unrolled.report.page import render


def save_with_report(classifier: TextClassifier, path: Path, title: str) -> ReportData:
    """Save the model with its page and its plots."""
    data = report_data(classifier, title)
    classifier.save(path, report=render(data))
    write_plots(path / "plots", data)
    return data


def rewrite_report(path: Path) -> Path:
    """Write page and plots of a saved model again, and return the page's path."""
    classifier = TextClassifier.load(path)
    if FACTS not in classifier.metrics_:
        raise ModelError(
            f"{path / bundle.METRICS}: its training was cut off before there was anything to "
            "report; go on with it (unrolled train ... --resume)"
        )
    data = report_data(classifier, path.resolve().name)
    page = path / bundle.REPORT
    write_file(page, render(data).encode("utf-8"))
    write_plots(path / "plots", data)
    return page


def write_plots(folder: Path, data: ReportData) -> None:
    """Each plot of a report as PNG and SVG."""
    curves = plots.loss_and_accuracy(
        data.history, best_epoch=data.best_epoch, reference=data.reference, title=data.title
    )
    plots.save(curves, folder / "curves")
    lengths = plots.length_histogram(
        data.lengths, maxlen=data.maxlen, keep=data.keep, unit=data.unit
    )
    plots.save(lengths, folder / "lengths")
    if not data.several:
        plots.save(plots.confusion(data.confusion, data.classes), folder / "confusion")
    if data.standing is not None:
        claims = "labels" if data.several else "texts"
        plots.save(plots.calibration(data.standing.bins, claims=claims), folder / "calibration")
