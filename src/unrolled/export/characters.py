"""What this Python knows of characters, as a page needs it to read a text as Python does.

A browser's Unicode is another version's. Tables are runs of code points from 0 on: "1n-" says that
the next 1n characters (59, written in base 36) have the sign "-".
"""

from __future__ import annotations

import string
import sys
from collections.abc import Callable, Iterable
from functools import cache
from itertools import groupby
from unicodedata import category

from unrolled.text.words import kind

_DIGITS = string.digits + string.ascii_lowercase


@cache
def assigned() -> str:
    """The characters that this Python knows ("+"): no other is a letter or combines ("-")."""
    return _runs(lambda character: "-" if category(character) == "Cn" else "+")


@cache
def kinds() -> str:
    """The kind of every character for the tokenizer "words"; "C" for a "c" that is no letter."""

    def sign(character: str) -> str:
        found = kind(character)
        return "C" if found == "c" and not character.isalnum() else found

    return _runs(sign)


def tables(tokenizers: Iterable[str]) -> dict[str, str]:
    """What models with these tokenizers need, by name."""
    of_words = {"kinds": kinds()} if "words" in tokenizers else {}
    return {"assigned": assigned(), **of_words}


def _runs(sign: Callable[[str], str]) -> str:
    signs = map(sign, map(chr, range(sys.maxunicode + 1)))
    return " ".join(f"{_in_base_36(sum(1 for _ in run))}{one}" for one, run in groupby(signs))


def _in_base_36(number: int) -> str:
    written = ""
    while number:
        number, digit = divmod(number, 36)
        written = _DIGITS[digit] + written
    return written
