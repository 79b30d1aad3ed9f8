"""One of several workers that train a network together, step by step: an actor of Ray.

Every worker holds the whole network. A batch's tiles are shared out, and the gradients are added
up in tile order in one of two ways. Small ones are all sent to the worker that has the last tiles,
which takes the time of one message. Of large ones each worker adds its own to the sum that the one
before has sent, and sends it to the next: many messages after each other, but of one gradient each.
The last worker sends the whole sum to all, and each takes the optimizer's step itself, so that
neither weights nor the optimizer's memory travel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unrolled.cluster.training_messages import Mailbox, Meter, Post, Stopwatch
from unrolled.engine.batches import Floats, Longs, NonFiniteBatch, Totals
from unrolled.engine.encoder_decoder import EncoderDecoder
from unrolled.engine.gradients import Tile
from unrolled.engine.layered import TILE
from unrolled.engine.network import Network
from unrolled.engine.sharing import sharing, taken, tiles_of
from unrolled.engine.snapshot import Snapshot
from unrolled.ragged import Sequences

_SMALL = 1_000_000  # bytes of a batch's gradients up to which they are sent as they are

NETWORKS: Mapping[str, type[Network] | type[EncoderDecoder]] = {
    kind.__name__: kind for kind in (Network, EncoderDecoder)
}


@dataclass(frozen=True)
class Stretch:
    """Some batches that follow each other in an epoch, done.

    done: of the epoch's batches, with those before. totals: the sums over them. failed: what is
    not finite in the batch after them, "loss" or "gradient"; None where nothing is wrong.
    """

    done: int
    totals: Totals
    failed: str | None


@dataclass(frozen=True)
class _Epoch:
    """What is read in an epoch. rows: batch by batch, as they are read; lengths: of all rows."""

    sequences: Sequences
    targets: Any
    rows: Longs
    batch_size: int
    lengths: Longs


class Worker:
    """Reads its tiles of every batch and takes every step.

    kind, made_of: the network. threads: that it works with.
    """

    def __init__(self, kind: str, made_of: Mapping[str, Any], threads: int) -> None:
        self._network = NETWORKS[kind](**made_of)
        self._shared = sharing(self._network)
        self._threads = threads
        self._mailbox = Mailbox()
        self.meter = Meter()

    def ready(self) -> None:
        """Return when it is there."""

    def meet(self, workers: Sequence[Any], place: int) -> None:
        """Learn who the others are. place: its own among them."""
        self._place, self._count = place, len(workers)
        self._post = Post(workers, place, self.meter)

    def begin(
        self, snapshot: Snapshot, sequences: Sequences, targets: Any, rows: Longs, batch_size: int
    ) -> None:
        """Go to where the network was, in an epoch that reads ``rows`` batch by batch."""
        snapshot.put_into(self._network)
        lengths = self._shared.lengths(sequences, targets)
        self._epoch = _Epoch(sequences, targets, rows, batch_size, lengths)

    def train(self, first: int, count: int, totals: Totals) -> Stretch:
        """Train on ``count`` batches of the epoch from ``first`` on, together with the others."""
        whole, size = Stopwatch(), self._epoch.batch_size
        for number in range(first, first + count):
            rows = self._epoch.rows[number * size : (number + 1) * size]
            total = self._total(number, rows)
            watch = Stopwatch()
            try:
                self._shared.step(total, number, rows, totals, threads=self._threads)
            except NonFiniteBatch as failure:
                return Stretch(number, totals, failure.what)
            self.meter.stepping += watch.lap()
            self.meter.training += whole.lap()
            self.meter.steps += 1
        return Stretch(first + count, totals, None)

    def receive(self, sender: int, batch: int, tiles: Sequence[Tile]) -> None:
        """Take a message of another worker in."""
        self._mailbox.put(sender, batch, tiles)

    def snapshot(self) -> Snapshot:
        """Where its network is, which is where those of all workers are."""
        return Snapshot.of(self._network)

    def measured(self) -> Meter:
        """What it has done so far."""
        return self.meter

    def assess(self, parameters: Floats, sequences: Sequences, targets: Any, rows: Longs) -> Any:
        """What an evaluation needs of ``rows``."""
        self._network.parameters[:] = parameters
        own = sequences.take(rows), taken(targets, rows)
        return self._shared.assess(*own, threads=self._threads)

    def _total(self, number: int, rows: Longs) -> Tile:
        """The sum of all tiles of a batch, to which this worker has given its own."""
        shares = tiles_of(self._epoch.lengths[rows], self._count)
        holders = [worker for worker, tiles in enumerate(shares) if tiles]
        last = holders[-1]
        if self._place in holders:
            tiles = self._read(rows, shares[self._place])
            are_small = shares[last].stop * self._network.parameters.nbytes <= _SMALL
            if self._place == last:
                return self._added_up(number, holders[:-1] if are_small else holders[-2:-1], tiles)
            if are_small:
                self._post.send([last], number, tiles)
            else:
                self._pass_on(number, holders, tiles)
        return self._received(number, [last])[0]

    def _added_up(self, number: int, senders: Sequence[int], tiles: Sequence[Tile]) -> Tile:
        """The whole sum, of what the others have sent and the last tiles; all are sent it."""
        total = self._shared.add([*self._received(number, senders), *tiles])
        others = [worker for worker in range(self._count) if worker != self._place]
        self._post.send(others, number, [total])
        return total

    def _pass_on(self, number: int, holders: Sequence[int], tiles: Sequence[Tile]) -> None:
        """Add tiles to the sum over those before, and send it to the one who has the next ones."""
        at = holders.index(self._place)
        before = self._received(number, holders[:at][-1:])
        self._post.send([holders[at + 1]], number, [self._shared.add([*before, *tiles])])

    def _read(self, rows: Longs, tiles: range) -> list[Tile]:
        """Its own tiles of a batch; what they read is copied out of the memory of all."""
        watch = Stopwatch()
        epoch, own = self._epoch, rows[tiles.start * TILE : tiles.stop * TILE]
        read = self._shared.read(
            epoch.sequences.take(own),
            taken(epoch.targets, own),
            batch=self._shared.answers(epoch.targets, rows),
            first=tiles.start,
            threads=self._threads,
        )
        self.meter.reading += watch.lap()
        return read

    def _received(self, number: int, senders: Sequence[int]) -> list[Tile]:
        """What each of the senders has sent about a batch, in their order."""
        watch = Stopwatch()
        tiles = [tile for sender in senders for tile in self._mailbox.take(sender, number)]
        self.meter.waiting += watch.lap()
        return tiles
