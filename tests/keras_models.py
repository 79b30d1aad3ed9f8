"""Models of Keras for the tests: written by Keras, and asked."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
from keras import layers

from unrolled import pad_sequences
from unrolled.model.trained import TrainedModel
from unrolled.ragged import Ragged

WORDS = 20  # ids that every one of them knows
STEPS = 12


def word_index(folder: Path) -> Path:
    """A file with the rank of each of many words."""
    file = folder / "index.json"
    file.write_text(json.dumps({f"w{rank}": rank for rank in range(1, 60)}))
    return file


def sequential(*inner: keras.layers.Layer, embedding: int | None = 6, masked: bool = False):
    """Inner layers behind an Embedding, or behind one-hot words, with random weights everywhere."""
    if embedding is None:
        first = [keras.Input((STEPS, WORDS))]
    else:
        table = layers.Embedding(WORDS, embedding, mask_zero=masked)
        first = [keras.Input((None if masked else STEPS,)), table]
    return shaken(keras.Sequential([*first, *inner]))


def functional(*inner: keras.layers.Layer, masked: bool = False):
    """The same as a Functional model."""
    ids = keras.Input((None if masked else STEPS,), dtype="int32")
    out = layers.Embedding(WORDS, 6, mask_zero=masked)(ids)
    for layer in inner:
        out = layer(out)
    return shaken(keras.Model(ids, out))


def shaken(model):
    """Biases begin at zero: give every weight a number."""
    rng = np.random.default_rng(3)
    model.set_weights([0.5 * rng.normal(size=weight.shape) for weight in model.weights])
    return model


def trained_a_little(model):
    """Two steps on random data."""
    model.compile(optimizer="rmsprop", loss="binary_crossentropy")
    rng = np.random.default_rng(4)
    ids = rng.integers(4, WORDS, (32, STEPS))
    inputs = np.eye(WORDS, dtype=np.float32)[ids] if len(model.input_shape) == 3 else ids
    model.fit(inputs, rng.integers(0, 2, (32, model.output_shape[1])), batch_size=16, verbose=0)
    return model


def both_answers(model, imported: TrainedModel, *, masked: bool):
    """Of Keras and of ours, on the same texts of ids (texts, outputs)."""
    rng = np.random.default_rng(5)
    lengths = rng.integers(1, STEPS + 1, 30) if masked else np.full(30, STEPS)
    lists = [rng.integers(1, WORDS, length).astype(np.int32) for length in lengths]
    matrix = pad_sequences(lists, maxlen=STEPS)
    if len(model.input_shape) == 3:
        matrix = np.eye(WORDS, dtype=np.float32)[matrix]
    theirs = model.predict(matrix, verbose=0)
    ours = imported.network.predict(Ragged.from_lists(lists), threads=1)
    if theirs.shape[1] == 2 and ours.shape[1] == 1:
        theirs = theirs[:, 1:]
    return theirs, ours
