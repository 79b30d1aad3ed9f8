"""The notebook's two experiments, timed side by side: unrolled, Keras, PyTorch and plain C.

First every peer trains one epoch from the same weights on the reviews in the same order: the losses
must agree. Then the peers take turns, round after round, each alone while the others sleep.

    python benchmarks/notebook.py --json figures.json
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import machine
from support.process import IDLE_LIMIT, JAX, TENSORFLOW, PeerError
from support.progress import progress
from support.table import table
from support.worker import Run, Worker
from support.workload import (
    BATCH_SIZE,
    EXPERIMENTS,
    Experiment,
    Workload,
    imdb_workload,
    initial_weights,
    random_workload,
    save_weights,
)

TOLERANCE = 1e-3
# A turn of a few milliseconds would measure how a machine wakes up, not how it trains.
SECONDS_A_TURN = 1.0


def peers(threads: int) -> list[Worker]:
    """The first one is what the others are compared with."""
    # OpenMP's threads would spin for milliseconds at a barrier, and after their turn is over.
    openmp = {"GOMP_SPINCOUNT": "30000"}
    keras = "peers.keras_model"
    return [
        Worker("unrolled", "peers.unrolled_model", threads),
        Worker("unrolled-1", "peers.unrolled_model", 1),
        Worker("keras-jax", keras, threads, JAX),
        Worker("keras-tensorflow", keras, threads, TENSORFLOW),
        Worker("keras-tensorflow-tuned", keras, threads, {**TENSORFLOW, "TUNED": "1"}),
        Worker("torch", "peers.torch_model", threads),
        Worker("torch-1", "peers.torch_model", 1),
        Worker("c", "peers.c_loop", threads, openmp),
        Worker("c-1", "peers.c_loop", 1, openmp),
    ]


@dataclass
class Measurement:
    """What is known of one peer."""

    worker: Worker
    versions: dict[str, str] = field(default_factory=dict)
    checks: dict[Experiment, Run] = field(default_factory=dict)
    runs: dict[Experiment, list[Run]] = field(default_factory=dict)
    error: str | None = None

    def seconds(self, experiment: Experiment) -> list[float]:
        return [s for run in self.runs.get(experiment, []) for s in run.seconds]

    def median(self, experiment: Experiment) -> float | None:
        seconds = self.seconds(experiment)
        return statistics.median(seconds) if seconds else None


def start(
    workers: Sequence[Worker], workload: Workload, folder: Path, cores: int
) -> list[Measurement]:
    """All workers that can run here, and for the others the reason."""
    workload_file = folder / "workload.npz"
    workload.save(workload_file)
    measurements = []
    for worker in workers:
        measurement = Measurement(worker)
        try:
            log = folder / f"{worker.name}.log"
            measurement.versions = worker.load(workload_file, log, cores)
        except PeerError as error:
            measurement.error = str(error)
            progress(f"{worker.name}: {error}")
        measurements.append(measurement)
    return measurements


def check(measurements: Sequence[Measurement], folder: Path) -> None:
    """One epoch of every peer from the same weights, in the same order of reviews."""
    for experiment in EXPERIMENTS:
        weights_file = folder / f"{experiment}.npz"
        save_weights(weights_file, initial_weights(experiment, seed=42))
        for measurement in alive(measurements):
            progress(f"agreement, {experiment}: {measurement.worker.name}")
            try:
                measurement.worker.build(experiment, weights_file)
                run = measurement.worker.run(experiment, epochs=1, shuffle=False)
                measurement.checks[experiment] = run
            except PeerError as error:
                measurement.error = str(error)
                progress(f"{measurement.worker.name}: {error}")


def measure(measurements: Sequence[Measurement], rounds: int, epochs: int) -> None:
    """Everybody in turn, in another order each round; a first, uncounted epoch warms up."""
    living = alive(measurements)
    fastest: dict[tuple[str, Experiment], float] = {}
    for number in range(rounds + 1):
        turn = number % len(living)
        for experiment in EXPERIMENTS:
            for measurement in living[turn:] + living[:turn]:
                if measurement.error:
                    continue
                name = measurement.worker.name
                progress(f"round {number} of {rounds}, {experiment}: {name}")
                turn_epochs = 1
                if number:
                    needed = math.ceil(SECONDS_A_TURN / fastest[name, experiment])
                    turn_epochs = max(epochs, needed)
                try:
                    run = measurement.worker.run(experiment, epochs=turn_epochs, shuffle=True)
                except PeerError as error:
                    measurement.error = str(error)
                    progress(f"{name}: {error}")
                    continue
                fastest[name, experiment] = min(run.seconds)
                if number:
                    measurement.runs.setdefault(experiment, []).append(run)


def alive(measurements: Sequence[Measurement]) -> list[Measurement]:
    return [measurement for measurement in measurements if measurement.error is None]


def differences(base: Run, other: Run) -> dict[str, float]:
    """Relative differences of the losses, and the absolute one of the accuracy."""
    return {
        "loss": abs(other.loss[0] - base.loss[0]) / base.loss[0],
        "val_loss": abs(other.val_loss[0] - base.val_loss[0]) / base.val_loss[0],
        "val_accuracy": abs(other.val_accuracy[0] - base.val_accuracy[0]),
    }


def agreement_table(measurements: Sequence[Measurement]) -> tuple[str, bool]:
    """The losses after one epoch beside those of the first peer, and whether all agree."""
    header = ["peer", "experiment", "loss", "val_loss", "val_accuracy", "loss off", "val_loss off"]
    rows, agree = [], True
    for experiment in EXPERIMENTS:
        done = [m for m in measurements if experiment in m.checks]
        for measurement in done:
            run = measurement.checks[experiment]
            off = differences(done[0].checks[experiment], run)
            # A NaN is no agreement: the comparison is written so that it fails.
            agree = agree and off["loss"] <= TOLERANCE and off["val_loss"] <= TOLERANCE
            rows.append(
                [
                    measurement.worker.name,
                    experiment,
                    *(f"{value[0]:.6f}" for value in (run.loss, run.val_loss, run.val_accuracy)),
                    *(f"{off[key]:.1e}" for key in ("loss", "val_loss")),
                ]
            )
    return table(header, rows), agree


def speed_table(measurements: Sequence[Measurement]) -> str:
    """Median seconds an epoch, and how many times as long as the first peer."""
    header = ["peer", "threads"]
    for experiment in EXPERIMENTS:
        header += [f"{experiment} (s)", "times"]
    rows = []
    done = [m for m in measurements if m.runs]
    for measurement in done:
        row = [measurement.worker.name, str(measurement.worker.threads)]
        for experiment in EXPERIMENTS:
            median, base = measurement.median(experiment), done[0].median(experiment)
            row.append(f"{median:.4f}" if median else "-")
            row.append(f"{median / base:.2f}" if median and base else "-")
        rows.append(row)
    return table(header, rows)


def document(
    measurements: Sequence[Measurement], workload: Workload, arguments: Any
) -> dict[str, Any]:
    """Everything that was measured, for --json."""

    def one(measurement: Measurement) -> dict[str, Any]:
        return {
            "threads": measurement.worker.threads,
            "versions": measurement.versions,
            "error": measurement.error,
            "idle_cpu_share": measurement.worker.idle_share,
            "experiments": {
                experiment: {
                    "median_seconds": measurement.median(experiment),
                    "seconds": measurement.seconds(experiment),
                    "cpu_seconds_per_epoch": cpu_per_epoch(measurement, experiment),
                    "agreement": {
                        key: getattr(run, key)[0] for key in ("loss", "val_loss", "val_accuracy")
                    },
                }
                for experiment, run in measurement.checks.items()
            },
        }

    return {
        "machine": machine.describe(),
        "data": workload.source,
        "reviews": {
            "train": len(workload.train_labels),
            "validation": len(workload.validation_labels),
            "time": workload.train_ids.shape[1],
        },
        "batch_size": BATCH_SIZE,
        "rounds": arguments.rounds,
        "epochs_a_round": arguments.epochs,
        "peers": {measurement.worker.name: one(measurement) for measurement in measurements},
    }


def cpu_per_epoch(measurement: Measurement, experiment: Experiment) -> float | None:
    runs = measurement.runs.get(experiment, [])
    epochs = sum(len(run.seconds) for run in runs)
    return sum(run.cpu_seconds for run in runs) / epochs if epochs else None


def parse() -> argparse.Namespace:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [worker.name for worker in peers(2)]
    parser.add_argument(
        "--peers",
        nargs="+",
        choices=names,
        default=names,
        metavar="NAME",
        help=f"who takes part: {', '.join(names)}",
    )
    parser.add_argument("--threads", type=int, default=2, help="threads and cores of each peer")
    parser.add_argument("--rounds", type=int, default=5, help="0: only the check of agreement")
    parser.add_argument(
        "--epochs", type=int, default=3, help="epochs of each peer a round, at least"
    )
    parser.add_argument("--data", choices=["imdb", "random"], default="imdb")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    workload = imdb_workload() if arguments.data == "imdb" else random_workload(seed=0)
    chosen = [worker for worker in peers(arguments.threads) if worker.name in arguments.peers]
    print(machine.sentence())
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measurements = start(chosen, workload, folder, arguments.threads)
        try:
            check(measurements, folder)
            if arguments.rounds and alive(measurements):
                measure(measurements, arguments.rounds, arguments.epochs)
        finally:
            for measurement in measurements:
                measurement.worker.stop()
    agreement, agree = agreement_table(measurements)
    print(
        f"{workload.source}: {len(workload.train_labels)} reviews + "
        f"{len(workload.validation_labels)} for validation\n"
    )
    print(f"After one epoch from the same weights, in the same order:\n\n{agreement}\n")
    if arguments.rounds:
        print(f"Median epoch of {arguments.rounds} rounds of a second or more:\n")
        print(speed_table(measurements) + "\n")
    for measurement in measurements:
        versions = ", ".join(f"{key} {value}" for key, value in measurement.versions.items())
        print(f"{measurement.worker.name}: {measurement.error or versions}")
        if measurement.worker.idle_share > IDLE_LIMIT:
            print(f"  not asleep between its turns: {measurement.worker.idle_share:.1%} of a core")
    if arguments.json:
        figures = document(measurements, workload, arguments)
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    progress(f"{time.perf_counter() - started:.0f} s")
    if not agree:
        print(f"The losses differ by more than {TOLERANCE:g}: the peers do not do the same work.")
    # A peer that is not installed is no failure; without the first one nothing is compared.
    return 0 if agree and measurements[0].error is None else 1


if __name__ == "__main__":
    sys.exit(main())
