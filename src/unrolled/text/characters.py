"""Every character of a text, spaces and line breaks too."""

from __future__ import annotations

from unicodedata import normalize


def character_tokens(text: str) -> list[str]:
    """Code points of a text, after Unicode's canonical composition (NFC).

    Nothing is left out or changed to small letters. "é" is one token however it was typed; an emoji
    of several code points, such as a flag, is several tokens.
    """
    return list(normalize("NFC", text))
