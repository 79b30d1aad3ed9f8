"""One recurrent layer, forward and backward, beside PyTorch and Keras on JAX.

First every peer runs each layer with the same weights and inputs: the last states and the gradients
of the inputs and of all weights must be those of the plain definition in double precision. Then the
peers take turns, round after round, each alone while the others sleep.

    python benchmarks/recurrence.py --json figures.json
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support import machine
from support.layer_work import BATCH, CASES, STEPS
from support.process import JAX
from support.step_peer import StepProcess
from support.table import table
from support.turns import Measurement, agree, check, measure, started

TOLERANCE = 1e-4


def is_known(case: str) -> bool:
    """Whether the frameworks have such a layer."""
    return CASES[case].beside is None


def processes(threads: int) -> list[StepProcess]:
    """The first one is the truth, and is not timed; the second is what the others are beside."""
    return [
        StepProcess("reference", "peers.reference_layer", 1),
        StepProcess("unrolled", "peers.unrolled_layer", threads),
        StepProcess("torch", "peers.torch_layer", threads, can_do=is_known),
        StepProcess("keras-jax", "peers.keras_layer", threads, JAX, can_do=is_known),
    ]


def agreement_table(measurements: Sequence[Measurement], cases: Sequence[str]) -> tuple[str, bool]:
    """How far each peer is from the reference, and whether all are near."""
    truth, *others = measurements
    rows, offs = [], []
    for case in cases:
        own = [other.off(case, truth) for other in others]
        offs += own
        rows.append([case, *("-" if off is None else f"{off:.1e}" for off in own)])
    return table(["layer", *(other.name for other in others)], rows), agree(offs, TOLERANCE)


def ratio(measurements: Sequence[Measurement], case: str) -> float | None:
    """How many times as long as unrolled the faster framework takes."""
    ours = measurements[1].median(case)
    medians = [one.median(CASES[case].beside or case) for one in measurements[2:]]
    known = [seconds for seconds in medians if seconds is not None]
    return min(known) / ours if known and ours is not None else None


def speed_table(measurements: Sequence[Measurement], cases: Sequence[str]) -> str:
    """Median milliseconds of each peer; a cell only we have is beside the frameworks' LSTM."""
    timed = measurements[1:]
    header = ["layer", *(f"{one.name} (ms)" for one in timed), "times", "wanted", ""]
    rows = []
    for case in cases:
        row = [case]
        for one in timed:
            median = one.median(case)
            row.append("-" if median is None else f"{1000 * median:.2f}")
        times, bar = ratio(measurements, case), CASES[case].bar
        if times is None:
            row += ["-", f"{bar:g}", ""]
        else:
            row += [f"{times:.2f}", f"{bar:g}", "met" if times >= bar else "missed"]
        rows.append(row)
    return table(header, rows)


def document(measurements: Sequence[Measurement], cases: Sequence[str]) -> dict[str, Any]:
    """Everything that was measured, for --json."""
    truth, *timed = measurements
    return {
        "machine": machine.describe(),
        "batch": BATCH,
        "steps": STEPS,
        "layers": {
            case: {
                "beside": CASES[case].beside or case,
                "wanted": CASES[case].bar,
                "times": ratio(measurements, case),
                "off": {one.name: one.off(case, truth) for one in timed},
            }
            for case in cases
        },
        "peers": {one.name: one.to_dict() for one in timed},
    }


def parse() -> argparse.Namespace:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--layers",
        nargs="+",
        choices=CASES,
        default=list(CASES),
        metavar="NAME",
        help=f"which ones: {'; '.join(CASES)}",
    )
    parser.add_argument("--threads", type=int, default=2, help="threads and cores of each peer")
    parser.add_argument("--rounds", type=int, default=5, help="0: only the check of agreement")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn, about")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments = parser.parse_args()
    asked = arguments.layers
    # A cell that the frameworks do not have needs the one it is beside.
    needed = {case for name in asked for case in (name, CASES[name].beside or name)}
    arguments.layers = [case for case in CASES if case in needed]
    return arguments


def main() -> int:
    arguments = parse()
    cases = arguments.layers
    print(machine.sentence())
    print(
        f"Batch {BATCH}, {STEPS} steps, inputs as wide as the units, {arguments.threads} threads\n"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with started(processes(arguments.threads), folder, arguments.threads) as measurements:
            check(measurements, cases, folder, steps=1)
            if arguments.rounds:
                measure(measurements[1:], cases, rounds=arguments.rounds, seconds=arguments.seconds)
    agreement, near = agreement_table(measurements, cases)
    print(f"Largest difference of last states and gradients, relative:\n\n{agreement}\n")
    if arguments.rounds:
        print(f"Median step, forward and backward, of {arguments.rounds} rounds:\n")
        print(f"{speed_table(measurements, cases)}\n")
    print("\n".join(one.sentence() for one in measurements))
    if arguments.json:
        figures = json.dumps(document(measurements, cases), indent=2)
        arguments.json.write_text(figures + "\n", encoding="utf-8")
    if not near:
        print(f"The results differ by more than {TOLERANCE:g}: the peers do not do the same work.")
    # A framework that is not installed is no failure; without the first two nothing is compared.
    return 0 if near and all(one.error is None for one in measurements[:2]) else 1


if __name__ == "__main__":
    sys.exit(main())
