"""What a training step costs with ever more words in the table, sparse and dense.

A sparse step moves the vectors of those words only that the batch has. Two networks: with a QRNN
between the table and the Dense layer, and with a mean, where the table is nearly all the work; that
one is compared with PyTorch's `nn.Embedding`, `SparseAdam` and `Adam`, after the same first steps.

    python benchmarks/sparse.py --json figures.json
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
from support.step_peer import StepProcess
from support.table import table
from support.table_work import BATCH, CASES, SIZE, TOKENS, VOCABULARIES, Case, work_of
from support.turns import Measurement, agree, check, measure, started

TOLERANCE = 1e-4
# The second one is the first that sparse and dense take differently.
STEPS = 3


def processes(threads: int) -> list[StepProcess]:
    """The first one is what the other is compared with."""
    return [
        StepProcess("unrolled", "peers.unrolled_table", threads),
        StepProcess(
            "torch",
            "peers.torch_table",
            threads,
            can_do=lambda case: CASES[case].network == "mean",
        ),
    ]


def speed_table(measurements: Sequence[Measurement], vocabularies: Sequence[int]) -> str:
    """Median milliseconds of a step."""
    columns = [
        (one, network, sparse)
        for one in measurements
        for network in ("qrnn", "mean")
        for sparse in (True, False)
        if one.process.can_do(Case(network, VOCABULARIES[0], sparse).name)
    ]
    header = ["words", "in a batch"]
    for one, network, sparse in columns:
        header.append(f"{one.name} {network}, {'sparse' if sparse else 'dense'} (ms)")
    rows = []
    for words in vocabularies:
        row = [f"{words:,}", f"{work_of(Case('mean', words, True).name).words_a_batch:,.0f}"]
        for one, network, sparse in columns:
            median = one.median(Case(network, words, sparse).name)
            row.append("-" if median is None else f"{1000 * median:.2f}")
        rows.append(row)
    return table(header, rows)


def document(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Everything that was measured, for --json."""
    return {
        "machine": machine.describe(),
        "batch": BATCH,
        "tokens": TOKENS,
        "size": SIZE,
        "peers": {one.name: one.to_dict() for one in measurements},
    }


def parse() -> argparse.Namespace:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--words", nargs="+", type=int, choices=VOCABULARIES, default=VOCABULARIES, metavar="N"
    )
    parser.add_argument("--threads", type=int, default=2, help="threads and cores of each peer")
    parser.add_argument("--rounds", type=int, default=3, help="0: only the check of agreement")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn, about")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    cases = [name for name, case in CASES.items() if case.words in arguments.words]
    print(f"{machine.sentence()}\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with started(processes(arguments.threads), folder, arguments.threads) as measurements:
            check(measurements, cases, folder, steps=STEPS)
            if arguments.rounds:
                measure(measurements, cases, rounds=arguments.rounds, seconds=arguments.seconds)
    ours, torch = measurements
    offs = {case: off for case in cases if (off := torch.off(case, ours)) is not None}
    rows = [[case, f"{off:.1e}"] for case, off in offs.items()]
    print(f"Largest difference of the loss and of all weights after {STEPS} steps, relative:\n")
    print(f"{table(['network', 'torch off'], rows)}\n")
    if arguments.rounds:
        print(f"Median step of {BATCH} texts of {TOKENS} words, vectors of {SIZE} numbers:\n")
        print(f"{speed_table(measurements, arguments.words)}\n")
    print("\n".join(one.sentence() for one in measurements))
    if arguments.json:
        figures = json.dumps(document(measurements), indent=2)
        arguments.json.write_text(figures + "\n", encoding="utf-8")
    near = agree(list(offs.values()), TOLERANCE)
    if not near:
        print(f"The results differ by more than {TOLERANCE:g}: the peers do not do the same work.")
    # PyTorch not being installed is no failure.
    return 0 if near and ours.error is None else 1


if __name__ == "__main__":
    sys.exit(main())
