"""Ctrl-C and SIGTERM as one orderly stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopTraining(KeyboardInterrupt):
    """Leaves an epoch that is under way after a stop was asked for."""


class StopRequest:
    """Whether a stop was asked for."""

    def __init__(self) -> None:
        self.requested = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Signal handler: the first signal asks, a second one does not wait any longer."""
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def check(self) -> None:
        """Raise StopTraining when a stop was asked for."""
        if self.requested:
            raise StopTraining


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Within it, SIGINT and SIGTERM only ask for a stop; a second one raises KeyboardInterrupt.

    Handlers are put back at the end. A signal that is ignored (``nohup``, a job in the background)
    stays ignored. Python allows handlers in the main thread only: elsewhere nothing is installed.
    """
    request = StopRequest()
    previous = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                handler = signal.getsignal(number)
                if handler not in (signal.SIG_IGN, None):  # None: not set from Python
                    previous[number] = handler
                    signal.signal(number, request.handle)
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
