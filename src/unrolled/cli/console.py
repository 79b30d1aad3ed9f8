"""What goes where: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Settings:
    """The global options of the command line that is running."""

    debug: bool = False


settings = Settings()


def result(text: str = "") -> None:
    """One line, or several, of what the command was asked for."""
    print(text)


def result_json(document: object) -> None:
    """The one JSON document of ``--json``."""
    print(json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False))


def note(text: str) -> None:
    """One line about what is going on."""
    print(text, file=sys.stderr, flush=True)


def error(message: str) -> None:
    """One line that says what went wrong, whatever characters the message quotes."""
    print(f"unrolled: error: {one_line(message)}", file=sys.stderr, flush=True)


def one_line(text: str) -> str:
    """``text`` on one line, with no character that could steer a terminal."""
    words = " ".join(text.split())
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in words)


def counted(count: int, noun: str) -> str:
    """1 text, 2 texts, 25,000 texts."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def table(rows: Sequence[Sequence[object]]) -> str:
    """Columns side by side: the first one to the left, the others to the right; row 0 is the head.

    Every row has the same number of cells.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
