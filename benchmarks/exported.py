"""The notebook's two models scoring reviews: unrolled beside onnxruntime and PyTorch.

The others run what `unrolled export` writes of the same models, `--to onnx` and `--to torch`. All
score the same 1,024 reviews of IMDB, whose ids are made before, so many at a time: padded to 100
ids, as the notebook has it, and as long as they are, unsorted and sorted by length. First every
peer's probabilities must be those of unrolled. Then the peers take turns, round after round, each
alone while the others sleep, with one thread and with all.

    python benchmarks/exported.py --json figures.json
    python benchmarks/exported.py --models runs/reproduce --batches 1 64

Without --models the notebook's models are trained first, in seconds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support import machine
from support.claims import Claims
from support.command import CommandFailed, run_once, unrolled
from support.exported_work import (
    BATCHES,
    CASES,
    MODELS,
    READINGS,
    TEXTS,
    environment,
    write_ids,
)
from support.progress import progress
from support.reviews import reviews_of
from support.step_peer import StepProcess
from support.table import table
from support.turns import Measurement, agree, check, measure, started
from unrolled.model.trained import TrainedModel

TOLERANCE = 1e-5


def processes(threads: Sequence[int], folder: Path) -> list[StepProcess]:
    """Unrolled comes first: it is what the others are compared with and beside."""
    where = environment(folder)
    return [
        StepProcess(f"{name}-{count}", f"peers.{name}_exported", count, where)
        for name in ("unrolled", "onnxruntime", "torch")
        for count in threads
    ]


def write_work(models: Path | None, folder: Path) -> None:
    """Both models, trained unless they are there, and the reviews as ids."""
    if models is None:
        progress("training the notebook's models")
        run_once(unrolled("reproduce", "--out", str(folder / "reproduce")))
        models = folder / "reproduce"
    for name in MODELS:
        shutil.copytree(models / name, folder / name)
    model = TrainedModel.load(folder / MODELS[0])  # both read the same words
    write_ids(folder, model.vocabulary.encode_all(reviews_of("test").texts[:TEXTS]))


def texts_a_second(one: Measurement, case: str) -> float | None:
    seconds = one.median(case)
    return None if seconds is None else TEXTS / seconds


def times_faster(measurements: Sequence[Measurement], case: str) -> dict[str, float]:
    """How many times as long as unrolled with as many threads each of the others takes."""
    ours = {one.process.threads: one.median(case) for one in measurements if is_ours(one)}
    found = {}
    for one in measurements:
        theirs, own = one.median(case), ours[one.process.threads]
        if not is_ours(one) and theirs is not None and own is not None:
            found[one.name] = theirs / own
    return found


def is_ours(one: Measurement) -> bool:
    return one.name.startswith("unrolled")


def agreement_table(measurements: Sequence[Measurement], cases: Sequence[str]) -> tuple[str, bool]:
    """Each peer's largest difference from unrolled in any case, and whether all are near."""
    truth, *others = measurements
    rows, near = [], True
    for one in others:
        offs = [off for off in (one.off(case, truth) for case in cases) if off is not None]
        near = near and agree(offs, TOLERANCE)
        rows.append([one.name, f"{max(offs):.1e}" if offs else "-"])
    return table(["peer", "off"], rows), near


def speed_table(measurements: Sequence[Measurement], cases: Sequence[str]) -> str:
    """Texts a second, in thousands."""
    rows = []
    for case in cases:
        speeds = [texts_a_second(one, case) for one in measurements]
        rows.append([case, *("-" if one is None else f"{one / 1000:,.1f}" for one in speeds)])
    return table(["1,000 texts a second", *(one.name for one in measurements)], rows)


def ratio_table(measurements: Sequence[Measurement], cases: Sequence[str]) -> str:
    others = [one.name for one in measurements if not is_ours(one)]
    rows = []
    for case in cases:
        times = times_faster(measurements, case)
        rows.append([case, *(f"{times[name]:.2f}" if name in times else "-" for name in others)])
    return table(["times as long as unrolled", *others], rows)


def claims_of(measurements: Sequence[Measurement], cases: Sequence[str]) -> Claims:
    """Unrolled is at least as fast as onnxruntime where the texts are the notebook's."""
    claims = Claims()
    for case in cases:
        if CASES[case].reading != "padded":
            continue
        for name, times in times_faster(measurements, case).items():
            if name.startswith("onnxruntime"):
                claims.at_least(f"{name}, {case}: times as long", times, 1.0)
    return claims


def document(measurements: Sequence[Measurement], cases: Sequence[str]) -> dict[str, Any]:
    """Everything that was measured, for --json."""
    truth = measurements[0]
    return {
        "machine": machine.describe(),
        "texts": TEXTS,
        "cases": {
            case: {
                "times": times_faster(measurements, case),
                "off": {one.name: one.off(case, truth) for one in measurements[1:]},
            }
            for case in cases
        },
        "peers": {one.name: one.to_dict() for one in measurements},
        "claims": claims_of(measurements, cases).rows,
    }


def parse() -> argparse.Namespace:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="of unrolled reproduce")
    parser.add_argument("--batches", type=int, nargs="+", choices=BATCHES, default=list(BATCHES))
    parser.add_argument("--readings", nargs="+", choices=READINGS, default=list(READINGS))
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5, help="0: only the check of agreement")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each turn, about")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    cases = [
        name
        for name, case in CASES.items()
        if case.batch in arguments.batches and case.reading in arguments.readings
    ]
    print(f"{machine.sentence()}\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            write_work(arguments.models, folder)
        except CommandFailed as error:
            print(error, file=sys.stderr)
            return 1
        peers = processes(arguments.threads, folder)
        with started(peers, folder, max(arguments.threads)) as measurements:
            check(measurements, cases, folder, steps=1)
            if arguments.rounds:
                measure(measurements, cases, rounds=arguments.rounds, seconds=arguments.seconds)
    agreement, near = agreement_table(measurements, cases)
    print(f"Largest difference of the probabilities, relative:\n\n{agreement}\n")
    if arguments.rounds:
        print(f"Medians of {arguments.rounds} rounds:\n\n{speed_table(measurements, cases)}\n")
        print(f"{ratio_table(measurements, cases)}\n\n{claims_of(measurements, cases)}\n")
    print("\n".join(one.sentence() for one in measurements))
    if arguments.json:
        figures = json.dumps(document(measurements, cases), indent=2)
        arguments.json.write_text(figures + "\n", encoding="utf-8")
    if not near:
        print(f"The probabilities differ by more than {TOLERANCE:g}: not the same work is done.")
    # PyTorch may be absent; without unrolled and onnxruntime nothing is compared.
    needed = [one for one in measurements if not one.name.startswith("torch")]
    return 0 if near and all(one.error is None for one in needed) else 1


if __name__ == "__main__":
    sys.exit(main())
