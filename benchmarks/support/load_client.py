"""A client that loads a server: connections that each send the next request after an answer.

Requests are made before the clock starts and answers are not parsed beyond their status and length,
so that on one core it sends many times what a FastAPI server answers. It runs in its own process.
"""

from __future__ import annotations

import asyncio
import json
import time
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import uvloop

from support.process import PeerProcess, serve_requests

PATIENCE = 30.0  # seconds after which a request that has no answer has failed
RECONNECT_SECONDS = 0.02


def request_bytes(path: str, body: Any) -> bytes:
    data = json.dumps(body, ensure_ascii=False).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


@dataclass
class Load:
    """What all connections share: the requests in turn, when to stop, and what happened."""

    requests: Sequence[bytes]
    until: float
    most: int | None
    sent: int = 0
    open_connections: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0  # requests whose connection ended before their answer
    refused: int = 0  # connections that could not be opened
    late: int = 0  # requests without an answer at the end of the patience
    latencies: array[float] = field(default_factory=lambda: array("d"))
    ended: float = 0.0

    def next_request(self, now: float) -> bytes | None:
        if now >= self.until or (self.most is not None and self.sent >= self.most):
            return None
        self.sent += 1
        return self.requests[self.sent % len(self.requests)]


class Connection(asyncio.Protocol):
    """One connection, with one request at a time."""

    def __init__(self, load: Load, finished: asyncio.Future[None]) -> None:
        self._load = load
        self._finished = finished
        self._buffer = b""
        self._started: float | None = None  # None when nothing is awaited

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send(time.perf_counter())

    def _send(self, now: float) -> None:
        request = self._load.next_request(now)
        if request is None:
            self._started = None
            self._transport.close()
        else:
            self._started = now
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        end = data.find(b"\r\n\r\n")
        if end < 0 or len(data) < end + 4 + content_length(data[:end]):
            self._buffer = data
            return
        self._buffer = b""
        now = time.perf_counter()
        load = self._load
        load.statuses[int(data[9:12])] += 1
        load.latencies.append(now - cast(float, self._started))
        load.ended = now
        if b"connection: close" in data[:end].lower():
            self._started = None
            self._transport.close()
        else:
            self._send(now)

    def connection_lost(self, exception: Exception | None) -> None:
        self._load.broken += self._started is not None
        if not self._finished.done():
            self._finished.set_result(None)

    def give_up(self) -> None:
        self._load.late += self._started is not None
        self._started = None
        self._transport.abort()


def content_length(head: bytes) -> int:
    place = head.lower().find(b"\r\ncontent-length:")
    if place < 0:
        return 0
    return int(head[place + 17 :].partition(b"\r\n")[0])


async def keep_connected(load: Load, port: int) -> None:
    """A connection, and another one in its place when it ends early."""
    loop = asyncio.get_running_loop()
    while time.perf_counter() < load.until and (load.most is None or load.sent < load.most):
        finished: asyncio.Future[None] = loop.create_future()

        def protocol(finished: asyncio.Future[None] = finished) -> Connection:
            return Connection(load, finished)

        try:
            _, connection = await loop.create_connection(protocol, "127.0.0.1", port)
        except OSError:
            load.refused += 1
            await asyncio.sleep(RECONNECT_SECONDS)
            continue
        left = max(load.until - time.perf_counter(), 0.0) + PATIENCE
        try:
            await asyncio.wait_for(asyncio.shield(finished), left)
        except TimeoutError:
            connection.give_up()


async def run_load(load: Load, port: int, connections: int) -> None:
    await asyncio.gather(*(keep_connected(load, port) for _ in range(connections)))


class Client:
    """The peer that `serve_requests` asks."""

    def __init__(self) -> None:
        self._requests: dict[str, list[bytes]] = {}

    def prepare(self, name: str, path: str, bodies: str) -> dict[str, Any]:
        """Make the requests ``name`` from a file of JSON bodies, one a line, for one path."""
        lines = Path(bodies).read_text(encoding="utf-8").splitlines()
        self._requests[name] = [request_bytes(path, json.loads(line)) for line in lines]
        return {"count": len(lines)}

    def run(
        self, name: str, port: int, connections: int, seconds: float, most: int | None
    ) -> dict[str, Any]:
        started, cpu_started = time.perf_counter(), time.process_time()
        load = Load(self._requests[name], started + seconds, most, ended=started)
        uvloop.run(run_load(load, port, connections))
        times = np.frombuffer(load.latencies or array("d", [np.nan]), dtype=np.float64)
        p50, p99, longest = np.percentile(times, [50, 99, 100]).tolist()
        taken = load.ended - started
        return {
            "requests": sum(load.statuses.values()),
            "seconds": taken,
            "statuses": {str(status): count for status, count in sorted(load.statuses.items())},
            "broken": load.broken,
            "refused": load.refused,
            "late": load.late,
            "p50": p50,
            "p99": p99,
            "longest": longest,
            "client_cores": (time.process_time() - cpu_started) / max(taken, 1e-9),
        }


@dataclass
class ClientProcess(PeerProcess):
    """The client, in its process."""

    def prepare(self, name: str, path: str, bodies: Path) -> None:
        self.ask("prepare", name=name, path=path, bodies=str(bodies))

    def run(
        self, name: str, port: int, *, connections: int, seconds: float, most: int | None = None
    ) -> dict[str, Any]:
        return self.ask(
            "run", name=name, port=port, connections=connections, seconds=seconds, most=most
        )


if __name__ == "__main__":
    serve_requests(Client)
