"""From recipes to networks: which layers, in which order, with which settings."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from unrolled.engine.layers import (
    GRU,
    LSTM,
    QRNN,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    MaxMeanPooling,
    MaxPooling,
    MeanPooling,
    MinGRU,
    OneHot,
    SimpleRNN,
    SpatialDropout,
    WordDropout,
)
from unrolled.model.networks import balanced_weights, build_network
from unrolled.recipe import PRESETS, Recipe, changed_recipe

PLAIN = PRESETS["notebook-embedding"]


def layers(recipe: Recipe = PLAIN, *, classes: int = 2, several: bool = False, **changes: object):
    settings = {f"network.{name}": value for name, value in changes.items()}
    changed = changed_recipe(recipe, settings)
    return list(build_network(changed, rows=300, classes=classes, several=several).layers)


@pytest.mark.parametrize(
    ("name", "first"),
    [("notebook-onehot", OneHot(300)), ("notebook-embedding", Embedding(300, 16))],
)
def test_the_notebook_s_networks_are_three_plain_layers_on_the_compiled_path(name, first):
    network = build_network(PRESETS[name], rows=300, classes=2)
    assert list(network.layers) == [first, SimpleRNN(8), Dense(1, activation="sigmoid")]
    assert network.path == "compiled"


@pytest.mark.parametrize(
    ("changes", "cell"),
    [
        ({"cell": "simple_rnn", "activation": "relu"}, SimpleRNN(8, activation="relu")),
        ({"cell": "gru"}, GRU(8)),
        ({"cell": "gru", "reset_after": False}, GRU(8, reset_after=False)),
        ({"cell": "gru", "recurrent_dropout": 0.2}, GRU(8, recurrent_dropout=0.2)),
        ({"cell": "lstm"}, LSTM(8)),
        ({"cell": "lstm", "unit_forget_bias": False}, LSTM(8, unit_forget_bias=False)),
        ({"cell": "lstm", "recurrent_dropout": 0.2}, LSTM(8, recurrent_dropout=0.2)),
        ({"cell": "simple_rnn", "recurrent_dropout": 0.2}, SimpleRNN(8, recurrent_dropout=0.2)),
        ({"cell": "min_gru"}, MinGRU(8)),
        ({"cell": "qrnn"}, QRNN(8, window=1)),
        ({"cell": "qrnn", "window": 2}, QRNN(8, window=2)),
        ({"cell": "gru", "units": 5}, GRU(5)),
        ({"cell": "lstm", "bidirectional": "sum"}, Bidirectional(LSTM(8), merge="sum")),
        ({"cell": "qrnn", "bidirectional": "concat"}, Bidirectional(QRNN(8, window=1))),
    ],
)
def test_every_cell_gets_its_settings(changes, cell):
    assert layers(**changes)[1:] == [cell, Dense(1, activation="sigmoid")]


@pytest.mark.parametrize(
    ("pooling", "layer"),
    [("max", MaxPooling()), ("mean", MeanPooling()), ("max_mean", MaxMeanPooling())],
)
def test_pooling_needs_every_step(pooling, layer):
    last = Dense(1, activation="sigmoid")
    assert layers(pooling=pooling)[1:] == [SimpleRNN(8, return_sequences=True), layer, last]
    both = Bidirectional(SimpleRNN(8, return_sequences=True), merge="average")
    assert layers(pooling=pooling, bidirectional="average")[1:] == [both, layer, last]


def test_in_a_stack_only_the_last_layer_may_give_one_vector():
    first, last = GRU(8, return_sequences=True), Dense(1, activation="sigmoid")
    assert layers(cell="gru", layers=3)[1:] == [first, first, GRU(8), last]
    pooled = layers(cell="gru", layers=2, pooling="max")[1:]
    assert pooled == [first, first, MaxPooling(), last]


def test_dropouts_stand_in_their_places():
    built = layers(word_dropout=0.1, embedding_dropout=0.2, dropout=0.3)
    assert built == [
        WordDropout(0.1, unknown=2),
        Embedding(300, 16),
        SpatialDropout(0.2),
        SimpleRNN(8),
        Dropout(0.3),
        Dense(1, activation="sigmoid"),
    ]
    onehot = layers(PRESETS["notebook-onehot"], word_dropout=0.1)
    assert onehot[:2] == [WordDropout(0.1, unknown=2), OneHot(300)]


@pytest.mark.parametrize(
    ("classes", "several", "last"),
    [
        (2, False, Dense(1, activation="sigmoid")),
        (3, False, Dense(3, activation="softmax")),
        (1, True, Dense(1, activation="sigmoid")),
        (2, True, Dense(2, activation="sigmoid")),
        (3, True, Dense(3, activation="sigmoid")),
    ],
)
def test_the_last_layer_suits_the_labels(classes, several, last):
    assert layers(classes=classes, several=several)[-1] == last


def test_training_settings_reach_the_network():
    sparse = changed_recipe(PLAIN, {"training.embedding_updates": "sparse", "seed": 3})
    network = build_network(sparse, rows=300, classes=3, class_weight=[1, 2, 3])
    assert network.sparse
    assert network.seed == 3
    assert network.class_weights.tolist() == [1, 2, 3]
    assert network.optimizer.learning_rate == 1e-4
    assert not build_network(PLAIN, rows=300, classes=2).sparse


def test_balanced_weights_are_scikit_learn_s():
    targets = np.array([0, 2, 2, 1, 2, 0, 2])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=targets)
    assert np.allclose(balanced_weights(targets, 3), expected)
    assert balanced_weights(np.array([0, 0]), 2) == [0.5, 1.0]  # a class that only others have
