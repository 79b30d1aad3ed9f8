"""Words in order of frequency, equally frequent ones as in Keras' own index of the IMDB reviews.

Keras ranked the words with a stable sort of a dictionary of Python 2 (64 bits), so that words of
one frequency stand in the order of that dictionary's slots. The order is a plain function of the
words and of their order of first appearance: with it, all 88,584 ids are those of Keras.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_WORD = (1 << 64) - 1  # arithmetic modulo 2**64
_EMPTY = -1


def rank_words(words: Sequence[str], counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Sort words by frequency: indices into ``words``, the most frequent first.

    words: different words in order of first appearance; counts: how often each occurs.
    """
    order = np.array(dictionary_order(words), dtype=np.int64)
    return order[np.argsort(-counts[order], kind="stable")]


def rank_by_count(words: Sequence[str], counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Sort words as ``rank_words`` does, but equally frequent ones stay in order."""
    return np.argsort(-counts, kind="stable")


def dictionary_order(words: Sequence[str]) -> list[int]:
    """Sort as a Python 2 dictionary does that is filled with ``words`` one by one: indices.

    Open addressing in a table of a power of two, which grows when two thirds are full: to more
    than four times the entries, from 50,000 on to more than twice (``Objects/dictobject.c``).
    """
    hashes = [_hash(word.encode("utf-8", "surrogatepass")) for word in words]
    table = [_EMPTY] * 8
    for index in range(len(words)):
        _insert(table, hashes, index)
        used = index + 1
        if used * 3 >= len(table) * 2:
            least = used * (2 if used > 50_000 else 4)
            old, table = table, [_EMPTY] * (1 << least.bit_length())
            for entry in old:
                if entry != _EMPTY:
                    _insert(table, hashes, entry)
    return [entry for entry in table if entry != _EMPTY]


def _hash(data: bytes) -> int:
    """Hash of a byte string in Python 2 (``string_hash``), as an unsigned number."""
    if not data:
        return 0
    value = data[0] << 7
    for byte in data:
        value = ((1_000_003 * value) ^ byte) & _WORD
    value ^= len(data)
    return value if value != _WORD else _WORD - 1  # -1 is kept for errors


def _insert(table: list[int], hashes: list[int], index: int) -> None:
    """Put an entry into the first free slot of its probing sequence."""
    mask = len(table) - 1
    slot = perturbation = hashes[index]
    while table[slot & mask] != _EMPTY:
        slot = slot * 5 + perturbation + 1
        perturbation >>= 5
    table[slot & mask] = index
