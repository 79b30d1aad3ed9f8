"""What workers of a training send each other: gradients of tiles and their sums, through Ray."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Condition
from typing import Any

from unrolled.engine.gradients import Tile

GROUP = "messages"
"""The threads of an actor that take messages in while it is at work."""
_IN_THE_CALL = 100_000  # bytes up to which Ray sends an argument along with the call


@dataclass(kw_only=True)
class Meter:
    """What a worker has done so far: steps, seconds and messages.

    training: of all its steps. reading: at the texts. waiting: for messages. stepping: at the
    optimizer's steps. messages and bytes: sent.
    """

    steps: int = 0
    training: float = 0.0
    reading: float = 0.0
    waiting: float = 0.0
    stepping: float = 0.0
    messages: int = 0
    bytes: int = 0


class Mailbox:
    """Messages of other workers that wait to be taken, in whatever order they come."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, int], Sequence[Tile]] = {}
        self._arrived = Condition()

    def put(self, sender: int, batch: int, tiles: Sequence[Tile]) -> None:
        """Take a message in."""
        with self._arrived:
            self._waiting[sender, batch] = tiles
            self._arrived.notify()

    def take(self, sender: int, batch: int) -> list[Tile]:
        """Wait for the message of a worker about a batch; its arrays may be written to."""
        with self._arrived:
            self._arrived.wait_for(lambda: (sender, batch) in self._waiting)
            return [tile.copied() for tile in self._waiting.pop((sender, batch))]


class Post:
    """The way from a worker to the others. workers: the actors, in their order; own: its place."""

    def __init__(self, workers: Sequence[Any], own: int, meter: Meter) -> None:
        self._receive = [
            worker.receive.options(concurrency_group=GROUP, num_returns=0) for worker in workers
        ]
        self._own = own
        self._meter = meter

    def send(self, to: Iterable[int], batch: int, tiles: Sequence[Tile]) -> None:
        """Send tiles to some of the workers; much goes out once, and each fetches it."""
        import ray

        receivers = [self._receive[at] for at in to]
        size = sum(tile.nbytes for tile in tiles)
        parcel: Any = tiles
        if len(receivers) > 1 and size > _IN_THE_CALL:
            parcel = ray.put(tiles)
        for receive in receivers:
            receive.remote(self._own, batch, parcel)
        self._meter.messages += len(receivers)
        self._meter.bytes += size * len(receivers)


class Stopwatch:
    """Seconds since it was asked last."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last lap."""
        before, self._since = self._since, time.perf_counter()
        return self._since - before
