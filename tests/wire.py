"""HTTP over a bare socket: sends any bytes whatever, and reads what a correct client would read."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

PATIENCE = 20.0  # seconds; a server that takes longer hangs
JSON = ("Content-Type: application/json",)


@dataclass(frozen=True)
class Answer:
    """One answer; names of headers are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The document; NaN and Infinity are not JSON."""
        return json.loads(self.body, parse_constant=_refuse)


def _refuse(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


class Wire:
    """One connection."""

    def __init__(
        self, port: int, patience: float = PATIENCE, *, receive_bytes: int | None = None
    ) -> None:
        self.socket = socket.socket()
        if receive_bytes is not None:  # what the system takes in before it is read
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(patience)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self.is_open = True

    def send(self, data: bytes) -> None:
        """Send; a server that has already answered and closed is no error."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def end(self) -> None:
        """Say that nothing more will be sent."""
        with contextlib.suppress(OSError):  # the server was quicker to close
            self.socket.shutdown(socket.SHUT_WR)

    def ask(self, data: bytes, method: str = "POST") -> Answer | None:
        self.send(data)
        return self.receive(method)

    def receive(self, method: str = "POST") -> Answer | None:
        """The next answer; None when the connection ends first. TimeoutError: the server hangs."""
        head = self._until(b"\r\n\r\n")
        if head is None:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        assert first.startswith("HTTP/1.1 "), first
        status = int(first.split(" ")[1])
        fields = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        if 100 <= status < 200:
            return Answer(status, headers, b"")
        body = self._body(status, headers, method)
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, headers, body)

    def _body(self, status: int, headers: dict[str, str], method: str) -> bytes:
        if method == "HEAD" or status in (204, 304):
            return b""
        if headers.get("transfer-encoding") == "chunked":
            return b"".join(self._chunks())
        if "content-length" in headers:
            return self._exactly(int(headers["content-length"]))
        rest = self._buffer
        while more := self.socket.recv(1 << 16):
            rest += more
        self.close()
        return rest

    def _chunks(self) -> Iterator[bytes]:
        while True:
            line = self._until(b"\r\n")
            assert line is not None, "the answer ends in the middle"
            size = int(line, 16)
            data = self._exactly(size + 2)
            if not size:
                return
            yield data[:-2]

    def _until(self, end: bytes) -> bytes | None:
        while end not in self._buffer:
            if not self._more():
                return None
        found, _, self._buffer = self._buffer.partition(end)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            assert self._more(), "the answer ends in the middle"
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def _more(self) -> bool:
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self._buffer += data
        if not data:
            self.close()
        return bool(data)

    def close(self) -> None:
        self.is_open = False
        self.socket.close()

    def reset(self) -> None:
        """End the connection as a client does that is gone: without a farewell."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close()


@contextlib.contextmanager
def wire(port: int, patience: float = PATIENCE) -> Iterator[Wire]:
    connection = Wire(port, patience)
    try:
        yield connection
    finally:
        connection.close()


def request(
    path: str, body: bytes = b"", *headers: str, method: str = "POST", length: bool = True
) -> bytes:
    """The bytes of one request; header lines are sent as they are."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


def post(path: str, document: Any) -> bytes:
    return request(path, json.dumps(document).encode(), *JSON)


def chunked(pieces: Iterable[bytes]) -> bytes:
    """A body in chunks; an empty piece would end it early."""
    chunks = (b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece)
    return b"".join(chunks) + b"0\r\n\r\n"


def eventually(condition: Any, patience: float = PATIENCE) -> bool:
    """Whether it comes true in time."""
    until = time.monotonic() + patience
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
