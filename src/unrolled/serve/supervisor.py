"""Several processes that serve on one socket: uvicorn's supervisor, which replaces the dead."""

from __future__ import annotations

import math
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from typing import cast

from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import SIGNALS, Multiprocess, Process

from unrolled.errors import UnrolledError
from unrolled.serve.connection import ServerConfig
from unrolled.serve.logs import Log
from unrolled.serve.metrics import FOLDER, forget_worker
from unrolled.serve.server import OneProcess

_READY_SECONDS = 1.0  # for a worker to say whether it serves
_START_SECONDS = 120.0  # for a worker to load what it needs and serve; machines are slow at times


class Worker(Process):
    """One of them, seen from both sides: it is sent to the process that it describes."""

    _has_served = False
    _began = math.inf

    def start(self) -> None:
        self._began = time.monotonic()
        super().start()

    def is_alive(self, timeout: float = 5.0) -> bool:
        """Whether it goes on; one that has not served yet may be too busy to say so."""
        if self._has_served:
            return super().is_alive(timeout)
        self._has_served = self.is_ready(_READY_SECONDS)
        is_early = time.monotonic() - self._began < _START_SECONDS
        return self._has_served or (self.process.is_alive() and is_early)

    def is_ready(self, timeout: float = 5.0) -> bool:
        try:
            while self.parent_conn.poll():  # what it said too late, to an earlier question
                self.parent_conn.recv()
        except (OSError, EOFError):
            return False
        return super().is_ready(timeout)

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        threading.Thread(target=self.always_pong, daemon=True).start()
        self._server = OneProcess(cast(ServerConfig, self.config))
        self._server.run(sockets)

    def pong(self) -> None:
        """Tell the parent, when it asks, whether requests are served."""
        self.child_conn.recv()
        self.child_conn.send(self._server is not None and self._server.started)


class Workers(Multiprocess):
    """The parent of all workers. on_ready is called once, when every worker serves."""

    processes: list[Process]

    def __init__(
        self,
        config: ServerConfig,
        listener: socket.socket,
        log: Log,
        on_ready: Callable[[], None] | None,
    ) -> None:
        self._handlers = {number: signal.getsignal(number) for number in SIGNALS}
        super().__init__(config, [listener])
        self._log = log
        self._on_ready = on_ready
        self.was_interrupted = False

    def run(self) -> None:
        """Serve until a signal ends it; UnrolledError when a worker cannot even start."""
        metrics = tempfile.mkdtemp(prefix="unrolled-metrics-")
        os.environ[FOLDER] = metrics  # the workers inherit it
        try:
            super().run()
        finally:
            del os.environ[FOLDER]
            shutil.rmtree(metrics, ignore_errors=True)
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
        if any(worker.exitcode == STARTUP_FAILURE for worker in self.processes):
            raise UnrolledError("a worker could not start; the log above says where it failed")

    def init_processes(self) -> None:
        for _ in range(self.processes_num):
            self.processes.append(self._started())

    def keep_subprocess_alive(self) -> None:
        for place, worker in enumerate(self.processes):
            if self.should_exit.is_set() or worker.is_alive(self.config.timeout_worker_healthcheck):
                continue
            worker.kill()
            worker.join()
            if worker.exitcode == STARTUP_FAILURE:
                self.should_exit.set()
                return
            assert worker.pid is not None
            forget_worker(worker.pid)
            self._log("error", "worker died and is replaced", pid=worker.pid, code=worker.exitcode)
            self.processes[place] = self._started()
        if self._on_ready is not None and all(map(_is_ready, self.processes)):
            self._on_ready()
            self._on_ready = None

    def handle_int(self) -> None:
        self.was_interrupted = True
        self.should_exit.set()

    def handle_hup(self) -> None:
        """Have every worker load its models again; one that is starting has the newest anyway."""
        for worker in filter(_is_ready, self.processes):
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGHUP)

    def handle_ttin(self) -> None:
        """The number of workers stays."""

    handle_ttou = handle_ttin

    def _started(self) -> Worker:
        worker = Worker(self.config, self.sockets)
        worker.start()
        return worker


def _is_ready(worker: Process) -> bool:
    return worker.is_ready(_READY_SECONDS)
