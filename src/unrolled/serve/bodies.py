"""The body of a request as bytes: of the right type, and never more than a limit in memory."""

from __future__ import annotations

from starlette.types import Receive, Scope

from unrolled.serve.problems import Problem

_JSON = b"application/json"


class Disconnected(Exception):
    """The client went away before its request was whole."""


async def read_body(scope: Scope, receive: Receive, most: int) -> bytes:
    """The whole body; a Problem as soon as it is clear that it will not do."""
    check_headers(scope["headers"], most)
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


def check_headers(headers: list[tuple[bytes, bytes]], most: int) -> None:
    """Refuse by what the headers say."""
    kind = b""
    for name, value in headers:
        if name == b"content-type":
            kind = value
        elif name == b"content-length" and _number(value) > most:
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


def _number(value: bytes) -> int:
    """Of a Content-Length, which the parser has checked for having digits only."""
    return int(value) if value.isdigit() and len(value) < 20 else 0


def _too_large(most: int) -> Problem:
    return Problem(413, "body-too-large", f"a body has at most {most:,} bytes")
