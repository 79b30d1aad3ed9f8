"""Learning curves: loss and accuracy by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from unrolled.report.plots.style import (
    COLOURS,
    HEADER,
    PANEL_HEIGHT,
    PANEL_WIDTH,
    SMALL,
    panel,
    put_legend,
    put_title,
)

Quantity = Literal["loss", "accuracy"]
Curves = Mapping[str, Sequence[float]]
"""``History.history``: "loss", "val_loss", "accuracy" and "val_accuracy", one number an epoch."""


def learning_curve(
    history: Curves,
    quantity: Quantity,
    *,
    best_epoch: int | None = None,
    reference: Curves | None = None,
) -> Figure:
    """One quantity against epochs: training, validation, and the reference run behind them."""
    figure = Figure(figsize=(PANEL_WIDTH, PANEL_HEIGHT), facecolor=COLOURS["card"])
    _draw_curves(panel(figure), history, quantity, best_epoch, reference)
    return figure


def loss_and_accuracy(
    history: Curves,
    *,
    best_epoch: int | None = None,
    reference: Curves | None = None,
    title: str | None = None,
) -> Figure:
    """Both learning curves side by side."""
    header = HEADER if title else 0.0
    height = PANEL_HEIGHT + header
    figure = Figure(figsize=(2 * PANEL_WIDTH, height), facecolor=COLOURS["card"])
    put_title(figure, title)
    quantities: tuple[Quantity, ...] = ("loss", "accuracy")
    for place, quantity in enumerate(quantities):
        axes = panel(figure, place, 2)
        _draw_curves(axes, history, quantity, best_epoch, reference)
    return figure


def _draw_curves(
    axes: Axes,
    history: Curves,
    quantity: Quantity,
    best_epoch: int | None,
    reference: Curves | None,
) -> None:
    marker = "o" if len(history[quantity]) < 3 else None
    series: list[tuple[Curves, str, str, str, Any, float]] = [
        (history, quantity, "training", COLOURS["training"], "-", 1.4),
        (history, f"val_{quantity}", "validation", COLOURS["validation"], "-", 2.0),
    ]
    if reference is not None:
        series += [
            (reference, quantity, "notebook, training", COLOURS["faint"], (0, (1, 1.5)), 1.2),
            (reference, f"val_{quantity}", "notebook, validation", COLOURS["faint"], "--", 1.2),
        ]
    lines = {}
    for source, key, label, colour, style, width in series:
        values = source[key]
        (lines[label],) = axes.plot(
            np.arange(1, len(values) + 1), values, label=label, color=colour, linestyle=style,
            linewidth=width, marker=marker, markersize=3, zorder=2 if source is reference else 3,
        )  # fmt: skip
    shown = [lines["training"], lines["validation"]]
    if best_epoch:
        best = history[f"val_{quantity}"][best_epoch - 1]
        axes.axvline(best_epoch, color=COLOURS["faint"], linewidth=0.7, zorder=1)
        shown += axes.plot(
            [best_epoch], [best], label=f"best, epoch {best_epoch}: {best:.4f}", linestyle="none",
            marker="o", markersize=7, color=COLOURS["validation"], zorder=4,
            markeredgecolor=COLOURS["card"], markeredgewidth=1.4,
        )  # fmt: skip
    shown += [line for label, line in lines.items() if line not in shown]
    axes.set_xlabel("epoch", fontsize=SMALL, color=COLOURS["faint"])
    axes.set_xlim(left=0.5)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    put_legend(axes, columns=2, handles=shown)
    axes.set_title(
        quantity.capitalize(), loc="left", fontsize=10, weight="bold", color=COLOURS["ink"],
        y=1.0, pad=1.35 * SMALL * -(-len(shown) // 2) + 10,
    )  # fmt: skip
