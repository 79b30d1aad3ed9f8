"""Figures as files and as elements of a page; the same figure gives the same bytes."""

from __future__ import annotations

import io
import re
from html import escape
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from unrolled.atomic import write_file
from unrolled.report.plots.style import COLOURS


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
