"""The work of training steps on word tables of many sizes, the same for every peer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BATCH = 32
TOKENS = 230  # of each text: the mean of IMDB's reviews
BATCHES = 8  # that follow each other, and then begin again
SIZE = 64  # of a word's vector, and units of the layer that reads it
VOCABULARIES = (5_000, 50_000, 500_000)
LEARNING_RATE = 1e-3
EPSILON = 1e-7
FIRST_ROWS = 2_000  # of the table, which the peers compare


@dataclass(frozen=True)
class Case:
    """Training steps of one network.

    network: "qrnn", table -> QRNN -> maximum over time -> Dense; or "mean", table -> mean over
        time -> Dense, where the table is nearly all the work.
    words: rows of the table. sparse: only the rows that a batch reads are moved.
    """

    network: str
    words: int
    sparse: bool

    @property
    def name(self) -> str:
        return f"{self.network}, {self.words:,} words, {'sparse' if self.sparse else 'dense'}"


CASES = {
    case.name: case
    for case in (
        Case(network, words, sparse)
        for words in VOCABULARIES
        for network in ("qrnn", "mean")
        for sparse in (True, False)
    )
}


@dataclass(frozen=True)
class Work:
    """The arrays of a case.

    ids: as frequent as words are (Zipf), (BATCHES, BATCH, TOKENS); labels: (BATCHES, BATCH).
    table: (words, SIZE); kernel: of the last layer (SIZE, 1). Biases are zero.
    """

    case: Case
    ids: NDArray[np.int32]
    labels: NDArray[np.int64]
    table: NDArray[np.float32]
    kernel: NDArray[np.float32]

    @property
    def words_a_batch(self) -> float:
        """Different words that a batch has, on average."""
        return float(np.mean([len(np.unique(batch)) for batch in self.ids]))


def work_of(name: str) -> Work:
    case = CASES[name]
    rng = np.random.default_rng(case.words)
    frequency = 1.0 / np.arange(1, case.words + 1)
    ids = rng.choice(case.words, size=(BATCHES, BATCH, TOKENS), p=frequency / frequency.sum())
    return Work(
        case,
        ids.astype(np.int32),
        rng.integers(0, 2, (BATCHES, BATCH)),
        rng.uniform(-0.05, 0.05, (case.words, SIZE)).astype(np.float32),
        rng.normal(0, SIZE**-0.5, (SIZE, 1)).astype(np.float32),
    )
