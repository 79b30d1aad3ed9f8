"""Words and their ids; the only home of the padding, start and unknown ids."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import DataError, InputError, ModelError, RecipeError
from unrolled.ragged import Ragged
from unrolled.text.ranking import rank_words
from unrolled.text.tokenizer import TOKENIZERS

PADDING = 0
START = 1
UNKNOWN = 2
INDEX_FROM = 3  # Keras' index_from: the word of rank 1 has id 4, and no word has id 3
FIRST_WORD = INDEX_FROM + 1


@dataclass(frozen=True, init=False)
class Vocabulary:
    """The words that have an id of their own, the most frequent first.

    words: in rank order, so that the word at index ``i`` has id ``i + 4``.
    counts: how often each occurred. num_words: ids from here on are unknown (None: no limit).
    different_words: how many there were before the limit.
    """

    words: tuple[str, ...]
    counts: tuple[int, ...]
    num_words: int | None
    different_words: int
    tokenizer: str

    def __init__(
        self,
        words: Sequence[str],
        counts: Sequence[int] | NDArray[np.integer],
        *,
        num_words: int | None = None,
        different_words: int | None = None,
        tokenizer: str = "keras",
    ) -> None:
        if tokenizer not in TOKENIZERS:
            raise RecipeError(f"tokenizer {tokenizer!r} is unknown; known: {', '.join(TOKENIZERS)}")
        if num_words is not None and num_words <= FIRST_WORD:
            raise RecipeError(
                f"num_words = {num_words} leaves no word; ids 0 to 3 are reserved, so that it "
                f"must be at least {FIRST_WORD + 1}"
            )
        if len(words) != len(counts):
            raise DataError(f"{len(words)} words and {len(counts)} counts; each word needs one")
        kept = len(words) if num_words is None else num_words - FIRST_WORD
        values = {
            "words": tuple(words[:kept]),
            "counts": tuple(int(count) for count in counts[:kept]),
            "num_words": num_words,
            "different_words": len(words) if different_words is None else different_words,
            "tokenizer": tokenizer,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_texts(
        cls, texts: Iterable[str], tokenizer: str = "keras", num_words: int | None = None
    ) -> Vocabulary:
        """Count the words of texts; the more frequent a word, the smaller its id."""
        return cls.fit(texts, tokenizer=tokenizer, num_words=num_words)[0]

    @classmethod
    def fit(
        cls,
        texts: Iterable[str],
        *,
        tokenizer: str = "keras",
        num_words: int | None = None,
        start: bool = True,
    ) -> tuple[Vocabulary, Ragged]:
        """``from_texts`` and ``encode_all`` of the same texts, reading each only once."""
        empty = cls((), (), num_words=num_words, tokenizer=tokenizer)  # checks the settings
        words, numbers = number_words(texts, TOKENIZERS[empty.tokenizer])
        if not words:
            raise DataError("the texts hold no word to learn from; check the column of texts")
        counts = np.bincount(numbers.ids, minlength=len(words))
        ranked = rank_words(words, counts)
        vocabulary = cls(
            [words[index] for index in ranked],
            counts[ranked],
            num_words=num_words,
            tokenizer=tokenizer,
        )
        ids = np.full(len(words), UNKNOWN, dtype=np.int32)
        kept = ranked[: len(vocabulary.words)]
        ids[kept] = np.arange(FIRST_WORD, FIRST_WORD + len(kept))
        encoded = Ragged(ids[numbers.ids], numbers.offsets)
        return vocabulary, with_first(encoded, START) if start else encoded

    @property
    def size(self) -> int:
        """Number of rows that a network's table needs: every id is smaller."""
        return self.num_words or FIRST_WORD + len(self.words)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: index for index, word in enumerate(self.words, start=FIRST_WORD)}

    def encode(self, text: str, start: bool = True) -> NDArray[np.int32]:
        """Ids of one text (tokens,), after the start id if ``start``."""
        get = self._ids.get
        ids = [get(word, UNKNOWN) for word in TOKENIZERS[self.tokenizer](text)]
        return np.array([START, *ids] if start else ids, dtype=np.int32)

    def encode_all(self, texts: Iterable[str], start: bool = True) -> Ragged:
        """Ids of many texts."""
        return Ragged.from_lists(self.encode(text, start) for text in texts)

    def decode(self, ids: Iterable[int] | NDArray[np.integer]) -> str:
        """Words of ids with spaces between; "?" for an unknown one, nothing for padding, start."""
        words = []
        for number in ids:
            index = int(number) - FIRST_WORD
            if 0 <= index < len(self.words):
                words.append(self.words[index])
            elif number not in (PADDING, START):
                words.append("?")
        return " ".join(words)

    def to_dict(self) -> dict[str, Any]:
        """Everything ``from_dict`` needs, in types that JSON has."""
        return {
            "tokenizer": self.tokenizer,
            "num_words": self.num_words,
            "different_words": self.different_words,
            "words": list(self.words),
            "counts": list(self.counts),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Vocabulary:
        """Rebuild the vocabulary that ``to_dict`` described; ModelError when it is damaged."""
        try:
            return cls(
                data["words"],
                data["counts"],
                num_words=data["num_words"],
                different_words=data["different_words"],
                tokenizer=data["tokenizer"],
            )
        except (KeyError, TypeError, ValueError, InputError) as error:
            raise ModelError(
                f"the vocabulary is damaged ({type(error).__name__}: {error})"
            ) from error


class _Numbering(dict[str, int]):
    """Numbers words 0, 1, 2, ... in order of first appearance."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


def number_words(
    texts: Iterable[str], words_of: Callable[[str], list[str]]
) -> tuple[list[str], Ragged]:
    """Different words in order of first appearance, and each text as indices into them."""
    numbering = _Numbering()
    ids, ends = array("i"), array("q", [0])
    for text in texts:
        ids.extend(map(numbering.__getitem__, words_of(text)))
        ends.append(len(ids))
    sequences = Ragged(np.array(ids, dtype=np.int32), np.array(ends, dtype=np.int64))
    return list(numbering), sequences


def with_first(sequences: Ragged, first: int) -> Ragged:
    """Put one id more at the front of each sequence."""
    count = len(sequences)
    offsets = sequences.offsets + np.arange(count + 1)
    ids = np.empty(len(sequences.ids) + count, dtype=np.int32)
    is_first = np.zeros(len(ids), dtype=np.bool_)
    is_first[offsets[:-1]] = True
    ids[is_first] = first
    ids[~is_first] = sequences.ids
    return Ragged(ids, offsets)
