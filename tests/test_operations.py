"""The compiled operations against the reference: every recurrence, both directions, ragged."""

import numpy as np
import pytest

from unrolled.engine import reference
from unrolled.engine.kernels import operations
from unrolled.engine.rows import Rows

TIME, LANES = 7, 16
GATES = {"simple_rnn": 1, "lstm": 4, "gru": 3, "gru before": 3, "min_gru": 2, "qrnn": 3}
MASKED = ("simple_rnn", "lstm", "gru", "gru before")


class Case:
    """A recurrence on a ragged tile, with an empty lane and one that has every step."""

    def __init__(self, cell, *, units, size, ids=False, window=1, masked=False, backwards=False):
        rng = np.random.default_rng(units * 100 + size)
        self.cell, self.units, self.size, self.backwards = cell, units, size, backwards
        self.gates = GATES[cell]
        self.starts = rng.integers(0, TIME + 1, LANES)
        self.starts[0], self.starts[3] = 0, TIME
        self.present = (np.arange(TIME)[:, None] >= self.starts)[..., None]
        columns = self.gates * units

        def drawn(*shape):
            return (rng.normal(size=shape) * 0.4).astype(np.float32)

        self.x = (
            rng.integers(0, size, (TIME, LANES)).astype(np.int32)
            if ids
            else drawn(TIME, LANES, size) * self.present
        )
        self.kernel = drawn(window, size, columns) if window > 1 else drawn(size, columns)
        self.bias, self.recurrent = drawn(columns), drawn(units, columns)
        self.recurrent_bias = drawn(3 * units) if cell == "gru" else None
        keep = rng.random((self.gates, LANES, units)) > 0.3
        self.mask = (keep * 1.5).astype(np.float32) if masked else None
        self.d_states = drawn(TIME, LANES, units) * self.present

    def run(self, of, dtype=np.float32):
        """Every result of the way there and back, cut to its own numbers."""
        x = self.x if self.x.ndim == 2 else self.x.astype(dtype)
        kernel, bias, recurrent, d_states = (
            array.astype(dtype) for array in (self.kernel, self.bias, self.recurrent, self.d_states)
        )
        mask = None if self.mask is None else self.mask.astype(dtype)
        extra = None if self.recurrent_bias is None else self.recurrent_bias.astype(dtype)
        starts, backwards, gates = self.starts, self.backwards, self.gates
        z = of.project(x, starts, kernel, bias, gates, backwards)
        results = {"z": self.cut(z.copy(), gates) * self.present}
        if self.cell == "simple_rnn":
            states = of.simple_rnn(z, starts, recurrent, mask, "tanh", backwards)
            d_z, d_recurrent = of.simple_rnn_backward(
                states, starts, recurrent, mask, "tanh", backwards, d_states
            )
            results |= {"d_recurrent": d_recurrent}
        elif self.cell == "lstm":
            states, cells, values = of.lstm(z, starts, recurrent, mask, backwards)
            d_z, d_recurrent = of.lstm_backward(
                states, cells, values, starts, recurrent, mask, backwards, d_states
            )
            results |= {"cells": self.cut(cells, 1), "d_recurrent": d_recurrent}
        elif self.cell in ("gru", "gru before"):
            after = self.cell == "gru"
            states, values, inner = of.gru(z, starts, recurrent, extra, mask, after, backwards)
            d_z, d_recurrent, d_extra = of.gru_backward(
                states, values, inner, starts, recurrent, mask, after, backwards, d_states
            )
            results |= {"d_recurrent": d_recurrent}
            assert (d_extra is not None) == after
            if after:
                results |= {"d_extra": d_extra}
        elif self.cell == "min_gru":
            states, values = of.min_gru(z, starts, backwards)
            d_z = of.min_gru_backward(states, values, starts, backwards, d_states)
        else:
            states, cells, values = of.qrnn(z, starts, backwards)
            d_z = of.qrnn_backward(states, cells, values, starts, backwards, d_states)
        results |= {"states": self.cut(states, 1), "d_z": self.cut(d_z.copy(), gates)}
        d_x, d_kernel, d_bias = of.project_backward(x, starts, kernel, d_z, gates, backwards)
        if d_x is not None:
            results["d_x"] = d_x[..., : self.size]
            assert not d_x[..., self.size :].any()
        if isinstance(d_kernel, Rows):
            results["rows"] = d_kernel.numbers
            d_kernel = d_kernel.values
        return results | {"d_kernel": d_kernel, "d_bias": d_bias}

    def cut(self, array, gates):
        parts = array.reshape(*array.shape[:-1], gates, -1)
        return parts[..., : self.units].reshape(*array.shape[:-1], -1)


def check(case):
    ours, truth = case.run(operations), case.run(reference, np.float64)
    assert ours.keys() == truth.keys()
    for name, array in truth.items():
        scale = np.abs(array).max() + 1e-6
        np.testing.assert_allclose(ours[name] / scale, array / scale, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(("units", "size"), [(3, 5), (8, 8), (20, 12)])
@pytest.mark.parametrize("cell", GATES)
def test_a_recurrence_over_numbers(cell, units, size, backwards):
    check(Case(cell, units=units, size=size, backwards=backwards))


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("cell", GATES)
def test_a_recurrence_over_ids(cell, backwards):
    check(Case(cell, units=5, size=11, ids=True, backwards=backwards))


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("cell", MASKED)
def test_a_recurrence_with_dropped_states(cell, backwards):
    check(Case(cell, units=12, size=4, masked=True, backwards=backwards))


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("ids", [False, True])
def test_a_window_of_two(ids, backwards):
    check(Case("qrnn", units=9, size=10, window=2, ids=ids, backwards=backwards))


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
def test_nan_is_not_lost_on_the_way(activation):
    z = np.full((1, LANES, 8), np.nan, np.float32)
    starts = np.zeros(LANES, np.int64)
    recurrent = np.eye(8, dtype=np.float32)
    states = operations.simple_rnn(z, starts, recurrent, None, activation, False)
    assert np.isnan(states[1]).all()


def test_embedding_and_its_gradient():
    rng = np.random.default_rng(6)
    starts = rng.integers(0, TIME + 1, LANES)
    x = rng.integers(0, 30, (TIME, LANES)).astype(np.int32)
    table = rng.normal(size=(30, 5)).astype(np.float32)
    present = (np.arange(TIME)[:, None] >= starts)[..., None]
    values = operations.embed(x, starts, table)
    np.testing.assert_array_equal(values[..., :5], reference.embed(x, starts, table))
    gradient = rng.normal(size=(TIME, LANES, 5)).astype(np.float32) * present
    ours = operations.embed_backward(x, starts, gradient, 5)
    truth = reference.embed_backward(x, starts, gradient, 5)
    np.testing.assert_array_equal(ours.numbers, truth.numbers)
    np.testing.assert_allclose(ours.values, truth.values, atol=1e-6)


def test_rows_of_tiles_are_added_up_in_their_order():
    rng = np.random.default_rng(8)
    parts = [
        Rows(np.array(numbers), rng.normal(size=(len(numbers), 2, 3)).astype(np.float32))
        for numbers in ([1, 4, 9], [0, 4], [4, 9, 30])
    ]
    ours, truth = operations.total_rows(parts), reference.total_rows(parts)
    np.testing.assert_array_equal(ours.numbers, [0, 1, 4, 9, 30])
    np.testing.assert_array_equal(ours.numbers, truth.numbers)
    np.testing.assert_array_equal(ours.values, truth.values)


def test_affine_is_the_references():
    rng = np.random.default_rng(5)
    inputs, kernel = rng.normal(size=(11, 5)), rng.normal(size=(5, 7))
    bias, gradient = rng.normal(size=7), rng.normal(size=(11, 7))
    arrays = [array.astype(np.float32) for array in (inputs, kernel, bias, gradient)]
    inputs, kernel, bias, gradient = arrays
    ours = operations.affine(inputs, kernel, bias)
    np.testing.assert_allclose(ours, reference.affine(inputs, kernel, bias), atol=1e-5)
    for one, truth in zip(
        operations.affine_backward(inputs, kernel, gradient),
        reference.affine_backward(inputs, kernel, gradient),
        strict=True,
    ):
        np.testing.assert_allclose(one, truth, rtol=1e-5, atol=1e-5)
