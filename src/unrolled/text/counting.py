"""Counting and renumbering the tokens of many texts, a block at a time.

Ids take 4 bytes a token; a second array as long, or a wider one, would double that.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unrolled.ragged import Ragged

Rows = NDArray[np.integer]

_BLOCK = 1 << 20  # ids
_ROWS = 1 << 12  # sequences


def count_ids(
    sequences: Ragged, size: int, rows: Rows | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How often each id below ``size`` occurs, and where it occurs first; both (size,).

    rows: the sequences that are read, in that order (None: all). Places can be compared, no more.
    """
    counts, places = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    at = 0
    for ids in _blocks_from_the_end(sequences, rows):
        counts += np.bincount(ids, minlength=size)
        # Of several assignments to one place the last one stays, here the first appearance.
        places[ids[::-1]] = np.arange(at, at - len(ids), -1)
        at -= len(ids)
    return counts, places


def renumber(sequences: Ragged, numbers: NDArray[np.int32]) -> None:
    """Replace each id ``i`` by numbers[i], in place."""
    for start in range(0, len(sequences.ids), _BLOCK):
        block = sequences.ids[start : start + _BLOCK]
        block[:] = numbers[block]


def totals(sequences: Ragged, is_counted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many ids of each sequence are counted (sequences,)."""
    counts = np.zeros(len(sequences), dtype=np.int64)
    is_filled = sequences.lengths > 0  # `reduceat` gives no zeros
    starts = sequences.offsets[:-1][is_filled]
    if len(starts):
        counts[is_filled] = np.add.reduceat(is_counted, starts, dtype=np.int64)
    return counts


def _blocks_from_the_end(sequences: Ragged, rows: Rows | None) -> Iterator[NDArray[np.int32]]:
    if rows is None:
        for end in range(len(sequences.ids), 0, -_BLOCK):
            yield sequences.ids[max(end - _BLOCK, 0) : end]
    else:
        for end in range(len(rows), 0, -_ROWS):
            yield sequences.take(rows[max(end - _ROWS, 0) : end]).ids
