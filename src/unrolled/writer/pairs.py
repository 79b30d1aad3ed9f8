"""From encoded texts to what a writer reads and what it is to write, by the task."""

from __future__ import annotations

import numpy as np

from unrolled.engine.writing import nothing
from unrolled.ragged import Ragged, Sequences
from unrolled.recipe import Recipe, WritingRecipe, writing_of
from unrolled.text.counting import totals
from unrolled.text.sequences import cut, prepare
from unrolled.text.vocabulary import START, STOP
from unrolled.training.state import Paired


def pairs_of(recipe: Recipe, texts: Sequences, targets: Sequences | None) -> Paired:
    """Inputs, and targets that end with the stop token. targets: of the task seq2seq only."""
    writing = writing_of(recipe)
    read = read_of(recipe, texts)
    if targets is not None:
        return read, with_stop(targets.packed())
    target = with_stop(_target(writing, words_of(read.packed())))
    return (nothing(len(read)) if writing.task == "language-model" else read), target


def read_of(recipe: Recipe, texts: Sequences) -> Sequences:
    """Texts as they are read: cut, and an unknown word where there is none."""
    return prepare(texts, recipe.text.maxlen, "masked", recipe.text.keep)


def words_of(sequences: Ragged) -> Ragged:
    """Without the start token."""
    is_word = sequences.ids != START
    return Ragged(sequences.ids[is_word], _offsets(totals(sequences, is_word)))


def _target(writing: WritingRecipe, words: Ragged) -> Ragged:
    if writing.target == "tail":
        return cut(words, writing.tail_words, "tail")
    if writing.target == "reverse" or writing.direction == "backward":
        return backwards(words)
    return words


def backwards(sequences: Ragged) -> Ragged:
    """The last id of each sequence first."""
    mirrors = np.repeat(sequences.starts + sequences.ends - 1, sequences.lengths)
    return Ragged(sequences.ids[mirrors - np.arange(len(sequences.ids))], sequences.offsets)


def with_stop(sequences: Ragged) -> Ragged:
    """The stop token behind each sequence."""
    ids = np.insert(sequences.ids, sequences.ends, STOP)
    return Ragged(ids, sequences.offsets + np.arange(len(sequences) + 1))


def with_start(sequences: Ragged) -> Ragged:
    """The start token in front of each sequence."""
    ids = np.insert(sequences.ids, sequences.starts, START)
    return Ragged(ids, sequences.offsets + np.arange(len(sequences) + 1))


def _offsets(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
