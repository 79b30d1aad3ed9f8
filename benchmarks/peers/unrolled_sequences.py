"""Training steps of unrolled's `EncoderDecoder`, its softmax exact or sampled."""

from __future__ import annotations

import importlib.metadata
from itertools import cycle
from typing import Any

import numpy as np

from support.sequence_work import (
    BATCH,
    BATCHES,
    CASES,
    EPSILON,
    LEARNING_RATE,
    SIZE,
    START,
    UNITS,
    Case,
    batches_of,
    initial_weights,
)
from support.step_peer import Step, serve
from unrolled.engine.encoder_decoder import EncoderDecoder
from unrolled.engine.layers import LSTM, Embedding
from unrolled.engine.optimizers import Adam
from unrolled.ragged import Ragged


def network_of(case: Case) -> EncoderDecoder:
    """A sampled one moves those words only that a batch has or that are drawn for it."""
    return EncoderDecoder(
        encoder=[Embedding(case.words, SIZE), LSTM(UNITS)],
        decoder=[Embedding(case.words, SIZE), LSTM(UNITS)],
        seed=0,
        start=START,
        optimizer=Adam(LEARNING_RATE, epsilon=EPSILON),
        sampled=case.sampled,
        sparse=case.sampled is not None,
    )


class UnrolledPeer:
    def __init__(self, threads: int) -> None:
        self._threads = threads

    def versions(self) -> dict[str, str]:
        return {name: importlib.metadata.version(name) for name in ("numpy", "numba")}

    def step(self, case: str) -> Step:
        network = network_of(CASES[case])
        for name, array in initial_weights(network.words).items():
            network.weights[name][...] = array
        texts = Ragged.from_matrix(batches_of(CASES[case]).reshape(BATCHES * BATCH, -1))
        batches = cycle(np.arange(BATCHES * BATCH).reshape(BATCHES, BATCH))
        losses: list[float] = []

        def step() -> list[float]:
            loss, _ = network.train_epoch(
                texts, texts, next(batches), batch_size=BATCH, threads=self._threads
            )
            losses.append(loss)
            return losses

        return step

    def results(self, case: str, outcome: Any) -> dict[str, Any]:
        return {"first loss": outcome[0], "last loss": outcome[-1]}


if __name__ == "__main__":
    serve(UnrolledPeer)
