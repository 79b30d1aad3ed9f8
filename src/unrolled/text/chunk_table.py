"""The chunks of texts, numbered by a compiled hash table: most of a text was seen before.

Only new chunks need a tokenizer. Compiled by Numba when first used, and kept on disk; a dictionary
of Python takes three times as long, which first makes a string of every chunk.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

_OFFSET_BASIS = np.uint64(0xCBF29CE484222325)  # of the hash FNV-1a
_PRIME = np.uint64(0x100000001B3)
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_SPACE, _TAB, _NEWLINE = 32, 9, 10
_ASCII = 128


class ChunkTable(NamedTuple):
    """Open addressing; chunk ``i`` is ``characters[starts[i]:starts[i + 1]]``, in UTF-8.

    slots: a power of two of them, at most half of them taken; 0 when free, else the number of the
    chunk plus 1 in the low half and the high half of the chunk's hash. starts (most chunks + 1,).
    """

    slots: NDArray[np.uint64]
    starts: NDArray[np.int64]
    characters: NDArray[np.uint8]


def empty_table(most_chunks: int, most_bytes: int) -> ChunkTable:
    """Room for so many chunks, of so many bytes together."""
    return ChunkTable(
        slots=np.zeros(1 << (2 * most_chunks - 1).bit_length(), dtype=np.uint64),
        starts=np.zeros(most_chunks + 1, dtype=np.int64),
        characters=np.empty(most_bytes, dtype=np.uint8),
    )


@njit(nogil=True, cache=True)
def find_chunks(
    data: NDArray[np.uint8], text_ends: NDArray[np.int64], cuts: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each chunk ends in ``data`` (chunks,), and how many end with each text (texts,).

    data: the texts' bytes end to end; text ``i`` ends before text_ends[i].
    A chunk ends in front of a space, tab or newline, which is then the first character of the next.
    What is only ASCII between two of these also ends where cuts (128, 128) is true for the
    characters on both sides.
    """
    ends = np.empty(len(data), dtype=np.int64)
    counts = np.empty(len(text_ends), dtype=np.int64)
    found = at = 0
    for text, text_end in enumerate(text_ends):
        while at < text_end:
            first, every = at, data[at]
            at += 1
            while at < text_end:
                byte = data[at]
                if byte in (_SPACE, _NEWLINE, _TAB):
                    break
                every |= byte
                at += 1
            if every < _ASCII:
                for i in range(first + 1, at):
                    if cuts[data[i - 1], data[i]]:
                        ends[found] = i
                        found += 1
            ends[found] = at
            found += 1
        counts[text] = found
    return ends[:found], counts


@njit(nogil=True, cache=True)
def number_chunks(
    table: Any, known: int, data: NDArray[np.uint8], ends: NDArray[np.int64]
) -> tuple[int, NDArray[np.int32]]:
    """Number chunks (chunks,), new ones from ``known`` on; also how many are known then."""
    slots = table[0]
    mask = np.uint64(len(slots) - 1)
    numbers = np.empty(len(ends), dtype=np.int32)
    first = 0
    for chunk, end in enumerate(ends):
        value = _OFFSET_BASIS
        for i in range(first, end):
            value = (value ^ np.uint64(data[i])) * _PRIME
        slot = (value ^ (value >> _HALF)) & mask
        while True:
            entry = slots[slot]
            if entry == 0:
                _store(table, known, data, first, end)
                slots[slot] = (value & ~_LOW) | np.uint64(known + 1)
                numbers[chunk] = known
                known += 1
                break
            number = np.int64(entry & _LOW) - 1
            if (entry ^ value) >> _HALF == 0 and _is(table, number, data, first, end):
                numbers[chunk] = number
                break
            slot = (slot + np.uint64(1)) & mask
        first = end
    return known, numbers


@njit(nogil=True, cache=True)
def _store(table: Any, number: Any, data: NDArray[np.uint8], first: int, end: int) -> None:
    """Remember data[first:end] as the chunk ``number``."""
    _, starts, characters = table
    shift = starts[number] - first
    for i in range(first, end):
        characters[i + shift] = data[i]
    starts[number + 1] = end + shift


@njit(nogil=True, cache=True)
def _is(table: Any, number: Any, data: NDArray[np.uint8], first: int, end: int) -> bool:
    """Whether data[first:end] is the chunk ``number``."""
    _, starts, characters = table
    shift = starts[number] - first
    if starts[number + 1] != end + shift:
        return False
    i = first
    while i < end and characters[i + shift] == data[i]:
        i += 1
    return i == end


@njit(nogil=True, cache=True)
def expand(
    numbers: NDArray[np.int32],
    counts: NDArray[np.int64],
    ids: NDArray[np.int32],
    starts: NDArray[np.int64],
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Ids of texts end to end (ids,), and where each text starts and ends there (texts + 1,).

    numbers: of the texts' chunks; counts: as from ``find_chunks``. Chunk ``i`` stands for the ids
    ids[starts[i]:starts[i + 1]].
    """
    total = 0
    for number in numbers:
        total += starts[number + 1] - starts[number]
    expanded = np.empty(total, dtype=np.int32)
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    chunk = at = 0
    for text, count in enumerate(counts):
        while chunk < count:
            number = numbers[chunk]
            for i in range(starts[number], starts[number + 1]):
                expanded[at] = ids[i]
                at += 1
            chunk += 1
        offsets[text + 1] = at
    return expanded, offsets
