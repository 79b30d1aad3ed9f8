"""The report of a model: what only its training knew is kept in ``metrics.json`` with it.

So the page and the plots can be written anew from the model's folder, without its data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled import bundle
from unrolled.atomic import write_file
from unrolled.datasets.examples import Examples
from unrolled.errors import ModelError
from unrolled.evaluation.metrics import confusion_matrix, most_wrong
from unrolled.model import TextClassifier
from unrolled.model.card import PLATEAU
from unrolled.report import plots
from unrolled.report.page import Mistake, ReportData, render

FACTS = "report"  # the key in metrics.json
MISTAKES = 10
PLATEAU_NOTE = (
    f"This run {PLATEAU}: its loss was still that of guessing when early stopping found no more "
    "progress. It happens now and then, by the initial weights; another seed, or more patience, "
    "gets past it."
)


@dataclass(frozen=True)
class Lengths:
    """What the histogram of lengths shows; ``counts`` of each bin, ``edges`` around them."""

    mean: float
    median: float
    counts: Sequence[int]
    edges: Sequence[float]

    @classmethod
    def of(cls, statistics: Mapping[str, Any]) -> Lengths:
        """From the fields of ``LengthStatistics``."""
        return cls(
            mean=statistics["mean"],
            median=statistics["median"],
            counts=statistics["histogram_counts"],
            edges=statistics["histogram_edges"],
        )


def keep_facts(
    classifier: TextClassifier,
    *,
    data_name: str,
    validation: Examples,
    probabilities: NDArray[np.floating],
    peak_memory_mb: float | None,
    reference: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """Put into the model's metrics what its report needs; to be saved with it.

    probabilities: of the validation texts (texts, classes). reference: the same experiment's
    history elsewhere, drawn behind the curves.
    """
    classes = classifier.classes_
    targets = classifier.targets(validation)
    predicted = probabilities.argmax(axis=1)
    mistakes = [
        Mistake(
            text=validation.texts[row],
            truth=classes[targets[row]],
            predicted=classes[predicted[row]],
            probability=float(probabilities[row, predicted[row]]),
            where=validation.where(row),
        )
        for row in most_wrong(probabilities, targets, MISTAKES).tolist()
    ]
    classifier.metrics_[FACTS] = {
        "data_name": data_name,
        "source": validation.source,
        "confusion": confusion_matrix(targets, predicted, len(classes)).tolist(),
        "mistakes": [asdict(mistake) for mistake in mistakes],
        "peak_memory_mb": peak_memory_mb,
        "reference": None if reference is None else dict(reference),
    }


def report_data(classifier: TextClassifier, title: str) -> ReportData:
    """Everything that the report of a trained classifier shows; needs ``keep_facts`` before."""
    recipe, metrics, history = classifier.recipe, classifier.metrics_, classifier.history_
    facts, lengths = metrics[FACTS], Lengths.of(metrics["lengths"])
    return ReportData(
        title=title,
        data=[
            ("data set", facts["data_name"]),
            ("from", facts["source"]),
            ("training texts", f"{metrics['train_count']:,}"),
            ("validation texts", f"{metrics['validation_count']:,}"),
            ("classes", ", ".join(classifier.classes_)),
            ("mean length", f"{lengths.mean:.1f} words"),
            ("median length", f"{lengths.median:g} words"),
        ],
        recipe=_flat(recipe.to_dict()),
        layers=classifier.layer_rows(),
        history=history.history,
        best_epoch=history.best_epoch,
        stop_reason=metrics["stop_reason"],
        seconds=metrics["seconds"],
        classes=classifier.classes_,
        confusion=np.array(facts["confusion"], dtype=np.int64),
        mistakes=[Mistake(**mistake) for mistake in facts["mistakes"]],
        lengths=lengths,
        maxlen=recipe.text.maxlen,
        peak_memory_mb=facts["peak_memory_mb"],
        reference=facts["reference"],
        note=PLATEAU_NOTE if metrics["plateau"] else None,
    )


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
    plots.save(plots.length_histogram(data.lengths, maxlen=data.maxlen), folder / "lengths")
    plots.save(plots.confusion(data.confusion, data.classes), folder / "confusion")


def _flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Rows of "training.epochs" and its value."""
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", "none" if value is None else str(value)))
    return rows
