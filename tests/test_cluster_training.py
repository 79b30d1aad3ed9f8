"""Training on a Ray cluster of several nodes: the bits of one machine, whatever is lost."""

from __future__ import annotations

import os
import signal
import socket
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from unrolled.cli import main
from unrolled.cluster import training
from unrolled.cluster.connection import connected
from unrolled.cluster.training import ClusterLearner
from unrolled.engine.batches import NonFiniteBatch
from unrolled.engine.encoder_decoder import EncoderDecoder
from unrolled.engine.layers import (
    GRU,
    QRNN,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    MaxPooling,
    OneHot,
    SimpleRNN,
    WordDropout,
)
from unrolled.engine.network import Network
from unrolled.engine.optimizers import Adam, RMSprop
from unrolled.errors import ShapeError
from unrolled.ragged import Ragged
from unrolled.training.callbacks import EarlyStopping
from unrolled.training.fit import fit
from unrolled.training.state import TrainingState

BINARY, CATEGORICAL = "binary_crossentropy", "sparse_categorical_crossentropy"
WORDS, COUNT, BATCH = 60, 150, 70  # batches of five tiles, five and one, for three workers


# Ray leaves the log files of its processes open.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file .*session_:ResourceWarning")


@pytest.fixture(scope="module")
def cluster():
    """Three nodes with room for a worker each; ``client`` is its address from outside."""
    from ray.cluster_utils import Cluster

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    head = {"num_cpus": 1, "include_dashboard": False, "ray_client_server_port": port}
    nodes = Cluster(initialize_head=True, head_node_args=head)
    nodes.client = f"ray://127.0.0.1:{port}"
    for _ in range(2):
        nodes.add_node(num_cpus=1)
    yield nodes
    nodes.shutdown()


@pytest.fixture
def on_cluster(cluster):
    with connected(cluster.address):
        yield cluster


def notebook():
    layers = [Embedding(WORDS, 5), SimpleRNN(8), Dense(1, "sigmoid")]
    return Network(layers, seed=1, loss=BINARY, optimizer=RMSprop(1e-2))


def large():
    """A network whose gradients are too many to be sent tile by tile."""
    layers = [OneHot(30_000), SimpleRNN(8), Dense(1, "sigmoid")]
    return Network(layers, seed=1, loss=BINARY, optimizer=Adam(1e-2))


def stacked():
    layers = [
        WordDropout(0.1),
        OneHot(WORDS),
        Bidirectional(QRNN(6, window=2, return_sequences=True)),
        GRU(5, return_sequences=True, recurrent_dropout=0.2),
        MaxPooling(),
        Dropout(0.3),
        Dense(2, "softmax"),
    ]
    return Network(
        layers, seed=1, loss=CATEGORICAL, optimizer=Adam(1e-2), sparse=True, class_weight=[1, 2],
    )  # fmt: skip


def writer():
    return EncoderDecoder(
        encoder=[Embedding(WORDS, 6), GRU(6)],
        decoder=[Embedding(WORDS, 6), GRU(6)],
        seed=1,
        start=2,
        optimizer=Adam(1e-2),
        sampled=20,
    )


def examples(make, count=COUNT, seed=3):
    rng = np.random.default_rng(seed)
    sequences = Ragged.from_lists(
        [rng.integers(0, WORDS, rng.integers(1, 25)) for _ in range(count)]
    )
    if make is writer:
        return sequences, sequences.take(rng.permutation(count))
    return sequences, np.array([int(ids.mean() > WORDS / 2) for ids in sequences])


def run(network, make, **settings):
    train, validation = examples(make), examples(make, 50, seed=4)
    return fit(
        network, train, validation, **{"epochs": 3, "batch_size": BATCH, "seed": 7} | settings
    )


def assert_same_bits(one: TrainingState, other: TrainingState) -> None:
    for field in fields(TrainingState):
        first, second = getattr(one, field.name), getattr(other, field.name)
        if field.name == "slots":
            assert {name: slot.tobytes() for name, slot in first.items()} == {
                name: slot.tobytes() for name, slot in second.items()
            }
        elif field.name == "history":
            assert first.history | {"seconds": []} == second.history | {"seconds": []}
        elif isinstance(first, np.ndarray):
            assert first.tobytes() == second.tobytes(), field.name
        else:
            assert first == second, field.name


@pytest.mark.parametrize("make", [notebook, large, stacked, writer], ids=lambda make: make.__name__)
def test_a_run_on_three_nodes_has_the_bits_of_one_machine(on_cluster, make):
    alone, together = make(), make()
    stopping = [EarlyStopping(1), EarlyStopping(1)]
    truth = run(alone, make, early_stopping=stopping[0])
    with ClusterLearner(together, workers=3, tell=pytest.fail) as learner:
        result = run(learner, make, early_stopping=stopping[1])
        meters = learner.measured()
    assert_same_bits(result.state, truth.state)
    assert together.parameters.tobytes() == alone.parameters.tobytes()
    assert (result.epoch, result.stop_reason) == (truth.epoch, truth.stop_reason)
    assert [meter.steps for meter in meters] == [3 * result.state.epoch] * 3
    assert all(meter.reading > 0 for meter in meters)


def test_a_run_goes_on_elsewhere(on_cluster):
    """Begun here and resumed there, and the other way round, after a Ctrl-C in mid-epoch."""
    truth = run(notebook(), notebook)
    begun = run(notebook(), notebook, epochs=1)
    with ClusterLearner(notebook(), workers=2) as learner:
        there = run(learner, notebook, resume=begun.state)
        assert_same_bits(there.state, truth.state)

    def interrupt(record):
        os.kill(os.getpid(), signal.SIGINT)

    with ClusterLearner(notebook(), workers=2) as learner:
        stopped = run(learner, notebook, on_epoch=interrupt)
    assert (stopped.stop_reason, stopped.state.epoch) == ("interrupted", 1)
    assert_same_bits(run(notebook(), notebook, resume=stopped.state).state, truth.state)


def loss_in_mid_epoch(lose) -> tuple[list[str], int]:
    """What is told, and how many workers are left, when ``lose(learner)`` follows a first batch."""
    told, lost, network = [], [], stacked()

    def on_progress(rows):
        if rows == BATCH and not lost:
            lost.append(rows)
            lose(learner)

    with ClusterLearner(network, workers=3, tell=told.append) as learner:
        result = run(learner, stacked, epochs=2, on_progress=on_progress)
        left = len(learner.measured())
    assert lost
    assert_same_bits(result.state, run(stacked(), stacked, epochs=2).state)
    return told, left


def asked(worker, question):
    import ray

    return ray.get(worker.__ray_call__.remote(question))


def test_a_killed_worker_costs_no_bit(on_cluster, monkeypatch):
    monkeypatch.setattr(training, "_FIRST_STRETCH", 1)
    monkeypatch.setattr(training, "_KEEP", 0.0)

    def kill(learner):
        os.kill(asked(learner._crew.workers[1], lambda self: os.getpid()), signal.SIGKILL)

    told, left = loss_in_mid_epoch(kill)
    assert told == ["a worker was lost: the epoch goes on after batch 1 of 3"]
    assert left == 3


def test_a_killed_node_costs_no_bit(on_cluster, monkeypatch, capsys):
    monkeypatch.setattr(training, "_FIRST_STRETCH", 1)
    monkeypatch.setattr(training, "_KEEP", 3600.0)

    def kill(learner):
        import ray
        from ray.exceptions import RayActorError

        def place_of(worker):
            return asked(worker, lambda self: ray.get_runtime_context().get_node_id())

        workers = {place_of(worker): worker for worker in learner._crew.workers}
        node = next(node for node in on_cluster.worker_nodes if node.node_id in workers)
        on_cluster.remove_node(node, allow_graceful=False)

        def ask_for_ever():
            while True:
                place_of(workers[node.node_id])

        with pytest.raises(RayActorError):  # its processes outlive it for a moment
            ask_for_ever()

    told, left = loss_in_mid_epoch(kill)
    assert told == [
        "a worker was lost: the epoch goes on after batch 0 of 3",
        "the cluster has room for 2 of 3 workers",
    ]
    assert left == 2
    assert capsys.readouterr() == ("", "")


def test_what_is_not_finite_is_told_as_by_the_network(on_cluster):
    sequences, targets = examples(notebook)
    order = np.arange(COUNT)[::-1]
    stops = []
    alone, together = notebook(), notebook()
    with ClusterLearner(together, workers=2) as learner:
        for network, trained in ((alone, alone), (together, learner)):
            network.weights["embedding/embeddings"][sequences[0][0]] = np.nan
            with pytest.raises(NonFiniteBatch) as stop:
                trained.train_epoch(sequences, targets, order, batch_size=BATCH)
            stops.append((stop.value.batch, stop.value.what, stop.value.rows.tolist()))
    assert stops[0] == stops[1]
    assert together.parameters.tobytes() == alone.parameters.tobytes()
    assert together.optimizer.iterations == alone.optimizer.iterations


def test_targets_that_do_not_fit_are_found_here():
    sequences, targets = examples(notebook)
    learner = ClusterLearner(notebook(), workers=2)
    with pytest.raises(ShapeError, match="class numbers from 0 to 1"):
        learner.train_epoch(sequences, targets + 1, np.arange(COUNT), batch_size=BATCH)
    with pytest.raises(ShapeError, match="class numbers from 0 to 1"):
        learner.evaluate(sequences, targets + 1)
    assert learner.measured() == []


def test_the_command_writes_the_same_model(cluster, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [
        f"ticket {row} {'late slow' if row % 2 else 'money back'},{row % 2}" for row in range(90)
    ]
    Path("tickets.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    command = [
        "train", "tickets.csv", "--no-baselines", "--set", "training.epochs=2",
        "--set", "text.num_words=60", "--set", "network.units=4",
    ]  # fmt: skip
    assert main([*command, "--out", "here"]) == 0
    on = ["--on", cluster.client, "--workers", "2", "--threads", "1"]
    assert main([*command, *on, "--out", "there"]) == 0
    assert (
        Path("there/model.safetensors").read_bytes() == Path("here/model.safetensors").read_bytes()
    )
    curves = [
        [line.rpartition(",")[0] for line in Path(out, "history.csv").read_text().splitlines()]
        for out in ("here", "there")
    ]
    assert curves[0] == curves[1]
    capsys.readouterr()
    assert main([*command, "--workers", "2", "--out", "nowhere"]) == 2
    assert "--workers is for --on" in capsys.readouterr().err
