"""The front door, passed by every request: its id, who may enter, how many, and what is noted.

It knows each address and calls its endpoint itself: the layers of a web framework cost more time
than a small network takes for a text. What it does not know goes on to them.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unrolled.serve.bodies import Disconnected
from unrolled.serve.problems import Problem, busy, internal_error
from unrolled.serve.service import Service

Endpoint = Callable[[Request], Awaitable[Response]]

REQUEST_ID = "unrolled.request_id"  # keys of a request's scope
TEXTS = "unrolled.texts"
_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_GONE = 499  # for the log: the client went away
_EVERYWHERE = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]


class Front:
    """An ASGI application. endpoints: by (method, address); beyond: takes all other requests."""

    def __init__(
        self, service: Service, endpoints: Mapping[tuple[str, str], Endpoint], beyond: ASGIApp
    ) -> None:
        self._service = service
        self._endpoints = endpoints
        self._addresses = {address for _, address in endpoints}
        self._beyond = beyond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        service, address = self._service, _address(scope)
        request_id, authorization = _from_headers(scope["headers"])
        scope[REQUEST_ID] = request_id
        visit = _Visit(send, request_id)
        refusal = service.access.refusal(address, authorization)
        is_counted = refusal is None and address.startswith("/v1/")
        if is_counted:
            refusal = self._full_house()
            service.in_flight += 1
            service.metrics.in_flight.inc()
        try:
            if refusal is not None:
                await visit.answer(refusal.response(request_id))
            else:
                await self._let_in(scope, receive, address, visit)
        except Disconnected:
            visit.status = visit.status or _GONE
        except Exception as error:
            service.log.failure("request failed", error, request_id=request_id)
            if not visit.status:
                await visit.answer(internal_error().response(request_id))
        finally:
            if is_counted:
                service.in_flight -= 1
                service.metrics.in_flight.dec()
            route = address if address in self._addresses else "none"
            seconds = time.perf_counter() - began
            service.metrics.request(route, visit.status, seconds)
            if service.log.is_access_wanted:
                service.log.access(
                    request_id, scope["method"], route, visit.status, seconds * 1e3,
                    scope.get(TEXTS, 0),
                )  # fmt: skip

    async def _let_in(self, scope: Scope, receive: Receive, address: str, visit: _Visit) -> None:
        endpoint = self._endpoints.get((scope["method"], address))
        if endpoint is None:
            await self._beyond(scope, receive, visit.send)
            return
        try:
            response = await endpoint(Request(scope, receive))
        except Problem as problem:
            response = problem.response(visit.request_id)
        await visit.answer(response)

    def _full_house(self) -> Problem | None:
        most = self._service.settings.in_flight
        if self._service.in_flight < most:
            return None
        return busy(429, "too-many-requests", f"{most:,} requests are being worked on; come again")


class _Visit:
    """The answer to one request, and the headers that every answer has. status: 0 before it."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status = 0

    async def answer(self, response: Response) -> None:
        """Send a response that is there as a whole."""
        self.status = response.status_code
        await self._send(
            {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": self._with_ours(response.raw_headers),
            }
        )
        await self._send({"type": "http.response.body", "body": response.body})

    async def send(self, message: Message) -> None:
        """Send what somebody else makes."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._with_ours(message.get("headers", ()))
        await self._send(message)

    def _with_ours(self, headers: Any) -> list[tuple[bytes, bytes]]:
        return [*headers, (b"x-request-id", self.request_id.encode("ascii")), *_EVERYWHERE]


_process = os.urandom(6).hex()
_numbers = itertools.count(1)


def new_request_id() -> str:
    """An id that no other request has."""
    return f"{_process}-{next(_numbers):x}"


def _address(scope: Scope) -> str:
    """The path below the place where this application is mounted, if it is."""
    path: str = scope["path"]
    root = scope.get("root_path", "")
    return path.removeprefix(root) if root else path


def _from_headers(headers: list[tuple[bytes, bytes]]) -> tuple[str, bytes | None]:
    """The request's id, the client's own if that is sane, and its Authorization."""
    request_id = authorization = None
    for name, value in headers:
        if name == b"x-request-id":
            request_id = value
        elif name == b"authorization":
            authorization = value
    if request_id is not None and _SANE_ID.fullmatch(request_id):
        return request_id.decode("ascii"), authorization
    return new_request_id(), authorization
