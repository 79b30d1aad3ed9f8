"""Whether an encoder-decoder learns tasks whose right answers are known, and how long it takes.

Three tasks: ten digits to reverse; a date, written in seven ways, to write letter by letter as
ISO 8601 has it; and digits to copy, up to ten in training and up to twenty in the test. Each is
learned anew from several seeds and tested on what the network has not seen.

    python benchmarks/proofs.py --json figures.json
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from support import machine
from support.progress import progress
from support.sequence_tasks import (
    DIGITS,
    READ,
    WRITTEN,
    Pairs,
    copies,
    dates,
    digits,
    reversals,
    split_days,
)
from support.table import table
from unrolled.engine.encoder_decoder import EncoderDecoder
from unrolled.engine.layers import GRU, Embedding
from unrolled.engine.optimizers import Adam
from unrolled.engine.writing import write
from unrolled.text.vocabulary import START, STOP

SIZE = 16  # of the vector of a digit or a letter
TESTED = 1_000  # pairs
TRAINED_LENGTHS, TESTED_LENGTHS = range(1, 11), range(1, 21)
OF_EACH_LENGTH = 200  # copies in the test
FEW = 2  # digits of which there are too few numbers to keep any for the test


@dataclass(frozen=True)
class Settings:
    """How a network is made and trained.

    words: different tokens that are read and that are written. rate: of learning in the first
    round. pairs: of each round, which are drawn anew.
    """

    words: tuple[int, int]
    rounds: int
    units: int = 64
    rate: float = 0.01
    pairs: int = 4_000
    batch: int = 64


SETTINGS = {
    "reverse": Settings((DIGITS.stop, DIGITS.stop), rounds=40),
    "dates": Settings((STOP + 1 + len(READ), STOP + 1 + len(WRITTEN)), rounds=80),
    "copy": Settings((DIGITS.stop, DIGITS.stop), rounds=80),
}
"""By task."""

WANTED = {"reverse": 0.99, "dates": 0.98}
"""Exact matches that shall be reached; of copies, nothing is."""


@dataclass(frozen=True)
class Proof:
    """What was written for the pairs of a test.

    what: the task, or those of its pairs that are meant. exact: share of pairs that were written
    without a mistake. tokens: share of tokens, stop tokens included, that stand in their place.
    seconds: of training.
    """

    what: str
    seed: int
    pairs: int
    exact: float
    tokens: float
    seconds: float


def trained(
    task: str, seed: int, draw: Callable[[int], Pairs], threads: int
) -> tuple[EncoderDecoder, float]:
    """A network that has learned from pairs that are drawn, and the seconds it took."""
    settings = SETTINGS[task]
    read, written = settings.words
    optimizer = Adam(settings.rate)
    network = EncoderDecoder(
        encoder=[Embedding(read, SIZE), GRU(settings.units)],
        decoder=[Embedding(written, SIZE), GRU(settings.units)],
        seed=seed,
        start=START,
        optimizer=optimizer,
    )
    begun = time.perf_counter()
    for number in range(settings.rounds):
        # Half a wave of the cosine: from the whole rate to none.
        share = number / settings.rounds
        optimizer.learning_rate = settings.rate * 0.5 * (1.0 + math.cos(math.pi * share))
        own = draw(settings.pairs)
        order = np.arange(len(own.inputs))
        loss, right = network.train_epoch(
            own.inputs, own.targets, order, batch_size=settings.batch, threads=threads
        )
        if number % 10 == 9:
            where = f"{task}, seed {seed}, round {number + 1} of {settings.rounds}"
            progress(f"{where}: loss {loss:.4f}, {right:.4f} of the tokens right")
    return network, time.perf_counter() - begun


def tested(
    what: str, seed: int, network: EncoderDecoder, test: Pairs, seconds: float, threads: int
) -> Proof:
    """What the network writes for the inputs of a test, token after token, beside the targets."""
    longest = int(test.targets.lengths.max())
    exact, right = 0, 0
    written = write(network, test.inputs, stop=STOP, longest=longest, threads=threads)
    for row, one in enumerate(written):
        wanted = test.targets[row].tolist()
        own = [*one.tokens, STOP] if one.stopped else one.tokens
        exact += own == wanted
        right += sum(a == b for a, b in zip(own, wanted, strict=False))
    count, tokens = len(written), int(test.targets.lengths.sum())
    return Proof(what, seed, count, exact / count, right / tokens, seconds)


def reverse(seed: int, threads: int) -> list[Proof]:
    rng = np.random.default_rng(seed)
    unseen = digits(rng, TESTED, [10])
    kept = set(unseen)
    network, seconds = trained(
        "reverse", seed, lambda count: reversals(digits(rng, count, [10], unlike=kept)), threads
    )
    return [tested("reverse", seed, network, reversals(unseen), seconds, threads)]


def write_dates(seed: int, threads: int) -> list[Proof]:
    rng = np.random.default_rng(seed)
    days, unseen = split_days(rng, TESTED)

    def draw(count: int) -> Pairs:
        return dates(rng, [days[number] for number in rng.integers(0, len(days), count)])

    test = dates(rng, unseen)
    network, seconds = trained("dates", seed, draw, threads)
    return [tested("dates", seed, network, test, seconds, threads)]


def copy(seed: int, threads: int) -> list[Proof]:
    """One proof for each length."""
    rng = np.random.default_rng(seed)
    tests = {length: digits(rng, OF_EACH_LENGTH, [length]) for length in TESTED_LENGTHS}
    kept = {own for test in tests.values() for own in test if len(own) > FEW}
    network, seconds = trained(
        "copy",
        seed,
        lambda count: copies(digits(rng, count, TRAINED_LENGTHS, unlike=kept)),
        threads,
    )
    return [
        tested(f"copy {length}", seed, network, copies(test), seconds, threads)
        for length, test in tests.items()
    ]


TASKS = {"reverse": reverse, "dates": write_dates, "copy": copy}


def table_of(task: str, proofs: Sequence[Proof]) -> str:
    """A row for each seed, and whether it is what was wanted."""
    wanted, rows = WANTED[task], []
    for one in proofs:
        verdict = "met" if one.exact >= wanted else "missed"
        rows.append(
            [
                str(one.seed),
                f"{one.exact:.3f}",
                f"{one.tokens:.4f}",
                f"{one.seconds:.1f}",
                f"{wanted:g}",
                verdict,
            ]
        )
    return table(["seed", "exact match", "tokens right", "training (s)", "wanted", ""], rows)


def table_by_length(proofs: Sequence[Proof]) -> str:
    """A row for each length, a column for each seed: exact matches, then tokens."""
    seeds = sorted({one.seed for one in proofs})
    by = {(one.what, one.seed): one for one in proofs}
    rows = []
    for length in TESTED_LENGTHS:
        own = [by[f"copy {length}", seed] for seed in seeds]
        rows.append(
            [
                f"{length}" if length in TRAINED_LENGTHS else f"{length}, never seen",
                *(f"{one.exact:.3f}" for one in own),
                *(f"{one.tokens:.3f}" for one in own),
            ]
        )
    header = ["digits", *(f"exact, seed {seed}" for seed in seeds)]
    return table([*header, *(f"tokens, seed {seed}" for seed in seeds)], rows)


def parse() -> argparse.Namespace:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS), metavar="NAME")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], metavar="N")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    print(f"{machine.sentence()}\n")
    proofs: dict[str, list[Proof]] = {}
    for task in arguments.tasks:
        settings = SETTINGS[task]
        print(
            f"{task}: GRU({settings.units}), {settings.rounds * settings.pairs:,} pairs, "
            f"batches of {settings.batch}, Adam from {settings.rate:g} down, "
            f"{arguments.threads} threads\n"
        )
        own = [one for seed in arguments.seeds for one in TASKS[task](seed, arguments.threads)]
        proofs[task] = own
        print(f"{table_of(task, own) if task in WANTED else table_by_length(own)}\n", flush=True)
    if arguments.json:
        figures: dict[str, Any] = {
            "machine": machine.describe(),
            "threads": arguments.threads,
            "settings": {task: asdict(SETTINGS[task]) for task in proofs},
            "proofs": [asdict(one) for own in proofs.values() for one in own],
        }
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    missed = [
        one for task, wanted in WANTED.items() for one in proofs.get(task, []) if one.exact < wanted
    ]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
