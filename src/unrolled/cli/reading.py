"""A reading on the terminal: coloured words, a curve of block characters, a table of words.

Without colour the words carry signs instead, so that both say the same.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from unrolled.cli import console

if TYPE_CHECKING:
    from rich.style import Style
    from rich.text import Text

    from unrolled.report.trace import Padding, Step, Trace

When = Literal["auto", "always", "never"]

STRONGEST = 5
"""So many words for, and as many against, are in the table."""

_BLACK, _WHITE = 16, 231
# Of the 256 colours of every terminal, some that stand out on black and on white: letters and what
# is behind them, of words that weigh little, more, most.
_FOR = ((_BLACK, 67), (_BLACK, 32), (_WHITE, 27))  # blue
_AGAINST = ((_BLACK, 137), (_BLACK, 172), (_BLACK, 202))  # orange
_BLOCKS, _DIGITS = "▁▂▃▄▅▆▇█", "12345678"
_FLAT = 0.001  # a curve that spans less than this is drawn as a line
_NARROWEST = 20


def has_colours(when: When) -> bool:
    """Whether standard output gets colours."""
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") in ("dumb", "unknown")
    return when == "always" or (when == "auto" and not plain and sys.stdout.isatty())


def width() -> int:
    """Columns of the terminal; 80 where there is none and COLUMNS does not say."""
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def answer_line(trace: Trace) -> str:
    """As ``unrolled predict`` writes it: ``positive  0.9312  25% unknown  cut``."""
    said, label = trace.document, trace.document["label"]
    names = [label] if isinstance(label, str) else label or ()
    widest = max(len(console.one_line(name)) for name in said["classes"])
    answer = console.one_line("|".join(names)) or "-"
    unknown = f"  {said['unknown_share']:.0%} unknown" if said["unknown_share"] else ""
    cut = "  cut" if said["was_cut"] else ""
    return f"{answer:<{widest}}  {said['probability']:.4f}{unknown}{cut}"


def draw(trace: Trace, columns: int, colours: bool) -> str:
    """Words, curve and table, for ``columns`` characters a line."""
    if not trace.steps:
        return "there is nothing to read: the text has no token"
    parts = [_words(trace, columns, colours), _curve(trace, columns)]
    if trace.words:
        parts.append(_table(trace))
    return "\n\n".join(parts)


# --- The words -----------------------------------------------------------------------------------


def _words(trace: Trace, columns: int, colours: bool) -> str:
    from rich.text import Text

    text = Text()
    for number, part in enumerate(trace.folded):
        text.append(trace.between if number else "")
        text.append_text(_coloured(trace, part) if colours else Text(_signed(trace, part)))
    name = console.one_line(trace.explained)
    if colours:
        legend = Text()
        legend.append(f" for {name} ", _style(1.0)).append(" ")
        legend.append(" against it ", _style(-1.0)).append("  ")
        legend.append("unknown to the model", "dim underline")
    else:
        legend = Text(
            f"+ speaks for {name}, - against it, more signs weigh more; (unknown to the model)"
        )
    return f"{_printed(text, columns, colours)}\n\n{_printed(legend, columns, colours)}"


def _coloured(trace: Trace, part: Step | Padding) -> Text:
    from rich.style import Style
    from rich.text import Text

    from unrolled.report.trace import Padding

    if isinstance(part, Padding) or not part.is_read:
        return Text(_name(trace, part), "dim")
    strength = trace.strength(part)
    style = _style(strength) if strength else Style.null()
    if part.kind == "unknown":
        style += Style(underline=True, dim=not strength)
    return Text(_name(trace, part), style)


def _level(strength: float) -> int:
    """0 for nothing, and 1, 2 or 3 for little, more and most."""
    return 0 if not strength else 1 + min(2, int(3 * abs(strength)))


def _style(strength: float) -> Style:
    from rich.color import Color
    from rich.style import Style

    level = _level(strength)
    letters, behind = (_FOR if strength > 0 else _AGAINST)[level - 1]
    return Style(
        color=Color.from_ansi(letters),
        bgcolor=Color.from_ansi(behind),
        bold=level == 3,
    )


def _signed(trace: Trace, part: Step | Padding) -> str:
    """``++great``, ``(strange)``; among tokens without spaces between them ``[++gre]at``."""
    from unrolled.report.trace import Padding

    name = _name(trace, part)
    if isinstance(part, Padding) or not part.is_read:
        return name
    strength = trace.strength(part)
    signs = ("+" if strength > 0 else "-") * _level(strength)
    if part.kind == "unknown":
        name = f"({name})"
    if not signs:
        return name
    return signs + name if trace.between else f"[{signs}{name}]"


def _name(trace: Trace, part: Step | Padding) -> str:
    """A step as it is written among others, with nothing that could steer a terminal."""
    from unrolled.report.trace import Padding

    space = "" if trace.between else " "  # without spaces of their own, these need one
    if isinstance(part, Padding):
        return f"[{part.count} x padding]{space}"
    return token_name(part.token) if part.is_read else f"[start]{space}"


def token_name(token: str) -> str:
    """A token on one line, its spaces kept."""
    if token.isspace():
        return token if set(token) == {" "} else "\\n"
    before = " " if token.startswith(" ") else ""
    after = " " if token.endswith(" ") else ""
    return f"{before}{console.one_line(token)}{after}"


def _printed(text: Text, columns: int, colours: bool) -> str:
    """What Rich makes of a text: wrapped, with the escape sequences of its colours."""
    import io

    from rich.console import Console

    file = io.StringIO()
    Console(
        file=file,
        width=columns,
        color_system="256" if colours else None,
        force_terminal=colours,
        force_jupyter=False,
        no_color=not colours,
        legacy_windows=False,
        _environ={},
    ).print(text)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


# --- The curve -----------------------------------------------------------------------------------


def _curve(trace: Trace, columns: int) -> str:
    values = trace.curve_of(trace.explained)
    low, high = values.index(min(values)), values.index(max(values))
    name = console.one_line(trace.explained)
    lines = [
        f"probability of {name} after each step, 0 to {len(trace.steps) - 1}",
        sparkline(values, columns),
        f"{values[0]:.4f} at the start",
        f"{values[low]:.4f} at least, {_when(trace, low)}",
        f"{values[high]:.4f} at most, {_when(trace, high)}",
        f"{values[-1]:.4f} at the end",
    ]
    return "\n".join(lines)


def _when(trace: Trace, place: int) -> str:
    """Where a value of the curve stands, whose first one comes before any step."""
    if place == 0:
        return "at the start"
    step = trace.steps[place - 1]
    name = token_name(step.token).strip()
    return f"at step {step.number} {name}" if name else f"at step {step.number}"


def sparkline(values: Sequence[float], columns: int) -> str:
    """One character a value, from the lowest to the highest; neighbours share one when too many."""
    count = min(len(values), columns)
    ends = [(place + 1) * len(values) // count for place in range(count)]
    shown = [values[end - 1] for end in ends]
    low, span = min(values), max(values) - min(values)
    blocks = _blocks()
    if span < _FLAT:
        return blocks[3] * count
    top = len(blocks) - 1
    return "".join(blocks[round(top * (value - low) / span)] for value in shown)


def _blocks() -> str:
    """Digits where standard output cannot write block characters."""
    try:
        _BLOCKS.encode(sys.stdout.encoding or "utf-8")
    except (LookupError, UnicodeEncodeError):
        return _DIGITS
    return _BLOCKS


# --- The table -----------------------------------------------------------------------------------


def _table(trace: Trace) -> str:
    name = console.one_line(trace.explained)
    head = ["word", "step", "deletion", "gradients", "probability before -> after"]
    rows: list[list[str]] = []
    for sign, words in ((1, f"most for {name}"), (-1, f"most against {name}")):
        steps = trace.strongest(STRONGEST, sign=sign)
        rows.append([words if steps else f"no word {'for' if sign > 0 else 'against'} {name}"])
        rows += [_row(step) for step in steps]
    return table([head, *rows])


def _row(step: Step) -> list[str]:
    name = token_name(step.token).strip() or repr(step.token)
    weights = [
        "-" if weight is None else f"{weight:+.4f}" for weight in (step.deletion, step.gradients)
    ]
    moved = f"{step.before:.4f} -> {step.after:.4f}"
    return [f"  {name}", str(step.number), *weights, moved]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns by the width that characters have on a terminal; a row of one cell is a heading."""
    from rich.cells import cell_len

    full = [row for row in rows if len(row) > 1]
    widths = [max(cell_len(cell) for cell in column) for column in zip(*full, strict=True)]
    lines = []
    for row in rows:
        first = row[0] if len(row) == 1 else row[0] + " " * (widths[0] - cell_len(row[0]))
        others = [
            " " * (size - cell_len(cell)) + cell
            for cell, size in zip(row[1:], widths[1:], strict=False)
        ]
        lines.append("  ".join([first, *others]).rstrip())
    return "\n".join(lines)
