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
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from support.workload import Experiment, Weights, Workload, load_weights

BENCHMARKS = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Run:
    """Some epochs of one peer: wall seconds of each, its losses, and the CPU time it used."""

    seconds: list[float]
    loss: list[float]
    val_loss: list[float]
    val_accuracy: list[float]
    cpu_seconds: float = 0.0
    idle_seconds: float = 0.0
    idle_cpu_seconds: float = 0.0


class Peer(Protocol):
    """What a peer's module implements."""

    def versions(self) -> dict[str, str]:
        """What is measured: package -> version."""

    def build(self, experiment: Experiment, weights: Weights) -> None:
        """A network with these weights and a fresh optimiser."""

    def run(self, experiment: Experiment, *, epochs: int, shuffle: bool) -> Run:
        """Train and validate; without shuffling the reviews come in the order of the workload."""


class PeerError(Exception):
    """A peer cannot run here, or broke down."""


def serve(make_peer: PeerFactory) -> None:
    """Answer the lines of stdin until it closes. Arguments: workload file, threads."""
    workload_file, threads = sys.argv[1:]
    # Libraries print to stdout as they like; only answers may reach the pipe.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    peer: Peer | None = None
    idle_since, idle_cpu_since = time.perf_counter(), time.process_time()
    for line in sys.stdin:
        request = json.loads(line)
        started, cpu_started = time.perf_counter(), time.process_time()
        try:
            if request["do"] == "load":
                peer = make_peer(Workload.load(Path(workload_file)), int(threads))
                answer: dict[str, Any] = {"versions": peer.versions()}
            elif peer is None:
                raise PeerError("nothing is loaded")
            elif request["do"] == "build":
                peer.build(request["experiment"], load_weights(Path(request["weights"])))
                answer = {}
            else:
                run = peer.run(
                    request["experiment"], epochs=request["epochs"], shuffle=request["shuffle"]
                )
                answer = asdict(run) | {
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


class PeerFactory(Protocol):
    def __call__(self, workload: Workload, threads: int) -> Peer: ...


@dataclass
class Worker:
    """The controller's end of one peer's process."""

    name: str
    module: str
    threads: int
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self, workload_file: Path, log: Path, cores: int) -> dict[str, str]:
        """Start the process and load the work; returns the versions of what is measured."""
        paths = [str(BENCHMARKS), *filter(None, [os.environ.get("PYTHONPATH")])]
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module, str(workload_file), str(self.threads)],
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
        versions: dict[str, str] = self._ask(do="load")["versions"]
        return versions

    def build(self, experiment: Experiment, weights_file: Path) -> None:
        self._ask(do="build", experiment=experiment, weights=str(weights_file))

    def run(self, experiment: Experiment, *, epochs: int, shuffle: bool) -> Run:
        return Run(**self._ask(do="run", experiment=experiment, epochs=epochs, shuffle=shuffle))

    def stop(self) -> None:
        """Close the pipe, which ends the loop of `serve`, and wait."""
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

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise PeerError(f"the process ended ({_last_line(self._log)})")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "nothing was printed"
