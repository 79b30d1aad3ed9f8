"""The servers that are compared, the endpoints that are asked, and what one round of load gives."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.command import unrolled
from support.load_client import ClientProcess
from support.process import JAX, TENSORFLOW
from support.server_process import Server, running

BACKENDS = {"jax": JAX, "tensorflow": TENSORFLOW}
WAYS = ("compiled", "call", "predict")
ENDPOINTS = ("def", "async")
PREDICT = "/v1/predict"


@dataclass(frozen=True)
class Place:
    """Where the workload is: the model's folder, files of request bodies, and logs."""

    folder: Path
    model: Path

    @property
    def singles(self) -> Path:
        return self.folder / "singles.jsonl"

    @property
    def batches(self) -> Path:
        return self.folder / "batches.jsonl"

    def write(self, texts: Sequence[str], batch: int) -> None:
        """Bodies of one text, and bodies of ``batch`` texts."""
        starts = range(0, len(texts) - batch + 1, batch)
        bodies = {
            self.singles: [{"text": text} for text in texts],
            self.batches: [{"texts": list(texts[start : start + batch])} for start in starts],
        }
        for file, rows in bodies.items():
            lines = [json.dumps(row) for row in rows]
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Target:
    """One endpoint of a running server."""

    name: str
    server: Server
    path: str


@dataclass(frozen=True)
class Round:
    """What the client saw of one target, and the cores that its server used meanwhile."""

    target: str
    figures: dict[str, Any]
    server_cores: float

    @property
    def per_second(self) -> float:
        """Answers with status 200 in a second."""
        return self.figures["statuses"].get("200", 0) / max(self.figures["seconds"], 1e-9)

    @property
    def failures(self) -> int:
        """Requests that did not get a 200."""
        return failures(self.figures)


def failures(figures: dict[str, Any]) -> int:
    others = figures["requests"] - figures["statuses"].get("200", 0)
    return int(others + figures["broken"] + figures["refused"] + figures["late"])


@contextmanager
def unrolled_server(place: Place, model: Path, *options: str) -> Iterator[Server]:
    command = unrolled("serve", str(model), "--port", "PORT", *options)
    with running("unrolled", command, place.folder / "unrolled.log") as server:
        yield server


@contextmanager
def constant_server(place: Place) -> Iterator[Server]:
    command = [sys.executable, "-m", "peers.constant_server", "PORT"]
    with running("constant", command, place.folder / "constant.log") as server:
        yield server


@contextmanager
def keras_server(place: Place, backend: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "peers.keras_server", str(place.model), "PORT"]
    log = place.folder / f"keras-{backend}.log"
    with running(f"keras-{backend}", command, log, BACKENDS[backend]) as server:
        yield server


def constant_targets(server: Server) -> list[Target]:
    return [
        Target("constant, body read", server, "/read"),
        Target("constant, body ignored", server, "/ignore"),
    ]


def keras_targets(server: Server) -> list[Target]:
    """Every way to ask the model, from both kinds of endpoint."""
    return [
        Target(f"{server.name} {way}, {endpoint}", server, f"/{way}/{endpoint}")
        for way in WAYS
        for endpoint in ENDPOINTS
    ]


def run_round(
    client: ClientProcess,
    target: Target,
    bodies: Path,
    *,
    connections: int,
    seconds: float,
    most: int | None = None,
) -> Round:
    client.prepare("round", target.path, bodies)
    before = target.server.cpu_seconds()
    figures = client.run(
        "round", target.server.port, connections=connections, seconds=seconds, most=most
    )
    cores = (target.server.cpu_seconds() - before) / max(figures["seconds"], 1e-9)
    return Round(target.name, figures, cores)
