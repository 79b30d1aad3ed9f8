"""`unrolled serve` under load, beside the same model in Keras and constants behind FastAPI.

First every server scores the same reviews: the probabilities must be those that the model gives in
Python. Then a client on loopback loads one server after the other, with reviews of IMDB: one text
a request from 64 connections, one connection, batches of 256 texts; then memory over 100,000
requests, a model that is swapped under load, and workers that are killed under load.

    python benchmarks/serving.py --json figures.json
    python benchmarks/serving.py --model model/embedding --sections single soak

Without --model the notebook's embedding model is trained first. Every server is one process of
uvicorn with uvloop and httptools; ours writes its log of requests, as it does for users, the others
none. Nothing is pinned: all may use all cores, which the client shares. Keras is asked in six ways
for a short time on both of its backends; the fastest one takes part in the rest. All sections take
about ten minutes.

The malformed requests are in tests/test_serve_faults.py; with UNROLLED_FAULTS=10000 it sends so
many and says what came back.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from support import machine
from support.claims import Claims
from support.command import CommandFailed, run_once, unrolled
from support.endurance import kills, soak, swaps
from support.load_client import ClientProcess
from support.process import PeerError
from support.progress import progress
from support.reviews import reviews_of
from support.serving_peers import Place
from support.serving_speed import Speed

BESIDE_OTHERS = ("load", "single", "batches", "soak")
ALONE = ("swap", "kill")
TOLERANCE = 1e-5
TEXTS_COMPARED = 200
TEXTS_SENT = 5_000
MEMORY_GROWTH = 1.02  # over a soak, after warming up


def trained_model(folder: Path) -> Path:
    progress("training the notebook's models")
    run_once(unrolled("reproduce", "--out", str(folder)))
    return folder / "embedding"


def measure_speed(arguments: argparse.Namespace, speed: Speed) -> dict[str, Any]:
    """The sections in which servers are beside each other, and the soak."""
    figures: dict[str, Any] = {}
    with speed.started():
        print("Largest difference of the probabilities of reviews from those in Python:\n")
        print(speed.agreement_table())
        figures["off"] = speed.off
        if "load" in arguments.sections:
            figures["load"] = speed.load()
        if "single" in arguments.sections:
            figures["single"] = speed.single()
        if "batches" in arguments.sections:
            figures["batches"] = speed.batches(arguments.batch, arguments.batch_connections)
        if "soak" in arguments.sections:
            soaked = soak(
                speed.client, speed.server, speed.place, arguments.requests, speed.connections
            )
            figures["soak"] = soaked
            report_soak(soaked, speed.claims)
    return figures


def report_soak(soaked: dict[str, Any], claims: Claims) -> None:
    print(
        f"\n{soaked['requests']:,} requests: {soaked['failures']} failed; memory after warming up "
        f"{soaked['start_mb']:.1f} MB, half way {soaked['middle_mb']:.1f} MB, "
        f"at the end {soaked['end_mb']:.1f} MB"
    )
    growth = soaked["end_mb"] / soaked["start_mb"]
    claims.at_most("requests failed in the soak", soaked["failures"], 0)
    claims.at_most("memory after the soak, times before", growth, MEMORY_GROWTH)


def report_swaps(swapped: dict[str, Any], claims: Claims) -> None:
    print(
        f"\n{swapped['swaps']} swaps during {swapped['requests']:,} requests: "
        f"{swapped['failures']} failed; {swapped['wrong']} swaps after which the other model did "
        f"not answer; until a swap shows {swapped['median_seconds']:.2f} s, at most "
        f"{swapped['longest_seconds']:.2f} s; longest answer {1000 * swapped['longest']:.0f} ms"
    )
    claims.at_most("requests failed during swaps", swapped["failures"], 0)
    claims.at_most("swaps without effect", swapped["wrong"], 0)


def report_kills(killed: dict[str, Any], claims: Claims) -> None:
    print(
        f"\n{killed['kills']} of two workers killed during {killed['requests']:,} requests: "
        f"{killed['broken']} died with their connection, {killed['failures']} failed otherwise; "
        f"until there is a new worker {killed['median_seconds']:.2f} s"
    )
    claims.at_most("requests failed, other than with a killed worker", killed["failures"], 0)


def parse() -> argparse.Namespace:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="a model of the notebook's")
    parser.add_argument(
        "--sections", nargs="+", choices=[*BESIDE_OTHERS, *ALONE], default=[*BESIDE_OTHERS, *ALONE]
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="of each server under load")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--batch", type=int, default=256, help="texts of a request with several")
    parser.add_argument("--batch-connections", type=int, default=4)
    parser.add_argument("--requests", type=int, default=100_000, help="of the soak")
    parser.add_argument("--swaps", type=int, default=50)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args()


def measure(arguments: argparse.Namespace, client: ClientProcess, place: Place) -> dict[str, Any]:
    claims, connections = Claims(), arguments.connections
    texts = reviews_of("train").texts[:TEXTS_SENT]
    place.write(texts, arguments.batch)
    figures: dict[str, Any] = {"machine": machine.describe()}
    if set(BESIDE_OTHERS) & set(arguments.sections):
        compared = texts[:TEXTS_COMPARED]
        speed = Speed(client, place, claims, compared, connections, arguments.seconds)
        figures |= measure_speed(arguments, speed)
    if "swap" in arguments.sections:
        figures["swap"] = swaps(client, place, arguments.swaps, connections)
        report_swaps(figures["swap"], claims)
    if "kill" in arguments.sections:
        figures["kill"] = kills(client, place, arguments.kills, connections)
        report_kills(figures["kill"], claims)
    print(f"\n{claims}")
    return {**figures, "claims": claims.rows}


def main() -> int:
    arguments = parse()
    started = time.monotonic()
    print(f"{machine.sentence()}\n")
    client = ClientProcess("client", "support.load_client", threads=1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            client.start(log=folder / "client.log", cores=machine.cores())
            model = arguments.model or trained_model(folder / "models")
            figures = measure(arguments, client, Place(folder, model.resolve()))
        except (CommandFailed, PeerError) as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            client.stop()
    print(f"\n{(time.monotonic() - started) / 60:.1f} minutes in all")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if any(not off <= TOLERANCE for off in figures.get("off", {}).values()):
        print(f"The probabilities differ by more than {TOLERANCE:g}: not the same work is done.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
