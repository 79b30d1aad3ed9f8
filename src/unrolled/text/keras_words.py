"""Words as Keras finds them: small letters between spaces."""

from __future__ import annotations

import string

from unrolled.text.cuts import cuts

SEPARATORS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_SPACES = str.maketrans(SEPARATORS, " " * len(SEPARATORS))
_SPACES_AND_SMALL_LETTERS = _SPACES | str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

_PUNCTUATION = SEPARATORS.strip()
_OTHERS = "".join(set(map(chr, range(128))) - {*SEPARATORS, " "})
CUTS = cuts((_OTHERS, _PUNCTUATION), (_PUNCTUATION, _OTHERS))


def keras_words(text: str) -> list[str]:
    """Words of a text as Keras' ``text_to_word_sequence`` finds them.

    Everything in small letters; punctuation (but not the apostrophe), tab and newline become
    spaces; split on the space only, so that other white space stays inside words.
    """
    word = text.strip(" ")
    if word.isalnum():  # most chunks that an encoder has not seen
        return [word.lower()]
    return [word for word in text.lower().translate(_SPACES).split(" ") if word]


def keras_index_words(text: str) -> list[str]:
    """Words of a text as Keras' own index of the IMDB reviews has them.

    It was made from byte strings, of which only the letters A to Z become small: "AmÉlie" is
    "amÉlie". 21 words of the 88,584 differ from ``keras_words``.
    """
    return [word for word in text.translate(_SPACES_AND_SMALL_LETTERS).split(" ") if word]
