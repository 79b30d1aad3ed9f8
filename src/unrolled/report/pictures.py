"""The drawings of a reading: its curve and its bars as SVG, the hidden state as a small PNG."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from markupsafe import escape
from numpy.typing import ArrayLike, NDArray

from unrolled.report.environment import Drawing
from unrolled.report.trace import Trace
from unrolled.report.words import printable

_COLOURS = np.array([(213, 94, 0), (0, 114, 178)], dtype=np.uint8)  # against, for
_ZERO = 127  # the palette's number of what has no colour; 0 is the most against, 254 the most for


def curve(trace: Trace, *, beside: str | None = None) -> Drawing:
    """Probability of the explained class; one unit of the width is one step, 100 the height.

    beside: a second class, drawn thin.
    """
    values = trace.curve_of(trace.explained)
    lines = [_line("curve", values)]
    if beside is not None:
        lines.insert(0, _line("beside", trace.curve_of(beside)))
    words = (
        f"Probability of {trace.explained} after each step: {values[0]:.3f} at the start, at least "
        f"{min(values):.3f}, at most {max(values):.3f}, {values[-1]:.3f} at the end"
    )
    middle = f'<path class="middle" d="M0 50H{len(values) - 1}"/>'
    return _svg(trace, 100, middle + "".join(lines), words)


def bars(trace: Trace) -> Drawing:
    """The weight of each word, up from the middle where it speaks for the class, else down."""
    up: list[str] = []
    down: list[str] = []
    for step in trace.words:
        height = 20 * step.weight / trace.full
        if abs(height) >= 0.1:
            (up if height > 0 else down).append(f"M{step.number}.5 20v{-height:.1f}")
    width = len(trace.steps)
    drawn = (
        f'<path class="middle" d="M0 20H{width}"/>'
        f'<path class="for" d="{"".join(up)}"/><path class="against" d="{"".join(down)}"/>'
    )
    return _svg(trace, 40, drawn, f"Weight of each word: {len(up)} for, {len(down)} against")


def heat_map(states: ArrayLike) -> str:
    """One pixel for each number of (steps, units), time along the width, as a data URI."""
    values = np.asarray(states, dtype=np.float64)
    shares = values / state_scale(values)
    numbers = np.rint(shares.T * _ZERO).astype(np.int16) + _ZERO  # (units, steps)
    return "data:image/png;base64," + base64.b64encode(_png(numbers.astype(np.uint8))).decode()


def state_scale(states: ArrayLike) -> float:
    """The number that has the full colour."""
    return float(np.abs(np.asarray(states)).max(initial=0.0)) or 1.0


def _line(name: str, values: Sequence[float]) -> str:
    points = " ".join(f"{step} {100 - 100 * value:.2f}" for step, value in enumerate(values))
    return f'<path class="{name}" d="M{points}"/>'


def _svg(trace: Trace, height: int, drawn: str, words: str) -> Drawing:
    """As wide as the page lets it; lines keep their width, whatever the stretch."""
    width = max(1, len(trace.steps))
    padding = "".join(
        f'<path class="filled" d="M{part.first} 0h{part.count}v{height}h-{part.count}z"/>'
        for part in trace.padding
    )
    return Drawing(
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(printable(words))}">{padding}{drawn}</svg>'
    )


def _png(numbers: NDArray[np.uint8]) -> bytes:
    """An image of palette numbers (rows, columns), in which zero is transparent."""
    rows, columns = numbers.shape
    lines = np.concatenate([np.zeros((rows, 1), dtype=np.uint8), numbers], axis=1)  # no filter
    shares = (np.arange(2 * _ZERO + 1) - _ZERO) / _ZERO
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0),
        b"PLTE": _COLOURS[(shares > 0).astype(int)].tobytes(),
        b"tRNS": np.rint(255 * np.abs(shares)).astype(np.uint8).tobytes(),
        b"IDAT": zlib.compress(lines.tobytes(), 9),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts.items())


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
