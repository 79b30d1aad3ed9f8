"""Learning curves: loss and accuracy by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from unrolled.report.plots.style import (
    COLOURS,
    HEADER,
    PANEL_HEIGHT,
    PANEL_WIDTH,
    SMALL,
    panel,
    put_legend,
    put_title,
    thousands,
)

Quantity = Literal["loss", "accuracy", "perplexity", "token_accuracy"]
Curves = Mapping[str, Sequence[float]]
"""Each quantity of training, and with "val_" before its name of validation, one number an epoch."""
FAR = 10  # values so many times as large as others would squeeze them: the axis is logarithmic


def name_of(quantity: Quantity) -> str:
    """``Token accuracy``."""
    return quantity.replace("_", " ").capitalize()


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


def learning_curves(
    history: Curves,
    quantities: Sequence[Quantity] = ("loss", "accuracy"),
    *,
    best_epoch: int | None = None,
    reference: Curves | None = None,
    title: str | None = None,
) -> Figure:
    """Several learning curves side by side."""
    header = HEADER if title else 0.0
    height = PANEL_HEIGHT + header
    figure = Figure(figsize=(len(quantities) * PANEL_WIDTH, height), facecolor=COLOURS["card"])
    put_title(figure, title)
    for place, quantity in enumerate(quantities):
        axes = panel(figure, place, len(quantities))
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
        told = f"{best:.4g}" if quantity == "perplexity" else f"{best:.4f}"
        axes.axvline(best_epoch, color=COLOURS["faint"], linewidth=0.7, zorder=1)
        shown += axes.plot(
            [best_epoch], [best], label=f"best, epoch {best_epoch}: {told}", linestyle="none",
            marker="o", markersize=7, color=COLOURS["validation"], zorder=4,
            markeredgecolor=COLOURS["card"], markeredgewidth=1.4,
        )  # fmt: skip
    shown += [line for label, line in lines.items() if line not in shown]
    axes.set_xlabel("epoch", fontsize=SMALL, color=COLOURS["faint"])
    axes.set_xlim(left=0.5)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    if quantity == "perplexity":
        _scale_perplexity(axes, [*history[quantity], *history[f"val_{quantity}"]])
    put_legend(axes, columns=2, handles=shown)
    axes.set_title(
        name_of(quantity), loc="left", fontsize=10, weight="bold", color=COLOURS["ink"],
        y=1.0, pad=1.35 * SMALL * -(-len(shown) // 2) + 10,
    )  # fmt: skip


def _scale_perplexity(axes: Axes, values: Sequence[float]) -> None:
    """Let the first epochs, in which it is huge, not squeeze all others."""
    if values and max(values) > FAR * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(thousands())
