"""Histogram of how long the texts are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

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
from unrolled.text.sequences import Part

READ = {"tail": "the last {:,}", "head": "the first {:,}", "both": "{:,} from both ends"}
ROUNDING = 1e-9  # an edge that should be a whole number may be this far above it
FAR = 2  # a cut so many times as far as the longest bar would squeeze the bars


class Lengths(Protocol):
    """What the length histogram needs to know of a data set."""

    @property
    def mean(self) -> float:
        """Mean length."""

    @property
    def median(self) -> float:
        """Median length."""

    @property
    def counts(self) -> Sequence[int]:
        """Texts in each bin of the histogram."""

    @property
    def edges(self) -> Sequence[float]:
        """Bin ``i`` reaches from ``edges[i]`` to ``edges[i + 1]``."""


def length_histogram(
    lengths: Lengths,
    *,
    maxlen: int | None = None,
    keep: Part = "tail",
    unit: str = "words",
    title: str | None = None,
) -> Figure:
    """How long the texts are, with mean, median and the length that they are cut to.

    keep: what is read of a longer text, as in a recipe. unit: what a length counts.
    """
    height = PANEL_HEIGHT + (HEADER if title else 0.0)
    figure = Figure(figsize=(PANEL_WIDTH, height), facecolor=COLOURS["card"])
    put_title(figure, title)
    axes = panel(figure, legend_rows=3)
    counts, edges = _whole_lengths(np.asarray(lengths.counts), np.asarray(lengths.edges))
    axes.stairs(
        counts,
        edges,
        fill=True,
        color=COLOURS["validation"],
        alpha=0.35,
        linewidth=0,
    )
    axes.axvline(
        lengths.median,
        color=COLOURS["validation"],
        linewidth=1.6,
        label=f"median {lengths.median:,.0f}",
    )
    axes.axvline(
        lengths.mean,
        color=COLOURS["training"],
        linewidth=1.6,
        linestyle=(0, (5, 2)),
        label=f"mean {lengths.mean:,.1f}",
    )
    shown = max(_end_of_most(counts, edges), 1.05 * lengths.mean)
    if maxlen is not None:
        shown = _mark_cut(axes, maxlen, keep, shown, float(edges[-1]))
    axes.set_xlim(0, shown)
    axes.set_ylim(bottom=0)
    label = f"{unit} in a text"
    if counts[edges[:-1] >= shown].any():
        label += f" (a few have up to {lengths.edges[-1]:,.0f})"
    axes.set_xlabel(label, fontsize=SMALL, color=COLOURS["faint"])
    axes.yaxis.set_major_formatter(thousands())
    axes.xaxis.set_major_formatter(thousands())
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    put_legend(axes, columns=1)
    return figure


def _whole_lengths(
    counts: NDArray[np.int64], edges: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Bins that are narrower than 1, most of which no whole number lies in, as one a length."""
    if edges[1] - edges[0] >= 1:
        return counts, edges
    filled = np.flatnonzero(counts)
    lengths = np.ceil(edges[filled] - ROUNDING).astype(np.int64)
    first = lengths.min()
    whole = np.bincount(lengths - first, counts[filled]).astype(np.int64)
    return whole, np.arange(first, first + len(whole) + 1) - 0.5


def _end_of_most(counts: NDArray[np.int64], edges: NDArray[np.float64]) -> float:
    """Find the edge below which 99.5 % lie: a few endless texts must not squeeze all others."""
    below = np.cumsum(counts)
    return float(edges[1 + int(np.searchsorted(below, 0.995 * below[-1]))])


def _mark_cut(axes: Axes, maxlen: int, keep: Part, shown: float, longest: float) -> float:
    """Mark where longer texts are cut, or say that it is far off; returns what is to be shown."""
    style: dict[str, Any] = {"color": COLOURS["ink"], "linewidth": 1.2, "linestyle": (0, (1, 1.2))}
    if maxlen <= FAR * shown:
        label = f"cut: of longer texts {READ[keep].format(maxlen)} are read"
        axes.axvline(maxlen, label=label, **style)
        return max(shown, 1.05 * maxlen)
    longer = "none is longer" if longest <= maxlen else "few are longer"
    axes.plot([], [], label=f"cut: at {maxlen:,}, far to the right; {longer}", **style)
    return shown
