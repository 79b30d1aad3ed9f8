"""The work of training an autoencoder of word sequences, the same for every peer.

Weights are drawn here, in Keras' layouts and under unrolled's names; an input is its own target.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BATCH = 64
STEPS = 50  # tokens that are read, and as many that are written
BATCHES = 4  # that follow each other, and then begin again
UNITS = 64
SIZE = 64  # of a word's vector
START = 1
LEARNING_RATE = 1e-3
EPSILON = 1e-7

Arrays = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Case:
    """Training steps of one network.

    sampled: among how many words, drawn for each batch, a target is looked for; None: among all.
    """

    words: int
    sampled: int | None

    @property
    def name(self) -> str:
        among = "all" if self.sampled is None else f"{self.sampled:,}"
        return f"{among} of {self.words:,} words"


BESIDE_OTHERS = Case(5_000, None)
MANY, SOME_OF_MANY = Case(30_000, None), Case(30_000, 1_024)
CASES = {case.name: case for case in (BESIDE_OTHERS, MANY, SOME_OF_MANY)}


def sequences(words: int, count: int, steps: int) -> NDArray[np.int32]:
    """Ids as frequent as words are (Zipf), (count, steps)."""
    rng = np.random.default_rng(words)
    frequency = 1.0 / np.arange(1, words + 1)
    ids = rng.choice(words, size=(count, steps), p=frequency / frequency.sum())
    return ids.astype(np.int32)


def batches_of(case: Case) -> NDArray[np.int32]:
    """(BATCHES, BATCH, STEPS)"""
    return sequences(case.words, BATCHES * BATCH, STEPS).reshape(BATCHES, BATCH, STEPS)


def initial_weights(words: int) -> Arrays:
    """As after some training: of like size everywhere, and no bias zero."""
    rng = np.random.default_rng(words + 1)

    def normal(*shape: int, scale: float) -> NDArray[np.float32]:
        return (scale * rng.standard_normal(shape)).astype(np.float32)

    weights = Arrays()
    for half in ("encoder", "decoder"):
        weights[f"{half}/embedding/embeddings"] = normal(words, SIZE, scale=0.5)
        weights[f"{half}/lstm/kernel"] = normal(SIZE, 4 * UNITS, scale=SIZE**-0.5)
        weights[f"{half}/lstm/recurrent_kernel"] = normal(UNITS, 4 * UNITS, scale=UNITS**-0.5)
        weights[f"{half}/lstm/bias"] = normal(4 * UNITS, scale=0.1)
    weights["output/table"] = normal(words, UNITS, scale=UNITS**-0.5)
    weights["output/bias"] = normal(words, 1, scale=0.1)
    return weights
