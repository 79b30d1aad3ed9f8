"""The body of a request as bytes: of the right type, and never more than a limit in memory."""

from __future__ import annotations

from starlette.types import Receive

from unrolled.serve.problems import Problem

_JSON = b"application/json"


class Disconnected(Exception):
    """The client went away before it had its answer."""


async def read_body(receive: Receive, most: int) -> bytes:
    """The whole body; a Problem as soon as it is clear that it is too large."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        whole: bytes = message.get("body", b"")  # nearly always all of it is there
        if len(whole) > most:
            raise _too_large(most)
        return whole
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise Disconnected
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise _too_large(most)
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()


async def client_gone(receive: Receive) -> None:
    """Returns when the client of a request that is whole has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass


def checked_size(headers: list[tuple[bytes, bytes]], most: int) -> int:
    """How many bytes will come, or may; a Problem for what will not do by its headers."""
    kind, size = b"", most
    for name, value in headers:
        if name == b"content-type":
            kind = value
        elif name == b"content-length":
            size = _number(value)
            if size > most:
                raise _too_large(most)
        elif name == b"content-encoding" and value.lower() != b"identity":
            raise Problem(
                415, "unsupported-encoding", "send the body as it is, not compressed",
                headers={"Accept-Encoding": "identity"},
            )  # fmt: skip
    if kind != _JSON and kind.partition(b";")[0].strip().lower() != _JSON:
        raise Problem(
            415, "unsupported-media-type", "send JSON, with Content-Type: application/json",
            headers={"Accept": "application/json"},
        )  # fmt: skip
    return size


def _number(value: bytes) -> int:
    """Of a Content-Length, which the parser has checked for having digits only."""
    return int(value) if value.isdigit() and len(value) < 20 else 0


def _too_large(most: int) -> Problem:
    return Problem(413, "body-too-large", f"a body has at most {most:,} bytes")
