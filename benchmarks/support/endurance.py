"""What a server must survive: many requests, models that are swapped, workers that are killed."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from support.load_client import ClientProcess
from support.process import PeerError
from support.progress import progress
from support.server_process import Server
from support.serving_peers import PREDICT, Place, Target, failures, run_round, unrolled_server
from unrolled import bundle

Result = TypeVar("Result")

LOAD_SECONDS = 2.0  # of each piece of load while something is done to the server
PATIENCE = 30.0  # seconds for a swap or a new worker to show
POLL_SECONDS = 0.01
WARM_UP_REQUESTS = 5_000
TEXT = "a wonderful film, but the end was bad"


def soak(
    client: ClientProcess, server: Server, place: Place, requests: int, connections: int
) -> dict[str, Any]:
    """Memory before and after many requests, the first few thousand of which are not counted."""
    target = Target("unrolled", server, PREDICT)

    def load(most: int) -> dict[str, Any]:
        return run_round(
            client, target, place.singles, connections=connections, seconds=3600.0, most=most
        ).figures

    progress(f"soak: {requests:,} requests")
    load(WARM_UP_REQUESTS)
    start = server.memory_mb()
    half = load(requests // 2)
    middle = server.memory_mb()
    rest = load(requests - requests // 2)
    return {
        "requests": half["requests"] + rest["requests"],
        "failures": failures(half) + failures(rest),
        "start_mb": start,
        "middle_mb": middle,
        "end_mb": server.memory_mb(),
    }


def under_load(
    client: ClientProcess, server: Server, connections: int, work: Callable[[], Result]
) -> tuple[Result, list[dict[str, Any]]]:
    """Do ``work`` while the client loads the server, and return what the client saw."""
    done = threading.Event()
    seen: list[dict[str, Any]] = []

    def load() -> None:
        while not done.is_set():
            seen.append(
                client.run("load", server.port, connections=connections, seconds=LOAD_SECONDS)
            )

    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load)
        try:
            result = work()
        finally:
            done.set()
            loading.result()
    return result, seen


def summed(seen: list[dict[str, Any]]) -> dict[str, Any]:
    """Pieces of load as one."""
    statuses: dict[str, int] = {}
    for piece in seen:
        for status, count in piece["statuses"].items():
            statuses[status] = statuses.get(status, 0) + count
    counts = {
        name: sum(piece[name] for piece in seen)
        for name in ("requests", "broken", "refused", "late")
    }
    return {**counts, "statuses": statuses, "longest": max(piece["longest"] for piece in seen)}


def swaps(client: ClientProcess, place: Place, times: int, connections: int) -> dict[str, Any]:
    """The model's folder replaced by another model and back, the way that `save` does it.

    After each, the server must come to say the new model's hash, and then score with it.
    """
    served = place.folder / "swapped"
    shutil.copytree(place.model, served)
    models = [bundle.read(place.model)]
    models.append(
        dataclasses.replace(
            models[0], weights={name: array / 2 for name, array in models[0].weights.items()}
        )
    )
    client.prepare("load", PREDICT, place.singles)
    with unrolled_server(place, served) as server:

        def probability() -> float:
            answer = server.ask("POST", PREDICT, {"text": TEXT})
            return float(answer["prediction"]["probabilities"]["positive"])

        def swap_all() -> tuple[list[float], int]:
            seconds, wrong = [], 0
            known = [probability()]
            for number in range(1, times + 1):
                seconds.append(_swap(server, served, models[number % 2]))
                now = probability()
                if number == 1:
                    known.append(now)
                wrong += now != known[number % 2]
            return seconds, wrong + (known[0] == known[1])

        progress(f"{times} swaps under load")
        (seconds, wrong), seen = under_load(client, server, connections, swap_all)
    figures = summed(seen)
    return {
        **figures,
        "swaps": len(seconds),
        "wrong": wrong,
        "failures": failures(figures),
        "median_seconds": statistics.median(seconds),
        "longest_seconds": max(seconds),
    }


def _swap(server: Server, folder: Path, model: bundle.Bundle) -> float:
    """Seconds until the server says that it has the new model."""
    before = server.ask("GET", "/v1/model")["hash"]
    bundle.write(folder, model)
    started = time.monotonic()
    while server.ask("GET", "/v1/model")["hash"] == before:
        if time.monotonic() > started + PATIENCE:
            raise PeerError(f"the swapped model did not show within {PATIENCE:g} s")
        time.sleep(POLL_SECONDS)
    return time.monotonic() - started


def kills(client: ClientProcess, place: Place, times: int, connections: int) -> dict[str, Any]:
    """One of two workers killed under load, again and again; others must take its place.

    A request whose connection died with its worker is no failure of the service, one that gets
    another answer than 200 is, and so is a connection that nobody accepts.
    """
    client.prepare("load", PREDICT, place.singles)
    with unrolled_server(place, place.model, "--workers", "2") as server:

        def kill_all() -> list[float]:
            return [_kill(server) for _ in range(times)]

        progress(f"{times} workers killed under load")
        seconds, seen = under_load(client, server, connections, kill_all)
        server.ask("POST", PREDICT, {"text": TEXT})
    figures = summed(seen)
    return {
        **figures,
        "kills": len(seconds),
        "failures": failures(figures) - figures["broken"],
        "median_seconds": statistics.median(seconds),
    }


def _kill(server: Server) -> float:
    """Kill one worker; seconds until there is another one and the server says it is ready."""
    time.sleep(LOAD_SECONDS)
    before = set(server.workers())
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    started = time.monotonic()
    while not (set(server.workers()) - before and server.is_ready()):
        if time.monotonic() > started + PATIENCE:
            raise PeerError(f"no worker took the place of the killed one within {PATIENCE:g} s")
        time.sleep(POLL_SECONDS)
    return time.monotonic() - started
