"""What training on several machines costs: the notebook's recipes by one process and by two.

Two workers of a local Ray cluster, with a thread each, train beside one process with one thread.
First both train the notebook's batches of 64: the weights must have the same bits. Then larger and
larger batches show what a step spends outside arithmetic, and where two machines begin to win.

    python benchmarks/cluster_training.py --json figures.json
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from support import machine
from support.progress import progress
from support.table import table
from support.workload import (
    BATCH_SIZE,
    EMBEDDING_SIZE,
    EXPERIMENTS,
    LEARNING_RATE,
    NUM_WORDS,
    UNITS,
    Experiment,
    Workload,
    imdb_workload,
    random_workload,
)
from unrolled.cluster.connection import LOCAL, connected
from unrolled.cluster.training import ClusterLearner
from unrolled.cluster.training_messages import Meter
from unrolled.engine.layers import Dense, Embedding, OneHot, SimpleRNN
from unrolled.engine.network import Network
from unrolled.engine.optimizers import RMSprop
from unrolled.ragged import Ragged
from unrolled.training.fit import epoch_order

WORKERS = 2
BATCHES = (BATCH_SIZE, 256, 1_024, 4_096)
ALIKE_EPOCHS = 3


@dataclass(frozen=True)
class Step:
    """Mean seconds of a step of ``batch`` texts.

    alone: of one process. together: of the workers. reading and stepping: what the busiest of them
    spent on arithmetic. messages and bytes: that both sent. an_epoch: what an epoch takes besides
    its steps: the state and the order of the texts on their way to the workers and back.
    """

    batch: int
    alone: float
    together: float
    reading: float
    stepping: float
    messages: float
    bytes: float
    an_epoch: float

    @property
    def outside(self) -> float:
        """What is left of a step of the workers when its arithmetic is done."""
        return self.together - self.reading - self.stepping


def network_of(experiment: Experiment) -> Network:
    first = OneHot(NUM_WORDS) if experiment == "onehot" else Embedding(NUM_WORDS, EMBEDDING_SIZE)
    return Network(
        [first, SimpleRNN(UNITS), Dense(1, "sigmoid")],
        seed=42,
        loss="binary_crossentropy",
        optimizer=RMSprop(LEARNING_RATE),
    )


@dataclass(frozen=True)
class Data:
    """Texts and their labels, as a network reads them."""

    train: tuple[Ragged, np.ndarray]
    validation: tuple[Ragged, np.ndarray]

    @classmethod
    def of(cls, workload: Workload) -> Data:
        return cls(
            (Ragged.from_matrix(workload.train_ids), workload.train_labels.astype(np.int64)),
            (
                Ragged.from_matrix(workload.validation_ids),
                workload.validation_labels.astype(np.int64),
            ),
        )


def epoch(learner: Any, data: Data, number: int, batch: int) -> tuple[float, float]:
    order = epoch_order(len(data.train[0]), seed=42, epoch=number)
    figures: tuple[float, float] = learner.train_epoch(
        *data.train, order, batch_size=batch, threads=1
    )
    return figures


def same_bits(experiment: Experiment, data: Data) -> bool:
    """Some epochs with validation, by one process and by the workers."""
    alone, together = network_of(experiment), network_of(experiment)
    with ClusterLearner(together, workers=WORKERS) as learner:
        for number in range(1, ALIKE_EPOCHS + 1):
            figures = [
                (*epoch(own, data, number, BATCH_SIZE), *own.evaluate(*data.validation))
                for own in (alone, learner)
            ]
            if figures[0] != figures[1]:
                return False
    return alone.parameters.tobytes() == together.parameters.tobytes()


def seconds_an_epoch(train: Callable[[int], object], least: float) -> float:
    """The median of epochs that take ``least`` seconds together; a first one warms up."""
    train(1)
    seconds: list[float] = []
    while sum(seconds) < least or len(seconds) < 3:
        started = time.perf_counter()
        train(2 + len(seconds))
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))


def measure(experiment: Experiment, data: Data, batches: Sequence[int], least: float) -> list[Step]:
    """Each size of a batch in turn, first by one process and then by the workers."""
    steps = []
    for batch in batches:
        progress(f"{experiment}, batches of {batch:,}")
        count = -(-len(data.train[0]) // batch)
        alone = network_of(experiment)
        one = seconds_an_epoch(partial(epoch, alone, data, batch=batch), least)
        with ClusterLearner(network_of(experiment), workers=WORKERS) as learner:
            epoch(learner, data, 1, batch)
            before = [replace(meter) for meter in learner.measured()]
            two = seconds_an_epoch(partial(epoch, learner, data, batch=batch), least)
            spent = [since(*meters) for meters in zip(before, learner.measured(), strict=True)]
        busiest = max(spent, key=lambda meter: meter.reading + meter.stepping)
        taken = busiest.steps
        step = busiest.training / taken
        steps.append(
            Step(
                batch=batch,
                alone=one / count,
                together=step,
                reading=busiest.reading / taken,
                stepping=busiest.stepping / taken,
                messages=sum(meter.messages for meter in spent) / taken,
                bytes=sum(meter.bytes for meter in spent) / taken,
                an_epoch=two - count * step,
            )
        )
    return steps


def since(before: Meter, after: Meter) -> Meter:
    own = asdict(before)
    return Meter(**{name: value - own[name] for name, value in asdict(after).items()})


def step_table(steps: Sequence[Step]) -> str:
    header = [
        "texts a step", "one process (ms)", "two workers (ms)", "of which reading", "stepping",
        "outside arithmetic", "messages", "KB", "an epoch besides (ms)",
    ]  # fmt: skip
    rows = []
    for step in steps:
        seconds = step.alone, step.together, step.reading, step.stepping, step.outside
        rows.append(
            [
                f"{step.batch:,}",
                *(f"{1000 * own:.3f}" for own in seconds),
                f"{step.messages:.1f}",
                f"{step.bytes / 1000:.1f}",
                f"{1000 * step.an_epoch:.1f}",
            ]
        )
    return table(header, rows)


@dataclass(frozen=True)
class Balance:
    """From which size of a batch on two machines take less time than one.

    fixed, a_text: seconds of a step alone, fixed + a_text · texts (least squares). outside: median
    seconds of a shared step that are no arithmetic. predicted: texts. between: the sizes measured
    between which the workers begin to win; None where they always or never do.
    """

    fixed: float
    a_text: float
    outside: float
    between: tuple[int, int] | None

    @property
    def predicted(self) -> float:
        """The texts at which half of the reading is worth what is spent outside of it."""
        return WORKERS / (WORKERS - 1) * self.outside / self.a_text

    @classmethod
    def of(cls, steps: Sequence[Step]) -> Balance:
        a_text, fixed = np.polyfit(
            [step.batch for step in steps], [step.alone for step in steps], 1
        )
        wins = [step.together < step.alone for step in steps]
        first = wins.index(True) if any(wins) else 0
        between = (steps[first - 1].batch, steps[first].batch) if first else None
        outside = float(np.median([step.outside for step in steps]))
        return cls(float(fixed), float(a_text), outside, between)

    def __str__(self) -> str:
        measured = (
            f"Measured: between {self.between[0]:,} and {self.between[1]:,} texts."
            if self.between
            else "Measured: all of these sizes lie on the same side."
        )
        return (
            f"Alone a step takes {1000 * self.fixed:.3f} ms + {1e6 * self.a_text:.2f} µs a text. "
            f"Two workers read half of the texts each, and spend {1000 * self.outside:.3f} ms "
            f"outside arithmetic,\nso that they take less time when half of the texts takes longer "
            f"than that: from 2 · {1000 * self.outside:.3f} ms / {1e6 * self.a_text:.2f} µs = "
            f"{self.predicted:,.0f} texts a step on.\n{measured}"
        )


def parse() -> argparse.Namespace:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="few random texts, for a try")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement, at least")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    workload = random_workload(0, 1_500, 300) if arguments.small else imdb_workload()
    least = 0.2 if arguments.small else arguments.seconds
    batches = BATCHES[:3] if arguments.small else BATCHES
    data = Data.of(workload)
    print(f"{machine.sentence()}\n{workload.source}: {len(data.train[0]):,} texts to train on\n")
    figures: dict[str, Any] = {"machine": machine.describe(), "source": workload.source}
    alike = True
    with connected(LOCAL, workers=WORKERS):
        for experiment in EXPERIMENTS:
            own = same_bits(experiment, data)
            alike = alike and own
            print(f"{experiment}: the weights have {'the same' if own else 'OTHER'} bits")
            steps = measure(experiment, data, batches, least)
            balance = Balance.of(steps)
            print(f"\n{step_table(steps)}\n\n{balance}\n")
            figures[experiment] = {
                "same_bits": own,
                "steps": [asdict(step) | {"outside": step.outside} for step in steps],
                "balance": asdict(balance) | {"predicted": balance.predicted},
            }
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0 if alike else 1


if __name__ == "__main__":
    sys.exit(main())
