"""What the plots have in common: colours by role, axes at fixed places, legends, names of classes.

Figures are made without pyplot and without touching Matplotlib's settings, so that importing
this stays light and several threads may draw at once. The colours are safe for colour-blind
readers; where lines could be confused, dashes and widths differ too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

COLOURS = {
    "ink": "#1f2933",
    "faint": "#6b7785",
    "rule": "#dde3e8",
    "training": "#d55e00",
    "validation": "#0072b2",
    "card": "#ffffff",
}
"""By role; inside a page each becomes the CSS variable of that name, so that dark mode works."""

SMALL = 8.5  # points
PANEL_WIDTH, PANEL_HEIGHT = 4.2, 3.2  # inches
HEADER = 0.35

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


def panel(
    figure: Figure,
    place: int = 0,
    places: int = 1,
    *,
    legend_rows: int = 4,
    top: float | None = None,
    bottom: float = 0.45,
) -> Axes:
    """Axes at a fixed distance, in inches, from the edges: no layout pass is needed.

    top: where the title and the legend take no room above.
    """
    width, height = figure.get_size_inches()
    left, right = 0.55, 0.22
    if top is None:
        top = 0.15 + 0.17 * legend_rows + (HEADER if figure.texts else 0.0)
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


def put_title(figure: Figure, title: str | None) -> None:
    """Put a title at the upper left, if there is one."""
    if title:
        width, height = figure.get_size_inches()
        (name,), fonts = drawable([title])
        figure.text(
            0.14 / width, 1 - 0.12 / height, name, ha="left", va="top", fontsize=11,
            weight="bold", color=COLOURS["ink"], parse_math=False, **fonts,
        )  # fmt: skip


def put_legend(axes: Axes, *, columns: int, handles: Sequence[Any] | None = None) -> None:
    """Put a frameless legend above the axes, where it can hide nothing."""
    shown = axes.get_legend_handles_labels()[0] if handles is None else handles
    axes.legend(
        handles=shown, loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=columns,
        frameon=False, fontsize=SMALL, labelcolor=COLOURS["ink"], borderaxespad=0.2,
        handlelength=1.8, handletextpad=0.6, columnspacing=1.6, labelspacing=0.3,
    )  # fmt: skip


def thousands() -> FuncFormatter:
    """Numbers of an axis with commas: 25,000."""
    return FuncFormatter(lambda value, _: f"{value:,.0f}")


def drawable(names: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
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
