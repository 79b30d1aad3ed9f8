"""Trials on a Ray cluster: the same outcomes as here, also when a node dies under them."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
import ray

from unrolled import Examples, load_recipe
from unrolled.cluster.connection import connected
from unrolled.cluster.trials import OnCluster, _run_there
from unrolled.recipe import SearchSpace
from unrolled.tuning.running import Task, run
from unrolled.tuning.search import Budget, search
from unrolled.tuning.study import Purpose, opened
from unrolled.tuning.texts import Texts
from unrolled.tuning.trials import Objective, Outcome

BASE = load_recipe(
    "small",
    ["network.units=4", "text.num_words=50", "training.epochs=60", "training.patience=none"],
)
SPACE = SearchSpace.of(
    BASE,
    {"network.units": [2, 4, 8], "training.learning_rate": {"low": 1e-4, "high": 0.1}},
    "a test",
)
PURPOSE = Purpose("tickets", "f", SPACE, Objective.LOSS, is_pruned=False)


@pytest.fixture(scope="module")
def examples() -> Examples:
    draw = random.Random(3)
    words = {"late": "parcel slow waited", "refund": "money back charged"}
    labels = [sorted(words)[row % 2] for row in range(90)]
    texts = [" ".join(draw.choice(words[label].split()) for _ in range(4)) for label in labels]
    return Examples("tickets", texts, labels, "a test")


@pytest.fixture(scope="module")
def nodes():
    """A head on which nothing runs, and two nodes with room for one trial each."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.working = [cluster.add_node(num_cpus=1) for _ in range(2)]
    yield cluster
    cluster.shutdown()


def same_but_for_the_clock(one: Outcome, other: Outcome) -> bool:
    return {**one.to_dict(), "seconds": 0} == {**other.to_dict(), "seconds": 0}


class KillsANode(OnCluster):
    """Kills the node of trial 2 while that one runs; ``began`` has a line for every attempt."""

    def __init__(self, examples: Examples, nodes, began: Path) -> None:
        super().__init__(examples, places=2)
        self.nodes = nodes
        self.began = began

        def noted(task: Task, references: list, threads: int) -> Outcome:
            with began.open("a") as file:
                file.write(f"{task.number} {ray.get_runtime_context().get_node_id()}\n")
            return _run_there(task, references, threads)

        self._run = ray.remote(noted).options(num_cpus=1, max_retries=3)

    def attempts(self) -> list[list[str]]:
        lines = self.began.read_text().splitlines() if self.began.exists() else []
        return [line.split() for line in lines]

    def finished(self) -> tuple[int, Outcome]:
        while not any(number == "2" for number, _ in self.attempts()):
            time.sleep(0.05)
        if self.nodes.working:
            (its,) = (node for number, node in self.attempts() if number == "2")
            for node in self.nodes.working:
                if node.node_id == its:
                    self.nodes.remove_node(node, allow_graceful=False)
            self.nodes.working = []
        return super().finished()


def test_a_node_that_dies_costs_time_and_no_trial(nodes, examples, tmp_path):
    with connected(nodes.address), opened(tmp_path, PURPOSE, resume=False) as study:
        runner = KillsANode(examples, nodes, tmp_path / "began.txt")
        assert search(study, PURPOSE, runner, Budget(5), on_trial=lambda _: None) == "trials"
        trials = study.trials
    numbers = [number for number, _ in runner.attempts()]
    assert numbers.count("2") == 2
    assert sorted(set(numbers)) == ["1", "2", "3", "4", "5"]
    assert [trial.number for trial in trials] == [1, 2, 3, 4, 5]
    texts = Texts(examples)
    for trial in trials:
        recipe = SPACE.recipe_of(trial.settings)
        here = run(Task(trial.number, recipe, Objective.LOSS, None), texts, threads=2)
        assert same_but_for_the_clock(trial.outcome, here)


def test_a_trial_whose_workers_keep_dying_has_failed(nodes, examples):
    def dies(*_: object) -> None:
        import os

        os._exit(1)

    with connected(nodes.address):
        runner = OnCluster(examples, places=1)
        runner._run = ray.remote(dies).options(num_cpus=1, max_retries=1)
        runner.start(Task(7, BASE, Objective.LOSS, None))
        number, outcome = runner.finished()
    assert (number, outcome.kind) == (7, "failed")
    assert outcome.note.startswith("its workers died")


def test_the_command_runs_trials_on_a_cluster_of_this_machine(examples, tmp_path, monkeypatch):
    import json
    import subprocess
    import sys

    monkeypatch.chdir(tmp_path)
    rows = [f"{text},{label}" for text, label in zip(examples.texts, examples.labels, strict=True)]
    Path("tickets.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    command = [
        sys.executable, "-m", "unrolled", "tune", "tickets.csv", "--trials", "3", "--no-train",
        "--no-check", "--set", "training.epochs=3", "--on", "local-cluster", "--workers", "2",
        "--json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    assert document["counts"] == {"complete": 3}
    assert Path(document["recipe"]) == Path("runs/tickets-tuned/best.toml")
