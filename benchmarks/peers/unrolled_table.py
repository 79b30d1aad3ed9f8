"""Training steps of unrolled's public `Network`, whose table is updated sparsely or densely."""

from __future__ import annotations

import importlib.metadata
from itertools import cycle
from typing import Any

import numpy as np

from support.step_peer import Step, serve
from support.table_work import (
    BATCH,
    BATCHES,
    EPSILON,
    FIRST_ROWS,
    LEARNING_RATE,
    SIZE,
    Case,
    work_of,
)
from unrolled.engine.layers import QRNN, Dense, Embedding, MaxPooling, MeanPooling
from unrolled.engine.network import Network
from unrolled.engine.optimizers import Adam
from unrolled.ragged import Ragged


def network_of(case: Case) -> Network:
    read = (
        [QRNN(SIZE, return_sequences=True), MaxPooling()]
        if case.network == "qrnn"
        else [MeanPooling()]
    )
    return Network(
        [Embedding(case.words, SIZE), *read, Dense(1, activation="sigmoid")],
        seed=0,
        loss="binary_crossentropy",
        optimizer=Adam(LEARNING_RATE, epsilon=EPSILON),
        sparse=case.sparse,
    )


class UnrolledPeer:
    def __init__(self, threads: int) -> None:
        self._threads = threads

    def versions(self) -> dict[str, str]:
        return {name: importlib.metadata.version(name) for name in ("numpy", "numba")}

    def step(self, case: str) -> Step:
        work = work_of(case)
        network = network_of(work.case)
        network.weights["embedding/embeddings"][...] = work.table
        network.weights["dense/kernel"][...] = work.kernel
        texts = Ragged.from_matrix(work.ids.reshape(BATCHES * BATCH, -1))
        labels = work.labels.ravel()
        batches = cycle(np.arange(BATCHES * BATCH).reshape(BATCHES, BATCH))

        def step() -> tuple[float, Network]:
            loss, _ = network.train_epoch(
                texts, labels, next(batches), batch_size=BATCH, threads=self._threads
            )
            return loss, network

        return step

    def results(self, case: str, outcome: Any) -> dict[str, Any]:
        loss, network = outcome
        return {
            "loss": np.array(loss),
            "table": network.weights["embedding/embeddings"][:FIRST_ROWS],
            "kernel": network.weights["dense/kernel"],
        }


if __name__ == "__main__":
    serve(UnrolledPeer)
