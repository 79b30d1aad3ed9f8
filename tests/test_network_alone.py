"""Example: the network alone, on arrays of ids; no text, no recipe, no folder."""

from __future__ import annotations

import numpy as np

from unrolled import Adam, Dense, Embedding, Network, Ragged, SimpleRNN
from unrolled.training.callbacks import EarlyStopping
from unrolled.training.fit import fit


def parity(count: int, seed: int) -> tuple[Ragged, np.ndarray]:
    """Sequences of 1 to 6 ids, 1 or 2; the class is whether the last one is a 2."""
    rng = np.random.default_rng(seed)
    sequences = [rng.integers(1, 3, size=rng.integers(1, 7)) for _ in range(count)]
    return Ragged.from_lists(sequences), np.array([ids[-1] == 2 for ids in sequences], np.int64)


def test_a_network_learns_from_ids():
    train, validation = parity(200, seed=1), parity(50, seed=2)
    network = Network(
        [Embedding(3, 4), SimpleRNN(4), Dense(1, "sigmoid")],
        seed=42,
        loss="binary_crossentropy",
        optimizer=Adam(0.02),
    )
    result = fit(
        network, train, validation, epochs=20, batch_size=16, seed=42,
        early_stopping=EarlyStopping(patience=3),
    )  # fmt: skip
    assert result.history.history["val_accuracy"][-1] > 0.95
    assert network.evaluate(*validation)[1] > 0.95

    # Sequences of one length may come as a matrix.
    probabilities = network.predict(Ragged.from_matrix(np.array([[1, 1, 2], [2, 2, 1]])))
    assert probabilities.shape == (2, 1)
    assert (probabilities[:, 0] > 0.5).tolist() == [True, False]

    # The weights have the names and the layout of Keras' layers, and can be put in as well.
    assert network.weights["embedding/embeddings"].shape == (3, 4)
    network.set_weights({name: np.zeros_like(own) for name, own in network.weights.items()})
    assert network.predict(validation[0]).tolist() == [[0.5]] * 50
