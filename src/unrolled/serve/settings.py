"""Settings: what is served, where, and every limit; the only home of the defaults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from unrolled.engine.threads import thread_count
from unrolled.errors import InputError

LogLevel = Literal["info", "warning", "error"]


@dataclass(frozen=True)
class Settings:
    """One server.

    models: (name, folder) of each, the default first. examples: texts to offer on the page; None
    for those of the page. token: what clients must send, None for nothing. threads: of large
    work, in each worker (None: the cores divided by the workers).

    A request: body_bytes, text_characters (of each text), texts, explain_characters (of a text to
    explain), body_seconds until its body has come, request_seconds in all.
    A worker: in_flight requests, bytes_in_flight of their bodies, connections and explanations at
    a time.
    A connection: head_seconds until its request's headers have come, idle_seconds between two.
    drain_seconds: that requests in flight get when the server ends. watch_seconds: between two
    looks at the models' folders.
    """

    models: tuple[tuple[str, Path], ...]
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    threads: int | None = None
    examples: tuple[str, ...] | None = None
    token: str | None = field(default=None, repr=False)
    log_level: LogLevel = "info"
    access_log: bool = True
    body_bytes: int = 4 << 20
    text_characters: int = 100_000
    texts: int = 1_000
    explain_characters: int = 10_000
    body_seconds: float = 10.0
    request_seconds: float = 30.0
    in_flight: int = 256
    bytes_in_flight: int = 64 << 20
    connections: int = 1_000
    explanations: int = 2
    head_seconds: float = 10.0
    idle_seconds: float = 60.0
    drain_seconds: float = 30.0
    watch_seconds: float = 1.0

    def __post_init__(self) -> None:
        names = [name for name, _ in self.models]
        if not names:
            raise InputError("there is no model to serve; name the folder of one")
        for name in names:
            if names.count(name) > 1:
                raise InputError(
                    f"two models are called {name!r}, and requests name one; rename a folder"
                )
        if self.token is not None and not _is_sendable(self.token):
            raise InputError(
                "the token is empty or has characters that no header can carry; set UNROLLED_TOKEN "
                "to printable ASCII without spaces, or unset it"
            )

    @classmethod
    def of(cls, folders: Sequence[Path], **others: Any) -> Self:
        """Models named as their folders are."""
        return cls(tuple((folder.resolve().name, folder) for folder in folders), **others)

    @property
    def large_work_threads(self) -> int:
        """Threads of large work in one worker."""
        if self.threads is not None:
            return self.threads
        return max(1, thread_count(None) // self.workers)


def _is_sendable(token: str) -> bool:
    return bool(token) and token.isascii() and token.isprintable() and " " not in token
