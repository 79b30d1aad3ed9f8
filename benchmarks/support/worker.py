"""The notebook's peers: what each implements, and how it is asked."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from support.process import PeerProcess, serve_requests
from support.workload import Experiment, Weights, Workload, load_weights


@dataclass(frozen=True)
class Run:
    """Some epochs of one peer: wall seconds of each, its losses, and the CPU time it used."""

    seconds: list[float]
    loss: list[float]
    val_loss: list[float]
    val_accuracy: list[float]
    cpu_seconds: float = 0.0


class Peer(Protocol):
    """What a peer's module implements."""

    def versions(self) -> dict[str, str]:
        """What is measured: package -> version."""

    def build(self, experiment: Experiment, weights: Weights) -> None:
        """A network with these weights and a fresh optimiser."""

    def run(self, experiment: Experiment, *, epochs: int, shuffle: bool) -> Run:
        """Train and validate; without shuffling the reviews come in the order of the workload."""


class PeerFactory(Protocol):
    def __call__(self, workload: Workload, threads: int) -> Peer: ...


class Served:
    """A peer whose weights and figures travel as files and JSON."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def versions(self) -> dict[str, Any]:
        return {"versions": self._peer.versions()}

    def build(self, experiment: Experiment, weights: str) -> None:
        self._peer.build(experiment, load_weights(Path(weights)))

    def run(self, experiment: Experiment, *, epochs: int, shuffle: bool) -> dict[str, Any]:
        return asdict(self._peer.run(experiment, epochs=epochs, shuffle=shuffle))


def serve(make_peer: PeerFactory) -> None:
    """The main function of a peer's module. Arguments: workload file, threads."""
    workload_file, threads = sys.argv[1:]
    serve_requests(lambda: Served(make_peer(Workload.load(Path(workload_file)), int(threads))))


@dataclass
class Worker(PeerProcess):
    """One of the notebook's peers, in its process."""

    def load(self, workload_file: Path, log: Path, cores: int) -> dict[str, str]:
        """Start the process and load the work; returns the versions of what is measured."""
        self.start(str(workload_file), str(self.threads), log=log, cores=cores)
        versions: dict[str, str] = self.ask("versions")["versions"]
        return versions

    def build(self, experiment: Experiment, weights_file: Path) -> None:
        self.ask("build", experiment=experiment, weights=str(weights_file))

    def run(self, experiment: Experiment, *, epochs: int, shuffle: bool) -> Run:
        return Run(**self.ask("run", experiment=experiment, epochs=epochs, shuffle=shuffle))
