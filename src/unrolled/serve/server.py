"""One process that serves: uvicorn's server, which loads first, reloads at SIGHUP, and drains."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Generator

from uvicorn import Server

from unrolled.serve.app import create_app
from unrolled.serve.connection import Connection, ServerConfig, end_overdue
from unrolled.serve.logs import library_logs
from unrolled.serve.service import Service
from unrolled.serve.settings import Settings

_STOPPING = (signal.SIGINT, signal.SIGTERM)
_TICKS = 10  # of a tenth of a second, between two looks at all connections
_SWITCH_SECONDS = 0.001  # that a thread with large work may keep the interpreter


def configuration(settings: Settings) -> ServerConfig:
    """What every process of the server runs with; it can be sent to a worker."""
    return ServerConfig(
        settings,
        app=functools.partial(create_app, settings, is_replacement=settings.workers > 1),
        factory=True,
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        workers=settings.workers,
        timeout_keep_alive=max(1, round(settings.idle_seconds)),
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
    )


class OneProcess(Server):
    """A server in this process. on_ready is called when requests are served."""

    def __init__(self, config: ServerConfig, on_ready: Callable[[], None] | None = None) -> None:
        super().__init__(config)
        config.load()
        self._service: Service = config.loaded_app.service
        self._on_ready = on_ready
        self._parent = os.getppid() if config.workers > 1 else None

    @property
    def was_interrupted(self) -> bool:
        """Whether somebody pressed Ctrl-C."""
        return signal.SIGINT in self._captured_signals

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        sys.setswitchinterval(_SWITCH_SECONDS)
        log = self._service.log
        with library_logs(log):
            try:
                super().run(sockets)
            finally:
                log.stop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self._service.start()  # here, so that a model that cannot be used raises its error
        gc.collect()
        gc.freeze()  # a look through all that was loaded would stop every request for 0.1 s
        await super().startup(sockets)
        if hasattr(signal, "SIGHUP"):
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop = asyncio.get_running_loop()
                loop.add_signal_handler(signal.SIGHUP, self._service.reload)
        if self._on_ready is not None:
            self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS == 0:
            end_overdue(self.server_state.connections, asyncio.get_running_loop().time())
            if self._parent is not None and os.getppid() != self._parent:
                self.should_exit = True  # the parent is dead: nobody would end this process
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._service.is_draining = True
        self._service.log("info", "draining", in_flight=self._service.in_flight)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """As uvicorn's, but a signal that was obeyed is not raised again at the end."""
        try:
            before = {name: signal.signal(name, self.handle_exit) for name in _STOPPING}
        except ValueError:  # not in the main thread, where signals come
            before = {}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)
