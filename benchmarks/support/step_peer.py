"""Peers that repeat one step of work: what each implements, and how it is asked."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from support.process import PeerProcess, serve_requests

Arrays = dict[str, NDArray[Any]]
Step = Callable[[], Any]
"""Does the work once; returns when all is done."""


class StepPeer(Protocol):
    """What a peer's module implements; a case is the name of some work."""

    def versions(self) -> dict[str, str]:
        """What is measured: package -> version."""

    def step(self, case: str) -> Step:
        """The work, with everything in the peer's own layout and ready to run."""

    def results(self, case: str, outcome: Any) -> dict[str, Any]:
        """Arrays that all peers must agree on, from what a step returned."""


class Served:
    """A peer that keeps the steps of its cases, and times them."""

    def __init__(self, peer: StepPeer) -> None:
        self._peer = peer
        self._steps: dict[str, Step] = {}

    def versions(self) -> dict[str, Any]:
        return {"versions": self._peer.versions()}

    def build(self, case: str, steps: int, results: str) -> None:
        """Take the first steps, and write the results of the last one to a file."""
        self._steps[case] = step = self._peer.step(case)
        for _ in range(steps - 1):
            step()
        np.savez(results, **self._peer.results(case, step()))

    def run(self, case: str, seconds: float) -> dict[str, list[float]]:
        """Wall seconds of each step, for as many as fit into ``seconds``; one at least."""
        step = self._steps[case]
        taken: list[float] = []
        started = before = time.perf_counter()
        while not taken or before - started < seconds:
            step()
            after = time.perf_counter()
            taken.append(after - before)
            before = after
        return {"seconds": taken}


def serve(make_peer: Callable[[int], StepPeer]) -> None:
    """The main function of a peer's module. Argument: threads."""
    (threads,) = sys.argv[1:]
    serve_requests(lambda: Served(make_peer(int(threads))))


@dataclass
class StepProcess(PeerProcess):
    """One of these peers, in its process.

    can_do: whether the peer takes part in a case.
    """

    can_do: Callable[[str], bool] = field(default=lambda case: True)

    def load(self, log: Path, cores: int) -> dict[str, str]:
        """Start the process; returns the versions of what is measured."""
        self.start(str(self.threads), log=log, cores=cores)
        versions: dict[str, str] = self.ask("versions")["versions"]
        return versions

    def build(self, case: str, steps: int, results: Path) -> Arrays:
        """The results of the case's first steps."""
        self.ask("build", case=case, steps=steps, results=str(results))
        with np.load(results) as arrays:
            return {name: arrays[name] for name in arrays.files}

    def run(self, case: str, seconds: float) -> list[float]:
        taken: list[float] = self.ask("run", case=case, seconds=seconds)["seconds"]
        return taken
