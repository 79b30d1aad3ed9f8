"""Networks: every path gives the reference's numbers, and bits that depend on nothing else."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from unrolled.engine import many_to_one
from unrolled.engine.batches import NonFiniteBatch, tiled_order
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
    MinGRU,
    OneHot,
    SimpleRNN,
    SpatialDropout,
    WordDropout,
)
from unrolled.engine.network import Network
from unrolled.engine.optimizers import SGD, Adam, RMSprop
from unrolled.errors import ShapeError
from unrolled.ragged import Ragged

BINARY, CATEGORICAL = "binary_crossentropy", "sparse_categorical_crossentropy"


@pytest.fixture(autouse=True)
def threads_for_little(monkeypatch):
    """The few texts of these tests are read by as many threads as a test asks for."""
    monkeypatch.setattr(many_to_one, "_PRODUCTS_A_THREAD", 1)


def examples(*, words, classes=2, count=150, longest=20, ragged=True, seed=0):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, longest + 1, count) if ragged else np.full(count, longest)
    sequences = Ragged.from_lists([rng.integers(0, words, length) for length in lengths])
    return sequences, rng.integers(0, classes, count), rng.permutation(count)


def last_layer(classes):
    return Dense(1, "sigmoid") if classes == 2 else Dense(classes, "softmax")


def build(first, recurrent, classes, optimizer, **settings):
    loss = BINARY if classes == 2 else CATEGORICAL
    layers = [first, recurrent, last_layer(classes)]
    return Network(layers, seed=1, loss=loss, optimizer=optimizer, **settings)


CASES = {
    "notebook one-hot": (OneHot(50), SimpleRNN(8), 2, False, lambda: RMSprop(1e-3)),
    "notebook embedding": (Embedding(50, 16), SimpleRNN(8), 2, False, lambda: RMSprop(1e-3)),
    "ragged relu": (Embedding(70, 5), SimpleRNN(11, "relu"), 4, True, lambda: Adam(1e-3)),
    "many units": (OneHot(50), SimpleRNN(20), 3, True, lambda: SGD(0.1, momentum=0.9)),
    "linear": (Embedding(33, 9), SimpleRNN(3, "linear"), 2, True, lambda: RMSprop(1e-3)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_compiled_path_learns_what_the_reference_learns(case):
    first, recurrent, classes, ragged, optimizer = CASES[case]
    sequences, targets, order = examples(
        words=first.num_words, classes=classes, ragged=ragged, seed=len(case)
    )
    compiled = build(first, recurrent, classes, optimizer(), path="compiled")
    truth = build(first, recurrent, classes, optimizer(), engine="reference")
    assert (compiled.path, truth.path) == ("compiled", "layered")
    for _ in range(3):
        ours = compiled.train_epoch(sequences, targets, order, batch_size=37, threads=2)
        theirs = truth.train_epoch(sequences, targets, order, batch_size=37, threads=1)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    np.testing.assert_allclose(compiled.parameters, truth.parameters, rtol=1e-4, atol=2e-6)
    np.testing.assert_allclose(
        compiled.predict(sequences), truth.predict(sequences), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        compiled.evaluate(sequences, targets), truth.evaluate(sequences, targets), rtol=1e-5
    )


@pytest.mark.parametrize("path", ["compiled", "layered"])
@pytest.mark.parametrize("batch_size", [16, 64, 100])
def test_threads_change_no_bit(path, batch_size):
    sequences, targets, order = examples(words=90)
    results = []
    for threads in (1, 2, 8):
        network = build(Embedding(90, 7), SimpleRNN(8), 2, RMSprop(1e-3), path=path)
        figures = [
            network.train_epoch(sequences, targets, order, batch_size=batch_size, threads=threads)
            for _ in range(3)
        ]
        results.append((figures, network.parameters, network.predict(sequences, threads=threads)))
    for figures, parameters, predictions in results[1:]:
        assert figures == results[0][0]
        np.testing.assert_array_equal(parameters, results[0][1])
        np.testing.assert_array_equal(predictions, results[0][2])


@pytest.mark.parametrize("path", ["compiled", "layered"])
def test_a_prediction_does_not_depend_on_its_company(path):
    sequences, _, order = examples(words=60, count=53)
    network = build(OneHot(60), SimpleRNN(10), 3, None, path=path)
    together = network.predict(sequences)
    shuffled = network.predict(sequences.take(order))
    np.testing.assert_array_equal(shuffled, together[order])
    for row in range(0, 53, 7):
        alone = network.predict(sequences.take(np.array([row])))
        np.testing.assert_array_equal(alone[0], together[row])


@pytest.mark.parametrize("path", ["compiled", "layered"])
def test_a_network_may_be_asked_by_several_threads_at_once(path):
    sequences, _, _ = examples(words=60, count=90)
    network = build(OneHot(60), SimpleRNN(10), 3, None, path=path)
    truth = network.predict(sequences)
    parts = [np.arange(first, 90, 5) for first in range(5)] * 6
    with ThreadPoolExecutor(5) as askers:
        answers = askers.map(lambda rows: network.predict(sequences.take(rows), threads=3), parts)
    for rows, answer in zip(parts, answers, strict=True):
        np.testing.assert_array_equal(answer, truth[rows])


@pytest.mark.parametrize(
    ("count", "least", "expected"), [(40, None, 1), (40, 1, 3), (9_000, None, 3), (10, 1, 1)]
)
def test_threads_are_woken_for_enough_work_only(count, least, expected, monkeypatch):
    monkeypatch.undo()
    if least is not None:
        monkeypatch.setattr(many_to_one, "_PRODUCTS_A_THREAD", least)
    sequences, _, _ = examples(words=60, count=count)
    asked = []
    team = many_to_one.Team.together
    monkeypatch.setattr(
        many_to_one.Team,
        "together",
        lambda self, work: asked.append(self.threads) or team(self, work),
    )
    build(OneHot(60), SimpleRNN(10), 3, None, path="compiled").predict(sequences, threads=3)
    assert asked == [expected]


def test_what_was_read_before_changes_no_bit():
    asked, (many, _, _) = build(OneHot(60), SimpleRNN(10), 3, None), examples(words=60, count=40)
    longest, shortest = many.lengths.argmax(), many.lengths.argmin()
    assert many.lengths[longest] > many.lengths[shortest]
    for row in (shortest, longest, shortest, longest):
        text = many.take(np.array([row]))
        unasked = build(OneHot(60), SimpleRNN(10), 3, None)
        for threads in (1, 2):
            answer = asked.predict(text, threads=threads)
            np.testing.assert_array_equal(answer, unasked.predict(text, threads=threads))


def test_the_length_of_a_call_changes_no_bit():
    sequences, targets, order = examples(words=40, count=300)
    networks = [build(OneHot(40), SimpleRNN(8), 2, Adam(1e-2)) for _ in range(2)]
    networks[1].execution._batches_a_call = 1
    figures = [
        network.train_epoch(sequences, targets, order, batch_size=16, threads=1)
        for network in networks
    ]
    assert figures[0] == figures[1]
    np.testing.assert_array_equal(networks[0].parameters, networks[1].parameters)


def test_a_stack_of_layers_runs_compiled_as_in_the_reference():
    layers = [
        Embedding(30, 6),
        SimpleRNN(5, return_sequences=True, go_backwards=True),
        SimpleRNN(9, "relu", use_bias=False, return_sequences=True),
        Dense(4, "softmax"),
        SimpleRNN(7),
        Dense(6, "sigmoid"),
        Dense(3, "softmax"),
    ]
    sequences, targets, order = examples(words=30, classes=3, count=40)
    ours, truth = (
        Network(layers, seed=4, loss=CATEGORICAL, optimizer=Adam(1e-2), engine=engine)
        for engine in ("numba", "reference")
    )
    assert ours.path == truth.path == "layered"
    for _ in range(2):
        ours.train_epoch(sequences, targets, order, batch_size=17)
        truth.train_epoch(sequences, targets, order, batch_size=17)
    np.testing.assert_allclose(ours.parameters, truth.parameters, rtol=1e-3, atol=1e-5)


STACKS = {
    "lstm, gru": [
        WordDropout(0.1),
        Embedding(90, 7),
        SpatialDropout(0.2),
        Bidirectional(LSTM(10, return_sequences=True, recurrent_dropout=0.2)),
        Bidirectional(GRU(8), merge="sum"),
        Dropout(0.3),
    ],
    "parallel": [
        OneHot(90),
        WordDropout(0.2),
        Bidirectional(QRNN(12, window=2, return_sequences=True), merge="average"),
        MinGRU(9, return_sequences=True),
        MaxMeanPooling(),
    ],
    "gru before": [
        OneHot(90),
        GRU(5, reset_after=False, return_sequences=True, recurrent_dropout=0.1),
        MaxPooling(),
    ],
}


def build_stack(name, classes=2, **settings):
    loss = BINARY if classes == 2 else CATEGORICAL
    layers = [*STACKS[name], last_layer(classes)]
    return Network(layers, seed=5, loss=loss, optimizer=Adam(1e-2), **settings)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", STACKS)
def test_a_stack_learns_what_the_reference_learns(name, sparse):
    sequences, targets, order = examples(words=90, classes=3, count=40)
    ours, truth = (
        build_stack(name, classes=3, engine=engine, sparse=sparse)
        for engine in ("numba", "reference")
    )
    for _ in range(2):
        figures = ours.train_epoch(sequences, targets, order, batch_size=20, threads=2)
        theirs = truth.train_epoch(sequences, targets, order, batch_size=20, threads=1)
        np.testing.assert_allclose(figures, theirs, rtol=1e-4)
    np.testing.assert_allclose(ours.parameters, truth.parameters, rtol=1e-2, atol=1e-4)
    np.testing.assert_allclose(ours.predict(sequences), truth.predict(sequences), atol=1e-4)


@pytest.mark.parametrize("name", STACKS)
def test_threads_change_no_bit_of_a_stack_and_nor_does_company(name):
    sequences, targets, order = examples(words=90, count=100)
    networks = [build_stack(name, sparse=True) for _ in range(3)]
    figures = [
        [
            network.train_epoch(sequences, targets, order, batch_size=40, threads=threads)
            for _ in range(2)
        ]
        for network, threads in zip(networks, (1, 2, 8), strict=True)
    ]
    assert figures[0] == figures[1] == figures[2]
    for network in networks[1:]:
        np.testing.assert_array_equal(network.parameters, networks[0].parameters)
    together = networks[0].predict(sequences)
    np.testing.assert_array_equal(networks[0].predict(sequences.take(order)), together[order])
    for row in range(0, 100, 9):
        alone = networks[0].predict(sequences.take(np.array([row])))
        np.testing.assert_array_equal(alone[0], together[row])


def test_words_that_a_batch_does_not_use_keep_still():
    sequences = Ragged.from_lists([[3, 4, 5], [4, 8], [3, 3, 3, 7]])
    for first, name in ((Embedding(20, 6), "embedding/embeddings"), (OneHot(20), "qrnn/kernel")):
        layers = [first, QRNN(5, window=2, return_sequences=True), MaxMeanPooling()]
        network = Network(
            [*layers, Dense(1, "sigmoid")],
            seed=0,
            loss=BINARY,
            optimizer=Adam(1e-2),
            sparse=True,
        )
        before = network.weights[name].copy()
        order = np.arange(3)
        network.train_epoch(sequences, np.array([0, 1, 1]), order, batch_size=3)
        moved = (network.weights[name] != before).any(axis=-1)
        moved = moved.any(axis=0) if moved.ndim == 2 else moved
        assert set(np.flatnonzero(moved)) == {3, 4, 5, 7, 8}


def test_sparse_steps_are_the_dense_ones_where_there_is_no_momentum():
    sequences, targets, order = examples(words=90, count=60)
    layers = [Embedding(90, 6), LSTM(5), Dense(1, "sigmoid")]
    dense, sparse = (
        Network(layers, seed=0, loss=BINARY, optimizer=SGD(0.1), sparse=flag)
        for flag in (False, True)
    )
    for network in (dense, sparse):
        network.train_epoch(sequences, targets, order, batch_size=16)
    np.testing.assert_array_equal(sparse.parameters, dense.parameters)


@pytest.mark.parametrize("engine", ["numba", "reference"])
def test_each_layer_has_a_rate_of_its_own(engine):
    """With SGD's first step, a rate is what the layer's change is multiplied by."""
    sequences, targets, order = examples(words=30, count=16)
    layers = [Embedding(30, 6), LSTM(5), Dense(1, "sigmoid")]

    def change(rates):
        network = Network(
            layers, seed=0, loss=BINARY, optimizer=SGD(0.5), rates=rates, engine=engine
        )
        before = {name: array.copy() for name, array in network.weights.items()}
        network.train_epoch(sequences, targets, order, batch_size=16)
        return {name: array - before[name] for name, array in network.weights.items()}

    plain = change(None)
    for rates in ([0.5, 0.0, 2.0], [0.0, 0.0, 1.0], [0.0, 2.0, 0.0]):
        for name, moved in change(rates).items():
            rate = rates[["embedding", "lstm", "dense"].index(name.partition("/")[0])]
            np.testing.assert_allclose(moved, rate * plain[name], atol=2e-7, err_msg=name)


@pytest.mark.parametrize("rates", [[1.0], [1.0, -0.1, 1.0], [1.0, float("nan"), 1.0]])
def test_rates_that_no_layer_can_have(rates):
    with pytest.raises(ShapeError, match="for each of 3 layers"):
        Network([Embedding(30, 6), LSTM(5), Dense(1, "sigmoid")], seed=0, rates=rates)


def test_class_weights_weigh_the_loss_of_an_example():
    """A weight of two is what every example of the class would do if it were there twice."""
    sequences, targets, _ = examples(words=30, count=16)
    layers = [Embedding(30, 6), LSTM(5), Dense(1, "sigmoid")]
    weighted = Network(
        layers, seed=0, loss=BINARY, optimizer=SGD(0.1), class_weight=[1.0, 2.0], path="layered"
    )
    loss, _ = weighted.train_epoch(sequences, targets, np.arange(16), batch_size=16)
    twice = Network(layers, seed=0, loss=BINARY, optimizer=SGD(0.1), path="layered")
    rows = np.concatenate([np.arange(16), np.flatnonzero(targets == 1)])
    twice.optimizer.learning_rate = 0.1 * len(rows) / 16
    mean, _ = twice.train_epoch(sequences, targets, rows, batch_size=len(rows))
    assert loss == pytest.approx(mean * len(rows) / 16, rel=1e-6)
    np.testing.assert_allclose(weighted.parameters, twice.parameters, atol=1e-6)


def test_labels_of_which_a_text_has_any_number_can_be_learned():
    rng = np.random.default_rng(0)
    sequences = Ragged.from_lists([rng.integers(1, 20, 8) for _ in range(300)])
    targets = np.array([[3 in ids, 5 in ids, 7 in ids] for ids in sequences], dtype=np.uint8)
    layers = [OneHot(20), MinGRU(16, return_sequences=True), MaxPooling(), Dense(3, "sigmoid")]
    network = Network(layers, seed=0, loss=BINARY, optimizer=Adam(0.03), sparse=True)
    for epoch in range(12):
        order = np.random.default_rng(epoch).permutation(300)
        network.train_epoch(sequences, targets, order, batch_size=16)
    loss, accuracy = network.evaluate(sequences, targets)
    assert loss < 0.1
    assert accuracy > 0.98
    with pytest.raises(ShapeError, match="row 0, label 0 is 4"):
        network.evaluate(sequences, targets + 4)


@pytest.mark.parametrize("path", ["compiled", "layered"])
def test_a_loss_that_is_not_finite_stops_before_the_weights_change(path):
    sequences, targets, order = examples(words=20, count=100)
    network = build(OneHot(20), SimpleRNN(8), 2, RMSprop(1e-3), path=path)
    network.train_epoch(sequences, targets, order[:64], batch_size=32, threads=2)
    network.weights["simple_rnn/kernel"][sequences[int(order[70])][-1]] = np.nan
    before, steps = network.parameters.copy(), network.optimizer.iterations
    with pytest.raises(NonFiniteBatch) as stop:
        network.train_epoch(sequences, targets, order[70:], batch_size=10, threads=2)
    assert stop.value.batch == 0
    assert stop.value.what == "loss"
    assert set(stop.value.rows) == set(order[70:80])
    np.testing.assert_array_equal(network.parameters, before)
    assert network.optimizer.iterations == steps


@pytest.mark.parametrize("path", ["compiled", "layered"])
def test_a_gradient_that_overflows_stops_too(path):
    sequences, targets, order = examples(words=20, count=64, ragged=False)
    network = build(OneHot(20), SimpleRNN(8, "linear"), 2, SGD(1e-3), path=path)
    network.weights["simple_rnn/recurrent_kernel"][...] = 0
    network.weights["simple_rnn/kernel"][...] = 1e-30
    network.weights["dense/kernel"][...] = 3e38
    network.weights["simple_rnn/recurrent_kernel"][...] = 1.0
    network.weights["simple_rnn/kernel"][...] *= 0
    with pytest.raises(NonFiniteBatch, match="gradient"):
        network.train_epoch(sequences, targets, order, batch_size=64)


def test_progress_is_told_and_reaches_the_end():
    sequences, targets, order = examples(words=20, count=100)
    network = build(OneHot(20), SimpleRNN(8), 2, RMSprop(1e-3))
    told = []
    network.train_epoch(sequences, targets, order, batch_size=8, on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 100


def test_batches_keep_their_examples_when_tiles_are_sorted():
    lengths = np.array([5, 1, 4, 2, 9, 3, 7])
    order = np.array([6, 0, 3, 2, 5, 1, 4])
    tiled = tiled_order(lengths, order, 3)
    assert tiled.tolist() == [3, 0, 6, 1, 5, 2, 4]
    assert tiled_order(np.full(7, 3), order, 3) is order


def test_the_summaries_are_the_notebooks():
    onehot = build(OneHot(300), SimpleRNN(8), 2, None)
    embedding = build(Embedding(300, 16), SimpleRNN(8), 2, None)
    assert onehot.parameter_count == 2481
    assert embedding.parameter_count == 5009
    lines = embedding.summary(steps=100).splitlines()
    assert lines[3].split() == ["embedding", "(Embedding)", "(None,", "100,", "16)", "4,800"]
    assert lines[4].split() == ["simple_rnn", "(SimpleRNN)", "(None,", "8)", "200"]
    assert lines[5].split() == ["dense", "(Dense)", "(None,", "1)", "9"]
    assert "Total params: 5,009 (19.57 KB)" in lines[7]
    assert "2,481" in onehot.summary()
    assert onehot.layer_rows()[0].output_shape == "(None, None, 300)"


def test_same_seed_same_weights_other_seed_others():
    one, same, other = (
        Network([OneHot(9), SimpleRNN(4), Dense(1, "sigmoid")], seed=seed) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one.parameters, same.parameters)
    assert (one.parameters != other.parameters).any()


def test_weights_are_views_and_can_be_set():
    network = Network([OneHot(9), SimpleRNN(4), Dense(1, "sigmoid")], seed=0)
    network.set_weights({name: np.full(w.shape, 2.0) for name, w in network.weights.items()})
    assert (network.parameters == 2).all()
    with pytest.raises(ShapeError, match="dense/bias"):
        network.set_weights({k: w for k, w in network.weights.items() if k != "dense/bias"})
    with pytest.raises(ShapeError, match="simple_rnn/kernel has shape"):
        network.set_weights({k: np.zeros(3) for k in network.weights})


def test_no_sequences_are_no_problem():
    network = build(OneHot(9), SimpleRNN(4), 3, Adam(1e-3))
    nothing, targets = Ragged.from_lists([]), np.zeros(0, np.int64)
    assert network.predict(nothing).shape == (0, 3)
    assert np.isnan(network.evaluate(nothing, targets)).all()
    assert network.train_epoch(nothing, targets, targets, batch_size=4) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([], "first layer"),
        ([Dense(1)], "first layer"),
        ([OneHot(5)], "alone"),
        ([OneHot(5), Dense(1)], "cannot read ids"),
        ([OneHot(5), Embedding(5, 2)], "only be the first"),
        ([OneHot(5), SimpleRNN(2), SimpleRNN(2)], "return_sequences=True"),
    ],
)
def test_layers_that_do_not_fit(layers, words):
    with pytest.raises(ShapeError, match=words):
        Network(layers, seed=0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SimpleRNN(0), "units is 0"),
        (lambda: SimpleRNN(2, "cube"), "unknown activation 'cube'"),
        (lambda: Dense(2, "tanh"), "unknown activation 'tanh'"),
        (lambda: Embedding(5, -1), "size is -1"),
        (lambda: OneHot(0), "num_words is 0"),
    ],
)
def test_layers_that_cannot_be(make, words):
    with pytest.raises(ShapeError, match=words):
        make()


def test_wrong_arguments_are_named():
    sequences, targets, order = examples(words=20, count=12)
    layers = [OneHot(20), SimpleRNN(4), Dense(1, "sigmoid")]
    with pytest.raises(ShapeError, match="sigmoid"):
        Network([*layers[:2], Dense(1)], seed=0, loss=BINARY)
    with pytest.raises(ShapeError, match=r"shape \(12,\) where \(12, 2\)"):
        Network([*layers[:2], Dense(2, "sigmoid")], seed=0, loss=BINARY).evaluate(
            sequences, targets
        )
    with pytest.raises(ShapeError, match="a number for each class"):
        Network(layers, seed=0, loss=BINARY, class_weight=[1.0])
    with pytest.raises(ShapeError, match="not negative"):
        Network(layers, seed=0, loss=BINARY, class_weight=[1.0, -1.0])
    with pytest.raises(ShapeError, match="return_sequences"):
        Network([OneHot(5), SimpleRNN(2, return_sequences=True), layers[2]], seed=0, loss=BINARY)
    with pytest.raises(ShapeError, match="compiled path"):
        Network([OneHot(5), SimpleRNN(2, go_backwards=True), layers[2]], seed=0, path="compiled")
    with pytest.raises(ShapeError, match="no loss or no optimizer"):
        Network(layers, seed=0).train_epoch(sequences, targets, order, batch_size=4)
    network = Network(layers, seed=0, loss=BINARY, optimizer=SGD(0.1))
    with pytest.raises(ShapeError, match="3 targets for 12"):
        network.evaluate(sequences, targets[:3])
    with pytest.raises(ShapeError, match="0 to 1"):
        network.evaluate(sequences, targets + 5)
    with pytest.raises(ShapeError, match="row outside"):
        network.train_epoch(sequences, targets, order + 1, batch_size=4)
    with pytest.raises(ShapeError, match="batch_size is 0"):
        network.train_epoch(sequences, targets, order, batch_size=0)
    with pytest.raises(ShapeError, match="token id 25"):
        network.predict(Ragged.from_lists([[1, 25]]))
    with pytest.raises(ShapeError, match="token id -1"):
        network.predict(Ragged.from_lists([[-1]]))
