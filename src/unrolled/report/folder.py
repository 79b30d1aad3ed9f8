"""A model's folder with its report, its plots and the texts that are read word by word."""

from __future__ import annotations

from pathlib import Path

from unrolled import bundle
from unrolled.atomic import write_file
from unrolled.errors import ModelError
from unrolled.model import TextClassifier
from unrolled.model.card import IMPORTED
from unrolled.report import plots
from unrolled.report.contents import ReportData
from unrolled.report.facts import FACTS, READINGS, report_data, shown_texts
from unrolled.report.page import render
from unrolled.report.readings import Reading, render_readings
from unrolled.report.writer_page import render_writer, writer_plots
from unrolled.writer import TextWriter


def save_with_report(classifier: TextClassifier, path: Path, title: str) -> ReportData:
    """Save the model with its pages and its plots."""
    data = report_data(classifier, title)
    classifier.save(path, report=render(data))
    write_plots(path / "plots", data)
    write_readings(classifier, path, title)
    return data


def save_writer_with_report(writer: TextWriter, path: Path, title: str) -> None:
    """Save a model that writes with its page and its plots."""
    writer.save(path, report=render_writer(writer, title))
    _write_writer_plots(writer, path, title)


def rewrite_report(path: Path) -> Path:
    """Write pages and plots of a saved model again, and return the report's path."""
    if bundle.is_writer(path):
        return _rewrite_writer_report(path)
    classifier = TextClassifier.load(path)
    if IMPORTED in classifier.metrics_:
        raise ModelError(
            f"{path}: the model was imported, and no figures of its training came with it to "
            "report; unrolled evaluate measures it on texts with labels"
        )
    if FACTS not in classifier.metrics_:
        raise ModelError(
            f"{path / bundle.METRICS}: its training was cut off before there was anything to "
            "report; go on with it (unrolled train ... --resume)"
        )
    data = report_data(classifier, path.resolve().name)
    page = path / bundle.REPORT
    write_file(page, render(data).encode("utf-8"))
    write_plots(path / "plots", data)
    write_readings(classifier, path, data.title)
    return page


def _rewrite_writer_report(path: Path) -> Path:
    writer, title = TextWriter.load(path), path.resolve().name
    page = path / bundle.REPORT
    write_file(page, render_writer(writer, title).encode("utf-8"))
    _write_writer_plots(writer, path, title)
    return page


def _write_writer_plots(writer: TextWriter, path: Path, title: str) -> None:
    for name, figure in writer_plots(writer, title).items():
        plots.save(figure, path / "plots" / name)


def write_readings(classifier: TextClassifier, path: Path, title: str) -> None:
    """Let the model read its texts word by word for a page; of a model that has none, no page."""
    readings = []
    for shown in shown_texts(classifier):
        label = classifier.predict_details([shown.text])[0].label
        read = classifier.explain(
            shown.text, label=label if isinstance(label, str) else None, importance=("deletion",)
        )
        readings.append(Reading(read.to_dict(), shown.title, shown.where, shown.truth))
    if readings:
        page = render_readings(f"{title}: texts read word by word", readings, report=bundle.REPORT)
        write_file(path / READINGS, page.encode("utf-8"))


def write_plots(folder: Path, data: ReportData) -> None:
    """Each plot of a report as PNG and SVG."""
    curves = plots.learning_curves(
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
