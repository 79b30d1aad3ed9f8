"""Picture of a confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from unrolled.report.plots.style import COLOURS, SMALL, drawable

MANY_CLASSES = 12
"""With more classes than this a confusion matrix has no room for numbers."""
MOST_NAMES = 40
"""With more classes than this only some are named."""


def confusion(
    matrix: NDArray[np.integer], classes: Sequence[str], *, title: str | None = None
) -> Figure:
    """How many texts of each class (row) were taken for each class (column)."""
    count = len(classes)
    numbered = count <= MANY_CLASSES
    side = 2.4 + (0.55 * count if numbered else 0.16 * min(max(count, 20), MOST_NAMES))
    figure = Figure(figsize=(side, 0.9 * side), facecolor=COLOURS["card"], layout="constrained")
    if title:
        (heading,), fonts = drawable([title])
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
    step = -(-count // MOST_NAMES)
    size = SMALL if count <= 20 else 7
    places = np.arange(0, count, step)
    names, fonts = drawable(classes[::step])
    turned: dict[str, Any] = (
        {"rotation": 60, "rotation_mode": "anchor", "ha": "right"} if count > 4 else {}
    )
    axes.set_xticks(places + 0.5, names, fontsize=size, parse_math=False, **turned, **fonts)
    axes.set_yticks(places + 0.5, names, fontsize=size, parse_math=False, **fonts)
    axes.tick_params(length=0, labelcolor=COLOURS["ink"])
    axes.set_xlabel("predicted", fontsize=SMALL, color=COLOURS["faint"])
    axes.set_ylabel("true", fontsize=SMALL, color=COLOURS["faint"])
    axes.spines[:].set_visible(False)
    return figure
