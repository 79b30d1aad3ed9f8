"""Peers as long-lived processes: one JSON line asks, one JSON line answers.

A process of its own gives every peer its own environment, threads and compiled code, and lets the
rounds of all peers take turns: a machine that slows down for a minute slows everybody down.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).resolve().parent.parent
# TensorFlow's and XLA's start-up messages would fill the logs.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
JAX = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", **QUIET}
TENSORFLOW = {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "", **QUIET}
# A sleeping peer that uses more than this share of a core disturbs the one that is measured.
IDLE_LIMIT = 0.02


class PeerError(Exception):
    """A peer cannot run here, or broke down."""


def serve_requests(make_peer: Callable[[], Any]) -> None:
    """Answer the lines of stdin until it closes: {"do": a method of the peer, its arguments}.

    "load" makes the peer. Each answer says what CPU time it took, and the time before it.
    """
    # Libraries print to stdout as they like; only answers may reach the pipe.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    peer: Any = None
    idle_since, idle_cpu_since = time.perf_counter(), time.process_time()
    for line in sys.stdin:
        request = json.loads(line)
        started, cpu_started = time.perf_counter(), time.process_time()
        answer: dict[str, Any] = {}
        try:
            wanted = request.pop("do")
            if wanted == "load":
                peer = make_peer()
            elif peer is None:
                raise PeerError("nothing is loaded")
            else:
                answer = getattr(peer, wanted)(**request) or {}
            answer |= {
                "cpu_seconds": time.process_time() - cpu_started,
                "idle_seconds": started - idle_since,
                "idle_cpu_seconds": cpu_started - idle_cpu_since,
            }
        except Exception as error:
            # Whatever goes wrong inside a peer is the answer; the others go on.
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), file=answers)
        idle_since, idle_cpu_since = time.perf_counter(), time.process_time()


@dataclass
class PeerProcess:
    """The controller's end of one peer's process."""

    name: str
    module: str
    threads: int
    environment: Mapping[str, str] = field(default_factory=dict)
    _idle_seconds: float = field(default=0.0, init=False)
    _idle_cpu_seconds: float = field(default=0.0, init=False)

    @property
    def idle_share(self) -> float:
        """CPU time per second between this peer's own runs."""
        # Over less than a second, the milliseconds in which threads fall asleep would count.
        return self._idle_cpu_seconds / self._idle_seconds if self._idle_seconds > 1 else 0.0

    def start(self, *arguments: str, log: Path, cores: int) -> None:
        """Start the process on that many cores; ``arguments`` are those of its main module."""
        paths = [str(BENCHMARKS), *filter(None, [os.environ.get("PYTHONPATH")])]
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, **self.environment, "PYTHONPATH": os.pathsep.join(paths)},
            )
        self._log = log
        # XLA takes every core that it may run on, and has no setting: give all the same cores.
        if hasattr(os, "sched_setaffinity"):
            allowed = sorted(os.sched_getaffinity(0))[:cores]
            os.sched_setaffinity(self._process.pid, allowed)
        self.ask("load")

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """The answer of the peer's method ``do``, with the CPU time that it took."""
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise PeerError(f"the process ended ({_last_line(self._log)})")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PeerError(answer["error"])
        idle, idle_cpu = answer.pop("idle_seconds"), answer.pop("idle_cpu_seconds")
        if do == "run":
            self._idle_seconds += idle
            self._idle_cpu_seconds += idle_cpu
        return answer

    def stop(self) -> None:
        """Close the pipe, which ends the loop of `serve_requests`, and wait."""
        if self._process.stdin:
            # A process that is gone already cannot read what was last written to it.
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "nothing was printed"
