"""The compiled functions against the reference, and against NumPy."""

import threading

import numpy as np
import pytest

from unrolled.engine.kernels import compiled, projection
from unrolled.engine.kernels.activations import sigmoid, tanh
from unrolled.engine.kernels.compiled import inner
from unrolled.engine.kernels.products import (
    add_product,
    add_transposed_product,
    pack,
    pack_transposed,
)
from unrolled.engine.kernels.team import new_gate, wait_for_all
from unrolled.engine.kernels.updates import (
    apply_parts,
    slots_and_momentum,
    step_constants,
    update,
)
from unrolled.engine.kernels.vectors import broadcast, clamp, fma, load, positive, splat, store
from unrolled.engine.optimizers import SGD, Adam, Part, RMSprop
from unrolled.engine.threads import Team
from unrolled.errors import OutputError


@inner
def tanh_of_all(values, results):
    for i in range(0, len(values), 8):
        store(results, i, tanh(load(values, i)))


@inner
def sigmoid_of_all(values, results):
    for i in range(0, len(values), 8):
        store(results, i, sigmoid(load(values, i)))


@inner
def product_of(a, kernel, gates, units, transposed, packed, c):
    rows, depth = a.shape
    if transposed:
        pack_transposed(kernel.ravel(), 0, kernel.shape[1], len(kernel), gates, units, packed)
    else:
        pack(kernel.ravel(), 0, kernel.shape[1], len(kernel), gates, units, packed)
    columns = c.shape[1]
    add_product(a.ravel(), 0, depth, rows, packed, 0, depth, columns, c.ravel(), 0, columns)


@inner
def transposed_product_of(a, b, c):
    height, columns = c.shape
    add_transposed_product(
        a.ravel(), 0, height, height, b.ravel(), 0, columns, columns, len(a), c.ravel(), 0, columns
    )


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


def test_sigmoid_is_off_by_at_most_2e_7_and_keeps_nan():
    values = np.linspace(-30, 30, 400_000).astype(np.float32)
    values[7] = np.nan
    results = np.zeros_like(values)
    sigmoid_of_all(values, results)
    assert np.isnan(results[7])
    truth = 1 / (1 + np.exp(-values.astype(np.float64)))
    assert np.nanmax(np.abs(results - truth)) < 2e-7
    assert np.nanmin(results) >= 0
    assert np.nanmax(results) <= 1


def padded(rows, gates):
    """Each gate's numbers with zeros up to a multiple of eight."""
    parts = rows.reshape(*rows.shape[:-1], gates, -1)
    return np.pad(parts, [(0, 0)] * (parts.ndim - 1) + [(0, -parts.shape[-1] % 8)]).reshape(
        *rows.shape[:-1], -1
    )


@pytest.mark.parametrize(("gates", "units"), [(1, 8), (1, 3), (3, 8), (4, 5), (2, 16), (3, 24)])
@pytest.mark.parametrize(("rows", "size"), [(4, 1), (36, 9), (100, 40)])
def test_products_are_numpys(rows, size, gates, units):
    rng = np.random.default_rng(rows + units)
    kernel = rng.normal(size=(size, gates * units)).astype(np.float32)
    wide = padded(kernel, gates)
    a = rng.normal(size=(rows, size)).astype(np.float32)
    c = rng.normal(size=(rows, wide.shape[1])).astype(np.float32)
    truth = c + a @ wide
    product_of(a, kernel, gates, units, False, np.empty(wide.size, np.float32), c)
    np.testing.assert_allclose(c, truth, rtol=1e-5, atol=1e-5)

    turned = padded(np.ascontiguousarray(wide.T), 1)
    d = rng.normal(size=(rows, wide.shape[1])).astype(np.float32)
    back = np.zeros((rows, turned.shape[1]), np.float32)
    product_of(d, kernel, gates, units, True, np.empty(turned.size, np.float32), back)
    np.testing.assert_allclose(back, d @ turned, rtol=1e-5, atol=1e-4)

    inputs = padded(a, 1)
    total = rng.normal(size=(inputs.shape[1], wide.shape[1])).astype(np.float32)
    truth = total + inputs.T @ d
    transposed_product_of(inputs, d, total)
    np.testing.assert_allclose(total, truth, rtol=1e-5, atol=1e-4)


def test_a_row_of_a_product_has_the_same_bits_in_any_company():
    rng = np.random.default_rng(4)
    kernel = rng.normal(size=(33, 40)).astype(np.float32)
    a = rng.normal(size=(100, 33)).astype(np.float32)
    packed = np.empty(33 * 40, np.float32)
    together, alone = np.zeros((100, 40), np.float32), np.zeros((4, 40), np.float32)
    product_of(a, kernel, 1, 40, False, packed, together)
    product_of(a[60:64][::-1].copy(), kernel, 1, 40, False, packed, alone)
    np.testing.assert_array_equal(alone[::-1], together[60:64])


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


OPTIMIZERS = [
    lambda: RMSprop(1e-2, momentum=0.7),
    lambda: Adam(1e-2),
    lambda: SGD(1e-2, momentum=0.9, nesterov=True),
    lambda: SGD(1e-2),
]


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("columns", [5, 3000])
def test_a_step_of_some_rows_has_the_bits_of_the_optimizer(make, columns):
    rng = np.random.default_rng(3)
    table, rest = 60 * columns, 70_001
    theirs, ours = make(), make()
    theirs.build(table + rest)
    ours.build(table + rest)
    parameters = rng.normal(size=table + rest).astype(np.float32)
    before, copy = parameters.copy(), parameters.copy()
    for _ in range(4):
        rows = np.array([2, 7, 8, 59])
        parts = [
            Part(rows * columns, rng.normal(size=(4, columns)).astype(np.float32), rate=0.3),
            Part(np.array([table]), rng.normal(size=(1, rest)).astype(np.float32)),
        ]
        apply_parts(ours, copy, parts, Team(3))
        theirs.apply_parts(parameters, parts)
    np.testing.assert_array_equal(copy, parameters)
    assert ours.iterations == theirs.iterations == 4
    for name, slot in theirs.slots.items():
        np.testing.assert_array_equal(ours.slots[name], slot)
    scaled = make()
    scaled.build(table)
    scaled.learning_rate *= 0.3
    first = np.array([2]) * columns
    gradient = rng.normal(size=(1, columns)).astype(np.float32)
    one, other = np.zeros((2, table), np.float32)
    scaled.apply_parts(one, [Part(first, gradient)])
    plain = make()
    plain.build(table)
    plain.apply_parts(other, [Part(first, gradient, rate=0.3)])
    np.testing.assert_allclose(one, other, rtol=1e-6)
    still = np.ones((60, columns), np.bool_)
    still[rows] = False
    moved = (copy != before)[:table].reshape(60, columns)
    assert not moved[still].any()
    assert moved[rows].all()


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
    projection.sum_rows(np.ones(8, np.float32), np.zeros(8, np.float32))
    kept = projection.sum_rows._cache._cache_file
    assert kept._source_stamp == compiled.sources()
    assert kept._load_index()
    monkeypatch.setattr(kept, "_source_stamp", "of other sources")
    assert not kept._load_index()


def test_where_kernels_cannot_be_kept_the_error_says_what_to_do(monkeypatch):
    def refuse(*_, **__):
        def decorate(_):
            raise RuntimeError("cannot cache function 'f': no locator available for file 'f.py'")

        return decorate

    monkeypatch.setattr(compiled, "njit", refuse)
    with pytest.raises(OutputError, match=r"cannot be kept: .* set NUMBA_CACHE_DIR"):
        compiled.entry(lambda: None)
