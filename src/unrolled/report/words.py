"""Numbers and texts as a page writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LONGEST = 200
"""Of a longer word, a page shows this many characters."""

NONE = "\N{EN DASH}"

# What HTML cannot hold (lone surrogates, control characters) or what turns the text around.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def whole(number: int) -> str:
    """25,000."""
    return f"{number:,}"


def four(number: float) -> str:
    """0.5512."""
    return f"{number:.4f}"


def three(number: float) -> str:
    """0.551."""
    return f"{number:.3f}"


def percent(share: float) -> str:
    """73.2%."""
    return f"{share:.1%}"


def signed(number: float) -> str:
    """+0.0312, or \N{MINUS SIGN}0.0312 with a sign that is as wide."""
    return f"{number:+.4f}".replace("-", "\N{MINUS SIGN}")


def duration(seconds: float) -> str:
    """Seconds with about three digits: 0.0310, 1.25, 24, 1,234."""
    if seconds >= 100:
        return f"{seconds:,.0f}"
    return f"{seconds:.3g}" if seconds >= 10 else f"{seconds:#.3g}"


def sure(probability: float) -> str:
    """Write a percentage that does not claim certainty: 99.97 %, not 100 %."""
    for digits in range(1, 6):
        text = f"{probability:.{digits}%}"
        if not text.startswith("100"):
            return text
    return "100%"


def shortened(word: str) -> str:
    """A word that fits into a line; one that is a line break or so is made visible."""
    if word.isspace() and set(word) != {" "}:
        return "\N{SYMBOL FOR NEWLINE}"
    return word if len(word) <= LONGEST else f"{word[:LONGEST]}\N{HORIZONTAL ELLIPSIS}"


def cut(text: str, longest: int) -> str:
    """The beginning of a text that is too long for its place."""
    return text if len(text) <= longest else f"{text[:longest].rstrip()} \N{HORIZONTAL ELLIPSIS}"


def settings_rows(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Rows of "training.epochs" and its value."""
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            rows += settings_rows(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", "none" if value is None else str(value)))
    return rows


def printable(text: str) -> str:
    """Put the replacement character in place of what a page cannot hold."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
