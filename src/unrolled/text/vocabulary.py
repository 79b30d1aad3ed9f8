"""Words and their ids; the only home of the padding, start, unknown and stop ids."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import DataError, InputError, ModelError, RecipeError
from unrolled.ragged import Ragged, Sequences
from unrolled.text.counting import Rows, count_ids, renumber, totals
from unrolled.text.encoder import Encoder, Numbering
from unrolled.text.subwords import Kind, Subwords, as_json, train
from unrolled.text.tokenizer import Tokenizer, load_tokenizer

PADDING = 0
START = 1
UNKNOWN = 2
INDEX_FROM = 3  # Keras' index_from: the word of rank 1 has id 4, and no word has id 3
STOP = INDEX_FROM  # what a decoder says when it is done; no text has it
FIRST_WORD = INDEX_FROM + 1
_ROWS = 1 << 12  # sequences that are copied at a time
_SPECIAL = {PADDING: "[padding]", START: "[start]"}


@dataclass(frozen=True, init=False)
class Vocabulary:
    """The words that have an id of their own, the most frequent first.

    words: in rank order, so that the word at index ``i`` has id ``i + 4``; tokens of any kind.
    counts: how often each occurred. num_words: ids from here on are unknown (None: no limit).
    different_words: how many there were before any limit.
    tokenizer: its name. model: what a tokenizer that is trained learnt, as JSON.
    """

    words: tuple[str, ...]
    counts: tuple[int, ...]
    num_words: int | None
    different_words: int
    tokenizer: str
    model: str | None

    def __init__(
        self,
        words: Sequence[str],
        counts: Sequence[int] | NDArray[np.integer],
        *,
        num_words: int | None = None,
        different_words: int | None = None,
        tokenizer: str = "keras",
        model: str | None = None,
    ) -> None:
        load_tokenizer(tokenizer, model)  # checks the name
        _check_num_words(num_words)
        if len(words) != len(counts):
            raise DataError(f"{len(words)} words and {len(counts)} counts; each word needs one")
        kept = len(words) if num_words is None else num_words - FIRST_WORD
        values = {
            "words": tuple(words[:kept]),
            "counts": tuple(int(count) for count in counts[:kept]),
            "num_words": num_words,
            "different_words": len(words) if different_words is None else different_words,
            "tokenizer": tokenizer,
            "model": model,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_texts(
        cls,
        texts: Iterable[str],
        tokenizer: str = "keras",
        num_words: int | None = None,
        min_count: int = 1,
    ) -> Vocabulary:
        """Count the words of texts; the more frequent a word, the smaller its id."""
        return cls.fit(texts, tokenizer=tokenizer, num_words=num_words, min_count=min_count)[0]

    @classmethod
    def fit(
        cls,
        texts: Iterable[str],
        *,
        tokenizer: str = "keras",
        num_words: int | None = None,
        min_count: int = 1,
        start: bool = True,
        subwords: Kind = "bpe",
        counted: Callable[[int], Rows] | None = None,
    ) -> tuple[Vocabulary, Ragged]:
        """``from_texts`` and ``encode_all`` of the same texts; each is read once and not kept.

        min_count: words that occur less often are unknown. subwords: how they are learnt, for which
        ``num_words`` must say how many, and the texts are read three times. counted: gives the rows
        whose words count, from the number of texts (all without it).
        """
        if min_count < 1:
            raise RecipeError(f"min_count = {min_count} must be at least 1")
        _check_num_words(num_words)
        model, numbering = None, Numbering(FIRST_WORD)
        if tokenizer == "subwords":
            learnt = _learn_subwords(texts, subwords, num_words, min_count, counted)
            numbering.update(zip(learnt.pieces, itertools.count(FIRST_WORD), strict=False))
            model, min_count = learnt.model, 0  # a piece may occur inside others only
        tokenize = load_tokenizer(tokenizer, model)
        encoded = Encoder(tokenize, numbering.__getitem__).encode_all(
            texts, START if start else None
        )
        rows = None if counted is None else counted(len(encoded))
        counts, places = count_ids(encoded, FIRST_WORD + len(numbering), rows)
        counts, places = counts[FIRST_WORD:], places[FIRST_WORD:]
        if not counts.any():
            raise DataError("the texts hold no word to learn from; check the column of texts")

        words = list(numbering)
        found = np.flatnonzero(counts >= min(min_count, 1))
        found = found[np.argsort(places[found], kind="stable")]
        ranked = found[tokenize.rank([words[index] for index in found], counts[found])]
        ranked = ranked[: np.count_nonzero(counts[ranked] >= min_count)]
        if not len(ranked):
            raise DataError(f"no word occurs min_count = {min_count} times; lower min_count")
        vocabulary = cls(
            [words[index] for index in ranked],
            counts[ranked],
            num_words=num_words,
            different_words=len(found),
            tokenizer=tokenizer,
            model=model,
        )
        renumber(encoded, _final_ids(ranked[: len(vocabulary.words)], len(words)))
        return vocabulary, encoded

    @property
    def size(self) -> int:
        """Number of rows that a network's table needs: every id is smaller."""
        return self.num_words or FIRST_WORD + len(self.words)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return load_tokenizer(self.tokenizer, self.model)

    @cached_property
    def _encoder(self) -> Encoder:
        ids = _Ids(zip(self.words, itertools.count(FIRST_WORD), strict=False))
        return Encoder(self._tokenizer, ids.__getitem__)

    def encode(self, text: str, start: bool = True) -> NDArray[np.int32]:
        """Ids of one text (tokens,), after the start id if ``start``."""
        ids = self._encoder.encode(text)
        return np.array([START, *ids] if start else ids, dtype=np.int32)

    def encode_all(self, texts: Iterable[str], start: bool = True) -> Ragged:
        """Ids of many texts, which may be read once and are not kept."""
        return self._encoder.encode_all(texts, START if start else None)

    def split(self, text: str) -> list[str]:
        """Tokens of a text as they stand in it, one for each id that ``encode`` gives a word."""
        return self._tokenizer.tokens(text)

    def tokens(self, ids: Iterable[int] | NDArray[np.integer]) -> list[str]:
        """Word of each id; "[padding]", "[start]" or "[unknown]" where there is none."""
        words, count = self.words, len(self.words)
        return [
            words[number - FIRST_WORD]
            if 0 <= number - FIRST_WORD < count
            else _SPECIAL.get(number, "[unknown]")
            for number in map(int, ids)
        ]

    def decode(self, ids: Iterable[int] | NDArray[np.integer]) -> str:
        """Text of ids; "?" for an unknown one, nothing for padding and start.

        To encode the text of known words gives their ids again.
        """
        words = []
        for number in ids:
            index = int(number) - FIRST_WORD
            if 0 <= index < len(self.words):
                words.append(self.words[index])
            elif number not in (PADDING, START):
                words.append("?")
        return self._tokenizer.join(words)

    def unknown_share(self, sequences: Sequences) -> NDArray[np.float32]:
        """Share of each sequence's words that are unknown (sequences,); 0 where there is none."""
        shares = np.zeros(len(sequences), dtype=np.float32)
        for first in range(0, len(sequences), _ROWS):
            rows = np.arange(first, min(first + _ROWS, len(sequences)))
            block = sequences.take(rows)
            words, unknown = totals(block, block.ids > START), totals(block, block.ids == UNKNOWN)
            shares[rows] = unknown / np.maximum(words, 1)
        return shares

    def to_dict(self) -> dict[str, Any]:
        """Everything ``from_dict`` needs, in types that JSON has."""
        model = {} if self.model is None else {"model": json.loads(self.model)}
        return {
            "tokenizer": self.tokenizer,
            **model,
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
                model=as_json(data["model"]) if "model" in data else None,
            )
        except (KeyError, TypeError, ValueError, InputError) as error:
            raise ModelError(
                f"the vocabulary is damaged ({type(error).__name__}: {error})"
            ) from error

    def __reduce__(self) -> tuple[Callable[[dict[str, Any]], Vocabulary], tuple[dict[str, Any]]]:
        """Pickle and copy what ``to_dict`` has, not what was remembered of texts."""
        return Vocabulary.from_dict, (self.to_dict(),)


class _Ids(dict[str, int]):
    """Ids of words."""

    def __missing__(self, word: str) -> int:
        return UNKNOWN


def _check_num_words(num_words: int | None) -> None:
    if num_words is not None and num_words <= FIRST_WORD:
        raise RecipeError(
            f"num_words = {num_words} leaves no word; ids 0 to 3 are reserved, so that it "
            f"must be at least {FIRST_WORD + 1}"
        )


def _final_ids(ranked: NDArray[np.int64], count: int) -> NDArray[np.int32]:
    """Id of each word that was numbered ``FIRST_WORD``, ... when it first appeared.

    ranked: indices of the words with an id of their own, out of ``count``, in the order of the ids.
    """
    ids = np.full(FIRST_WORD + count, UNKNOWN, dtype=np.int32)
    ids[:FIRST_WORD] = np.arange(FIRST_WORD)
    ids[FIRST_WORD + ranked] = np.arange(FIRST_WORD, FIRST_WORD + len(ranked))
    return ids


def _learn_subwords(
    texts: Iterable[str],
    kind: Kind,
    num_words: int | None,
    min_count: int,
    counted: Callable[[int], Rows] | None,
) -> Subwords:
    if num_words is None:
        raise RecipeError("subwords need a number of them: set num_words, to 8000 for example")
    if isinstance(texts, Iterator):
        raise InputError(
            "subwords read the texts more than once: give a list, not what can be read only once"
        )
    is_counted: Iterable[bool] = itertools.repeat(True)
    if counted is not None:
        number = len(texts) if isinstance(texts, Sized) else sum(1 for _ in texts)
        is_counted = np.isin(np.arange(number), counted(number)).tolist()
    return train(
        lambda: itertools.compress(texts, is_counted),
        kind=kind,
        size=num_words - FIRST_WORD,
        min_count=min_count,
    )
