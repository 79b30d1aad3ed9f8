"""A batch, or an evaluation, shared out among several that have the same network.

Whoever reads a tile, the sums have the same bits: tiles are added up in their order, and each
number of an evaluation belongs to one sequence or one tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.batches import Floats, Longs, Totals, batch_slices, tiled_order
from unrolled.engine.encoder_decoder import EncoderDecoder
from unrolled.engine.gradients import Tile
from unrolled.engine.layered import TILE
from unrolled.engine.network import Network
from unrolled.engine.threads import thread_count
from unrolled.ragged import Sequences


class Shared(Protocol):
    """A network whose work can be shared out.

    ``targets`` are what the network learns from: numbers, or sequences.
    """

    def epoch_rows(
        self, sequences: Sequences, targets: Any, order: NDArray[np.integer], batch_size: int
    ) -> Longs:
        """The rows of an epoch, batch by batch, as they are read; ShapeError if they cannot be."""
        ...

    def check(self, sequences: Sequences, targets: Any) -> None:
        """Raise ShapeError when the targets do not fit the sequences or the network."""
        ...

    def lengths(self, sequences: Sequences, targets: Any) -> Longs:
        """How many steps each sequence takes (sequences,)."""
        ...

    def answers(self, targets: Any, rows: Longs) -> int:
        """How many answers the loss of a batch of ``rows`` is the mean of."""
        ...

    def read(
        self, sequences: Sequences, targets: Any, *, batch: int, first: int, threads: int
    ) -> list[Tile]:
        """What each tile of ``sequences`` gives to a batch of ``batch`` answers.

        first: the number of the first of these tiles in the batch.
        """
        ...

    def add(self, tiles: Sequence[Tile]) -> Tile:
        """Tiles that follow each other, added up; the first one's arrays hold the sum."""
        ...

    def step(self, total: Tile, number: int, rows: Longs, totals: Totals, *, threads: int) -> None:
        """The optimizer's step from all tiles of a batch; NonFiniteBatch leaves all as before."""
        ...

    def assess(self, sequences: Sequences, targets: Any, *, threads: int) -> Any:
        """What an evaluation needs of some of the rows."""
        ...

    def evaluation(
        self, targets: Any, rows: Sequence[Longs], parts: Sequence[Any]
    ) -> tuple[float, float]:
        """Mean loss and share of right answers, from what `assess` gave for each of ``rows``."""
        ...


def sharing(network: Network | EncoderDecoder) -> Shared:
    """The network as one whose work can be shared out."""
    return SharedNetwork(network) if isinstance(network, Network) else SharedPairs(network)


def tiles_of(lengths: Longs, workers: int) -> list[range]:
    """Which tiles of a batch each worker reads, so that all have about as many steps to do.

    lengths: of the batch's sequences in the order in which they are read. A tile takes as many
    steps as its longest sequence. Each worker's tiles follow each other; it may have none.
    """
    steps = np.maximum.reduceat(lengths, np.arange(0, len(lengths), TILE)) + 1
    middles = np.cumsum(steps) - steps / 2
    owners = (middles * workers / steps.sum()).astype(np.int64)
    bounds = np.searchsorted(owners, np.arange(workers + 1)).tolist()
    return [range(*bounds[worker : worker + 2]) for worker in range(workers)]


def evaluation_rows(lengths: Longs, workers: int) -> list[Longs]:
    """Which rows each worker evaluates: whole tiles of those that lie side by side for one."""
    order = np.argsort(lengths, kind="stable")
    tiles = [order[part] for part in batch_slices(len(order), TILE)]
    return [
        np.concatenate([np.zeros(0, dtype=np.int64), *tiles[worker::workers]])
        for worker in range(workers)
    ]


def taken(targets: Any, rows: Longs) -> Any:
    """Copies of the targets of ``rows``, which lie in memory of their own."""
    return targets[rows] if isinstance(targets, np.ndarray) else targets.take(rows)


class SharedNetwork:
    """A network that learns classes."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def epoch_rows(
        self,
        sequences: Sequences,
        targets: NDArray[np.integer],
        order: NDArray[np.integer],
        batch_size: int,
    ) -> Longs:
        _, rows = self._network.checked_epoch(sequences, targets, order, batch_size)
        return tiled_order(sequences.lengths, rows, batch_size)

    def check(self, sequences: Sequences, targets: NDArray[np.integer]) -> None:
        self._network.checked_targets(sequences, targets)

    def lengths(self, sequences: Sequences, targets: NDArray[np.integer]) -> Longs:
        return sequences.lengths

    def answers(self, targets: NDArray[np.integer], rows: Longs) -> int:
        return len(rows)

    def read(
        self,
        sequences: Sequences,
        targets: NDArray[np.integer],
        *,
        batch: int,
        first: int,
        threads: int,
    ) -> list[Tile]:
        return self._network.execution.read_tiles(
            sequences,
            targets.astype(np.int64),
            np.arange(len(sequences)),
            batch=batch,
            first=first,
            threads=threads,
        )

    def add(self, tiles: Sequence[Tile]) -> Tile:
        return self._network.execution.add_tiles(tiles)

    def step(self, total: Tile, number: int, rows: Longs, totals: Totals, *, threads: int) -> None:
        self._network.execution.take_step(total, number, rows, totals, threads=threads)

    def assess(self, sequences: Sequences, targets: NDArray[np.integer], *, threads: int) -> Floats:
        return self._network.predict(sequences, threads=threads)

    def evaluation(
        self, targets: NDArray[np.integer], rows: Sequence[Longs], parts: Sequence[Floats]
    ) -> tuple[float, float]:
        answers = np.empty((len(targets), *parts[0].shape[1:]), dtype=np.float32)
        for own, part in zip(rows, parts, strict=True):
            if len(own):
                answers[own] = part
        return self._network.score(answers, targets)


class SharedPairs:
    """A network that learns sequences."""

    def __init__(self, network: EncoderDecoder) -> None:
        self._network = network

    def epoch_rows(
        self, inputs: Sequences, targets: Sequences, order: NDArray[np.integer], batch_size: int
    ) -> Longs:
        return self._network.checked_epoch(inputs, targets, order, batch_size)

    def check(self, inputs: Sequences, targets: Sequences) -> None:
        self._network.check(inputs, targets)

    def lengths(self, inputs: Sequences, targets: Sequences) -> Longs:
        return inputs.lengths + targets.lengths

    def answers(self, targets: Sequences, rows: Longs) -> int:
        return int(targets.lengths[rows].sum())

    def read(
        self, inputs: Sequences, targets: Sequences, *, batch: int, first: int, threads: int
    ) -> list[Tile]:
        return self._network.read_tiles(
            inputs,
            targets,
            np.arange(len(inputs)),
            batch=batch,
            first=first,
            team=self._network.team(thread_count(threads)),
        )

    def add(self, tiles: Sequence[Tile]) -> Tile:
        return self._network.add_tiles(tiles)

    def step(self, total: Tile, number: int, rows: Longs, totals: Totals, *, threads: int) -> None:
        team = self._network.team(thread_count(threads))
        self._network.take_step(total, number, rows, totals, team=team)

    def assess(self, inputs: Sequences, targets: Sequences, *, threads: int) -> list[Totals]:
        team = self._network.team(thread_count(threads))
        return self._network.tile_scores(inputs, targets, team=team)

    def evaluation(
        self, targets: Sequences, rows: Sequence[Longs], parts: Sequence[list[Totals]]
    ) -> tuple[float, float]:
        totals, workers = Totals(), len(parts)
        for tile in range(sum(len(part) for part in parts)):
            totals.include(parts[tile % workers][tile // workers])
        return totals.means()
