"""Training an autoencoder of word sequences, beside PyTorch and Keras on JAX.

First all peers begin with the same weights: the loss of the first batch and that of the last of a
few must agree. Then they take turns, round after round, each alone while the others sleep. Last,
what the softmax over a sample of the words costs beside the one over all of them: time, and memory,
which must not grow with batch x time x vocabulary.

    python benchmarks/sequences.py --json figures.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from support import machine
from support.process import BENCHMARKS, JAX
from support.progress import progress
from support.sequence_work import (
    BATCH,
    BESIDE_OTHERS,
    CASES,
    MANY,
    SIZE,
    SOME_OF_MANY,
    STEPS,
    UNITS,
    Case,
)
from support.step_peer import StepProcess
from support.table import table
from support.turns import Measurement, agree, check, measure, started

TOLERANCE = 1e-4
CHECKED_STEPS = 12
WANTED = 1.5


@dataclass(frozen=True)
class Memory:
    """What training took at its peak, more than before there was a network, in MB.

    logits: what the numbers of all words for all tokens of a batch alone would take.
    parameters: the network and Adam's two numbers for each of its weights.
    """

    case: str
    batch: int
    time: int
    peak: float
    parameters: float
    logits: float


def processes(threads: int) -> list[StepProcess]:
    """The first one is what the others are compared with."""

    def takes_part(case: str) -> bool:
        return case == BESIDE_OTHERS.name

    return [
        StepProcess("unrolled", "peers.unrolled_sequences", threads),
        StepProcess("torch", "peers.torch_sequences", threads, can_do=takes_part),
        StepProcess("keras-jax", "peers.keras_sequences", threads, JAX, can_do=takes_part),
    ]


def agreement_table(measurements: Sequence[Measurement]) -> tuple[str, bool]:
    """The losses, and whether those of all peers are near ours."""
    ours, case = measurements[0], BESIDE_OTHERS.name
    rows = []
    for one in measurements:
        if case in one.results:
            own = one.results[case]
            losses = [f"{float(own[name]):.6f}" for name in ("first loss", "last loss")]
            rows.append([one.name, *losses, f"{one.off(case, ours):.1e}"])
    near = agree([one.off(case, ours) for one in measurements], TOLERANCE)
    return table(["peer", "first loss", f"loss {CHECKED_STEPS}", "off"], rows), near


def times(measurements: Sequence[Measurement]) -> float | None:
    """How many times as long as unrolled the faster framework takes."""
    ours, *others = (one.median(BESIDE_OTHERS.name) for one in measurements)
    known = [seconds for seconds in others if seconds is not None]
    return min(known) / ours if known and ours is not None else None


def speed_table(measurements: Sequence[Measurement]) -> str:
    """Median and fastest step of each peer, and how many times ours it takes."""
    ours = measurements[0].median(BESIDE_OTHERS.name)
    rows = []
    for one in measurements:
        median = one.median(BESIDE_OTHERS.name)
        if median is not None and ours is not None:
            fastest = min(one.seconds[BESIDE_OTHERS.name])
            rows.append(
                [one.name, f"{1000 * median:.1f}", f"{1000 * fastest:.1f}", f"{median / ours:.2f}"]
            )
    return table(["peer", "median (ms)", "fastest (ms)", "times"], rows)


def sampled_table(ours: Measurement) -> str:
    """Median step among all words and among a sample."""
    rows = [
        [case, f"{1000 * median:.1f}"]
        for case in CASES
        if (median := ours.median(case)) is not None
    ]
    return table(["targets are looked for among", "median (ms)"], rows)


def memory_of(case: Case, batch: int, time: int, threads: int) -> Memory:
    """Peak memory of a few steps, in a process of their own."""
    progress(f"memory, {case.name}, {batch} x {time}")
    sizes = (case.words, case.sampled or 0, batch, time, threads)
    paths = [str(BENCHMARKS), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "peers.sequence_memory", *map(str, sizes)],
        # What is freed goes back to the system, so that only what is in use at once is counted.
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "MALLOC_MMAP_THRESHOLD_": "65536",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    kernels = 2 * 4 * UNITS * (SIZE + UNITS + 1)
    parameters = case.words * (2 * SIZE + UNITS + 1) + kernels
    return Memory(
        case.name,
        batch,
        time,
        answer["peak"] - answer["base"],
        3 * 4 * parameters / 1e6,
        4 * batch * time * case.words / 1e6,
    )


def memories(threads: int) -> list[Memory]:
    """All words beside a sample; then twice the batch, twice the time, four times the words."""
    four_times = Case(4 * SOME_OF_MANY.words, SOME_OF_MANY.sampled)
    wanted = [
        (BESIDE_OTHERS, BATCH, STEPS),
        (MANY, BATCH, STEPS),
        (SOME_OF_MANY, BATCH, STEPS),
        (SOME_OF_MANY, 2 * BATCH, STEPS),
        (SOME_OF_MANY, BATCH, 2 * STEPS),
        (four_times, BATCH, STEPS),
        (four_times, 2 * BATCH, 2 * STEPS),
    ]
    return [memory_of(case, batch, time, threads) for case, batch, time in wanted]


def memory_table(found: Sequence[Memory]) -> str:
    rows = [
        [
            one.case,
            f"{one.batch} x {one.time}",
            f"{one.peak:.0f}",
            f"{one.parameters:.0f}",
            f"{one.peak - one.parameters:.0f}",
            f"{one.logits:,.0f}",
        ]
        for one in found
    ]
    header = ["targets among", "batch x time", "peak (MB)", "weights, Adam (MB)", "rest (MB)"]
    return table([*header, "all logits would be (MB)"], rows)


def document(measurements: Sequence[Measurement], found: Sequence[Memory]) -> dict[str, Any]:
    """Everything that was measured, for --json."""
    ours, case = measurements[0], BESIDE_OTHERS.name
    return {
        "machine": machine.describe(),
        "batch": BATCH,
        "steps": STEPS,
        "units": UNITS,
        "times": times(measurements),
        "wanted": WANTED,
        "off": {one.name: one.off(case, ours) for one in measurements},
        "peers": {one.name: one.to_dict() for one in measurements},
        "memory": [asdict(one) for one in found],
    }


def parse() -> argparse.Namespace:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2, help="threads and cores of each peer")
    parser.add_argument("--rounds", type=int, default=5, help="0: only the check of agreement")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn, about")
    parser.add_argument("--no-memory", action="store_true", help="leave the memory out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    print(machine.sentence())
    print(
        f"Batch {BATCH}, {STEPS} tokens read and {STEPS} written, LSTM({UNITS}), vectors of {SIZE} "
        f"numbers, Adam, {arguments.threads} threads\n"
    )
    cases = list(CASES) if arguments.rounds else [BESIDE_OTHERS.name]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with started(processes(arguments.threads), folder, arguments.threads) as measurements:
            check(measurements, cases, folder, steps=CHECKED_STEPS)
            if arguments.rounds:
                measure(measurements, cases, rounds=arguments.rounds, seconds=arguments.seconds)
    agreement, near = agreement_table(measurements)
    print(f"Losses from the same weights, over {BESIDE_OTHERS.words:,} words:\n\n{agreement}\n")
    if arguments.rounds:
        print(f"A training step over {BESIDE_OTHERS.words:,} words, {arguments.rounds} rounds:\n")
        print(f"{speed_table(measurements)}\n")
        if (found_times := times(measurements)) is not None:
            verdict = "met" if found_times >= WANTED else "missed"
            print(f"The faster framework takes {found_times:.2f} times as long: {WANTED} {verdict}")
        print(f"\nA step of unrolled:\n\n{sampled_table(measurements[0])}\n")
    found = [] if arguments.no_memory else memories(arguments.threads)
    if found:
        print(f"Memory of training, more than before the network:\n\n{memory_table(found)}\n")
    print("\n".join(one.sentence() for one in measurements))
    if arguments.json:
        figures = json.dumps(document(measurements, found), indent=2)
        arguments.json.write_text(figures + "\n", encoding="utf-8")
    if not near:
        print(f"The losses differ by more than {TOLERANCE:g}: the peers do not do the same work.")
    # A framework that is not installed is no failure; without ours nothing is compared.
    return 0 if near and measurements[0].error is None else 1


if __name__ == "__main__":
    sys.exit(main())
