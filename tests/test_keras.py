"""Whole networks beside Keras (JAX backend): outputs, gradients, and steps of training."""

import jax
import keras
import numpy as np
import pytest

from unrolled.engine.layers import Dense, Embedding, OneHot, SimpleRNN
from unrolled.engine.network import Network
from unrolled.engine.optimizers import SGD, Adam, RMSprop
from unrolled.ragged import Ragged

WORDS = 23
BINARY, CATEGORICAL = "binary_crossentropy", "sparse_categorical_crossentropy"


class OneHotVectors(keras.layers.Layer):
    """What the notebook does with to_categorical, inside the model."""

    def call(self, ids):
        return keras.ops.one_hot(ids, WORDS)


def build_keras(layers, *, time, masked):
    model = keras.Sequential([keras.Input((time,), dtype="int32")])
    for layer in layers:
        match layer:
            case OneHot():
                model.add(OneHotVectors())
            case Embedding():
                # Keras masks id 0; ours masks by length. Its table gets a row for it in front.
                rows = layer.num_words + masked
                model.add(keras.layers.Embedding(rows, layer.size, mask_zero=masked))
            case SimpleRNN():
                model.add(
                    keras.layers.SimpleRNN(
                        layer.units,
                        activation=layer.activation,
                        use_bias=layer.use_bias,
                        return_sequences=layer.return_sequences,
                        go_backwards=layer.go_backwards,
                    )
                )
            case Dense():
                model.add(keras.layers.Dense(layer.units, activation=layer.activation))
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


def data(*, ragged, classes, count=50, time=12, seed=2):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, time + 1, count) if ragged else np.full(count, time)
    lists = [rng.integers(0, WORDS, length) for length in lengths]
    matrix = np.zeros((count, time), np.int32)
    for row, ids in enumerate(lists):
        matrix[row, time - len(ids) :] = ids + 1 if ragged else ids
    return Ragged.from_lists(lists), matrix, rng.integers(0, classes, count)


def keras_gradients(model, matrix, targets, loss):
    variables = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]

    def mean_loss(values):
        outputs, _ = model.stateless_call(values, others, matrix)
        if loss == BINARY:
            return keras.losses.binary_crossentropy(targets[:, None], outputs).mean()
        return keras.losses.sparse_categorical_crossentropy(targets, outputs).mean()

    return [np.asarray(g) for g in jax.grad(mean_loss)(variables)]


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
}
RAGGED = [name for name, (layers, _) in STACKS.items() if isinstance(layers[0], Embedding)]
# Keras hands a mask on in the order of the input, which a stack turned backwards does not have.
RAGGED.remove("stack")
CASES = [(name, False) for name in STACKS] + [(name, True) for name in RAGGED]


@pytest.mark.parametrize(("stack", "ragged"), CASES)
@pytest.mark.parametrize("path", ["auto", "layered"])
def test_outputs_and_gradients_are_keras(stack, ragged, path):
    layers, loss = STACKS[stack]
    classes = max(layers[-1].units, 2)
    sequences, matrix, targets = data(ragged=ragged, classes=classes)
    # A step of plain descent at rate 1 is the gradient itself.
    network = Network(layers, seed=0, loss=loss, optimizer=SGD(1.0), path=path)
    model = build_keras(layers, time=matrix.shape[1], masked=ragged)
    copy_weights(network, model, masked=ragged)

    assert relative(network.predict(sequences), np.asarray(model(matrix))) < 1e-5

    truth = keras_gradients(model, matrix, targets, loss)
    if ragged:
        truth[0] = truth[0][1:]
    before = {name: array.copy() for name, array in network.weights.items()}
    network.train_epoch(sequences, targets, np.arange(len(targets)), batch_size=len(targets))
    for (name, after), theirs in zip(network.weights.items(), truth, strict=True):
        assert relative(before[name] - after, theirs) < 1e-4, name


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
