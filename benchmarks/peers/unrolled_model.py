"""unrolled itself, through the same public `Network` that its own training uses."""

from __future__ import annotations

import importlib.metadata
import time

import numpy as np

from support.worker import Run, serve
from support.workload import (
    BATCH_SIZE,
    EMBEDDING_SIZE,
    EPSILON,
    LEARNING_RATE,
    NUM_WORDS,
    RHO,
    UNITS,
    Experiment,
    Weights,
    Workload,
)
from unrolled.engine.layers import Dense, Embedding, OneHot, SimpleRNN
from unrolled.engine.network import Network
from unrolled.engine.optimizers import RMSprop
from unrolled.ragged import Ragged


class UnrolledPeer:
    def __init__(self, workload: Workload, threads: int) -> None:
        self._threads = threads
        self._train = Ragged.from_matrix(workload.train_ids)
        self._train_labels = workload.train_labels
        self._validation = Ragged.from_matrix(workload.validation_ids)
        self._validation_labels = workload.validation_labels
        self._networks: dict[Experiment, Network] = {}
        self._rng = np.random.default_rng(0)

    def versions(self) -> dict[str, str]:
        return {name: importlib.metadata.version(name) for name in ("numpy", "numba")}

    def build(self, experiment: Experiment, weights: Weights) -> None:
        onehot = experiment == "onehot"
        first = OneHot(NUM_WORDS) if onehot else Embedding(NUM_WORDS, EMBEDDING_SIZE)
        network = Network(
            [first, SimpleRNN(UNITS), Dense(1, activation="sigmoid")],
            seed=0,
            loss="binary_crossentropy",
            optimizer=RMSprop(learning_rate=LEARNING_RATE, rho=RHO, epsilon=EPSILON),
        )
        for name, array in weights.items():
            network.weights[name][...] = array
        self._networks[experiment] = network

    def run(self, experiment: Experiment, *, epochs: int, shuffle: bool) -> Run:
        network = self._networks[experiment]
        count = len(self._train)
        run = Run([], [], [], [])
        for _ in range(epochs):
            started = time.perf_counter()
            order = self._rng.permutation(count) if shuffle else np.arange(count)
            loss, _ = network.train_epoch(
                self._train,
                self._train_labels,
                order.astype(np.int64),
                batch_size=BATCH_SIZE,
                threads=self._threads,
            )
            val_loss, val_accuracy = network.evaluate(
                self._validation, self._validation_labels, threads=self._threads
            )
            run.seconds.append(time.perf_counter() - started)
            run.loss.append(float(loss))
            run.val_loss.append(float(val_loss))
            run.val_accuracy.append(float(val_accuracy))
        return run


if __name__ == "__main__":
    serve(UnrolledPeer)
