"""The work that every peer does: reviews, initial weights and the settings of the notebook.

Arrays travel to the peers as .npz files, weights in Keras' layouts and under Keras' names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Experiment = Literal["onehot", "embedding"]
EXPERIMENTS: tuple[Experiment, ...] = ("onehot", "embedding")

NUM_WORDS = 300
MAXLEN = 100
UNITS = 8
EMBEDDING_SIZE = 16
BATCH_SIZE = 64
# For the peers that validate in batches; the losses do not depend on it.
VALIDATION_BATCH_SIZE = 1000
LEARNING_RATE = 1e-4
RHO = 0.9
EPSILON = 1e-7

Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Workload:
    """Padded reviews and their labels: ids int32 (reviews, time), labels int32 (reviews,)."""

    source: str
    train_ids: NDArray[np.int32]
    train_labels: NDArray[np.int32]
    validation_ids: NDArray[np.int32]
    validation_labels: NDArray[np.int32]

    def save(self, path: Path) -> None:
        np.savez(
            path,
            source=np.array(self.source),
            train_ids=self.train_ids,
            train_labels=self.train_labels,
            validation_ids=self.validation_ids,
            validation_labels=self.validation_labels,
        )

    @classmethod
    def load(cls, path: Path) -> Workload:
        with np.load(path) as arrays:
            return cls(
                str(arrays["source"]),
                arrays["train_ids"],
                arrays["train_labels"],
                arrays["validation_ids"],
                arrays["validation_labels"],
            )


def random_workload(seed: int, train: int = 20_000, validation: int = 5_000) -> Workload:
    """Ids as frequent as words are (Zipf), labels that can be learnt from them."""
    rng = np.random.default_rng(seed)
    frequency = 1.0 / np.arange(1, NUM_WORDS + 1)
    ids = rng.choice(
        NUM_WORDS, size=(train + validation, MAXLEN), p=frequency / frequency.sum()
    ).astype(np.int32)
    score = rng.normal(size=NUM_WORDS)[ids].mean(axis=1)
    labels = (score > np.median(score)).astype(np.int32)
    return Workload(
        f"random ids, seed {seed}", ids[:train], labels[:train], ids[train:], labels[train:]
    )


def imdb_workload() -> Workload:
    """The notebook's 20,000 + 5,000 reviews, read, encoded, padded and split by unrolled."""
    from unrolled.datasets import imdb
    from unrolled.datasets.split import train_validation_split
    from unrolled.text.sequences import pad_sequences

    sequences, labels = imdb.load_split("train", num_words=NUM_WORDS)
    ids = np.asarray(pad_sequences(list(sequences), maxlen=MAXLEN), dtype=np.int32)
    targets = np.asarray(labels, dtype=np.int32)
    train, validation = train_validation_split(len(targets), 0.2, 42)
    return Workload(
        "IMDB reviews", ids[train], targets[train], ids[validation], targets[validation]
    )


def initial_weights(experiment: Experiment, seed: int) -> Weights:
    """Keras' initial distributions; drawn here, so that no peer starts from its own luck."""
    rng = np.random.default_rng(seed)
    weights: dict[str, NDArray[np.float64]] = {}
    inputs = NUM_WORDS
    if experiment == "embedding":
        inputs = EMBEDDING_SIZE
        weights["embedding/embeddings"] = rng.uniform(-0.05, 0.05, (NUM_WORDS, EMBEDDING_SIZE))
    orthogonal, _ = np.linalg.qr(rng.normal(size=(UNITS, UNITS)))
    weights["simple_rnn/kernel"] = _glorot_uniform(rng, inputs, UNITS)
    weights["simple_rnn/recurrent_kernel"] = orthogonal
    weights["simple_rnn/bias"] = np.zeros(UNITS)
    weights["dense/kernel"] = _glorot_uniform(rng, UNITS, 1)
    weights["dense/bias"] = np.zeros(1)
    return {name: array.astype(np.float32) for name, array in weights.items()}


def _glorot_uniform(rng: np.random.Generator, fan_in: int, fan_out: int) -> NDArray[np.float64]:
    limit = np.sqrt(6.0 / (fan_in + fan_out))
    return rng.uniform(-limit, limit, (fan_in, fan_out))


def save_weights(path: Path, weights: Weights) -> None:
    arrays: dict[str, Any] = {name.replace("/", "."): array for name, array in weights.items()}
    np.savez(path, **arrays)


def load_weights(path: Path) -> Weights:
    with np.load(path) as arrays:
        return {name.replace(".", "/"): arrays[name] for name in arrays.files}
