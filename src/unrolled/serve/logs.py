"""The log: one JSON object a line on standard error, and no word of what users sent.

Lines are collected and written by a thread a few times a second: a request costs microseconds,
and a reader who stalls stops no request.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from pydantic_core import to_json

LEVELS = {"info": 20, "warning": 30, "error": 40}
_SECONDS = 0.1  # between two writes
_MOST = 20_000  # lines that wait; the oldest are dropped
_LIBRARIES = ("uvicorn.error", "asyncio")
_PACKAGE = Path(__file__).parents[1]


class Log:
    """Where one process writes.

    stream: standard error, if None. is_access_wanted: whether each request has a line.
    """

    def __init__(
        self, level: str = "info", *, access: bool = True, stream: TextIO | None = None
    ) -> None:
        self._least = LEVELS[level]
        self.is_access_wanted = access and self._least <= LEVELS["info"]
        self._stream = stream
        self._lines: deque[bytes] = deque(maxlen=_MOST)
        self._writing = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="unrolled-log", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is left and end."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.flush()

    def __call__(self, level: str, event: str, **fields: Any) -> None:
        """Note an event; what ``fields`` say must not be a user's."""
        if LEVELS[level] >= self._least:
            line = {"time": _now(), "level": level, "event": event, **fields}
            self._lines.append(to_json(line, fallback=str, inf_nan_mode="null"))

    def access(
        self, request_id: str, method: str, route: str, status: int, milliseconds: float, texts: int
    ) -> None:
        """Note a request; every argument is known to need no escape in JSON."""
        self._lines.append(
            f'{{"time":"{_now()}","level":"info","event":"request","request_id":"{request_id}",'
            f'"method":"{method}","route":"{route}","status":{status},'
            f'"milliseconds":{milliseconds:.3f},"texts":{texts}}}'.encode()
        )

    def failure(self, event: str, error: BaseException, **fields: Any) -> None:
        """Note what was not foreseen: its type and the place in this library, not its message."""
        self("error", event, type=type(error).__name__, where=where(error), **fields)

    def flush(self) -> None:
        """Write all lines that wait."""
        stream = sys.stderr if self._stream is None else self._stream
        with self._writing:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if lines:
                try:
                    stream.write(b"\n".join([*lines, b""]).decode())
                    stream.flush()
                except (OSError, ValueError):  # nobody reads any more; the service goes on
                    return

    def _run(self) -> None:
        while not self._stopping.wait(_SECONDS):
            self.flush()


class Handler(logging.Handler):
    """Takes what other libraries log, without the values in it: those may be a user's."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        level = "error" if record.levelno >= 40 else "warning" if record.levelno >= 30 else "info"
        error = record.exc_info[1] if record.exc_info else None
        about = {} if error is None else {"type": type(error).__name__, "where": where(error)}
        first, *_ = str(record.msg).strip().splitlines() or [""]  # the others hold values
        self._log(level, "library", logger=record.name, message=first, **about)


@contextmanager
def library_logs(log: Log) -> Iterator[None]:
    """Meanwhile, what uvicorn and asyncio have to say goes to the log."""
    handler = Handler(log)
    before = []
    for name in _LIBRARIES:
        logger = logging.getLogger(name)
        before.append((logger, logger.level, logger.propagate))
        logger.addHandler(handler)
        logger.setLevel(logging.WARNING)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, level, propagate in before:
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate


def where(error: BaseException) -> str | None:
    """The last place in this library that an error came by, as "serve/app.py:12"."""
    place = None
    trace = error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if file.is_relative_to(_PACKAGE):
            place = f"{file.relative_to(_PACKAGE).as_posix()}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")
