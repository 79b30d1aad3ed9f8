"""The compiled functions against the reference, and against NumPy."""

import threading

import numpy as np
import pytest

from unrolled.engine import reference
from unrolled.engine.kernels import compiled, operations
from unrolled.engine.kernels.compiled import inner
from unrolled.engine.kernels.simple_rnn import tanh
from unrolled.engine.kernels.team import new_gate, wait_for_all
from unrolled.engine.kernels.updates import slots_and_momentum, step_constants, update
from unrolled.engine.kernels.vectors import broadcast, clamp, fma, load, positive, splat, store
from unrolled.engine.optimizers import SGD, Adam, RMSprop


@inner
def tanh_of_all(values, results):
    for i in range(0, len(values), 8):
        store(results, i, tanh(load(values, i)))


@inner
def one_of_each(values, results):
    x, y = load(values, 1), broadcast(values, 3)
    store(results, 0, (x + y) * x - y / splat(np.float32(2.0)))
    store(results, 8, fma(x, y, x))
    store(results, 16, clamp(x, splat(np.float32(-1.0)), splat(np.float32(0.5))))
    store(results, 24, positive(x, y))


@inner
def meet(gate, threads, thread, rounds, seen):
    for turn in range(rounds):
        seen[thread] = turn
        wait_for_all(gate, threads)
        if seen.min() != turn or seen.max() != turn:
            return turn
        wait_for_all(gate, threads)
    return rounds


def ragged_case(rng, *, units, lanes=21, time=9, rows=13):
    table = rng.normal(size=(rows + 1, units)).astype(np.float32)
    table[rows] = 0
    positions = rng.integers(0, rows, (time, lanes)).astype(np.int32)
    for lane in range(lanes):
        positions[: rng.integers(0, time), lane] = rows
    recurrent = (rng.normal(size=(units, units)) * 0.6).astype(np.float32)
    return table, positions, recurrent


def test_vector_arithmetic_is_numpys():
    values = np.array([0.0, -2.5, 0.3, 1.5, -0.7, 2.0, 0.0, -3.0, 0.1, 4.0], np.float32)
    results = np.zeros(32, np.float32)
    one_of_each(values, results)
    x, y = values[1:9], values[3]
    np.testing.assert_array_equal(results[:8], (x + y) * x - y / np.float32(2))
    exact = x.astype(np.float64) * y + x
    np.testing.assert_array_equal(results[8:16], exact.astype(np.float32))
    np.testing.assert_array_equal(results[16:24], np.clip(x, -1, 0.5))
    np.testing.assert_array_equal(results[24:], np.where(x > 0, y, 0))


def test_tanh_is_off_by_at_most_4e_7_everywhere():
    values = np.concatenate(
        [np.linspace(-12, 12, 400_000), np.logspace(-8, 2, 100_000), -np.logspace(-8, 2, 100_000)]
    ).astype(np.float32)
    results = np.zeros_like(values)
    tanh_of_all(values, results)
    truth = np.tanh(values.astype(np.float64))
    assert np.abs(results - truth).max() < 4e-7
    assert np.abs(results / truth - 1)[np.abs(truth) > 0].max() < 4e-7
    assert np.abs(results).max() < 1


def test_tanh_keeps_nan_and_bounds_infinity():
    values = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 1e-30, 90, -90], np.float32)
    results = np.zeros_like(values)
    tanh_of_all(values, results)
    assert np.isnan(results[0])
    np.testing.assert_allclose(results[1:], np.tanh(values[1:].astype(np.float64)), rtol=4e-7)


@pytest.mark.parametrize("units", [3, 8, 16, 21])
@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
def test_simple_rnn_is_the_references(units, activation):
    rng = np.random.default_rng(units)
    table, positions, recurrent = ragged_case(rng, units=units)
    scale = np.float32(1 / np.sqrt(units))
    truth = reference.simple_rnn(table, positions, recurrent * scale, activation)
    states = operations.simple_rnn(table, positions, recurrent * scale, activation)
    np.testing.assert_allclose(states, truth, rtol=2e-5, atol=2e-6)

    d_states = rng.normal(size=truth[1:].shape).astype(np.float32)
    true_inputs, true_recurrent = reference.simple_rnn_backward(
        truth, recurrent * scale, d_states, activation
    )
    d_inputs, d_recurrent = operations.simple_rnn_backward(
        truth, recurrent * scale, d_states, activation
    )
    np.testing.assert_allclose(d_inputs, true_inputs, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(d_recurrent, true_recurrent, rtol=2e-5, atol=1e-4)


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
def test_nan_is_not_lost_on_the_way(activation):
    table = np.full((2, 3), np.nan, np.float32)
    positions = np.zeros((2, 1), np.int32)
    states = operations.simple_rnn(table, positions, np.eye(3, dtype=np.float32), activation)
    assert np.isnan(states[1:]).all()


def test_affine_and_rows_are_the_references():
    rng = np.random.default_rng(5)
    inputs, kernel = rng.normal(size=(11, 5)), rng.normal(size=(5, 7))
    inputs, kernel = inputs.astype(np.float32), kernel.astype(np.float32)
    bias, gradient = rng.normal(size=7).astype(np.float32), rng.normal(size=(11, 7))
    gradient = gradient.astype(np.float32)
    np.testing.assert_allclose(
        operations.affine(inputs, kernel, bias),
        reference.affine(inputs, kernel, bias),
        rtol=1e-5,
        atol=1e-6,
    )
    for ours, truth in zip(
        operations.affine_backward(inputs, kernel, gradient),
        reference.affine_backward(inputs, kernel, gradient),
        strict=True,
    ):
        np.testing.assert_allclose(ours, truth, rtol=1e-5, atol=1e-5)
    steps = rng.normal(size=(6, 4, 3)).astype(np.float32)
    positions = rng.integers(0, 5, (6, 4)).astype(np.int32)
    np.testing.assert_allclose(
        operations.scatter_rows(steps, positions, 5),
        reference.scatter_rows(steps, positions, 5),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: RMSprop(1e-2),
        lambda: RMSprop(1e-2, momentum=0.7),
        lambda: Adam(1e-2),
        lambda: SGD(1e-2),
        lambda: SGD(1e-2, momentum=0.9),
        lambda: SGD(1e-2, momentum=0.9, nesterov=True),
    ],
)
def test_an_update_in_parts_has_the_bits_of_the_optimizer(make):
    rng = np.random.default_rng(3)
    size = 61
    theirs, ours = make(), make()
    theirs.build(size)
    ours.build(size)
    parameters = rng.normal(size=size).astype(np.float32)
    copy = parameters.copy()
    for _ in range(6):
        gradient = rng.normal(size=size).astype(np.float32)
        constants = np.array(step_constants(ours), np.float32)
        velocity, momentum, decay, nesterov = slots_and_momentum(ours)
        for part in (slice(0, 7), slice(7, 40), slice(40, size)):
            update(
                ours.kind, constants, decay, nesterov, copy[part], gradient[part],
                velocity[part], momentum[part],
            )  # fmt: skip
        ours.iterations += 1
        theirs.apply(parameters, gradient)
    np.testing.assert_array_equal(copy, parameters)
    for name, slot in theirs.slots.items():
        np.testing.assert_array_equal(ours.slots[name], slot)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_no_thread_passes_the_gate_alone(threads):
    gate, seen = new_gate(), np.zeros(threads, np.int64)
    finished = [0] * threads
    rounds = 300

    def work(thread):
        finished[thread] = meet(gate, threads, thread, rounds, seen)

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert finished == [rounds] * threads


def test_kernels_on_disk_are_those_of_all_sources_as_they_are(monkeypatch):
    """A kernel that was compiled from other sources is not loaded."""
    one = np.ones((1, 1), np.float32)
    operations.affine(one, one, one[0])
    kept = operations.affine._cache._cache_file
    assert kept._source_stamp == compiled.sources()
    assert kept._load_index()
    monkeypatch.setattr(kept, "_source_stamp", "of other sources")
    assert not kept._load_index()
