"""Signs of a text that was damaged on its way: lost, misread and invisible characters."""

from __future__ import annotations

import re

REPLACED, MISREAD, CONTROL, WINDOWS = 1, 2, 4, 8  # flags of a text
FLAGS = (REPLACED, MISREAD, CONTROL, WINDOWS)
_AROUND = 12  # characters shown on each side of a damaged place

_CONTROL_BYTES = bytes({*range(32), 127} - set(b"\t\n\v\f\r"))
# A later byte of a character in UTF-8, read as Latin-1 or as Windows-1252.
_NEXT = f"[\x80-\xbf{bytes(range(0x80, 0xC0)).decode('cp1252', 'ignore')}]"
_QUOTE = f"[\x80\x82-\x84{bytes([0x80, 0x82, 0x83, 0x84]).decode('cp1252')}]"

_SIGNS = {
    REPLACED: re.compile("\ufffd"),
    MISREAD: re.compile(
        f"[ÃÂ]{_NEXT}|â{_QUOTE}{_NEXT}|ð[\x9fŸ]{_NEXT}|"
        f"(?:[ÐÑ]{_NEXT}){{2}}|(?:[à-ï]{_NEXT}{{2}}){{2}}"
    ),
    CONTROL: re.compile("[\0-\x08\x0e-\x1f\x7f\ufeff]"),
    WINDOWS: re.compile("[\x80-\x9f]"),
}


def flags_of(text: str, data: bytes) -> int:
    """Which kinds of damage a text shows, as a sum of FLAGS; ``data`` is the text in UTF-8."""
    if text.isascii():
        return 0 if len(data.translate(None, _CONTROL_BYTES)) == len(data) else CONTROL
    flags = sum(flag for flag, sign in _SIGNS.items() if sign.search(text))
    return flags & ~WINDOWS if flags & MISREAD else flags  # of a misread text, it is a part


def around(text: str, flag: int) -> str:
    """The first damaged place of that kind, in quotes, with some of the text on both sides."""
    found = _SIGNS[flag].search(text)
    start, end = found.span() if found else (0, 0)
    first, last = max(0, start - _AROUND), min(len(text), end + _AROUND)
    return repr("…" * (first > 0) + text[first:last] + "…" * (last < len(text)))
