"""Words, feelings and emoji of a text in any script.

A token is one of these, after Unicode's canonical composition (NFC) and in small letters:

- a word: letters, marks and digits of any script, apostrophes inside it: "don't", "영화", "हिन्दी";
- one character of a script that is written without spaces between words: 映, 画, が, よ;
- Korean letters outside of syllables, which laugh and cry: ㅋㅋㅋ, ㅠㅠ;
- a mark that carries feeling: ``! ?`` and their relatives in other scripts, ``~``; two or more full
  stops, or an ellipsis, are the token "...";
- an emoticon: ``:) :-( <3 ^^ t_t``;
- an emoji or another symbol, with its skin tone, variation, joined and flag parts:
  👍🏽 👨‍👩‍👧 🇰🇷 ★.

All else is left out: other punctuation, white space, HTML line breaks. Thai, Lao, Khmer and Burmese
have no spaces either, and no rule finds their words: read those by characters or subwords.
"""

from __future__ import annotations

import re
import string
from unicodedata import category, normalize

from unrolled.text.cuts import cuts

_UNUSUAL = re.compile(r"[:;=<>^_]|\.\.")
_ASCII = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*|[!?~]")
_BREAK = re.compile(r"</?br(?!\w)")
_EMOTICON = re.compile(
    r"""( (?<!\w)[:;=][-'o^]?(?:[dpx3]|/(?!/))(?!\w)   # :d ;p :-3 :/
        | [:;=][-'^]?[()\[\]|*]+                       # :) :-(( =] :'( :*
        | (?<!\w)[(]+[-'^]?[:;=](?![\w)])              # (: (-;
        | </?3(?!\w)                                   # <3 </3
        | \^[-_.]?\^ | >_+< | -_+- | ;_;
        | (?<!\w)(?:t_+t|o_+o|u_+u)(?!\w) )""",
    re.VERBOSE,
)

# No emoticon is cut, nor seen only because of a cut.
_LETTERS = string.ascii_letters + string.digits
CUTS = cuts(
    (_LETTERS, '.,!?")-/*<>%$&]'),
    ('"(.,!?)*>$%&[', _LETTERS),
    ('".,!?)>', "<"),
)

# A token is a pattern of kinds of characters: w letter or digit, m mark, c word of its own,
# h Korean letter, f feeling, . and … dots, e emoji, s skin tone, r half of a flag, t letter of a
# flag's name, v variation, k keycap, j joiner, ' and # themselves.
_PART = "w(?!vk)(?:w(?!vk)|[mvk]|j(?=w))*"
_TOKEN = re.compile(
    r"(?P<keycap>[w#]vk)"
    rf"|(?P<word>{_PART}(?:'{_PART})*)"
    r"|(?P<character>c[mv]*)"
    r"|(?P<letters>h+)"
    r"|(?P<feeling>f)"
    r"|(?P<dots>[.…]*…[.…]*|\.\.+)"
    r"|(?P<flag>rr)"
    r"|(?P<emoji>[esr][svmkt]*(?:j[ew][svmkt]*)*)"
)
_FEELINGS = "!?~¡¿‼‽⁇⁈⁉！？～〜﹖﹗؟՜՞፧⸘⸮"
_KINDS_BY_CHARACTER = (
    dict.fromkeys("'", "'")
    | dict.fromkeys(".．。｡・･", ".")
    | dict.fromkeys("…‥⋯", "…")
    | dict.fromkeys(_FEELINGS, "f")
    | dict.fromkeys("#*", "#")
    | dict.fromkeys("\ufe0e\ufe0f", "v")
    | dict.fromkeys("\u20e3", "k")
    | dict.fromkeys("\u200c\u200d", "j")
    | dict.fromkeys("↔◻◼◽◾", "e")
)
_WITHOUT_SPACES = (
    (0x3005, 0x3007),  # 々〆〇
    (0x3021, 0x3029),  # Suzhou numerals
    (0x3031, 0x303C),  # repetition marks
    (0x3041, 0x3096),  # Hiragana
    (0x309D, 0x309F),
    (0x30A1, 0x30FA),  # Katakana
    (0x30FC, 0x312F),  # Katakana, Bopomofo
    (0x31A0, 0x31BF),  # Bopomofo
    (0x31F0, 0x31FF),  # Katakana
    (0x3400, 0x4DBF),  # ideographs
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),  # Katakana of half width
    (0x1AFF0, 0x1B16F),  # Kana
    (0x20000, 0x3FFFF),  # ideographs
)
# ’ is how many type an apostrophe; soft hyphens and marks of direction are invisible.
_SAME = str.maketrans("’＇", "''", "\u00ad\u200e\u200f\u2060\ufeff")


class _Kinds(dict[int, str]):
    """Kind of each character, by its code point; found when it is first met."""

    def __missing__(self, code: int) -> str:
        found = self[code] = kind(chr(code))
        return found


def word_tokens(text: str) -> list[str]:
    """Tokens of a text."""
    text = _folded(text)
    if text.isascii():
        word = text.strip()
        if word.isalnum():  # most chunks that an encoder has not seen
            return [word]
        if not _UNUSUAL.search(text):
            return _ASCII.findall(text)
    if "<" in text:
        text = _BREAK.sub(" ", text)
    tokens: list[str] = []
    for index, piece in enumerate(_EMOTICON.split(text)):
        if index % 2:
            tokens.append(piece)
        else:
            tokens += _tokens_by_kind(piece)
    return tokens


def _folded(text: str) -> str:
    """Small letters; texts that Unicode calls canonically equivalent become the same text."""
    if text.isascii():
        return text.lower()
    return normalize("NFC", text.translate(_SAME).lower())


def _tokens_by_kind(text: str) -> list[str]:
    kinds = text.translate(_KINDS)
    return [
        "..." if match.lastgroup == "dots" else text[match.start() : match.end()]
        for match in _TOKEN.finditer(kinds)
    ]


def kind(character: str) -> str:
    """Kind of a character: "-" when it is left out."""
    code = ord(character)
    if character in _KINDS_BY_CHARACTER:
        return _KINDS_BY_CHARACTER[character]
    if 0x1F1E6 <= code <= 0x1F1FF:
        return "r"
    if 0x1F3FB <= code <= 0x1F3FF:
        return "s"
    if 0xE0020 <= code <= 0xE007F:
        return "t"
    if 0x3131 <= code <= 0x318E:
        return "h"
    if any(first <= code <= last for first, last in _WITHOUT_SPACES):
        return "c"
    major = category(character)
    if major[0] == "M":
        return "m"
    if character.isalnum():
        return "w"
    is_new_emoji = major == "Cn" and 0x1F000 <= code <= 0x1FAFF
    return "e" if major == "So" or is_new_emoji else "-"


_KINDS = _Kinds()
