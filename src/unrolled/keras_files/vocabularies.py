"""The words of a model that comes without them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unrolled.errors import InputError, ModelError
from unrolled.keras_files.documents import LONGEST_VOCABULARY, parsed, read_file
from unrolled.text.vocabulary import FIRST_WORD, INDEX_FROM, Vocabulary

KERAS_IMDB = "keras-imdb"


def read_vocabulary(source: str | Path, rows: int) -> Vocabulary:
    """The vocabulary of a network that knows ``rows`` ids; larger ids are unknown words.

    source: "keras-imdb", whose ids are those of ``keras.datasets.imdb.load_data``; or a file, the
    ``vocabulary.json`` of a model's folder or a word index as JSON, ``{word: rank}`` from 1 on,
    as ``keras.datasets.imdb.get_word_index`` gives it: the id is the rank + 3, where 1 is the
    start of a text and 2 an unknown word.
    Raises ModelError for a file that is neither, and DataError where the reviews are not there.
    """
    if rows <= FIRST_WORD:
        raise ModelError(
            f"the network knows {rows} ids, which leaves no word: ids 0 to {INDEX_FROM} are "
            "padding, start, unknown, and none"
        )
    if str(source) == KERAS_IMDB:
        from unrolled.datasets import imdb

        return imdb.vocabulary(rows)
    path = Path(source)
    try:
        return _within(_from_json(_file_bytes(path)), rows)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None


def checked_vocabulary(data: Mapping[str, Any]) -> Vocabulary:
    """From what ``Vocabulary.to_dict`` gave, every value of which has its kind.

    Raises ModelError.
    """
    words, counts, num_words = data.get("words"), data.get("counts"), data.get("num_words")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ModelError("the words of its vocabulary are no list of strings")
    if len(set(words)) != len(words):
        raise ModelError("a word is twice in its vocabulary")
    if not isinstance(counts, list) or not all(_is_count(number) for number in counts):
        raise ModelError("the counts of its vocabulary are no list of whole numbers")
    if num_words is not None and (not _is_count(num_words) or num_words <= FIRST_WORD):
        raise ModelError("num_words of its vocabulary is no number of words")
    if not _is_count(data.get("different_words")) or not isinstance(data.get("tokenizer"), str):
        raise ModelError("its vocabulary is damaged")
    vocabulary = Vocabulary.from_dict(data)
    if vocabulary.model is not None:
        vocabulary.encode("a text")  # what subwords learnt is read when it is needed, so now
    return vocabulary


def _from_json(data: bytes) -> Vocabulary:
    value = parsed(data, "the vocabulary", LONGEST_VOCABULARY)
    return checked_vocabulary(value) if isinstance(value.get("words"), list) else _index(value)


def _index(ranks: dict[str, Any]) -> Vocabulary:
    """From the rank of each word."""
    if not ranks or not all(_is_count(rank) for rank in ranks.values()):
        raise ModelError("is neither a vocabulary nor the rank, from 1 on, of each word")
    words = sorted(ranks, key=ranks.__getitem__)
    wrong = next((word for at, word in enumerate(words, 1) if ranks[word] != at), None)
    if wrong is not None:
        raise ModelError(
            f"the word {wrong[:40]!r} has rank {ranks[wrong]}, which leaves a gap or is another "
            "word's too; ranks go from 1 on"
        )
    return Vocabulary(words, [0] * len(words))


def _within(vocabulary: Vocabulary, rows: int) -> Vocabulary:
    """The same, with no id from ``rows`` on."""
    if vocabulary.size == rows:
        return vocabulary
    return Vocabulary(
        vocabulary.words,
        vocabulary.counts,
        num_words=rows,
        different_words=vocabulary.different_words,
        tokenizer=vocabulary.tokenizer,
        model=vocabulary.model,
    )


def _is_count(number: object) -> bool:
    return type(number) is int and 0 <= number < 2**53


def _file_bytes(path: Path) -> bytes:
    try:
        return read_file(path, LONGEST_VOCABULARY)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read: {error.strerror or error}; --vocabulary is {KERAS_IMDB} or "
            "a file of JSON"
        ) from None
