"""The plots, as Matplotlib figures; the same input gives the same bytes.

Figures are made without pyplot and without touching Matplotlib's settings, so that importing
this stays light and several threads may draw at once. The colours are safe for colour-blind
readers; where lines could be confused, dashes and widths differ too.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from unrolled.atomic import write_file

Quantity = Literal["loss", "accuracy"]
Curves = Mapping[str, Sequence[float]]
"""``History.history``: "loss", "val_loss", "accuracy" and "val_accuracy", one number an epoch."""

COLOURS = {
    "ink": "#1f2933",
    "faint": "#6b7785",
    "rule": "#dde3e8",
    "training": "#d55e00",
    "validation": "#0072b2",
    "card": "#ffffff",
}
"""By role; inside a page each becomes the CSS variable of that name, so that dark mode works."""

SMALL = 8.5
PANEL_WIDTH, PANEL_HEIGHT = 4.2, 3.2
MANY_CLASSES = 12
"""With more classes than this a confusion matrix has no room for numbers."""

OTHER_SCRIPTS = (
    "Noto Sans CJK KR",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans KR",
    "Apple SD Gothic Neo",
    "Malgun Gothic",
    "NanumGothic",
    "Hiragino Sans",
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
    "Arial Unicode MS",
)
"""Fonts to look for when a class name needs letters that Matplotlib's own font lacks."""


class Lengths(Protocol):
    """What the length histogram needs to know of a data set."""

    @property
    def mean(self) -> float:
        """Mean number of words."""

    @property
    def median(self) -> float:
        """Median number of words."""

    @property
    def counts(self) -> Sequence[int]:
        """Texts in each bin of the histogram."""

    @property
    def edges(self) -> Sequence[float]:
        """Bin ``i`` reaches from ``edges[i]`` to ``edges[i + 1]``."""


def learning_curve(
    history: Curves,
    quantity: Quantity,
    *,
    best_epoch: int | None = None,
    reference: Curves | None = None,
) -> Figure:
    """One quantity against epochs: training, validation, and the reference run behind them."""
    figure = Figure(figsize=(PANEL_WIDTH, PANEL_HEIGHT), facecolor=COLOURS["card"])
    _draw_curves(_panel(figure, 0, 1), history, quantity, best_epoch, reference)
    return figure


def loss_and_accuracy(
    history: Curves,
    *,
    best_epoch: int | None = None,
    reference: Curves | None = None,
    title: str | None = None,
) -> Figure:
    """Both learning curves side by side."""
    header = 0.35 if title else 0.0
    height = PANEL_HEIGHT + header
    figure = Figure(figsize=(2 * PANEL_WIDTH, height), facecolor=COLOURS["card"])
    _title(figure, title)
    quantities: tuple[Quantity, ...] = ("loss", "accuracy")
    for place, quantity in enumerate(quantities):
        axes = _panel(figure, place, 2)
        _draw_curves(axes, history, quantity, best_epoch, reference)
    return figure


def length_histogram(
    lengths: Lengths, *, maxlen: int | None = None, title: str | None = None
) -> Figure:
    """How long the texts are, with mean, median and the length that they are cut to."""
    height = PANEL_HEIGHT + (0.35 if title else 0.0)
    figure = Figure(figsize=(PANEL_WIDTH, height), facecolor=COLOURS["card"])
    _title(figure, title)
    axes = _panel(figure, 0, 1, legend_rows=3)
    counts, edges = np.asarray(lengths.counts), np.asarray(lengths.edges)
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
    if maxlen is not None:
        axes.axvline(
            maxlen,
            color=COLOURS["ink"],
            linewidth=1.2,
            linestyle=(0, (1, 1.2)),
            label=f"cut: of longer texts the last {maxlen:,} are read",
        )
    shown = max(_end_of_most(counts, edges), 1.05 * (maxlen or 0), 1.05 * lengths.mean)
    axes.set_xlim(0, shown)
    axes.set_ylim(bottom=0)
    label = "words in a text"
    if counts[edges[:-1] >= shown].any():
        label += f" (a few have up to {edges[-1]:,.0f})"
    axes.set_xlabel(label, fontsize=SMALL, color=COLOURS["faint"])
    axes.yaxis.set_major_formatter(_thousands())
    axes.xaxis.set_major_formatter(_thousands())
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    _legend(axes, columns=1)
    return figure


def confusion(
    matrix: NDArray[np.integer], classes: Sequence[str], *, title: str | None = None
) -> Figure:
    """How many texts of each class (row) were taken for each class (column)."""
    count = len(classes)
    numbered = count <= MANY_CLASSES
    side = 2.4 + 0.55 * count if numbered else 5.5
    figure = Figure(figsize=(side, 0.9 * side), facecolor=COLOURS["card"], layout="constrained")
    if title:
        (heading,), fonts = _drawable([title])
        figure.suptitle(
            heading, x=0.02, ha="left", fontsize=11, weight="bold", color=COLOURS["ink"],
            parse_math=False, **fonts,
        )  # fmt: skip
    axes = figure.add_subplot()
    rows = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, rows, out=np.zeros(matrix.shape), where=rows > 0)
    shades = LinearSegmentedColormap.from_list("shades", ["#f3f6f9", COLOURS["validation"]])
    axes.pcolormesh(
        shares, cmap=shades, vmin=0, vmax=1, edgecolors=COLOURS["card"],
        linewidth=2 if numbered else 0, rasterized=not numbered,
    )  # fmt: skip
    axes.invert_yaxis()
    axes.set_aspect("equal")
    if numbered:
        for (row, column), share in np.ndenumerate(shares):
            axes.text(
                column + 0.5, row + 0.5, f"{matrix[row, column]:,}\n{share:.0%}",
                ha="center", va="center", fontsize=SMALL,
                color=COLOURS["card"] if share > 0.78 else COLOURS["ink"],
            )  # fmt: skip
    step = -(-count // 20)
    places = np.arange(0, count, step)
    names, fonts = _drawable(classes[::step])
    turned: dict[str, Any] = (
        {"rotation": 60, "rotation_mode": "anchor", "ha": "right"} if count > 4 else {}
    )
    axes.set_xticks(places + 0.5, names, fontsize=SMALL, parse_math=False, **turned, **fonts)
    axes.set_yticks(places + 0.5, names, fontsize=SMALL, parse_math=False, **fonts)
    axes.tick_params(length=0, labelcolor=COLOURS["ink"])
    axes.set_xlabel("predicted", fontsize=SMALL, color=COLOURS["faint"])
    axes.set_ylabel("true", fontsize=SMALL, color=COLOURS["faint"])
    axes.spines[:].set_visible(False)
    return figure


def save(figure: Figure, path: Path) -> tuple[Path, Path]:
    """Write ``path``.png and ``path``.svg; raises OutputError where that cannot be done."""
    png, svg = path.with_name(path.name + ".png"), path.with_name(path.name + ".svg")
    buffer = io.BytesIO()
    figure.set_dpi(160)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.print_png(buffer, metadata={"Software": None})
    write_file(png, buffer.getvalue())
    write_file(svg, _svg(figure, "plot").encode())
    return png, svg


def inline_svg(figure: Figure, *, name: str, description: str) -> str:
    """Return the figure as an element of a page, in its colours, read aloud as ``description``.

    ``name`` must differ between the figures of one page: every id in the element starts with it.
    """
    text = _svg(figure, name)
    text = text[text.index("<svg") :].replace("xlink:href", "href")
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    width, height = 72 * figure.get_size_inches()
    opening = (
        f'<svg class="plot" role="img" aria-label="{escape(description)}" '
        f'viewBox="0 0 {width:g} {height:g}">'
    )
    text = opening + text[text.index(">") + 1 :]
    for role, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{role})")
    return re.sub(r"\s*\n\s*", "\n", text)


def _svg(figure: Figure, name: str) -> str:
    """SVG text without date, and with ids that depend on their order only."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    canvas: Any = FigureCanvasSVG(figure)
    canvas.print_svg(buffer, metadata=nothing)
    text = buffer.getvalue()
    numbers: dict[str, str] = {}
    for identifier in re.findall(r'\bid="([^"]+)"', text):
        numbers.setdefault(identifier, f"{name}-{len(numbers)}")
    return re.sub(
        r'(\bid="|href="#|url\(#)([^")]+)',
        lambda match: match[1] + numbers.get(match[2], match[2]),
        text,
    )


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
    _legend(axes, columns=2, handles=shown)
    axes.set_title(
        quantity.capitalize(), loc="left", fontsize=10, weight="bold", color=COLOURS["ink"],
        y=1.0, pad=1.35 * SMALL * -(-len(shown) // 2) + 10,
    )  # fmt: skip


def _end_of_most(counts: NDArray[np.int64], edges: NDArray[np.float64]) -> float:
    """Find the edge below which 99.5 % lie: a few endless texts must not squeeze all others."""
    below = np.cumsum(counts)
    return float(edges[1 + int(np.searchsorted(below, 0.995 * below[-1]))])


def _panel(figure: Figure, place: int, places: int, *, legend_rows: int = 4) -> Axes:
    """Axes at a fixed distance, in inches, from the edges: no layout pass is needed."""
    width, height = figure.get_size_inches()
    left, right, bottom = 0.55, 0.22, 0.45
    top = 0.15 + 0.17 * legend_rows + (0.35 if figure.texts else 0.0)
    each = width / places
    axes = figure.add_axes(
        (
            (place * each + left) / width,
            bottom / height,
            (each - left - right) / width,
            (height - top - bottom) / height,
        )
    )
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(COLOURS["faint"])
    axes.set_facecolor("none")
    axes.grid(axis="y", color=COLOURS["rule"], linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(
        length=0, labelsize=SMALL, labelcolor=COLOURS["ink"], color=COLOURS["faint"], pad=4
    )
    return axes


def _title(figure: Figure, title: str | None) -> None:
    if title:
        width, height = figure.get_size_inches()
        (name,), fonts = _drawable([title])
        figure.text(
            0.14 / width, 1 - 0.12 / height, name, ha="left", va="top", fontsize=11,
            weight="bold", color=COLOURS["ink"], parse_math=False, **fonts,
        )  # fmt: skip


def _legend(axes: Axes, *, columns: int, handles: Sequence[Any] | None = None) -> None:
    """Put a frameless legend above the axes, where it can hide nothing."""
    shown = axes.get_legend_handles_labels()[0] if handles is None else handles
    axes.legend(
        handles=shown, loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=columns,
        frameon=False, fontsize=SMALL, labelcolor=COLOURS["ink"], borderaxespad=0.2,
        handlelength=1.8, handletextpad=0.6, columnspacing=1.6, labelspacing=0.3,
    )  # fmt: skip


def _thousands() -> FuncFormatter:
    return FuncFormatter(lambda value, _: f"{value:,.0f}")


def _drawable(names: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Names short enough for an axis, and the fonts that draw them; □ for what none can draw."""
    short = [" ".join(name.split()) for name in names]
    short = [name if len(name) <= 24 else name[:23] + "…" for name in short]
    families = ["DejaVu Sans"]
    missing = set("".join(short)) - _letters(families[0])
    if missing:
        installed = set(font_manager.get_font_names())
        for family in OTHER_SCRIPTS:
            if family in installed and (found := missing & _letters(family)):
                families.append(family)
                missing -= found
    table = {ord(letter): "□" for letter in missing}
    return [name.translate(table) for name in short], {"family": families}


def _letters(family: str) -> set[str]:
    font = font_manager.get_font(font_manager.findfont(family))
    return {chr(code) for code in font.get_charmap()}
