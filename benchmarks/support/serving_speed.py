"""The servers beside each other: first their probabilities, then their speed under loads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from support.claims import Claims
from support.load_client import ClientProcess
from support.process import PeerError
from support.progress import progress
from support.server_process import Server
from support.serving_peers import (
    BACKENDS,
    PREDICT,
    WAYS,
    Place,
    Round,
    Target,
    constant_server,
    constant_targets,
    keras_server,
    keras_targets,
    run_round,
    unrolled_server,
)
from support.table import table
from unrolled import TextClassifier

TIMES_KERAS = 10.0
TIMES_CONSTANT = 0.5
P99_MILLISECONDS = 50.0
P50_ALONE_MILLISECONDS = 3.0
TEXTS_A_SECOND = 10_000.0
LEAST_SECONDS = 2.0  # of a short round


@dataclass
class Speed:
    """What is measured with, and what is found.

    targets: ours is the first, the constant endpoint that reads its body the second.
    screening: a short round of every way to ask Keras, the fastest of which is a target too.
    """

    client: ClientProcess
    place: Place
    claims: Claims
    texts: Sequence[str]
    connections: int
    seconds: float
    targets: list[Target] = field(default_factory=list)
    screening: list[Round] = field(default_factory=list)
    off: dict[str, float] = field(default_factory=dict)

    @property
    def short(self) -> float:
        return max(self.seconds / 10, LEAST_SECONDS)

    @property
    def server(self) -> Server:
        return self.targets[0].server

    @contextmanager
    def started(self) -> Iterator[None]:
        """All servers run and agree."""
        self.screen()
        with ExitStack() as stack:
            ours = stack.enter_context(unrolled_server(self.place, self.place.model))
            self.targets = [Target("unrolled", ours, PREDICT)]
            self.off |= agreement(self.targets, self.place.model, self.texts)
            constant = stack.enter_context(constant_server(self.place))
            self.targets += constant_targets(constant)
            if self.screening:
                best = max(self.screening, key=lambda one: one.per_second).target
                keras = keras_server(self.place, best.split()[0].removeprefix("keras-"))
                of_keras = keras_targets(stack.enter_context(keras))
                way = best.rpartition(",")[0]  # from both kinds of endpoint
                self.targets += [one for one in of_keras if one.name.startswith(way)]
            yield

    def screen(self) -> None:
        for backend in BACKENDS:
            try:
                with keras_server(self.place, backend) as server:
                    targets = keras_targets(server)
                    self.off |= agreement(targets, self.place.model, self.texts)
                    self.screening += [
                        self.round(target, self.place.singles, self.connections, self.short)
                        for target in targets
                    ]
            except PeerError as error:
                progress(str(error))

    def rounds(
        self, targets: Sequence[Target], bodies: Path, connections: int, seconds: float
    ) -> list[Round]:
        """Every target in turn, after a tenth of the time that is not counted."""
        found = []
        for target in targets:
            self.round(target, bodies, connections, seconds / 10)
            found.append(self.round(target, bodies, connections, seconds))
        return found

    def round(self, target: Target, bodies: Path, connections: int, seconds: float) -> Round:
        progress(f"{target.name}: {connections} connections, {seconds:g} s")
        return run_round(self.client, target, bodies, connections=connections, seconds=seconds)

    def agreement_table(self) -> str:
        rows = [[name, f"{value:.1e}"] for name, value in self.off.items()]
        return table(["server", "off"], rows)

    def load(self) -> list[dict[str, Any]]:
        """One text a request from many connections."""
        rounds = self.rounds(self.targets, self.place.singles, self.connections, self.seconds)
        timed = {one.target for one in rounds}
        slower = [one for one in self.screening if one.target not in timed]
        print(f"\n{self.connections} connections, one review a request, {self.seconds:g} s each:\n")
        print(rounds_table(rounds))
        if slower:
            print(f"\nThe other ways to ask Keras, {self.short:g} s each:\n")
            print(rounds_table([rounds[0], *slower]))
        ours, constant, *_ = rounds
        self.claims.at_least(
            f"requests/s, times {constant.target}", times(ours, constant), TIMES_CONSTANT
        )
        for way in WAYS:
            asked = [one for one in [*rounds, *slower] if f" {way}," in one.target]
            if asked:
                best = max(asked, key=lambda one: one.per_second)
                claim = f"requests/s, times {best.target} (the fastest such)"
                self.claims.at_least(claim, times(ours, best), TIMES_KERAS)
        self.claims.at_most("p99 under load (ms)", 1000 * ours.figures["p99"], P99_MILLISECONDS)
        self.claims.at_most("requests failed under load", ours.failures, 0)
        return [asdict(one) for one in [*rounds, *slower]]

    def single(self) -> list[dict[str, Any]]:
        """One connection."""
        rounds = self.rounds(self.targets, self.place.singles, 1, self.seconds / 3)
        print(f"\nOne connection, one review a request:\n\n{rounds_table(rounds)}")
        alone = 1000 * rounds[0].figures["p50"]
        self.claims.at_most("p50 at one connection (ms)", alone, P50_ALONE_MILLISECONDS)
        return [asdict(one) for one in rounds]

    def batches(self, batch: int, connections: int) -> list[dict[str, Any]]:
        """Many texts a request from a few connections."""
        scorers = [one for one in self.targets if not one.name.startswith("constant")]
        rounds = self.rounds(scorers, self.place.batches, connections, self.seconds / 3)
        print(f"\n{batch} reviews a request, {connections} connections:\n")
        print(rounds_table(rounds, batch))
        speed = rounds[0].per_second * batch
        self.claims.at_least(f"texts/s in batches of {batch}", speed, TEXTS_A_SECOND)
        return [asdict(one) for one in rounds]


def agreement(targets: Sequence[Target], model: Path, texts: Sequence[str]) -> dict[str, float]:
    """Largest difference of each target's probabilities from those in Python."""
    classifier = TextClassifier.load(model)
    column = [str(label) for label in classifier.classes_].index("positive")
    truth = classifier.predict_proba(list(texts))[:, column].tolist()
    off = {}
    for target in targets:
        progress(f"agreement: {target.name}")
        many = target.server.ask("POST", target.path, {"texts": list(texts)}, timeout=300.0)
        alone = target.server.ask("POST", target.path, {"text": texts[0]})
        own = [*many["predictions"], alone["prediction"]]
        off[target.name] = max(
            abs(one["probabilities"]["positive"] - true)
            for one, true in zip(own, [*truth, truth[0]], strict=True)
        )
    return off


def times(ours: Round, other: Round) -> float:
    """How many times the other's requests a second are ours."""
    return ours.per_second / other.per_second if other.per_second else float("nan")


def rounds_table(rounds: Sequence[Round], texts: int = 1) -> str:
    """Speeds and times of each; the first is ours."""
    header = ["server", "texts/s", "ours, times", "p50 (ms)", "p99 (ms)", "longest (ms)", "failed",
              "cores", "texts/s/core", "client's cores"]  # fmt: skip
    rows = []
    for one in rounds:
        figures = one.figures
        rows.append(
            [
                one.target,
                f"{one.per_second * texts:,.0f}",
                f"{times(rounds[0], one):.2f}",
                *(f"{1000 * figures[name]:.2f}" for name in ("p50", "p99", "longest")),
                f"{one.failures}",
                f"{one.server_cores:.2f}",
                f"{one.per_second * texts / max(one.server_cores, 1e-9):,.0f}",
                f"{figures['client_cores']:.2f}",
            ]
        )
    return table(header, rows)
