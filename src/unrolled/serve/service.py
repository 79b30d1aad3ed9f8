"""Service: what one process serves with; everything that its requests share."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

from unrolled.engine.kernels import on_compile
from unrolled.serve.access import Access
from unrolled.serve.logs import Log
from unrolled.serve.metrics import Metrics
from unrolled.serve.models import Models
from unrolled.serve.problems import busy
from unrolled.serve.settings import Settings

_THIS_MACHINE = ("127.", "::1", "localhost")


class Service:
    """Started before the first request and stopped after the last one.

    is_replacement: another process has shown that the models can be used, so that this one waits
    until they can be again, if need be. in_flight: requests that are being worked on;
    bytes_in_flight: of their bodies.
    """

    def __init__(self, settings: Settings, *, is_replacement: bool = False) -> None:
        self.settings = settings
        self.log = Log(settings.log_level, access=settings.access_log)
        self.metrics = Metrics()
        self.access = Access(settings.token)
        self.models = Models(settings, self.log, self.metrics)
        self.explainer = ThreadPoolExecutor(settings.explanations, "unrolled-explain")
        self.in_flight = 0
        self.bytes_in_flight = 0
        self.is_draining = False
        self._is_replacement = is_replacement
        self._watching: asyncio.Task[None] | None = None
        self._reloading: set[asyncio.Task[None]] = set()

    @property
    def is_ready(self) -> bool:
        """Whether new requests are welcome."""
        return self.models.is_ready and not self.is_draining

    def take_bytes(self, size: int) -> None:
        """Count a body that begins to come; Problem 429 where others leave it no room."""
        if self.bytes_in_flight and self.bytes_in_flight + size > self.settings.bytes_in_flight:
            raise busy(429, "too-many-bytes", "the bodies of other requests are many; come again")
        self.bytes_in_flight += size

    async def start(self) -> None:
        """Load the models; UnrolledError when one cannot be used. A second call does nothing."""
        if self._watching is not None:
            return
        self.log.start()
        on_compile(lambda: tell_of_compiling(self.log))
        if self.settings.token is None and not self.settings.host.startswith(_THIS_MACHINE):
            self.log("warning", "no token: whoever reaches this address may ask")
        if self._is_replacement:
            await self.models.load_when_possible()
        else:
            await self.models.load()
        self._watching = asyncio.create_task(self.models.watch())

    def reload(self) -> None:
        """Load every model again, in the background."""
        task = asyncio.create_task(self.models.reload())
        self._reloading.add(task)
        task.add_done_callback(self._reloading.discard)

    async def stop(self) -> None:
        """Give back all threads; the log is written to its end."""
        for task in (self._watching, *self._reloading):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        self._watching = None
        self.models.close()
        self.explainer.shutdown(wait=False, cancel_futures=True)
        self.log.stop()


def tell_of_compiling(log: Log) -> None:
    """Why the start takes a minute."""
    log("info", "compiling the kernels, once after installation")
