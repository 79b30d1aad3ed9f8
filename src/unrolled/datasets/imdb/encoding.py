"""Reviews as ranks of words, in Keras' own index, and from there to Keras' ids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.datasets.imdb.reviews import Reviews
from unrolled.ragged import Ragged
from unrolled.text.encoder import number_words, with_first
from unrolled.text.keras_words import keras_index_words
from unrolled.text.ranking import rank_words


@dataclass(frozen=True)
class Encoded:
    """The reviews of one split in canonical order: ``ranks`` from 1 on, the frequent words first.

    shuffled_before: how many reviews ``load_data`` shuffles with the same generator before these.
    """

    ranks: Ragged
    labels: NDArray[np.int64]
    shuffled_before: int


@dataclass(frozen=True)
class WordIndex:
    """The words of the training reviews in rank order, and how often each occurs."""

    words: list[str]
    counts: NDArray[np.int64]

    @property
    def ranks(self) -> dict[str, int]:
        """Rank of each word, from 1."""
        return {word: rank for rank, word in enumerate(self.words, start=1)}


def encode_training(reviews: Reviews) -> tuple[Encoded, WordIndex]:
    """Rank the words of the training reviews, and write the reviews in ranks."""
    words, numbers = number_words(reviews.texts, keras_index_words)
    counts = np.bincount(numbers.ids, minlength=len(words))
    ranked = rank_words(words, counts)
    ranks = np.empty(len(words), dtype=np.int32)
    ranks[ranked] = np.arange(1, len(words) + 1)
    encoded = Encoded(Ragged(ranks[numbers.ids], numbers.offsets), reviews.labels, 0)
    return encoded, WordIndex([words[index] for index in ranked], counts[ranked].astype(np.int64))


def encode_test(reviews: Reviews, index: WordIndex, *, shuffled_before: int) -> Encoded:
    """Write the test reviews in ranks; words that no training review has are left out."""
    get = index.ranks.get
    ranks = Ragged.from_lists(
        [rank for word in keras_index_words(text) if (rank := get(word))] for text in reviews.texts
    )
    return Encoded(ranks, reviews.labels, shuffled_before)


def row_order(count: int, *, shuffled_before: int, seed: int | None) -> NDArray[np.int64]:
    """Canonical row of each review that ``load_data`` returns; None: in canonical order."""
    if seed is None:
        return np.arange(count)
    generator = np.random.RandomState(seed)
    generator.shuffle(np.arange(shuffled_before))  # Keras shuffles the training reviews first
    order = np.arange(count)
    generator.shuffle(order)
    return order


def keras_ids(ranks: Ragged, *, start_char: int | None, index_from: int) -> Ragged:
    """Ranks moved up by ``index_from``, after the start id."""
    ids = Ragged(ranks.ids + np.int32(index_from), ranks.offsets)
    return ids if start_char is None else with_first(ids, start_char)


def shorter_than(
    maxlen: int | None, sequences: Ragged, labels: NDArray[np.int64]
) -> tuple[Ragged, NDArray[np.int64]]:
    """Keep the reviews with fewer than ``maxlen`` ids, as Keras does."""
    if not maxlen:
        return sequences, labels
    kept = np.flatnonzero(sequences.lengths < maxlen)
    return sequences.take(kept), labels[kept]


def within(sequences: Ragged, *, skip_top: int, limit: int | None, oov_char: int | None) -> Ragged:
    """Ids below ``skip_top`` or from ``limit`` on become ``oov_char``; None: are left out."""
    is_kept = sequences.ids >= skip_top
    if limit is not None:
        is_kept &= sequences.ids < limit
    if oov_char is not None:
        return Ragged(np.where(is_kept, sequences.ids, np.int32(oov_char)), sequences.offsets)
    kept_before = np.concatenate([np.zeros(1, np.int64), np.cumsum(is_kept)])
    return Ragged(sequences.ids[is_kept], kept_before[sequences.offsets])
