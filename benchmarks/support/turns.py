"""Peers that take turns: first the results of each, then its times, round after round."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from support.process import IDLE_LIMIT, PeerError
from support.progress import progress
from support.step_peer import Arrays, StepProcess


@dataclass
class Measurement:
    """What is known of one peer, by case."""

    process: StepProcess
    versions: dict[str, str] = field(default_factory=dict)
    results: dict[str, Arrays] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    error: str | None = None

    @property
    def name(self) -> str:
        return self.process.name

    def median(self, case: str) -> float | None:
        return statistics.median(self.seconds[case]) if case in self.seconds else None

    def off(self, case: str, truth: Measurement) -> float | None:
        """Largest difference from the other's results, relative to their largest number."""
        if case not in self.results or case not in truth.results:
            return None
        own, true = self.results[case], truth.results[case]
        if own.keys() != true.keys():
            return float("nan")
        differences = [
            np.abs(own[name] - true[name]).max() / np.abs(true[name]).max() for name in true
        ]
        return float(np.max(differences))  # a NaN stays one

    def sentence(self) -> str:
        """Its versions, or why it is not there."""
        versions = ", ".join(f"{package} {version}" for package, version in self.versions.items())
        awake = self.process.idle_share
        note = f"; not asleep between its turns: {awake:.1%} of a core" * (awake > IDLE_LIMIT)
        return f"{self.name}: {self.error or versions}{note}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "threads": self.process.threads,
            "versions": self.versions,
            "error": self.error,
            "idle_cpu_share": self.process.idle_share,
            "median_seconds": {case: self.median(case) for case in self.seconds},
            "seconds": self.seconds,
        }


@contextmanager
def started(
    processes: Sequence[StepProcess], folder: Path, cores: int
) -> Iterator[list[Measurement]]:
    """All peers, those that cannot run here with the reason; they end with the context."""
    measurements = [Measurement(process) for process in processes]
    try:
        for one in measurements:
            with _noted(one):
                one.versions = one.process.load(folder / f"{one.name}.log", cores)
        yield measurements
    finally:
        for one in measurements:
            one.process.stop()


def check(
    measurements: Sequence[Measurement], cases: Sequence[str], folder: Path, *, steps: int
) -> None:
    """Every peer's results of every case, after some steps."""
    for case in cases:
        for one in _taking_part(measurements, case):
            progress(f"agreement, {case}: {one.name}")
            with _noted(one):
                one.results[case] = one.process.build(case, steps, folder / "results.npz")


def measure(
    measurements: Sequence[Measurement], cases: Sequence[str], *, rounds: int, seconds: float
) -> None:
    """Everybody in turn, in another order each round; a first, uncounted round warms up."""
    for number in range(rounds + 1):
        turn = number % len(measurements)
        for case in cases:
            for one in _taking_part([*measurements[turn:], *measurements[:turn]], case):
                progress(f"round {number} of {rounds}, {case}: {one.name}")
                with _noted(one):
                    taken = one.process.run(case, seconds if number else 0.0)
                    if number:
                        one.seconds.setdefault(case, []).extend(taken)


def agree(offs: Sequence[float | None], tolerance: float) -> bool:
    """Whether no difference that is known is larger; a NaN is."""
    return all(off <= tolerance for off in offs if off is not None)


def _taking_part(measurements: Sequence[Measurement], case: str) -> Iterator[Measurement]:
    for one in measurements:
        if one.error is None and one.process.can_do(case):
            yield one


@contextmanager
def _noted(measurement: Measurement) -> Iterator[None]:
    """A peer that breaks down takes no further part."""
    try:
        yield
    except PeerError as error:
        measurement.error = str(error)
        progress(f"{measurement.name}: {error}")
