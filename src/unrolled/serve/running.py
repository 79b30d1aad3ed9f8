"""run: from settings to a server that runs until it is told to end."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from unrolled.engine.kernels import on_compile
from unrolled.errors import InputError
from unrolled.serve.connection import ServerConfig
from unrolled.serve.logs import Log, library_logs
from unrolled.serve.served import ServedModel
from unrolled.serve.server import OneProcess, configuration
from unrolled.serve.service import tell_of_compiling
from unrolled.serve.settings import Settings
from unrolled.serve.supervisor import Workers

BACKLOG = 2_048

Tell = Callable[[str], None]


def run(settings: Settings, on_ready: Tell | None = None) -> None:
    """Serve until SIGTERM, which drains, or Ctrl-C, which is KeyboardInterrupt after the same.

    on_ready is told the address when requests are served. Raises InputError when the address or
    a model cannot be used.
    """
    with listening(settings.host, settings.port) as listener:
        address = _address(settings.host, listener)

        def tell() -> None:
            if on_ready is not None:
                on_ready(address)

        config = configuration(settings)
        serve = _in_workers if settings.workers > 1 else _in_this_process
        was_interrupted = serve(config, listener, tell)
    if was_interrupted:
        raise KeyboardInterrupt


def listening(host: str, port: int) -> socket.socket:
    """A socket that takes connections, for which somebody must care."""
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
        raise InputError(
            f"cannot listen at {host}, port {port} ({_reason(error)}); choose another --host or "
            "--port"
        ) from error
    listener.set_inheritable(True)
    return listener


def _reason(error: Exception) -> object:
    """What the system says, without the address that Python adds to some of it."""
    if isinstance(error, socket.gaierror):  # its numbers are not those of the system
        return error.strerror
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error


def _in_this_process(
    config: ServerConfig, listener: socket.socket, tell: Callable[[], None]
) -> bool:
    server = OneProcess(config, tell)
    server.run([listener])
    return server.was_interrupted


def _in_workers(config: ServerConfig, listener: socket.socket, tell: Callable[[], None]) -> bool:
    settings = config.settings
    log = Log(settings.log_level)
    log.start()
    on_compile(lambda: tell_of_compiling(log))
    try:
        for name, folder in settings.models:  # compiles what the workers need, and only once
            ServedModel(name, folder).warm_up(settings.large_work_threads)
        with library_logs(log):
            workers = Workers(config, listener, log, tell)
            workers.run()
    finally:
        log.stop()
    return workers.was_interrupted


def _address(host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"
