"""A batch and an evaluation shared out among several: the same bits as by one alone."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.engine.batches import NonFiniteBatch, Totals, batch_slices
from unrolled.engine.encoder_decoder import EncoderDecoder
from unrolled.engine.layered import TILE
from unrolled.engine.layers import (
    GRU,
    LSTM,
    QRNN,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    MaxMeanPooling,
    MinGRU,
    OneHot,
    RepeatVector,
    SimpleRNN,
    TimeDistributed,
    WordDropout,
)
from unrolled.engine.network import Network
from unrolled.engine.optimizers import SGD, Adam, RMSprop
from unrolled.engine.sharing import evaluation_rows, sharing, taken, tiles_of
from unrolled.engine.snapshot import Snapshot
from unrolled.errors import ShapeError
from unrolled.ragged import Ragged

BINARY, CATEGORICAL = "binary_crossentropy", "sparse_categorical_crossentropy"
COUNT, BATCH = 150, 70  # four whole tiles and a part of one; then a batch of one tile


def notebook():
    layers = [OneHot(50), SimpleRNN(8), Dense(1, "sigmoid")]
    return Network(layers, seed=1, loss=BINARY, optimizer=RMSprop(1e-2))


def large_table():
    layers = [Embedding(5_000, 5), SimpleRNN(11, "relu"), Dense(3, "softmax")]
    return Network(layers, seed=1, loss=CATEGORICAL, optimizer=Adam(1e-2))


def stacked():
    layers = [
        WordDropout(0.1),
        Embedding(50, 7),
        Bidirectional(LSTM(6, return_sequences=True, recurrent_dropout=0.2)),
        GRU(5),
        Dropout(0.3),
        Dense(3, "softmax"),
    ]
    return Network(
        layers, seed=1, loss=CATEGORICAL, optimizer=SGD(0.1, momentum=0.9),
        class_weight=[1.0, 2.0, 0.5], rates=[1.0, 1.0, 0.5, 1.0, 1.0, 1.0],
    )  # fmt: skip


def sparse():
    layers = [
        OneHot(50),
        QRNN(6, window=2, return_sequences=True),
        MinGRU(5, return_sequences=True),
        MaxMeanPooling(),
        Dense(3, "sigmoid"),
    ]
    return Network(layers, seed=1, loss=BINARY, optimizer=Adam(1e-2), sparse=True)


def at_each_step():
    layers = [OneHot(50), LSTM(5), RepeatVector(4), SimpleRNN(6, return_sequences=True)]
    layers.append(TimeDistributed(Dense(3, "softmax")))
    return Network(layers, seed=1, loss=CATEGORICAL, optimizer=Adam(1e-2))


def writer():
    return EncoderDecoder(
        encoder=[Embedding(50, 6), LSTM(6)],
        decoder=[Embedding(50, 6), Dropout(0.2), LSTM(6)],
        seed=1,
        start=2,
        optimizer=Adam(1e-2),
        tied=True,
        sampled=20,
        sparse=True,
    )


NETWORKS = (notebook, large_table, stacked, sparse, at_each_step, writer)


def data_for(make):
    """Sequences of very different lengths, and targets that the network can learn."""
    rng = np.random.default_rng(5)
    words = 5_000 if make is large_table else 50
    sequences = Ragged.from_lists(
        [rng.integers(0, words, rng.integers(1, 40)) for _ in range(COUNT)]
    )
    if make is writer:
        pieces = [rng.integers(0, 50, rng.integers(1, 9)) for _ in range(COUNT)]
        return sequences, Ragged.from_lists(pieces)
    shape = {sparse: (COUNT, 3), at_each_step: (COUNT, 4)}.get(make, (COUNT,))
    return sequences, rng.integers(0, 2, shape)


def train_together(networks, sequences, targets, order):
    """An epoch in which each network reads its tiles, and all take every step."""
    own = [sharing(network) for network in networks]
    rows = own[0].epoch_rows(sequences, targets, order, BATCH)
    lengths = own[0].lengths(sequences, targets)
    totals = [Totals() for _ in networks]
    for number, part in enumerate(batch_slices(len(rows), BATCH)):
        batch, total = rows[part], None
        for shared, tiles in zip(own, tiles_of(lengths[batch], len(own)), strict=True):
            if not tiles:
                continue
            mine = batch[tiles.start * TILE : tiles.stop * TILE]
            read = shared.read(
                sequences.take(mine),
                taken(targets, mine),
                batch=shared.answers(targets, batch),
                first=tiles.start,
                threads=1,
            )
            total = shared.add(read if total is None else [total, *read])
        for shared, sums in zip(own, totals, strict=True):
            shared.step(total.copied(), number, batch, sums, threads=2)
    return [sums.means() for sums in totals]


@pytest.mark.parametrize("workers", [1, 2, 3, 9])
@pytest.mark.parametrize("make", NETWORKS, ids=lambda make: make.__name__)
def test_a_shared_epoch_has_the_bits_of_one_alone(make, workers):
    sequences, targets = data_for(make)
    alone, networks = make(), [make() for _ in range(workers)]
    for epoch in range(2):
        order = np.random.default_rng(epoch).permutation(COUNT)
        figures = alone.train_epoch(sequences, targets, order, batch_size=BATCH)
        assert train_together(networks, sequences, targets, order) == [figures] * workers
    for network in networks:
        assert network.parameters.tobytes() == alone.parameters.tobytes()
        assert network.optimizer.iterations == alone.optimizer.iterations
        for name, slot in network.optimizer.slots.items():
            assert slot.tobytes() == alone.optimizer.slots[name].tobytes()


@pytest.mark.parametrize("workers", [1, 2, 3, 12])
@pytest.mark.parametrize("make", NETWORKS, ids=lambda make: make.__name__)
def test_a_shared_evaluation_has_the_bits_of_one_alone(make, workers):
    sequences, targets = data_for(make)
    network = make()
    shared = sharing(network)
    rows = evaluation_rows(shared.lengths(sequences, targets), workers)
    assert sorted(np.concatenate(rows)) == list(range(COUNT))
    parts = [shared.assess(sequences.take(own), taken(targets, own), threads=1) for own in rows]
    assert shared.evaluation(targets, rows, parts) == network.evaluate(sequences, targets)


def test_every_tile_is_read_by_one_worker_and_in_turn():
    lengths = np.sort(np.random.default_rng(1).integers(0, 400, 150))
    for workers in (1, 2, 3, 7, 40):
        shares = tiles_of(lengths, workers)
        assert len(shares) == workers
        assert [tile for own in shares for tile in own] == list(range(10))


def test_workers_have_about_as_many_steps_to_do():
    lengths = np.repeat([10, 20, 40, 80, 160], TILE)  # together 310 steps, and one for each tile
    assert tiles_of(lengths, 2) == [range(4), range(4, 5)]
    assert tiles_of(np.full(4 * TILE, 100), 2) == [range(2), range(2, 4)]


@pytest.mark.parametrize("make", [notebook, stacked], ids=lambda make: make.__name__)
def test_a_sum_that_is_not_finite_changes_nothing(make):
    sequences, targets = data_for(make)
    network = make()
    shared, rows = sharing(network), np.arange(20)
    read = shared.read(sequences.take(rows), targets[rows], batch=20, first=0, threads=1)
    before, sums = Snapshot.of(network), Totals()
    total = shared.add(read)
    next(iter(total.gradients[-1].values()))[:] = np.inf
    with pytest.raises(NonFiniteBatch, match="batch 4: the gradient"):
        shared.step(total, 3, rows, sums, threads=1)
    with pytest.raises(NonFiniteBatch, match="the loss") as stop:
        shared.step(type(total)(total.gradients, ((np.nan, 1.0, 20),)), 3, rows, sums, threads=1)
    np.testing.assert_array_equal(stop.value.rows, rows)
    assert network.parameters.tobytes() == before.parameters.tobytes()
    assert (network.optimizer.iterations, sums) == (0, Totals())


def test_a_snapshot_brings_another_network_to_where_one_was():
    sequences, targets = data_for(stacked)
    one, other = stacked(), stacked()
    order = np.arange(COUNT)
    one.train_epoch(sequences, targets, order, batch_size=BATCH)
    one.optimizer.learning_rate, one.rates[1] = 0.05, 0.0  # of the embedding
    Snapshot.of(one).put_into(other)
    for network in (one, other):
        network.train_epoch(sequences, targets, order, batch_size=BATCH)
    assert other.parameters.tobytes() == one.parameters.tobytes()
    assert other.optimizer.learning_rate == 0.05
    with pytest.raises(ShapeError, match="no optimizer"):
        Snapshot.of(Network([OneHot(5), SimpleRNN(2), Dense(1, "sigmoid")], seed=1))


def test_a_network_is_made_again_of_what_it_was_made_of():
    for make in NETWORKS:
        first = make()
        again = type(first)(**first.made_of)
        assert again.parameters.tobytes() == first.parameters.tobytes()
