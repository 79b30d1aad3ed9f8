"""`unrolled serve` in a process of its own, on a port that it chose."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .wire import eventually, request, wire

START_SECONDS = 120.0  # kernels may have to be compiled
STOP_SECONDS = 60.0


@dataclass
class LiveServer:
    """A running server and its processes, whose memory only Linux tells (else it is 0)."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str) -> Any:
        """The JSON document at an address."""
        with wire(self.port) as connection:
            answer = connection.ask(request(path, method="GET"), "GET")
        assert answer is not None
        assert answer.status == 200, answer
        return answer.json()

    def events(self) -> list[dict[str, Any]]:
        """The whole lines of its log."""
        lines = self.log.read_text(encoding="utf-8").split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def family(self) -> list[int]:
        """Its process and all below it."""
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
            except OSError:  # it has ended
                continue
            parents[int(stat.parent.name)] = int(fields.split()[1])
        family = [self.process.pid]
        for pid in family:
            family += [child for child, parent in parents.items() if parent == pid]
        return family

    def memory_mb(self) -> float:
        """Resident memory of all its processes."""
        return self._status_mb("VmRSS")

    def peak_mb(self) -> float:
        """The most that each of them ever had, summed."""
        return self._status_mb("VmHWM")

    def _status_mb(self, name: str) -> float:
        found = 0
        for pid in self.family():
            file = Path(f"/proc/{pid}/status")
            lines = file.read_text(encoding="ascii").splitlines() if file.exists() else []
            found += sum(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
        return found / 1e3

    def is_up(self, said: Path) -> bool:
        """Whether it has said its address, which is then known."""
        assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
        found = re.fullmatch(r"serving .* at http://127\.0\.0\.1:(\d+)\n", said.read_text("utf-8"))
        self.port = int(found[1]) if found else 0
        return bool(found)


@contextmanager
def running(model: Path, *options: str) -> Iterator[LiveServer]:
    """The server, from when it is ready until it has ended as it should."""
    pytest.importorskip("uvicorn")
    with tempfile.TemporaryDirectory() as name:
        log, said = Path(name, "log.jsonl"), Path(name, "said.txt")
        with log.open("wb") as errors, said.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "unrolled", "serve", str(model), "--port", "0", *options],
                stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                env={key: value for key, value in os.environ.items() if key != "UNROLLED_TOKEN"},
            )  # fmt: skip
        live = LiveServer(0, process, log)
        try:
            assert eventually(lambda: live.is_up(said), START_SECONDS), "it does not start"
            yield live
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_SECONDS) in (0, -signal.SIGTERM)
        finally:
            if process.poll() is None:
                for pid in reversed(live.family()):
                    os.kill(pid, signal.SIGKILL)
                process.wait()
