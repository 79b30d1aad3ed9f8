"""Layers alone, forward and back: beside Keras, beside finite differences, and beside each other.

Every test of arithmetic runs with the reference and with the compiled operations.
"""

import functools

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras.src.backend import random as keras_random

from unrolled.engine import reference
from unrolled.engine.kernels import operations as compiled
from unrolled.engine.layers import (
    GRU,
    LSTM,
    QRNN,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Flow,
    LastStep,
    MaxMeanPooling,
    MaxPooling,
    MeanPooling,
    MinGRU,
    OneHot,
    Signal,
    SimpleRNN,
    SpatialDropout,
    WordDropout,
)
from unrolled.engine.layers.dropout import kept
from unrolled.engine.rows import Rows
from unrolled.errors import ShapeError

TIME, LANES, SIZE, WORDS = 7, 16, 6, 23
STARTS = np.array([0, TIME, 2, 6, 3, 0, 1, 5, 4, 0, 2, TIME, 6, 1, 3, 0], np.int64)
PRESENT = np.arange(TIME)[:, None, None] >= STARTS[:, None]

each_engine = pytest.mark.parametrize(
    "operations", [reference, compiled], ids=["reference", "compiled"]
)


def normal(*shape, seed=0, scale=0.7):
    return np.random.default_rng([seed, *shape]).normal(0.1, scale, shape).astype("f4")


def steps(size=SIZE, *, seed=0):
    return normal(TIME, LANES, size, seed=seed) * PRESENT.astype("f4")


def token_ids():
    return np.random.default_rng(4).integers(0, WORDS, (TIME, LANES)).astype(np.int32)


def drawn(layer, incoming):
    """Random, asymmetric, non-zero weights, biases too."""
    return {
        name: normal(*shape, seed=at, scale=0.8 / np.sqrt(shape[-2]) if len(shape) > 1 else 0.3)
        for at, (name, (shape, _)) in enumerate(layer.initializers(incoming).items())
    }


def as_arrays(gradients, weights):
    """Gradients with the rows that were not read put in."""
    return {
        name: value.dense(weights[name].shape[-2]) if isinstance(value, Rows) else value
        for name, value in gradients.items()
    }


def run(operations, layer, signal, weights, gradient, *, noise=None):
    """Outputs, gradient of the inputs, and gradients of the weights, without padding."""
    outgoing, saved = layer.forward(operations, weights, signal, noise)
    d_values, gradients = layer.backward(operations, weights, saved, gradient.copy())
    if d_values is not None:
        beyond = d_values[..., signal.exact.shape[-1] :]
        assert not beyond.any()
        d_values = d_values[..., : signal.exact.shape[-1]]
    assert not outgoing.values[..., outgoing.exact.shape[-1] :].any()
    assert gradients.keys() == weights.keys()
    return outgoing.exact, d_values, as_arrays(gradients, weights)


def assert_close(ours, truth, tolerance=2e-5):
    """Relative to the largest value: float32 sums cancel near zero."""
    assert ours.shape == truth.shape
    assert ours.dtype == np.float32
    assert np.abs(truth).max() > 1e-3, "a gradient of nothing compares nothing"
    assert np.abs(ours - truth).max() < tolerance * np.abs(truth).max()


# Recurrent layers beside Keras.

KERAS = {SimpleRNN: keras.layers.SimpleRNN, LSTM: keras.layers.LSTM, GRU: keras.layers.GRU}
OWN_SETTINGS = {
    SimpleRNN: ["activation"],
    LSTM: ["unit_forget_bias"],
    GRU: ["reset_after"],
}
COMPILED_FAST = {"xla_backend_optimization_level": 0}  # each program runs once
MERGES = {"concat": "concat", "sum": "sum", "average": "ave"}


def keras_layer(layer):
    if isinstance(layer, Bidirectional):
        return keras.layers.Bidirectional(keras_layer(layer.layer), merge_mode=MERGES[layer.merge])
    names = ["units", "use_bias", "return_sequences", "go_backwards", "recurrent_dropout"]
    names += OWN_SETTINGS[type(layer)]
    return KERAS[type(layer)](
        **{name: getattr(layer, name) for name in names},
        zero_output_for_mask=layer.return_sequences,
    )


RECURRENT = {
    "rnn": SimpleRNN(5),
    "rnn relu backwards": SimpleRNN(9, "relu", go_backwards=True),
    "rnn linear": SimpleRNN(8, "linear", use_bias=False, return_sequences=True),
    "lstm": LSTM(5),
    "lstm steps": LSTM(9, use_bias=False, return_sequences=True),
    "lstm backwards": LSTM(8, go_backwards=True),
    "gru": GRU(5),
    "gru steps": GRU(9, return_sequences=True),
    "gru without bias": GRU(8, use_bias=False, go_backwards=True),
    "gru before": GRU(5, reset_after=False, go_backwards=True),
    "gru before steps": GRU(9, reset_after=False, use_bias=False, return_sequences=True),
    "both": Bidirectional(SimpleRNN(5), merge="sum"),
    "both steps": Bidirectional(LSTM(5, return_sequences=True), merge="average"),
    "both wide": Bidirectional(LSTM(8, return_sequences=True)),
    "both gru": Bidirectional(GRU(5), merge="average"),
    "both gru steps": Bidirectional(GRU(9, return_sequences=True), merge="sum"),
    "both gru before": Bidirectional(GRU(5, reset_after=False, return_sequences=True)),
    "both concat": Bidirectional(GRU(9, use_bias=False)),
}
DROPOUT = {
    "rnn": SimpleRNN(5, recurrent_dropout=0.4),
    "lstm": LSTM(5, recurrent_dropout=0.4, return_sequences=True),
    "lstm backwards": LSTM(8, recurrent_dropout=0.3, go_backwards=True),
    "gru": GRU(5, recurrent_dropout=0.4),
    "gru steps": GRU(8, recurrent_dropout=0.3, return_sequences=True),
    "gru before": GRU(5, reset_after=False, recurrent_dropout=0.4),
    "both": Bidirectional(GRU(5, recurrent_dropout=0.4)),
}


def keras_run(theirs, weights, x, gradient, *, mask=True, training=False):
    """Keras' outputs, gradient of the inputs, and gradients of the weights; time comes first."""
    theirs.build((LANES, *x.shape[::2]))
    arguments = {"training": training} if theirs._call_has_training_arg else {}
    if mask:
        arguments["mask"] = jnp.asarray(PRESENT[:, :, 0].T)
    others = [variable.value for variable in theirs.non_trainable_variables]
    sequences = gradient.ndim == 3

    def turned(values):
        return jnp.swapaxes(values, 0, 1)

    def objective(values, x):
        out, _ = theirs.stateless_call(values, others, turned(x), **arguments)
        out = turned(out) if sequences else out
        return (out * gradient).sum(), out

    differentiated = jax.jit(
        jax.grad(objective, argnums=(0, 1), has_aux=True), compiler_options=COMPILED_FAST
    )
    (d_weights, d_x), out = differentiated(list(map(jnp.asarray, weights.values())), x)
    gradients = dict(zip(weights, map(np.asarray, d_weights), strict=True))
    return np.asarray(out), np.asarray(d_x), gradients


def outputs(layer, size=SIZE):
    return layer.flow(Flow("steps", size))


def gradient_for(layer, size=SIZE):
    out = outputs(layer, size)
    if out.kind == "vector":
        return normal(LANES, out.size, seed=9)
    return steps(out.size, seed=9)


@functools.cache
def recurrent_truth(name):
    layer, x = RECURRENT[name], steps()
    return keras_run(keras_layer(layer), drawn(layer, Flow("steps", SIZE)), x, gradient_for(layer))


@each_engine
@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_layers_are_those_of_keras(name, operations):
    layer = RECURRENT[name]
    weights = drawn(layer, Flow("steps", SIZE))
    signal = Signal(steps(), STARTS, SIZE)
    out, d_x, gradients = run(operations, layer, signal, weights, gradient_for(layer))
    truth, true_d_x, true_gradients = recurrent_truth(name)
    assert_close(out, truth)
    assert_close(d_x, true_d_x)
    for weight, own in gradients.items():
        assert_close(own, true_gradients[weight])


def replayed_masks(layer, noise):
    """The masks that a layer draws, one a gate and direction, in the order in which Keras asks."""
    cells = layer.directions.values() if isinstance(layer, Bidirectional) else [layer]
    for cell in cells:
        yield from kept(cell.recurrent_dropout, noise, (cell.gates, LANES, cell.units))


@each_engine
@pytest.mark.parametrize("name", DROPOUT)
def test_recurrent_dropout_is_that_of_keras(name, operations, monkeypatch):
    layer, x = DROPOUT[name], steps()
    weights, gradient = drawn(layer, Flow("steps", SIZE)), gradient_for(layer)
    masks = list(replayed_masks(layer, np.random.default_rng(8)))
    assert 0.1 < (np.stack(masks) == 0).mean() < 0.6
    asked = iter(masks)
    monkeypatch.setattr(keras_random, "dropout", lambda x, rate, seed: x * next(asked))
    truth, true_d_x, true_gradients = keras_run(
        keras_layer(layer), weights, x, gradient, training=True
    )
    assert next(asked, None) is None

    noise = np.random.default_rng(8)
    signal = Signal(x, STARTS, SIZE)
    out, d_x, gradients = run(operations, layer, signal, weights, gradient, noise=noise)
    assert_close(out, truth)
    assert_close(d_x, true_d_x)
    for weight, own in gradients.items():
        assert_close(own, true_gradients[weight])

    asked_alone = run(operations, layer, signal, weights, gradient)[0]
    assert np.abs(asked_alone - out).max() > 0.01


# What Keras has no layer for: the parallel cells.

PARALLEL = {
    "min_gru": MinGRU(5),
    "min_gru steps": MinGRU(8, use_bias=False, go_backwards=True, return_sequences=True),
    "qrnn 1": QRNN(5, window=1, return_sequences=True),
    "qrnn 2": QRNN(9),
    "qrnn 2 backwards": QRNN(5, go_backwards=True, use_bias=False),
    "both min_gru": Bidirectional(MinGRU(5, return_sequences=True)),
    "both qrnn": Bidirectional(QRNN(5), merge="average"),
}


def double(weights):
    return {name: weight.astype("f8") for name, weight in weights.items()}


@pytest.mark.parametrize("name", PARALLEL)
def test_gradients_of_parallel_layers_are_the_slopes_of_their_outputs(name):
    layer = PARALLEL[name]
    weights = double(drawn(layer, Flow("steps", SIZE)))
    weights["x"] = steps().astype("f8")
    gradient = gradient_for(layer).astype("f8")

    def objective(x, **weights):
        out, _ = layer.forward(reference, weights, Signal(x, STARTS, SIZE), None)
        return float((out.values * gradient).sum())

    signal = Signal(weights["x"], STARTS, SIZE)
    own = {name: weight for name, weight in weights.items() if name != "x"}
    _, saved = layer.forward(reference, own, signal, None)
    d_x, gradients = layer.backward(reference, own, saved, gradient.copy())
    gradients["x"] = d_x
    for weight, found in gradients.items():
        direction = normal(*found.shape, seed=3).astype("f8")
        if weight == "x":
            direction *= PRESENT
        ends = [
            objective(**weights | {weight: weights[weight] + sign * 1e-5 * direction})
            for sign in (1, -1)
        ]
        scale = np.abs(found * direction).sum()
        assert scale > 0.1
        slope = (ends[0] - ends[1]) / 2e-5
        assert (found * direction).sum() == pytest.approx(slope, abs=1e-8 * scale)


@pytest.mark.parametrize("name", PARALLEL)
def test_parallel_layers_run_compiled_as_in_the_reference(name):
    layer = PARALLEL[name]
    weights, gradient = drawn(layer, Flow("steps", SIZE)), gradient_for(layer)
    signal = Signal(steps(), STARTS, SIZE)
    ours = run(compiled, layer, signal, weights, gradient)
    truth = run(reference, layer, signal, weights, gradient)
    for one, other in [*zip(ours[:2], truth[:2], strict=True)]:
        assert_close(one, other)
    for weight, own in ours[2].items():
        assert_close(own, truth[2][weight])


@pytest.mark.parametrize("window", [1, 2])
def test_a_qrnn_is_keras_convolution_and_the_papers_pooling(window):
    layer, x = QRNN(5, window=window, return_sequences=True), steps()
    weights = drawn(layer, Flow("steps", SIZE))
    convolution = keras.layers.Conv1D(15, window, padding="causal")
    convolution.build((LANES, TIME, SIZE))
    convolution.set_weights(list(weights.values()))
    z = np.swapaxes(np.asarray(convolution(np.swapaxes(x, 0, 1))), 0, 1)
    g, f, o = np.tanh(z[:, :, :5]), *np.split(1 / (1 + np.exp(-z[:, :, 5:])), 2, axis=2)
    c = np.zeros((LANES, 5))
    out = layer.forward(reference, weights, Signal(x, STARTS, SIZE), None)[0].values
    for t in range(TIME):
        c = np.where(PRESENT[t], f[t] * c + (1 - f[t]) * g[t], 0)
        np.testing.assert_allclose(out[t], o[t] * c, rtol=1e-4, atol=1e-6)


# All layers with a state.

STATEFUL = {**RECURRENT, **PARALLEL}


@each_engine
@pytest.mark.parametrize("name", STATEFUL)
def test_an_id_is_read_as_its_one_hot_vector(name, operations):
    layer, ids = STATEFUL[name], token_ids()
    weights, gradient = drawn(layer, Flow("ids", WORDS)), gradient_for(layer)
    vectors = np.eye(WORDS, dtype="f4")[ids] * PRESENT
    out, nothing, gradients = run(operations, layer, Signal(ids, STARTS), weights, gradient)
    truth, _, true_gradients = run(
        reference, layer, Signal(vectors.astype("f4"), STARTS, WORDS), weights, gradient
    )
    assert nothing is None
    assert_close(out, truth)
    for weight, own in gradients.items():
        assert_close(own, true_gradients[weight])


@each_engine
@pytest.mark.parametrize("name", STATEFUL)
def test_a_lane_has_the_same_bits_in_any_company(name, operations):
    layer, x = STATEFUL[name], steps()
    weights = drawn(layer, Flow("steps", SIZE))
    together, _ = layer.forward(operations, weights, Signal(x, STARTS, SIZE), None)
    for lane in (0, 2, 3):
        start = STARTS[lane]
        alone = np.zeros((TIME - start, LANES, SIZE), "f4")
        alone[:, 5] = x[start:, lane]
        starts = np.full(LANES, TIME - start)
        starts[5] = 0
        out, _ = layer.forward(operations, weights, Signal(alone, starts, SIZE), None)
        own = together.values[start:, lane] if out.values.ndim == 3 else together.values[lane]
        np.testing.assert_array_equal(out.values[..., 5, :], own)
        assert not out.values[..., 6, :].any()


@each_engine
@pytest.mark.parametrize("name", STATEFUL)
def test_a_tile_without_any_token_gives_zeros(name, operations):
    layer, nobody = STATEFUL[name], np.zeros(LANES, np.int64)
    weights = drawn(layer, Flow("steps", SIZE))
    signal = Signal(np.zeros((0, LANES, SIZE), "f4"), nobody, SIZE)
    out = outputs(layer)
    gradient = np.ones((LANES, out.size) if out.kind == "vector" else (0, LANES, out.size), "f4")
    values, d_x, gradients = run(operations, layer, signal, weights, gradient)
    assert not values.any()
    assert d_x.shape == (0, LANES, SIZE)
    for weight, own in gradients.items():
        assert own.shape == weights[weight].shape
        assert not own.any()


@each_engine
def test_steps_read_backwards_come_out_in_the_order_of_reading(operations):
    x, turned = steps(), np.zeros_like(steps())
    for lane, start in enumerate(STARTS):
        turned[start:, lane] = x[start:, lane][::-1]
    forwards, backwards = (
        GRU(5, return_sequences=True, go_backwards=backwards) for backwards in (False, True)
    )
    weights, gradient = drawn(forwards, Flow("steps", SIZE)), gradient_for(forwards)
    out, d_x, _ = run(operations, backwards, Signal(x, STARTS, SIZE), weights, gradient)
    truth, d_turned, _ = run(operations, forwards, Signal(turned, STARTS, SIZE), weights, gradient)
    np.testing.assert_array_equal(out, truth)
    for lane, start in enumerate(STARTS):
        np.testing.assert_array_equal(d_x[start:, lane], d_turned[start:, lane][::-1])


def test_both_directions_are_two_layers():
    forward, backward = GRU(5), GRU(5, go_backwards=True)
    both = Bidirectional(forward)
    weights = drawn(both, Flow("steps", SIZE))
    signal = Signal(steps(), STARTS, SIZE)
    parts = []
    for direction, layer in (("forward", forward), ("backward", backward)):
        names = {name: weights[f"{direction}/{name}"] for name in drawn(layer, Flow("steps", SIZE))}
        parts.append(layer.forward(reference, names, signal, None)[0].values)
    out, _ = both.forward(reference, weights, signal, None)
    np.testing.assert_array_equal(out.values, np.concatenate(parts, axis=1))
    assert list(weights) == [
        f"{direction}/{name}"
        for direction in ("forward", "backward")
        for name in ("kernel", "recurrent_kernel", "bias")
    ]


# Inputs, pooling, dropout, Dense.


@each_engine
def test_an_embedding_looks_up_and_its_gradient_is_of_the_rows_that_were_read(operations):
    layer, ids = Embedding(WORDS, 5), token_ids()
    weights, gradient = drawn(layer, Flow("ids", WORDS)), steps(5)
    outgoing, saved = layer.forward(operations, weights, Signal(ids, STARTS), None)
    np.testing.assert_array_equal(
        outgoing.exact, np.where(PRESENT, weights["embeddings"][ids], np.float32(0)), strict=True
    )
    _, gradients = layer.backward(operations, weights, saved, gradient)
    rows = gradients["embeddings"]
    assert rows.numbers.tolist() == np.unique(ids[PRESENT[:, :, 0]]).tolist()
    truth = np.zeros((WORDS, 5), "f4")
    np.add.at(truth, ids, gradient)
    assert_close(rows.dense(WORDS), truth)


POOLINGS = [LastStep(), MaxPooling(), MeanPooling(), MaxMeanPooling()]


def pooled_truth(layer, x):
    own = jnp.asarray(PRESENT)
    count = jnp.maximum(own.sum(axis=0), 1)
    filled = jnp.where(own.any(axis=0), jnp.where(own, x, -jnp.inf).max(axis=0), 0)
    means = jnp.where(own, x, 0).sum(axis=0) / count
    return {
        LastStep: lambda: x[-1] * own[-1],
        MaxPooling: lambda: filled,
        MeanPooling: lambda: means,
        MaxMeanPooling: lambda: jnp.concatenate([filled, means], axis=1),
    }[type(layer)]()


@pytest.mark.parametrize("layer", POOLINGS, ids=lambda layer: layer.kind)
@pytest.mark.parametrize("beyond", [0, 3], ids=["", "padded"])
def test_pooling_takes_a_texts_own_steps(layer, beyond):
    x = np.round(steps(), 1) - PRESENT.astype("f4")  # mostly negative; some are equally large
    x[:, 5, 2] = -0.5
    gradient = normal(LANES, layer.flow(Flow("steps", SIZE)).size, seed=9)
    wide = np.concatenate([x, np.zeros((TIME, LANES, beyond), "f4")], axis=2)
    out, d_x, _ = run(reference, layer, Signal(wide, STARTS, SIZE), {}, gradient)
    truth, back = jax.vjp(lambda x: pooled_truth(layer, x), x)
    assert_close(out, np.asarray(truth), 1e-6)
    assert_close(d_x, np.where(PRESENT, np.asarray(back(gradient)[0]), 0), 1e-6)
    assert not out[1].any()


@pytest.mark.parametrize(
    ("layer", "theirs"),
    [
        (MaxPooling(), keras.layers.GlobalMaxPooling1D()),
        (MeanPooling(), keras.layers.GlobalAveragePooling1D()),
    ],
    ids=lambda layer: getattr(layer, "kind", ""),
)
def test_pooling_is_that_of_keras(layer, theirs):
    whole = normal(TIME, LANES, SIZE)
    gradient = normal(LANES, SIZE, seed=9)
    everyone = np.zeros(LANES, np.int64)
    truth, d_truth, _ = keras_run(theirs, {}, whole, gradient, mask=False)
    out, d_x, _ = run(reference, layer, Signal(whole, everyone, SIZE), {}, gradient)
    assert_close(out, truth, 1e-6)
    assert_close(d_x, d_truth, 1e-6)
    if isinstance(layer, MeanPooling):  # which masks in Keras too; an empty text has no mean there
        truth, d_truth, _ = keras_run(theirs, {}, steps(), gradient)
        out, d_x, _ = run(reference, layer, Signal(steps(), STARTS, SIZE), {}, gradient)
        some = STARTS < TIME
        assert_close(out[some], truth[some], 1e-6)
        assert_close(d_x[:, some], np.where(PRESENT, d_truth, 0)[:, some], 1e-6)


@pytest.mark.parametrize("layer", POOLINGS, ids=lambda layer: layer.kind)
def test_pooling_of_no_steps_is_zero(layer):
    signal = Signal(np.zeros((0, LANES, SIZE), "f4"), np.zeros(LANES, np.int64), SIZE)
    gradient = np.ones((LANES, layer.flow(Flow("steps", SIZE)).size), "f4")
    out, d_x, _ = run(reference, layer, signal, {}, gradient)
    assert out.shape == gradient.shape
    assert not out.any()
    assert d_x.shape == (0, LANES, SIZE)


DROPPING = [Dropout(0.3), SpatialDropout(0.3)]


@pytest.mark.parametrize("layer", DROPPING, ids=lambda layer: layer.kind)
def test_dropout_is_that_of_keras(layer, monkeypatch):
    x, gradient = steps(), steps(seed=9)
    shape = (TIME, LANES, SIZE) if type(layer) is Dropout else (1, LANES, SIZE)
    mask = kept(0.3, np.random.default_rng(8), shape)

    def same(inputs, rate, noise_shape=None, seed=None):
        assert rate == 0.3
        if noise_shape is not None:
            assert tuple(noise_shape) == (LANES, 1, SIZE)
        return inputs * np.swapaxes(mask, 0, 1)

    monkeypatch.setattr(keras_random, "dropout", same)
    theirs = (keras.layers.Dropout if type(layer) is Dropout else keras.layers.SpatialDropout1D)(
        0.3
    )
    truth, true_d_x, _ = keras_run(theirs, {}, x, gradient, mask=False, training=True)

    wide = np.concatenate([x, np.zeros((TIME, LANES, 2), "f4")], axis=2)
    signal = Signal(wide, STARTS, SIZE)
    wide_gradient = np.concatenate([gradient, np.zeros((TIME, LANES, 2), "f4")], axis=2)
    noise = np.random.default_rng(8)
    out, d_x, _ = run(reference, layer, signal, {}, wide_gradient, noise=noise)
    assert_close(out, truth, 1e-6)
    assert_close(d_x, true_d_x, 1e-6)
    np.testing.assert_array_equal(wide[..., :SIZE], x)


@pytest.mark.parametrize("layer", DROPPING, ids=lambda layer: layer.kind)
def test_dropout_keeps_the_share_and_the_mean(layer):
    whole = Signal(np.ones((200, LANES, 64), "f4"), np.zeros(LANES, np.int64), 64)
    out = layer.forward(reference, {}, whole, np.random.default_rng(1))[0].values
    assert set(np.unique(out)) == {np.float32(0), np.float32(1 / 0.7)}
    assert (out == 0).mean() == pytest.approx(0.3, abs=0.05)
    same_at_all_steps = (out == out[0]).all()
    assert same_at_all_steps == isinstance(layer, SpatialDropout)
    assert layer.forward(reference, {}, whole, None)[0] is whole


def test_dropout_of_a_vector():
    layer = Dropout(0.25)
    assert layer.flow(Flow("vector", 9)) == Flow("vector", 9)
    out, d_x, _ = run(
        reference,
        layer,
        Signal(np.ones((LANES, 9), "f4"), None, 9),
        {},
        np.full((LANES, 9), 2, "f4"),
        noise=np.random.default_rng(2),
    )
    np.testing.assert_array_equal(d_x, 2 * out)
    assert 0 < (out == 0).mean() < 0.5


def test_word_dropout_replaces_its_share_of_the_tokens():
    ids = np.random.default_rng(4).integers(3, WORDS, (300, LANES)).astype(np.int32)
    whole = Signal(ids, np.zeros(LANES, np.int64))
    layer, before = WordDropout(0.2, unknown=2), ids.copy()
    outgoing, saved = layer.forward(reference, {}, whole, np.random.default_rng(1))
    replaced = outgoing.values == 2
    assert replaced.mean() == pytest.approx(0.2, abs=0.03)
    np.testing.assert_array_equal(outgoing.values[~replaced], ids[~replaced], strict=True)
    np.testing.assert_array_equal(ids, before)
    assert layer.forward(reference, {}, whole, None)[0] is whole
    assert layer.backward(reference, {}, saved, np.ones(1)) == (None, {})


@each_engine
@pytest.mark.parametrize("activation", ["linear", "sigmoid", "softmax"])
@pytest.mark.parametrize("kind", ["steps", "vector"])
def test_dense_is_that_of_keras(kind, activation, operations):
    layer = Dense(3, activation)
    weights = drawn(layer, Flow(kind, SIZE))
    x, starts, gradient = steps(), STARTS, steps(3, seed=9)
    if kind == "vector":
        x, starts, gradient = x[-1], None, gradient[-1]
    wide = np.concatenate([x, np.zeros((*x.shape[:-1], 2), "f4")], axis=-1)
    ours = run(operations, layer, Signal(wide, starts, SIZE), weights, gradient)
    theirs = keras.layers.Dense(3, activation=activation)
    theirs.build((None, SIZE))
    arrays = list(map(jnp.asarray, weights.values()))
    truth, back = jax.vjp(lambda arrays, x: theirs.stateless_call(arrays, [], x)[0], arrays, x)
    d_weights, d_x = back(jnp.asarray(gradient))
    assert_close(ours[0], np.where(PRESENT, truth, 0) if kind == "steps" else np.asarray(truth))
    assert_close(ours[1], np.asarray(d_x))
    for own, other in zip(ours[2].values(), d_weights, strict=True):
        assert_close(own, np.asarray(other))


# Shapes, first weights, and what cannot be.


def parameters(layer, size):
    blueprint = layer.initializers(Flow("steps", size))
    return sum(int(np.prod(shape)) for shape, _ in blueprint.values())


@pytest.mark.parametrize("name", RECURRENT)
def test_weights_are_laid_out_as_in_keras(name):
    layer = RECURRENT[name]
    theirs = keras_layer(layer)
    theirs.build((None, None, 16))
    blueprint = layer.initializers(Flow("steps", 16))
    assert [shape for shape, _ in blueprint.values()] == [w.shape for w in theirs.weights]
    names = [weight.split("/")[-1] for weight in blueprint]
    assert names == [w.name for w in theirs.weights]
    assert parameters(layer, 16) == theirs.count_params()
    shape = theirs.compute_output_shape((None, 4, 16))
    out = outputs(layer, 16)
    assert out == Flow("steps" if len(shape) == 3 else "vector", shape[-1])


def test_the_parallel_cells_have_the_weights_of_their_papers():
    assert parameters(MinGRU(8), 5) == 2 * (5 * 8 + 8)
    assert parameters(QRNN(8), 5) == 3 * (2 * 5 * 8 + 8)
    assert parameters(QRNN(8, window=1, use_bias=False), 5) == 3 * 5 * 8


@pytest.mark.parametrize("name", RECURRENT)
def test_first_weights_are_spread_as_in_keras(name):
    layer = RECURRENT[name]
    theirs = keras_layer(layer)
    theirs.build((None, None, 300))
    rng = np.random.default_rng(5)
    for (name, (shape, initializer)), weight in zip(
        layer.initializers(Flow("steps", 300)).items(), theirs.weights, strict=True
    ):
        ours, truth = initializer(shape, rng), np.asarray(weight)
        assert ours.dtype == np.float32
        if name.endswith("bias"):
            np.testing.assert_array_equal(ours, truth)
        elif name.endswith("recurrent_kernel"):
            np.testing.assert_allclose(ours @ ours.T, np.eye(len(ours)), atol=1e-5)
            np.testing.assert_allclose(truth @ truth.T, np.eye(len(ours)), atol=1e-5)
        else:
            assert np.abs(ours).max() == pytest.approx(np.abs(truth).max(), rel=0.01)
            assert ours.std() == pytest.approx(truth.std(), rel=0.1)


def test_the_forget_gate_starts_open_unless_told_otherwise():
    for open_gate in (True, False):
        shape, initializer = LSTM(3, unit_forget_bias=open_gate).initializers(Flow("ids", 9))[
            "bias"
        ]
        bias = initializer(shape, np.random.default_rng(0))
        assert bias.tolist() == [0] * 3 + [float(open_gate)] * 3 + [0] * 6


def test_the_kernel_of_a_qrnn_starts_as_that_of_keras_convolution():
    convolution = keras.layers.Conv1D(3 * 40, 2)
    convolution.build((None, 9, 50))
    shape, initializer = QRNN(40).initializers(Flow("steps", 50))["kernel"]
    ours, truth = initializer(shape, np.random.default_rng(0)), np.asarray(convolution.kernel)
    assert ours.shape == truth.shape
    assert np.abs(ours).max() == pytest.approx(np.abs(truth).max(), rel=0.01)


@pytest.mark.parametrize(
    ("layer", "incoming", "words"),
    [
        (LSTM(3), Flow("vector", 4), "lstm reads steps.*return_sequences=True"),
        (Bidirectional(QRNN(3)), Flow("vector", 4), "qrnn reads steps"),
        (MaxPooling(), Flow("vector", 4), "max_pooling reads steps"),
        (MeanPooling(), Flow("ids", 4), "mean_pooling cannot read ids"),
        (Dropout(0.5), Flow("ids", 4), "dropout cannot read ids"),
        (SpatialDropout(0.5), Flow("vector", 4), "spatial_dropout reads steps"),
        (WordDropout(0.5), Flow("steps", 4), "word_dropout reads ids"),
        (WordDropout(0.5, unknown=9), Flow("ids", 9), "unknown is 9: give a token id below 9"),
        (Dense(3), Flow("ids", 4), "dense cannot read ids"),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_what_does_not_fit(layer, incoming, words):
    with pytest.raises(ShapeError, match=words):
        layer.flow(incoming)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LSTM(0), "lstm: units is 0"),
        (lambda: GRU(2, recurrent_dropout=1.0), "gru: recurrent_dropout is 1.0"),
        (lambda: SimpleRNN(2, "cube"), "unknown activation 'cube'"),
        (lambda: QRNN(2, window=3), "qrnn: unknown window 3: choose one of 1, 2"),
        (lambda: Bidirectional(GRU(2), merge="ave"), "unknown merge 'ave'"),
        (lambda: Bidirectional(GRU(2, go_backwards=True)), "goes backwards itself"),
        (lambda: Bidirectional(Dense(2)), "needs a recurrent layer"),
        (lambda: Dropout(-0.1), "dropout: rate is -0.1"),
        (lambda: WordDropout(0.1, unknown=-1), "unknown is -1"),
        (lambda: Embedding(0, 3), "num_words is 0"),
        (lambda: OneHot(0), "num_words is 0"),
    ],
)
def test_what_cannot_be(make, words):
    with pytest.raises(ShapeError, match=words):
        make()


def test_a_vector_has_no_first_steps():
    with pytest.raises(ShapeError, match="steps are needed"):
        _ = Signal(np.zeros((3, 4)), None, 4).first_steps
