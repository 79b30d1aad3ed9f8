"""Texts to the numbers of their tokens: a chunk of text that was seen before is not read again."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, pairwise
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from unrolled.ragged import Ragged
from unrolled.text.tokenizer import Tokenizer

_BATCH = 1 << 18  # characters that are read at a time
_FEW = 1 << 14  # characters for which the compiled table is not worth loading
_MOST_CHUNKS = 1 << 19  # that are remembered, unless one batch has more
_MOST_BYTES = 1 << 23


class Encoder:
    """Numbers of the tokens of texts. number_of: the number of a token.

    The memory is bounded, and several threads may use an encoder at once.
    """

    def __init__(self, tokenizer: Tokenizer, number_of: Callable[[str], int]) -> None:
        self._tokenizer = tokenizer
        self._number_of = number_of
        self._memory: _Memory | None = None
        self._lock = Lock()

    def encode(self, text: str) -> list[int]:
        """Numbers of one text."""
        return list(map(self._number_of, self._tokenizer.tokens(text)))

    def encode_all(self, texts: Iterable[str], first: int | None = None) -> Ragged:
        """Numbers of many texts, each after the number ``first``; every text is read once."""
        ids, ends = array("i"), array("q", [0])
        for batch in _batches(texts):
            if self._memory is None and sum(map(len, batch)) < _FEW:
                numbers = Ragged.from_lists(map(self.encode, batch))
            else:
                with self._lock:
                    numbers = self._encode_by_chunks(batch)
            if first is not None:
                numbers = with_first(numbers, first)
            ends.frombytes((numbers.offsets[1:] + len(ids)).tobytes())
            ids.frombytes(numbers.ids.tobytes())
        return Ragged(np.frombuffer(ids, dtype=np.int32), np.frombuffer(ends, dtype=np.int64))

    def _encode_by_chunks(self, texts: list[str]) -> Ragged:
        from unrolled.text.chunk_table import expand, find_chunks

        parts = [text.encode("utf-8", "surrogatepass") for text in texts]
        lengths = np.fromiter(map(len, parts), np.int64, len(parts))
        data = np.frombuffer(b"".join(parts), dtype=np.uint8)
        ends, counts = find_chunks(data, np.cumsum(lengths), self._tokenizer.cuts)
        # A memory that an interruption leaves half written is never put back.
        memory, self._memory = self._memory, None
        if memory is None or not memory.has_room(len(ends), len(data)):
            memory = _Memory(max(len(ends), _MOST_CHUNKS), max(len(data), _MOST_BYTES))
        chunks = memory.numbers(data, ends, self._learn)
        numbers = Ragged(*expand(chunks, counts, memory.ids, memory.starts))
        if memory.has_usual_size:
            self._memory = memory
        return numbers

    def _learn(self, chunks: Iterable[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Numbers of chunks end to end, and how many each has."""
        lists = list(map(self._tokenizer.tokens, chunks))
        counts = np.fromiter(map(len, lists), np.int64, len(lists))
        numbers = map(self._number_of, chain.from_iterable(lists))
        return np.fromiter(numbers, np.int32, counts.sum()), counts


class Numbering(dict[str, int]):
    """Numbers tokens ``first``, ``first + 1``, ... in order of first appearance."""

    def __init__(self, first: int) -> None:
        self.first = first

    def __missing__(self, token: str) -> int:
        number = self[token] = self.first + len(self)
        return number


def number_words(
    texts: Iterable[str], words_of: Callable[[str], list[str]]
) -> tuple[list[str], Ragged]:
    """Different words in order of first appearance, and each text as indices into them.

    words_of: a pure function to which it makes no difference whether a text is cut at a space.
    """
    numbering = Numbering(0)
    sequences = Encoder(Tokenizer(words_of), numbering.__getitem__).encode_all(texts)
    return list(numbering), sequences


class _Memory:
    """Chunks of texts, and the numbers of their tokens: ids[starts[i]:starts[i + 1]] of chunk i."""

    def __init__(self, most_chunks: int, most_bytes: int) -> None:
        from unrolled.text.chunk_table import empty_table

        self._table = empty_table(most_chunks, most_bytes)
        self._known = 0
        self.ids = np.empty(most_chunks, dtype=np.int32)
        self.starts = np.zeros(most_chunks + 1, dtype=np.int64)
        self.has_usual_size = most_chunks <= _MOST_CHUNKS and most_bytes <= _MOST_BYTES

    def has_room(self, chunks: int, size: int) -> bool:
        """Whether so many more chunks, of so many bytes together, can be remembered."""
        _, starts, characters = self._table
        is_wide_enough = starts[self._known] + size <= len(characters)
        return bool(is_wide_enough) and self._known + chunks < len(starts)

    def numbers(
        self,
        data: NDArray[np.uint8],
        ends: NDArray[np.int64],
        learn: Callable[[Iterable[str]], tuple[NDArray[np.int32], NDArray[np.int64]]],
    ) -> NDArray[np.int32]:
        """Number of each chunk (chunks,); ``learn`` gives the ids of those never seen before."""
        from unrolled.text.chunk_table import number_chunks

        before = self._known
        self._known, numbers = number_chunks(self._table, before, data, ends)
        ids, counts = learn(self._chunks(before))
        used = self.starts[before]
        if used + len(ids) > len(self.ids):
            self.ids = np.resize(self.ids, 2 * (used + len(ids)))
        self.ids[used : used + len(ids)] = ids
        self.starts[before + 1 : self._known + 1] = used + np.cumsum(counts)
        return numbers

    def _chunks(self, first: int) -> Iterator[str]:
        """Every chunk from number ``first`` on."""
        _, starts, characters = self._table
        data = characters[starts[first] : starts[self._known]].tobytes()
        places = pairwise((starts[first : self._known + 1] - starts[first]).tolist())
        if data.isascii():
            text = data.decode("ascii")
            return (text[start:end] for start, end in places)
        return (data[start:end].decode("utf-8", "surrogatepass") for start, end in places)


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


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts in order, some at a time."""
    batch, size = list[str](), 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
