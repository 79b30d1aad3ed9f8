"""Tokenizers by name: how a text becomes tokens, and tokens a text again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import RecipeError
from unrolled.text import keras_words, words
from unrolled.text.characters import character_tokens
from unrolled.text.cuts import Cuts, cuts
from unrolled.text.ranking import rank_by_count, rank_words
from unrolled.text.subwords import Subwords


@dataclass(frozen=True)
class Tokenizer:
    """A pure function from a text to its tokens, and what goes with it.

    tokens: of a text; to cut a text in front of a space, tab or newline changes none of them.
    join: tokens to a text that has the same tokens again.
    rank: different tokens in order of first appearance, and their counts, to indices into them, the
    most frequent first.
    cuts: where else a text may be cut.
    """

    tokens: Callable[[str], list[str]]
    join: Callable[[Sequence[str]], str] = " ".join
    rank: Callable[[Sequence[str], NDArray[np.integer]], NDArray[np.int64]] = rank_by_count
    cuts: Cuts = field(default_factory=cuts)

    def __call__(self, text: str) -> list[str]:
        return self.tokens(text)


TOKENIZERS: Mapping[str, Tokenizer] = {
    "keras": Tokenizer(keras_words.keras_words, rank=rank_words, cuts=keras_words.CUTS),
    "words": Tokenizer(words.word_tokens, cuts=words.CUTS),
    "characters": Tokenizer(character_tokens, join="".join),
}
"""Those that need no training."""

NAMES = (*TOKENIZERS, "subwords")


def load_tokenizer(name: str, model: str | None = None) -> Tokenizer:
    """Find a tokenizer. model: the trained subwords as JSON, for "subwords" only."""
    if name not in NAMES:
        raise RecipeError(f"tokenizer {name!r} is unknown; known: {', '.join(NAMES)}")
    if (model is not None) != (name == "subwords"):
        use = "needs" if model is None else "has no use for"
        raise RecipeError(f"tokenizer {name!r} {use} a trained model")
    if model is None:
        return TOKENIZERS[name]
    subwords = Subwords(model)
    return Tokenizer(subwords.tokens, subwords.join)
