"""The encoder-decoder beside Keras, and what it promises: bits, ragged lengths, learning."""

import functools

import jax
import keras
import numpy as np
import pytest

from unrolled.engine.encoder_decoder import EncoderDecoder
from unrolled.engine.layers import (
    GRU,
    LSTM,
    QRNN,
    Bidirectional,
    Dropout,
    Embedding,
    MinGRU,
    OneHot,
    SimpleRNN,
    SpatialDropout,
    WordDropout,
)
from unrolled.engine.optimizers import SGD, Adam
from unrolled.errors import ShapeError, TrainingError
from unrolled.ragged import Ragged

WORDS, OTHERS, START = 19, 13, 1
CELLS = {
    "simple_rnn": lambda units: SimpleRNN(units),
    "lstm": lambda units: LSTM(units),
    "gru": lambda units: GRU(units),
    "gru before": lambda units: GRU(units, reset_after=False),
}


def pairs(count=40, longest=9, seed=0):
    """Inputs and targets of different lengths; a target ends with 2."""
    rng = np.random.default_rng(seed)
    inputs = [rng.integers(3, WORDS, rng.integers(1, longest + 1)) for _ in range(count)]
    targets = [[*rng.integers(3, OTHERS, rng.integers(0, longest)), 2] for _ in range(count)]
    return Ragged.from_lists(inputs), Ragged.from_lists(targets)


def network_of(cells, *, tied=False, optimizer=None, encoder=True, size=6, **settings):
    network = EncoderDecoder(
        encoder=[Embedding(WORDS, 5), *cells] if encoder else [],
        decoder=[Embedding(OTHERS, size), *cells],
        seed=3, start=START, tied=tied, optimizer=optimizer, **settings,
    )  # fmt: skip
    rng = np.random.default_rng(11)
    network.parameters[:] = rng.normal(size=len(network.parameters)) * 0.4
    return network


def matrix(sequences, *, shift=False):
    """Ids behind which zeros stand, and where there are tokens; shift: what a decoder reads."""
    time = int(sequences.lengths.max())
    ids, there = np.zeros((2, len(sequences), time), np.int32)
    for row in range(len(sequences)):
        own = sequences[row]
        own = np.array([START, *own[:-1]]) if shift else own
        ids[row, : len(own)], there[row, : len(own)] = own + 1, 1
    return ids, there


def keras_model(network):
    """The same in Keras' functional way, whose masks are of id 0; its variables in our order."""
    made = []
    reads = keras.Input((None,), dtype="int32")
    says = keras.Input((None,), dtype="int32")

    def embedded(half, ids):
        first = half.layers[0]
        made.append(keras.layers.Embedding(first.num_words + 1, first.size, mask_zero=True))
        return made[-1](ids)

    def recurrent(layer):
        kind = getattr(keras.layers, type(layer).__name__)
        more = {"reset_after": layer.reset_after} if isinstance(layer, GRU) else {}
        made.append(kind(layer.units, return_sequences=True, return_state=True, **more))
        return made[-1]

    states = []
    if network.encoder.layers:
        values = embedded(network.encoder, reads)
        for layer in network.encoder.scanned:
            values, *state = recurrent(layer)(values)
            states.append(state)
    values = embedded(network.decoder, says)
    for at, layer in enumerate(network.decoder.scanned):
        begin = {"initial_state": states[at]} if states else {}
        values, *_ = recurrent(layer)(values, **begin)
    made.append(keras.layers.Dense(network.words))
    model = keras.Model([reads, says] if states else [says], made[-1](values))
    variables = [variable for layer in made for variable in layer.trainable_variables]
    for variable, (name, array) in zip(variables, network.weights.items(), strict=True):
        if name.endswith("embeddings"):  # a row for the mask in front
            array = np.concatenate([np.zeros((1, array.shape[1]), np.float32), array])
        variable.assign(as_keras(name, array))
    return model, variables


def as_keras(name, array):
    """The output is Dense: its kernel is the table turned round, its bias a row."""
    if name == "output/table":
        return array.T
    return array[:, 0] if name == "output/bias" else array


def keras_loss(network, inputs, targets):
    """The mean loss of a token, and its gradients in the order of the weights."""
    model, in_our_order = keras_model(network)
    says, there = matrix(targets, shift=True)
    truth, _ = matrix(targets)
    reads = [matrix(inputs)[0], says][-len(model.inputs) :]
    variables = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]

    def loss(values):
        logits, _ = model.stateless_call(values, others, reads)
        own = keras.losses.sparse_categorical_crossentropy(
            np.maximum(truth - 1, 0), logits, from_logits=True
        )
        return (own * there).sum() / there.sum()

    value, gradients = jax.jit(
        jax.value_and_grad(loss), compiler_options={"xla_backend_optimization_level": 0}
    )(variables)
    by_name = {
        v.path: np.asarray(g) for v, g in zip(model.trainable_variables, gradients, strict=True)
    }
    return float(value), [by_name[variable.path] for variable in in_our_order]


@pytest.mark.parametrize("encoder", [True, False])
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("name", CELLS)
def test_losses_and_gradients_are_those_of_keras(name, depth, encoder):
    cells = [CELLS[name](units) for units in (7, 10)[:depth]]
    network = network_of(cells, optimizer=SGD(1.0), encoder=encoder)
    inputs, targets = pairs()
    loss, gradients = keras_loss(network, inputs, targets)
    assert network.evaluate(inputs, targets)[0] == pytest.approx(loss, abs=1e-5)
    before = {name: array.copy() for name, array in network.weights.items()}
    network.train_epoch(inputs, targets, np.arange(len(inputs)), batch_size=len(inputs))
    for (weight, array), truth in zip(network.weights.items(), gradients, strict=True):
        ours = before[weight] - array
        if weight.endswith("embeddings"):
            truth = truth[1:]
        ours = as_keras(weight, ours)
        assert np.abs(ours - truth).max() < 1e-4 * np.abs(truth).max() + 1e-6, weight


@pytest.mark.parametrize("cell", [MinGRU(6), QRNN(6, window=2), QRNN(6, window=1)])
def test_gradients_of_other_cells_are_slopes(cell):
    network = network_of([cell], optimizer=SGD(1.0), tied=True, engine="reference")
    inputs, targets = pairs(12)
    before = network.parameters.copy()
    network.train_epoch(inputs, targets, np.arange(12), batch_size=12)
    gradient = before - network.parameters
    rng = np.random.default_rng(2)
    for _ in range(3):
        direction = rng.normal(size=len(before)).astype(np.float32)
        ends = []
        for sign in (1, -1):
            network.parameters[:] = before + sign * 2e-3 * direction
            ends.append(network.evaluate(inputs, targets)[0])
        assert (ends[0] - ends[1]) / 4e-3 == pytest.approx(gradient @ direction, rel=2e-2)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("cell", [LSTM(6), GRU(6), SimpleRNN(6), MinGRU(6), QRNN(6, window=2)])
def test_the_compiled_engine_is_the_reference(cell, tied):
    inputs, targets = pairs(33)
    found = []
    for engine in ("numba", "reference"):
        network = network_of([cell, cell], optimizer=SGD(0.5), tied=tied, engine=engine)
        measured = network.train_epoch(inputs, targets, np.arange(33), batch_size=16)
        found.append((measured, network.parameters.copy()))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-5)
    np.testing.assert_allclose(found[0][1], found[1][1], atol=2e-5)


def test_threads_change_no_bit_and_pairs_do_not_see_each_other():
    inputs, targets = pairs(50)
    layers = [
        WordDropout(0.2),
        Embedding(WORDS, 6),
        SpatialDropout(0.2),
        LSTM(6),
        Dropout(0.3),
        LSTM(6),
    ]
    results = []
    for threads in (1, 2, 5):
        network = EncoderDecoder(
            encoder=layers, decoder=layers, seed=1, start=START, optimizer=Adam(0.01), tied=True
        )
        for _ in range(2):
            network.train_epoch(inputs, targets, np.arange(50), batch_size=20, threads=threads)
        results.append(network.parameters.copy())
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    alone = [
        network.evaluate(inputs.take(np.array([row])), targets.take(np.array([row])))[0]
        for row in range(50)
    ]
    together, _ = network.evaluate(inputs, targets)
    tokens = targets.lengths
    assert together == pytest.approx((np.array(alone) * tokens).sum() / tokens.sum(), rel=1e-6)


def test_one_hot_halves_and_a_sparse_step():
    inputs, targets = pairs(30)
    network = EncoderDecoder(
        encoder=[OneHot(WORDS), GRU(8)], decoder=[OneHot(OTHERS), GRU(8)], seed=1, start=START,
        optimizer=Adam(0.01), sparse=True,
    )  # fmt: skip
    before = network.weights["decoder/gru/kernel"].copy()
    first = network.train_epoch(inputs, targets, np.arange(30), batch_size=10)[0]
    moved = (network.weights["decoder/gru/kernel"] != before).any(axis=1)
    assert moved[START]
    assert not moved[0]  # no target has the padding's id
    for _ in range(20):
        last = network.train_epoch(inputs, targets, np.arange(30), batch_size=10)[0]
    assert last < 0.8 * first


def test_it_learns_to_copy():
    rng = np.random.default_rng(0)
    texts = [rng.integers(3, 9, rng.integers(1, 4)) for _ in range(600)]
    inputs = Ragged.from_lists(texts)
    targets = Ragged.from_lists([[*text, 2] for text in texts])
    network = EncoderDecoder(
        encoder=[Embedding(9, 8), GRU(32)], decoder=[Embedding(9, 8), GRU(32)], seed=0,
        start=START, optimizer=Adam(0.01),
    )  # fmt: skip
    for _ in range(30):
        network.train_epoch(inputs, targets, rng.permutation(600), batch_size=32)
    assert network.evaluate(inputs, targets)[1] > 0.97


def test_what_does_not_fit():
    make = functools.partial(EncoderDecoder, seed=0, start=START)
    with pytest.raises(ShapeError, match=r"the encoder has lstm\(5\), the decoder gru\(5\)"):
        make(encoder=[OneHot(5), LSTM(5)], decoder=[OneHot(5), GRU(5)])
    with pytest.raises(ShapeError, match="a decoder needs a recurrent layer"):
        make(encoder=[], decoder=[Embedding(5, 3)])
    with pytest.raises(ShapeError, match="a tied output needs an Embedding of 4 numbers"):
        make(encoder=[], decoder=[Embedding(5, 3), GRU(4)], tied=True)
    with pytest.raises(ShapeError, match="read forwards"):
        make(encoder=[], decoder=[OneHot(5), GRU(4, go_backwards=True)])
    with pytest.raises(ShapeError, match="the encoder has none"):
        make(encoder=[OneHot(5), Bidirectional(GRU(4))], decoder=[OneHot(5), GRU(4)])
    network = make(encoder=[OneHot(5), GRU(4)], decoder=[OneHot(5), GRU(4)])
    one = Ragged.from_lists([[1, 2]])
    with pytest.raises(ShapeError, match="target 0 is empty"):
        network.evaluate(one, Ragged.from_lists([[]]))
    with pytest.raises(ShapeError, match="token id 5 is outside of 0 to 4"):
        network.evaluate(Ragged.from_lists([[5]]), one)
    with pytest.raises(ShapeError, match="1 inputs for 2 targets"):
        network.evaluate(one, Ragged.from_lists([[1], [2]]))
    with pytest.raises(ShapeError, match="no optimizer"):
        network.train_epoch(one, one, np.arange(1), batch_size=1)


def test_a_batch_that_is_not_finite_changes_nothing():
    inputs, targets = pairs(20)
    network = network_of([LSTM(6)], optimizer=Adam(0.01))
    network.output["bias"][3] = np.nan
    before = network.parameters.copy()
    with pytest.raises(TrainingError, match="batch 1: the loss is not finite"):
        network.train_epoch(inputs, targets, np.arange(20), batch_size=10)
    np.testing.assert_array_equal(network.parameters, before)


# --- A sample of the vocabulary ------------------------------------------------------------------


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_sampled_output_learns_and_touches_only_what_it_saw(tied, sparse):
    rng = np.random.default_rng(0)
    words = 300
    texts = [rng.integers(3, 12, rng.integers(1, 5)) for _ in range(300)]
    inputs = Ragged.from_lists(texts)
    targets = Ragged.from_lists([[*text, 2] for text in texts])
    losses, parameters = [], []
    for threads, sampled in ((1, None), (1, 20), (3, 20)):
        network = EncoderDecoder(
            encoder=[Embedding(words, 24), GRU(24)], decoder=[Embedding(words, 24), GRU(24)],
            seed=0, start=START, optimizer=Adam(0.01), tied=tied, sparse=sparse, sampled=sampled,
            word_counts=[1 + 50 * (word < 12) for word in range(words)],
        )  # fmt: skip
        before = network.table().copy()
        network.train_epoch(inputs, targets, np.arange(32), batch_size=32, threads=threads)
        moved = (network.table() != before).any(axis=1).sum()
        assert moved < 60 or sampled is None
        for _ in range(15):
            network.train_epoch(inputs, targets, np.arange(300), batch_size=32, threads=threads)
        losses.append(network.evaluate(inputs, targets)[0])
        parameters.append(network.parameters.copy())
    assert losses[0] < losses[1] < np.log(10)  # what those know who know the ten words
    np.testing.assert_array_equal(*parameters[1:])


def test_samples_are_drawn_as_they_are_expected():
    from unrolled.engine.token_output import Sampler

    sampler = Sampler(40, 25, [1 + word**2 for word in range(40)], seed=7)
    drawn = [sampler.draw(step) for step in range(3000)]
    assert all(len(set(words)) == len(words) for words in drawn)
    found = np.bincount(np.concatenate(drawn), minlength=40) / 3000
    np.testing.assert_allclose(found, sampler.expected, atol=0.04)
    np.testing.assert_array_equal(sampler.draw(5), drawn[5])
    with pytest.raises(ShapeError, match="3 counts for 40 words"):
        Sampler(40, 25, [1, 2, 3], seed=7)
    with pytest.raises(ShapeError, match="sampled is 0"):
        Sampler(40, 0, None, seed=7)
