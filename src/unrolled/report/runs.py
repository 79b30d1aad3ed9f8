"""Runs beside each other: a run and the notebook's, two experiments, many seeds of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from unrolled.report.contents import ReportData, SeedRuns
from unrolled.report.words import NONE, duration, four


def summary(history: Mapping[str, Sequence[float]], best_epoch: int) -> dict[str, str]:
    """Best loss, its accuracy, epochs and time of one run, as words."""
    best = best_epoch - 1
    rows = {
        "best validation loss": four(history["val_loss"][best]) if best_epoch else NONE,
        "its accuracy": four(history["val_accuracy"][best]) if best_epoch else NONE,
        "epochs": str(len(history.get("loss", ()))),
        "best epoch": str(best_epoch) if best_epoch else NONE,
        "seconds an epoch": NONE,
    }
    if seconds := history.get("seconds"):
        rows["seconds an epoch"] = duration(median(seconds))
    return rows


def against_notebook(report: ReportData) -> list[tuple[str, str, str]]:
    """Rows of this run's figures and the notebook's; none where it has no such experiment."""
    notebook = _notebook_summary(report)
    ours = summary(report.history, report.best_epoch)
    return [(name, ours[name], value) for name, value in notebook.items()]


def overview(report: ReportData) -> dict[str, tuple[str, str]]:
    """Rows of the table that compares experiments: this run's value and the notebook's."""
    parameters = f"{sum(layer.parameters for layer in report.layers):,}"
    notebook = _notebook_summary(report)
    ours = summary(report.history, report.best_epoch)
    rows = {name: (value, notebook.get(name, "")) for name, value in ours.items()}
    return {"parameters": (parameters, "")} | rows | {"seconds": (duration(report.seconds), "")}


def seed_table(seeds: SeedRuns) -> dict[str, str]:
    """What is typical of one experiment's seeds, how far they spread, the notebook's place."""
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
            f"median {name}": four(spread["median"]),
            f"lowest to highest {name}": f"{four(spread['min'])} to {four(spread['max'])}",
            f"{name} without the plateaus": (
                f"{four(learnt['min'])} to {four(learnt['max'])}" if learnt else NONE
            ),
            f"the notebook's {name}": four(notebook),
            f"its place by {name}, best first": (
                f"{spread['notebook_rank']} of {every['count'] + 1}"
            ),
        }
    return table


def side_by_side(tables: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Any]]]:
    """Tables with the same rows as one: (row name, a cell from each)."""
    return [(name, [table[name] for table in tables]) for name in (tables[0] if tables else ())]


def _notebook_summary(report: ReportData) -> dict[str, str]:
    if report.reference is None:
        return {}
    best_epoch = 1 + int(np.nanargmin(report.reference["val_loss"]))
    return summary(report.reference, best_epoch)
