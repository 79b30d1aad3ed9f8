"""One connection: uvicorn's HTTP protocol, with an end to everybody's patience.

A client may take only so long over its headers, over its body, and between two requests; its
headers are of bounded size; and there are only so many connections. Deadlines are looked at once
a second, so that they cost a request nothing.
"""

from __future__ import annotations

import math
from asyncio import Transport
from collections.abc import Iterable
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from unrolled.serve.front import new_request_id
from unrolled.serve.problems import MEDIA_TYPE, Problem, busy
from unrolled.serve.settings import Settings

HEAD_BYTES = 64 << 10  # of a request's headers that have not ended
_GRACE = 2.0  # seconds in which the application says itself that a body did not come
_REFUSED = 100  # connections above the limit that get an answer; the rest are cut


class ServerConfig(Config):
    """uvicorn's settings, with ours."""

    def __init__(self, settings: Settings, **others: Any) -> None:
        super().__init__(**others)
        self.settings = settings


class Connection(HttpToolsProtocol):
    """deadline: when this client has to have gone on, by the loop's clock."""

    def __init__(self, config: ServerConfig, *others: Any, **named: Any) -> None:
        super().__init__(config, *others, **named)
        self._settings = config.settings
        self.deadline = math.inf
        self._is_head_open = True
        self._is_message_open = False
        self._head_bytes = 0

    def end_if_overdue(self, now: float) -> None:
        """Close the connection past its deadline; cut it if it does not even read what is left."""
        if now > self.deadline:
            if self.transport.is_closing():
                self.transport.abort()
            else:
                self.transport.close()

    # --- What uvicorn calls --------------------------------------------------------------------

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect(self._settings.head_seconds)
        surplus = len(self.connections) - self._settings.connections
        if surplus > _REFUSED:
            transport.abort()
        elif surplus > 0:
            self.app = _no_more_connections

    def data_received(self, data: bytes) -> None:
        if self._is_head_open:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._is_head_open and self._head_bytes > HEAD_BYTES:
            most = f"{HEAD_BYTES:,} bytes"
            self._refuse(Problem(431, "headers-too-large", f"headers have at most {most}"))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_head_open = self._is_message_open = True
        self._head_bytes = 0
        self._expect(self._settings.head_seconds)

    def on_headers_complete(self) -> None:
        self._is_head_open = False
        self._expect(self._settings.body_seconds + _GRACE)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_message_open = False
        self._is_head_open = True
        self._head_bytes = 0
        self.deadline = math.inf  # the request's own time limit holds
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._is_message_open:
            self._expect(self._settings.idle_seconds)

    def send_400_response(self, msg: str) -> None:
        self._refuse(Problem(400, "not-http", "this is not a request in HTTP"))

    def _expect(self, seconds: float) -> None:
        self.deadline = self.loop.time() + seconds

    def _refuse(self, problem: Problem) -> None:
        """Answer outside of any request, and close."""
        if self.transport.is_closing():
            return
        body = problem.body(new_request_id())
        headers = {
            "content-type": MEDIA_TYPE,
            "content-length": str(len(body)),
            "connection": "close",
        }
        lines = [f"{name}: {value}\r\n".encode("ascii") for name, value in headers.items()]
        self.transport.write(b"".join([STATUS_LINE[problem.status], *lines, b"\r\n", body]))
        self.transport.close()


def end_overdue(connections: Iterable[Any], now: float) -> None:
    """Close every connection past its deadline."""
    for connection in list(connections):
        if isinstance(connection, Connection):
            connection.end_if_overdue(now)


async def _no_more_connections(scope: Scope, receive: Receive, send: Send) -> None:
    problem = busy(
        503, "too-many-connections", "there are as many connections as may be; come again"
    )
    response = problem.response(new_request_id())
    response.headers["Connection"] = "close"
    await response(scope, receive, send)
