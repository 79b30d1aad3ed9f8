"""Many sequences of different lengths in two arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import ShapeError

_BLOCK = 1 << 12  # sequences that are copied at a time


@dataclass(frozen=True)
class Ragged:
    """Sequences of token ids, end to end.

    Sequence ``i`` is ``ids[offsets[i]:offsets[i + 1]]``. Memory grows with the tokens only.

    ids: int32 (tokens,); offsets: int64 (sequences + 1,), starting with 0.
    Raises ShapeError when the offsets do not fit the ids.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.offsets.ndim != 1 or len(self.offsets) == 0 or self.offsets[0] != 0:
            raise ShapeError("offsets must be one array that starts with 0")
        if self.offsets[-1] != len(self.ids) or (self.ends < self.starts).any():
            raise ShapeError(f"offsets must rise from 0 to the number of ids, {len(self.ids)}")

    @classmethod
    def from_lists(cls, sequences: Iterable[Sequence[int] | NDArray[np.integer]]) -> Ragged:
        """From any sequences of ids."""
        arrays = [np.asarray(sequence, dtype=np.int32) for sequence in sequences]
        lengths = np.array([len(array) for array in arrays], dtype=np.int64)
        ids = np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int32)
        return cls(ids, np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]))

    @classmethod
    def from_matrix(cls, matrix: NDArray[np.integer]) -> Ragged:
        """From a matrix (sequences, time): every sequence has the same length."""
        if matrix.ndim != 2:
            raise ShapeError(f"a matrix (sequences, time) is needed, not shape {matrix.shape}")
        count, time = matrix.shape
        ids = np.ascontiguousarray(matrix, dtype=np.int32).reshape(-1)
        return cls(ids, np.arange(count + 1, dtype=np.int64) * time)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> NDArray[np.int32]:
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        return self.ids[self.offsets[index] : self.offsets[index + 1]]

    @cached_property
    def id_range(self) -> tuple[int, int]:
        """Smallest and largest id, (0, 0) where there is none."""
        if len(self.ids) == 0:
            return 0, 0
        return int(self.ids.min()), int(self.ids.max())

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Number of ids of each sequence (sequences,)."""
        return self.ends - self.starts

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each sequence begins (sequences,)."""
        return self.offsets[:-1]

    @property
    def ends(self) -> NDArray[np.int64]:
        """Where each sequence ends (sequences,)."""
        return self.offsets[1:]

    def packed(self) -> Ragged:
        """As it is: end to end."""
        return self

    def excerpt(self, indices: NDArray[np.integer]) -> Excerpt:
        """The sequences at ``indices``, in that order, without a copy of their ids."""
        return Excerpt(self, self.starts[indices], self.ends[indices])

    def take(self, indices: NDArray[np.integer]) -> Ragged:
        """The sequences at ``indices``, in that order."""
        return self.pieces(self.offsets[indices], self.lengths[indices])

    def pieces(self, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> Ragged:
        """Sequences ``ids[start : start + length]``; needs little memory besides the result."""
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        ids = np.empty(offsets[-1], dtype=self.ids.dtype)
        for first in range(0, len(lengths), _BLOCK):
            last = min(first + _BLOCK, len(lengths))
            shifts = np.repeat(starts[first:last] - offsets[first:last], lengths[first:last])
            places = np.arange(offsets[first], offsets[last])
            ids[offsets[first] : offsets[last]] = self.ids[places + shifts]
        return Ragged(ids, offsets)


@dataclass(frozen=True)
class Excerpt:
    """Sequences that lie anywhere in the ids of a `Ragged`, which is not copied.

    Sequence ``i`` is ``whole.ids[starts[i]:ends[i]]``. starts, ends: int64 (sequences,).
    """

    whole: Ragged
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> NDArray[np.int32]:
        return self.whole.ids[self.starts[index] : self.ends[index]]

    @property
    def ids(self) -> NDArray[np.int32]:
        """The ids among which the sequences lie."""
        return self.whole.ids

    @property
    def id_range(self) -> tuple[int, int]:
        """Bounds of the ids: the smallest and the largest of the whole."""
        return self.whole.id_range

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Number of ids of each sequence (sequences,)."""
        return self.ends - self.starts

    def take(self, indices: NDArray[np.integer]) -> Ragged:
        """The sequences at ``indices``, in that order, end to end."""
        return self.whole.pieces(self.starts[indices], self.lengths[indices])

    def packed(self) -> Ragged:
        """All of them, end to end."""
        return self.whole.pieces(self.starts, self.lengths)


Sequences = Ragged | Excerpt
"""Sequences of ids that are read and not changed."""
