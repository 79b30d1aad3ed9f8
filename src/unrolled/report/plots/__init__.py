"""The plots, as Matplotlib figures; the same input gives the same bytes."""

from unrolled.report.plots.calibration import Bin, calibration
from unrolled.report.plots.confusion import MANY_CLASSES, confusion
from unrolled.report.plots.curves import (
    Curves,
    Quantity,
    learning_curve,
    learning_curves,
    name_of,
)
from unrolled.report.plots.lengths import Lengths, length_histogram
from unrolled.report.plots.vectors import vectors
from unrolled.report.plots.writing import inline_svg, save

__all__ = [
    "MANY_CLASSES",
    "Bin",
    "Curves",
    "Lengths",
    "Quantity",
    "calibration",
    "confusion",
    "inline_svg",
    "learning_curve",
    "learning_curves",
    "length_histogram",
    "name_of",
    "save",
    "vectors",
]
