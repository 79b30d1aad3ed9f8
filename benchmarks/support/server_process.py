"""A server as a process: started on a free port, asked one thing at a time, watched, stopped."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.process import BENCHMARKS, PeerError

START_SECONDS = 180.0  # Keras' compilers take their time
STOP_SECONDS = 20.0
PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Server:
    """One running server and its processes; figures of processes are those of Linux' /proc."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    def ask(self, method: str, path: str, body: Any = None, timeout: float = 30.0) -> Any:
        """The JSON answer; PeerError unless its status is 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, path, data, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise PeerError(f"{self.name}: {path}: {answer.status} {content[:200]!r}")
        return json.loads(content)

    def is_ready(self) -> bool:
        try:
            self.ask("GET", "/readyz", timeout=2.0)
        except (OSError, http.client.HTTPException, PeerError):
            return False
        return True

    def family(self) -> list[int]:
        """Its process and all below it."""
        parents = dict(_parents())
        family = [self.process.pid]
        for pid in family:
            family += [child for child, parent in parents.items() if parent == pid]
        return family

    def workers(self) -> list[int]:
        """The processes below the first that answer requests."""
        below = self.family()[1:]
        return [pid for pid in below if "resource_tracker" not in _command_line(pid)]

    def memory_mb(self) -> float:
        """Resident memory of all its processes."""
        return sum(_resident_bytes(pid) for pid in self.family()) / 1e6

    def cpu_seconds(self) -> float:
        return sum(_cpu_seconds(pid) for pid in self.family())

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            for pid in reversed(self.family()):
                os.kill(pid, signal.SIGKILL)
            self.process.wait()


@contextmanager
def running(
    name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Start ``command``, in which "PORT" stands for the port, and wait until it is ready."""
    port = free_port()
    paths = [str(BENCHMARKS), *filter(None, [os.environ.get("PYTHONPATH")])]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(port) if word == "PORT" else word for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {}), "PYTHONPATH": os.pathsep.join(paths)},
        )
    server = Server(name, port, process)
    try:
        until = time.monotonic() + START_SECONDS
        while not server.is_ready():
            if process.poll() is not None or time.monotonic() > until:
                lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
                raise PeerError(f"{name} does not start ({lines[-1:] or 'nothing was printed'})")
            time.sleep(0.1)
        yield server
    finally:
        if process.poll() is None:
            server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold anything."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return text.rpartition(")")[2].split()


def _parents() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                yield int(entry.name), int(_stat(int(entry.name))[1])
            except (FileNotFoundError, ProcessLookupError):
                continue


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _cpu_seconds(pid: int) -> float:
    try:
        fields = _stat(pid)
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""
