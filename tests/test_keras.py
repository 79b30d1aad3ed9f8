"""Whole networks beside Keras (JAX backend): outputs, gradients, and steps of training."""

import functools

import jax
import keras
import numpy as np
import pytest

from unrolled.engine.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Dense,
    Embedding,
    MaxPooling,
    MeanPooling,
    OneHot,
    RepeatVector,
    SimpleRNN,
    TimeDistributed,
)
from unrolled.engine.network import Network
from unrolled.engine.optimizers import SGD, Adam, RMSprop
from unrolled.ragged import Ragged

WORDS = 23
BINARY, CATEGORICAL = "binary_crossentropy", "sparse_categorical_crossentropy"


class OneHotVectors(keras.layers.Layer):
    """What the notebook does with to_categorical, inside the model."""

    def call(self, ids):
        return keras.ops.one_hot(ids, WORDS)


OWN_SETTINGS = {
    SimpleRNN: ["activation"],
    LSTM: ["unit_forget_bias"],
    GRU: ["reset_after"],
}


def keras_layer(layer, *, masked):
    match layer:
        case OneHot():
            return OneHotVectors()
        case Embedding():
            # Keras masks id 0; ours masks by length. Its table gets a row for it in front.
            return keras.layers.Embedding(layer.num_words + masked, layer.size, mask_zero=masked)
        case Bidirectional():
            merge = {"average": "ave"}.get(layer.merge, layer.merge)
            own = keras_layer(layer.layer, masked=masked)
            return keras.layers.Bidirectional(own, merge_mode=merge)
        case MaxPooling():
            return keras.layers.GlobalMaxPooling1D()
        case MeanPooling():
            return keras.layers.GlobalAveragePooling1D()
        case RepeatVector():
            return keras.layers.RepeatVector(layer.count)
        case TimeDistributed():
            return keras.layers.TimeDistributed(keras_layer(layer.layer, masked=masked))
        case Dense():
            return keras.layers.Dense(layer.units, activation=layer.activation)
    names = ["units", "use_bias", "return_sequences", "go_backwards", *OWN_SETTINGS[type(layer)]]
    settings = {name: getattr(layer, name) for name in names}
    return getattr(keras.layers, type(layer).__name__)(**settings)


def build_keras(layers, *, time, masked):
    model = keras.Sequential([keras.Input((time,), dtype="int32")])
    for layer in layers:
        model.add(keras_layer(layer, masked=masked))
    return model


def copy_weights(network, model, *, masked):
    """Random, asymmetric, non-zero weights, biases too, for both."""
    rng = np.random.default_rng(11)
    for name, array in network.weights.items():
        scale = 0.8 / np.sqrt(array.shape[0]) if array.ndim == 2 else 0.3
        array[...] = rng.normal(size=array.shape) * scale
        if name.startswith("embedding"):
            array[...] = rng.normal(size=array.shape) * 0.5
    arrays = [array.copy() for array in network.weights.values()]
    if masked:
        arrays[0] = np.concatenate([np.zeros((1, arrays[0].shape[1]), np.float32), arrays[0]])
    model.set_weights(arrays)


def data(*, ragged, classes, labels=False, steps=None, count=50, time=12, seed=2):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, time + 1, count) if ragged else np.full(count, time)
    lists = [rng.integers(0, WORDS, length) for length in lengths]
    matrix = np.zeros((count, time), np.int32)
    for row, ids in enumerate(lists):
        matrix[row, time - len(ids) :] = ids + 1 if ragged else ids
    shape = (count, classes) if labels else (count, steps) if steps else count
    targets = rng.integers(0, 2 if labels else classes, shape)
    return Ragged.from_lists(lists), matrix, targets


def keras_run(model, matrix, targets, loss):
    """Outputs, and gradients of the mean loss."""
    variables = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]

    def mean_loss(values):
        outputs, _ = model.stateless_call(values, others, matrix)
        if loss == BINARY:
            truth = targets if targets.ndim == 2 else targets[:, None]
            return keras.losses.binary_crossentropy(truth, outputs).mean(), outputs
        return keras.losses.sparse_categorical_crossentropy(targets, outputs).mean(), outputs

    once = {"xla_backend_optimization_level": 0}  # compiled fast, as it runs once
    run = jax.jit(jax.grad(mean_loss, has_aux=True), compiler_options=once)
    gradients, outputs = run(variables)
    return np.asarray(outputs), [np.asarray(gradient) for gradient in gradients]


def relative(ours, truth):
    """Largest difference relative to the largest value: float32 sums cancel near zero."""
    return np.abs(ours - truth).max() / np.abs(truth).max()


STACKS = {
    "notebook one-hot": ([OneHot(WORDS), SimpleRNN(8), Dense(1, "sigmoid")], BINARY),
    "notebook embedding": ([Embedding(WORDS, 16), SimpleRNN(8), Dense(1, "sigmoid")], BINARY),
    "relu, classes": (
        [Embedding(WORDS, 5), SimpleRNN(11, "relu"), Dense(4, "softmax")],
        CATEGORICAL,
    ),
    "linear, no bias": (
        [OneHot(WORDS), SimpleRNN(6, "linear", use_bias=False), Dense(3, "softmax")],
        CATEGORICAL,
    ),
    "backwards": (
        [Embedding(WORDS, 7), SimpleRNN(9, go_backwards=True), Dense(1, "sigmoid")],
        BINARY,
    ),
    "stack": (
        [
            Embedding(WORDS, 5),
            SimpleRNN(6, return_sequences=True, go_backwards=True),
            SimpleRNN(7, "relu"),
            Dense(5, "sigmoid"),
            Dense(3, "softmax"),
        ],
        CATEGORICAL,
    ),
    "lstm": ([OneHot(WORDS), LSTM(8), Dense(1, "sigmoid")], BINARY),
    "gru, labels": ([Embedding(WORDS, 9), GRU(5), Dense(4, "sigmoid")], BINARY),
    "lstm backwards": (
        [Embedding(WORDS, 8), LSTM(9, go_backwards=True, use_bias=False), Dense(3, "softmax")],
        CATEGORICAL,
    ),
    "both ways": (
        [
            Embedding(WORDS, 5),
            Bidirectional(GRU(5, return_sequences=True)),
            GRU(7, reset_after=False),
            Dense(3, "softmax"),
        ],
        CATEGORICAL,
    ),
    "both ways, mean": (
        [
            Embedding(WORDS, 5),
            LSTM(8, return_sequences=True),
            Bidirectional(LSTM(5, return_sequences=True), merge="average"),
            MeanPooling(),
            Dense(1, "sigmoid"),
        ],
        BINARY,
    ),
    "both ways, max": (
        [
            OneHot(WORDS),
            Bidirectional(SimpleRNN(9, return_sequences=True), merge="sum"),
            MaxPooling(),
            Dense(1, "sigmoid"),
        ],
        BINARY,
    ),
    "one to many": (
        [
            Embedding(WORDS, 5),
            LSTM(6),
            RepeatVector(4),
            GRU(9, return_sequences=True),
            TimeDistributed(Dense(3, "softmax")),
        ],
        CATEGORICAL,
    ),
    "one to many, one-hot": (
        [
            OneHot(WORDS),
            GRU(6),
            RepeatVector(2),
            SimpleRNN(5, return_sequences=True),
            Dense(8, "softmax"),
        ],
        CATEGORICAL,
    ),
}
RAGGED = [name for name, (layers, _) in STACKS.items() if isinstance(layers[0], Embedding)]
# Keras hands a mask on in the order of the input, which a stack turned backwards does not have.
RAGGED.remove("stack")
CASES = [(name, False) for name in STACKS] + [(name, True) for name in RAGGED]
WAYS = {
    "auto": {},
    "layered": {"path": "layered"},
    "reference": {"engine": "reference"},
}


@functools.cache
def keras_truth(stack, ragged):
    """The weights, and Keras' outputs and gradients with them."""
    layers, loss = STACKS[stack]
    _, matrix, targets = data(ragged=ragged, **asked(layers))
    network = Network(layers, seed=0)
    model = build_keras(layers, time=matrix.shape[1], masked=ragged)
    copy_weights(network, model, masked=ragged)
    outputs, gradients = keras_run(model, matrix, targets, loss)
    if ragged:
        gradients[0] = gradients[0][1:]
    return network.weights, outputs, gradients


def asked(layers):
    """The targets that a network learns from, as arguments of `data`."""
    last = layers[-1].layer if isinstance(layers[-1], TimeDistributed) else layers[-1]
    counts = [layer.count for layer in layers if isinstance(layer, RepeatVector)]
    return {
        "classes": max(last.units, 2),
        "labels": last.activation == "sigmoid" and last.units > 1,
        "steps": counts[-1] if counts else None,
    }


@pytest.mark.parametrize(("stack", "ragged"), CASES)
@pytest.mark.parametrize("way", WAYS)
def test_outputs_and_gradients_are_keras(stack, ragged, way):
    layers, loss = STACKS[stack]
    weights, outputs, truth = keras_truth(stack, ragged)
    sequences, _, targets = data(ragged=ragged, **asked(layers))
    # A step of plain descent is the gradient; a large one is not lost in the weights' rounding.
    rate = 128.0
    network = Network(layers, seed=0, loss=loss, optimizer=SGD(rate), **WAYS[way])
    network.set_weights(weights)

    assert relative(network.predict(sequences), outputs) < 1e-5

    network.train_epoch(sequences, targets, np.arange(len(targets)), batch_size=len(targets))
    for (name, after), theirs in zip(network.weights.items(), truth, strict=True):
        assert relative((weights[name] - after) / rate, theirs) < 1e-4, name


@pytest.mark.parametrize("stack", ["notebook one-hot", "notebook embedding", "relu, classes"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda: RMSprop(1e-3), lambda: keras.optimizers.RMSprop(1e-3)),
        (lambda: Adam(1e-3), lambda: keras.optimizers.Adam(1e-3)),
        (lambda: SGD(1e-2, momentum=0.9), lambda: keras.optimizers.SGD(1e-2, momentum=0.9)),
    ],
    ids=["rmsprop", "adam", "sgd"],
)
def test_twenty_steps_are_keras(stack, ours, theirs):
    layers, loss = STACKS[stack]
    classes = max(layers[-1].units, 2)
    sequences, matrix, targets = data(ragged=False, classes=classes, count=160)
    network = Network(layers, seed=0, loss=loss, optimizer=ours())
    assert network.path == "compiled"
    model = build_keras(layers, time=matrix.shape[1], masked=False)
    copy_weights(network, model, masked=False)
    model.compile(theirs(), loss, metrics=["accuracy"])

    mean, accuracy = network.train_epoch(sequences, targets, np.arange(160), batch_size=8)
    epoch = model.fit(matrix, targets, batch_size=8, shuffle=False, verbose=0).history

    for (name, array), truth in zip(network.weights.items(), model.weights, strict=True):
        assert relative(array, np.asarray(truth.value)) < 1e-4, name
    np.testing.assert_allclose(mean, epoch["loss"][0], rtol=1e-5)
    key = "accuracy" if "accuracy" in epoch else "sparse_categorical_accuracy"
    assert accuracy == pytest.approx(epoch[key][0])
    np.testing.assert_allclose(
        network.evaluate(sequences, targets),
        model.evaluate(matrix, targets, verbose=0),
        rtol=1e-5,
    )
