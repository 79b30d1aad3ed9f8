"""Calibration plot (reliability diagram): is what is said to be 80% sure right 8 times in 10?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

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

FLOOR = 0.45  # inches under the strip of bars
STRIP = 0.6  # inches of bars that show how many claims a bin has
GAP = 0.12
_Z = 1.96  # of a 95% interval


@dataclass(frozen=True)
class Bin:
    """Claims of a probability between ``low`` and ``high``.

    count: how many, 1 or more. confidence: their mean probability. right: the share that is true.
    """

    low: float
    high: float
    count: int
    confidence: float
    right: float

    @property
    def interval(self) -> tuple[float, float]:
        """Where the share of true ones may lie, with 95% certainty (Wilson's score interval)."""
        squared = _Z**2 / self.count
        middle = (self.right + squared / 2) / (1 + squared)
        spread = self.right * (1 - self.right) / self.count + squared / (4 * self.count)
        reach = _Z * math.sqrt(spread) / (1 + squared)
        return max(0.0, middle - reach), min(1.0, middle + reach)


def calibration(bins: Sequence[Bin], *, claims: str = "texts", title: str | None = None) -> Figure:
    """The share that is right against the probability given; below, how many claims gave it.

    claims: what is counted, such as "texts".
    """
    header = HEADER if title else 0.0
    height = PANEL_HEIGHT + STRIP + GAP + header
    figure = Figure(figsize=(PANEL_WIDTH, height), facecolor=COLOURS["card"])
    put_title(figure, title)
    axes = panel(figure, legend_rows=2, bottom=FLOOR + STRIP + GAP)
    strip = panel(figure, top=height - FLOOR - STRIP, bottom=FLOOR)
    _draw_shares(axes, bins)
    _draw_counts(strip, bins)
    start = min((one.low for one in bins), default=0.0)
    for each in (axes, strip):
        each.set_xlim(start - 0.01, 1.01)
        each.xaxis.set_major_locator(_round_shares())
    axes.tick_params(labelbottom=False)
    strip.xaxis.set_major_formatter(_percent())
    strip.set_xlabel(f"probability given (bars: {claims})", fontsize=SMALL, color=COLOURS["faint"])
    return figure


def _draw_shares(axes: Axes, bins: Sequence[Bin]) -> None:
    confidences = [one.confidence for one in bins]
    intervals = [one.interval for one in bins]
    (perfect,) = axes.plot(
        [0, 1], [0, 1], color=COLOURS["faint"], linewidth=1.2, linestyle=(0, (5, 3)),
        label="right as often as it is sure",
    )  # fmt: skip
    axes.vlines(
        confidences, [low for low, _ in intervals], [high for _, high in intervals],
        color=COLOURS["validation"], linewidth=3, alpha=0.3,
    )  # fmt: skip
    (found,) = axes.plot(
        confidences, [one.right for one in bins], color=COLOURS["validation"], linewidth=1.4,
        marker="o", markersize=5, label="share that is right, and its 95% interval",
    )  # fmt: skip
    lowest = min([0.5, *(low for low, _ in intervals)])
    axes.set_ylim(max(-0.01, lowest - 0.03), 1.01)
    axes.yaxis.set_major_formatter(_percent())
    axes.yaxis.set_major_locator(_round_shares())
    put_legend(axes, columns=1, handles=[found, perfect])


def _draw_counts(axes: Axes, bins: Sequence[Bin]) -> None:
    axes.bar(
        [one.low for one in bins], [one.count for one in bins],
        width=[0.94 * (one.high - one.low) for one in bins], align="edge",
        color=COLOURS["validation"], alpha=0.35, linewidth=0,
    )  # fmt: skip
    axes.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}" if count else ""))


def _percent() -> FuncFormatter:
    return FuncFormatter(lambda value, _: f"{value:.0%}")


def _round_shares() -> MaxNLocator:
    return MaxNLocator(6, steps=[1, 2, 5, 10])
