"""What the ways of running a network have in common: batches, their sums, and their failures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import ShapeError, TrainingError
from unrolled.ragged import Sequences

if TYPE_CHECKING:
    from unrolled.engine.gradients import Tile

Floats = NDArray[np.float32]
Longs = NDArray[np.int64]
Progress = Callable[[int], None]


class NonFiniteBatch(TrainingError):
    """The loss or the gradient of a batch is not finite; the parameters are as before it.

    batch: its number from 0 in the epoch. rows: the training examples in it. what: "loss" or
    "gradient".
    """

    def __init__(self, batch: int, rows: Longs, what: str) -> None:
        super().__init__(f"batch {batch + 1}: the {what} is not finite")
        self.batch = batch
        self.rows = rows
        self.what = what


@dataclass
class Totals:
    """Sums over the examples seen so far in an epoch."""

    loss: float = 0.0
    right: float = 0.0
    examples: int = 0

    def means(self) -> tuple[float, float]:
        """Mean loss and accuracy."""
        count = max(self.examples, 1)
        return self.loss / count, self.right / count

    def include(self, batch: Totals) -> None:
        """Add the sums over a batch."""
        self.loss += batch.loss
        self.right += batch.right
        self.examples += batch.examples


class Execution(Protocol):
    """One way of running a network."""

    name: str

    def train_epoch(
        self,
        sequences: Sequences,
        targets: NDArray[np.integer],
        order: Longs,
        *,
        batch_size: int,
        threads: int,
        on_progress: Progress | None,
    ) -> Totals: ...

    def read_tiles(
        self,
        sequences: Sequences,
        targets: NDArray[np.integer],
        rows: Longs,
        *,
        batch: int,
        first: int = 0,
        threads: int,
    ) -> list[Tile]: ...

    def add_tiles(self, tiles: Sequence[Tile]) -> Tile: ...

    def take_step(
        self, total: Tile, number: int, rows: Longs, totals: Totals, *, threads: int
    ) -> None: ...

    def predict(self, sequences: Sequences, *, threads: int) -> Floats: ...


def batch_slices(count: int, batch_size: int) -> Iterator[slice]:
    """The parts of ``count`` examples; the last one may be smaller."""
    for start in range(0, count, batch_size):
        yield slice(start, min(start + batch_size, count))


def tiled_order(lengths: Longs, order: Longs, batch_size: int) -> Longs:
    """``order`` with each batch sorted by length, so that a tile's sequences are of like length.

    A batch keeps its examples. Nothing changes when all lengths are the same.
    """
    own = lengths[order]
    if len(own) == 0 or (own == own[0]).all():
        return order
    return order[np.lexsort((own, np.arange(len(order)) // batch_size))]


def check_ids(sequences: Sequences, num_words: int) -> None:
    """Raises ShapeError when an id has no row in the first layer."""
    low, high = sequences.id_range
    if low < 0 or high >= num_words:
        wrong = low if low < 0 else high
        raise ShapeError(
            f"token id {wrong} is outside of 0 to {num_words - 1}: encode the texts with "
            f"num_words={num_words}, or make the first layer larger"
        )
