"""Vectors of texts as dots, coloured by what the texts are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from unrolled.report.plots.style import COLOURS, SMALL, drawable, put_legend

MOST_DOTS = 3000
"""Of more texts this many are drawn, chosen at random."""
MOST_LABELS = 10
"""Of more labels only the most frequent ones are told apart."""

_PALETTE = (COLOURS["validation"], COLOURS["training"], "#009e73", "#cc79a7", "#e69f00")
_SHAPES = ("o", "^")  # a colour that comes twice has another shape
_SIDE = 6.4  # inches
_LEFT, _BELOW, _RIGHT = 0.4, 0.4, 0.15
_ROW = 0.18  # of the legend
_LONG = 20  # letters of a name that needs a wide column
_WIDE, _NARROW = 2, 3  # columns of the legend


class _Kind(NamedTuple):
    """Texts that look the same: what they are called, and how they are drawn."""

    name: str
    colour: str
    shape: str


def vectors(
    places: NDArray[np.floating],
    shares: Sequence[float],
    labels: Sequence[str] | None = None,
    *,
    seed: int = 0,
) -> Figure:
    """One dot a text at its ``places`` (texts, 2).

    shares: of the variance, that the two axes have. labels: of the texts, "" where there is none.
    seed: of the choice, where there are more texts than dots.
    """
    kinds, kind_of = _alike(len(places)) if labels is None else _kinds(labels)
    columns = _WIDE if any(len(kind.name) > _LONG for kind in kinds) else _NARROW
    top = 0.2 + _ROW * (labels is not None) * -(-len(kinds) // columns)
    height = _SIDE - _RIGHT + top
    figure = Figure(figsize=(_SIDE, height), facecolor=COLOURS["card"])
    axes = figure.add_axes(
        (
            _LEFT / _SIDE,
            _BELOW / height,
            (_SIDE - _LEFT - _RIGHT) / _SIDE,
            (height - _BELOW - top) / height,
        )
    )
    _lay_out(axes, shares)
    chosen = _chosen(len(places), seed)
    if len(chosen) < len(places):
        axes.text(
            0.99, 0.01, f"{len(chosen):,} of {len(places):,} texts", transform=axes.transAxes,
            ha="right", fontsize=SMALL, color=COLOURS["faint"],
        )  # fmt: skip
    faint_first = sorted(enumerate(kinds), key=lambda pair: pair[1].colour != COLOURS["faint"])
    for number, kind in faint_first:
        own = chosen[kind_of[chosen] == number]
        is_faint = kind.colour == COLOURS["faint"]
        axes.plot(
            places[own, 0], places[own, 1], linestyle="none", marker=kind.shape,
            markersize=3 if is_faint else 4.5, alpha=0.35 if is_faint else 0.6,
            color=kind.colour, markeredgewidth=0,
        )  # fmt: skip
    if labels is not None:
        _name(axes, kinds, columns)
    return figure


def _chosen(count: int, seed: int) -> NDArray[np.int64]:
    """Which of ``count`` texts are drawn."""
    if count <= MOST_DOTS:
        return np.arange(count)
    return np.random.default_rng(seed).choice(count, MOST_DOTS, replace=False)


def _alike(count: int) -> tuple[list[_Kind], NDArray[np.int64]]:
    """One kind for ``count`` texts of which nothing else is known."""
    return [_Kind("texts", _PALETTE[0], _SHAPES[0])], np.zeros(count, dtype=np.int64)


def _kinds(labels: Sequence[str]) -> tuple[list[_Kind], NDArray[np.int64]]:
    """The most frequent labels, then the others and what has none; and the kind of each text."""
    counts = Counter(labels)
    without = counts.pop("", 0)
    ranked = sorted(counts, key=lambda label: (-counts[label], label))
    named, others = ranked[:MOST_LABELS], ranked[MOST_LABELS:]
    kinds = [
        _Kind(
            f"{drawable([label])[0][0]} ({counts[label]:,})",
            _PALETTE[place % len(_PALETTE)],
            _SHAPES[place // len(_PALETTE)],
        )
        for place, label in enumerate(named)
    ]
    numbers = {label: place for place, label in enumerate(named)}
    if others:
        numbers |= dict.fromkeys(others, len(kinds))
        count = sum(counts[label] for label in others)
        kinds.append(_Kind(f"{len(others):,} others ({count:,})", COLOURS["faint"], "s"))
    if without:
        numbers[""] = len(kinds)
        kinds.append(_Kind(f"no label ({without:,})", COLOURS["faint"], "d"))
    return kinds, np.array([numbers[label] for label in labels])


def _lay_out(axes: Axes, shares: Sequence[float]) -> None:
    """Axes without numbers, which would say nothing, but with the same measure both ways."""
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.04)
    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(COLOURS["faint"])
    axes.set_xticks([])
    axes.set_yticks([])
    first, second = (f"{share:.1%} of the variance" for share in shares)
    axes.set_xlabel(f"first component, {first}", fontsize=SMALL, color=COLOURS["faint"])
    axes.set_ylabel(f"second component, {second}", fontsize=SMALL, color=COLOURS["faint"])


def _name(axes: Axes, kinds: Sequence[_Kind], columns: int) -> None:
    """Put the legend above the dots."""
    handles = [
        Line2D([], [], linestyle="none", marker=kind.shape, markersize=6, color=kind.colour,
               markeredgewidth=0, label=str(number))
        for number, kind in enumerate(kinds)
    ]  # fmt: skip
    put_legend(axes, columns=columns, handles=handles)
    legend = axes.get_legend()
    assert legend is not None
    for text, kind in zip(legend.get_texts(), kinds, strict=True):
        # Only now: as a label, "_name" would be left out, and "$a$" be read as a formula.
        text.set_parse_math(False)
        text.set_text(kind.name)
        text.set_fontfamily(drawable([kind.name])[1]["family"])
