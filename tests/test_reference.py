"""The reference: its gradients are those of its outputs, and bits depend on nothing else."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from unrolled.engine import reference
from unrolled.engine.rows import Rows
from unrolled.errors import RecipeError

ACTIVATIONS = ["tanh", "relu", "linear"]
WORDS, SIZE, UNITS, TIME, LANES = 11, 5, 3, 6, 5
STARTS = np.array([0, TIME, 2, TIME - 1, 4])
PRESENT = np.arange(TIME)[:, None, None] >= STARTS[:, None]

each_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
each_direction = pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
each_mask = pytest.mark.parametrize("dropout", [False, True], ids=["", "dropout"])


def normal(*shape: int, seed: int = 0, scale: float = 0.8) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(0.1, scale, shape)


def assert_gradients(
    objective: Callable[..., float], arguments: list[np.ndarray], gradients: list[np.ndarray]
) -> None:
    """Slopes of ``objective`` along random directions, by central differences."""
    step = 1e-5
    for place, gradient in enumerate(gradients):
        assert gradient.shape == arguments[place].shape
        for seed in range(3):
            direction = normal(*gradient.shape, seed=seed, scale=1.0)
            ends = []
            for sign in (1, -1):
                moved = arguments[place] + sign * step * direction
                ends.append(objective(*arguments[:place], moved, *arguments[place + 1 :]))
            slope = (ends[0] - ends[1]) / (2 * step)
            scale = np.abs(gradient * direction).sum()
            assert scale > 0.01, "a gradient of nothing compares nothing"
            assert (gradient * direction).sum() == pytest.approx(slope, abs=1e-8 * scale)


def recurrence(name, *, backwards, dropout=False, starts=STARTS):
    """The operation as a function of z and its weights, their values, and its gradients."""
    gates = {"lstm": 4, "gru_after": 3, "gru_before": 3, "min_gru": 2, "qrnn": 3}.get(name, 1)
    z, recurrent = normal(TIME, LANES, gates * UNITS), normal(UNITS, gates * UNITS, seed=1)
    mask = (normal(gates, LANES, UNITS) > -0.3) / 0.7 if dropout else None
    assert mask is None or 0.1 < (mask == 0).mean() < 0.6

    if name in ACTIVATIONS:
        settings = mask, name, backwards

        def back(d, states, recurrent):
            return reference.simple_rnn_backward(states, starts, recurrent, *settings, d)

        return (
            lambda z, r: (reference.simple_rnn(z, starts, r, *settings),),
            [z, recurrent],
            back,
        )
    if name == "lstm":
        return (
            lambda z, r: reference.lstm(z, starts, r, mask, backwards),
            [z, recurrent],
            lambda d, states, cells, gates, r: reference.lstm_backward(
                states, cells, gates, starts, r, mask, backwards, d
            ),
        )
    if name.startswith("gru"):
        after = name == "gru_after"

        def forward(z, r, b=None):
            return reference.gru(z, starts, r, b, mask, after, backwards)

        def back(d, states, gates, inner, r, b=None):
            found = reference.gru_backward(
                states, gates, inner, starts, r, mask, after, backwards, d
            )
            assert (found[2] is None) != after
            return found[: 2 + after]

        return forward, [z, recurrent] + [normal(3 * UNITS, seed=2)] * after, back
    function = getattr(reference, name)
    back = getattr(reference, f"{name}_backward")
    return (
        lambda z: function(z, starts, backwards),
        [z],
        lambda d, *memory: (back(*memory, starts, backwards, d),),
    )


SERIAL = [*ACTIVATIONS, "lstm", "gru_after", "gru_before"]
PARALLEL = ["min_gru", "qrnn"]
RECURRENCES = [(name, dropout) for name in SERIAL for dropout in (False, True)]
RECURRENCES += [(name, False) for name in PARALLEL]


@each_direction
@pytest.mark.parametrize(("name", "dropout"), RECURRENCES)
def test_gradients_of_recurrences_are_the_slopes_of_their_states(name, dropout, backwards):
    run, arguments, back = recurrence(name, backwards=backwards, dropout=dropout)
    d_states = normal(TIME, LANES, UNITS, seed=5) * PRESENT
    memory = run(*arguments)
    states = memory[0]
    assert states.shape == (TIME + 2, LANES, UNITS)
    assert not states[0].any()
    assert not states[-1].any()
    assert not (states[1:-1] * ~PRESENT).any()
    assert (states[1:-1] != 0).sum() > (0.2 if name == "relu" else 0.9) * PRESENT.sum() * UNITS

    gradients = list(back(d_states, *memory, *arguments[1:]))
    assert not (gradients[0] * ~PRESENT).any()
    assert all(array.dtype == np.float64 for array in [*memory, *gradients])

    def objective(*changed):
        return float((run(*changed)[0][1:-1] * d_states).sum())

    assert_gradients(objective, arguments, gradients)


@each_direction
@pytest.mark.parametrize("name", SERIAL + PARALLEL)
def test_what_lies_where_there_is_no_token_is_not_read(name, backwards):
    run, (z, *weights), back = recurrence(name, backwards=backwards)
    d_states = normal(TIME, LANES, UNITS, seed=5) * PRESENT
    clean = run(z, *weights)
    dirty = run(np.where(PRESENT, z, np.nan), *weights)
    np.testing.assert_array_equal(dirty[0], clean[0])
    found = back(d_states, *dirty, *weights)
    for one, other in zip(found, back(d_states, *clean, *weights), strict=True):
        np.testing.assert_array_equal(one, other)


@each_direction
@pytest.mark.parametrize("name", SERIAL + PARALLEL)
def test_a_lane_read_backwards_is_the_turned_round_lane_read_forwards(name, backwards):
    run, (z, *weights), _ = recurrence(name, backwards=backwards)
    other, _, _ = recurrence(name, backwards=not backwards)
    turned = z.copy()
    for lane, start in enumerate(STARTS):
        turned[start:, lane] = z[start:, lane][::-1]
    states, opposite = run(z, *weights)[0], other(turned, *weights)[0]
    for lane, start in enumerate(STARTS):
        own = slice(start + 1, TIME + 1)
        np.testing.assert_array_equal(states[own, lane], opposite[own, lane][::-1])


@each_direction
@pytest.mark.parametrize("name", SERIAL + PARALLEL)
def test_a_lane_has_the_same_bits_alone_and_in_any_company(name, backwards):
    run, (z, *weights), _ = recurrence(name, backwards=backwards)
    together = run(z.astype("f4"), *(weight.astype("f4") for weight in weights))[0]
    assert together.dtype == np.float32
    for lane, start in enumerate(STARTS):  # alone, and with a longer or shorter way to its start
        only, _, _ = recurrence(name, backwards=backwards, starts=np.full(LANES, start))
        everywhere = np.repeat(z[:, [lane]], LANES, axis=1)
        alone = only(everywhere.astype("f4"), *(weight.astype("f4") for weight in weights))[0]
        np.testing.assert_array_equal(alone[:, 0], together[:, lane])


def test_the_parallel_recurrences_are_what_they_say():
    z, starts = normal(1, 1, 4), np.zeros(1, int)
    u, c = 1 / (1 + np.exp(-z[0, 0, :2])), z[0, 0, 2:]
    np.testing.assert_allclose(reference.min_gru(z, starts, False)[0][1, 0], u * c)
    z = normal(2, 1, 3)
    sigmoid = 1 / (1 + np.exp(-z))
    first = (1 - sigmoid[0, 0, 1]) * np.tanh(z[0, 0, 0])
    second = sigmoid[1, 0, 1] * first + (1 - sigmoid[1, 0, 1]) * np.tanh(z[1, 0, 0])
    states, cells, _ = reference.qrnn(z, starts, False)
    np.testing.assert_allclose(cells[1:3, 0, 0], [first, second])
    np.testing.assert_allclose(states[2, 0, 0], second * sigmoid[1, 0, 2])


@each_direction
@pytest.mark.parametrize("window", [None, 1, 2, 3])
@pytest.mark.parametrize("ids", [False, True], ids=["numbers", "ids"])
def test_gradients_of_projections_are_their_slopes(ids, window, backwards):
    size = WORDS if ids else SIZE
    shape = (size, 2 * UNITS) if window is None else (window, size, 2 * UNITS)
    kernel, bias = normal(*shape), normal(2 * UNITS)
    x = normal(TIME, LANES, SIZE) * PRESENT
    if ids:
        x = np.random.default_rng(3).integers(0, WORDS, (TIME, LANES))
    d_z = normal(TIME, LANES, 2 * UNITS, seed=1) * PRESENT

    def objective(kernel, bias, x=x):
        z = reference.project(x, STARTS, kernel, bias, 2, backwards)
        return float((z * d_z).sum())

    d_x, d_kernel, d_bias = reference.project_backward(x, STARTS, kernel, d_z, 2, backwards)
    if not ids:
        assert not (d_x * ~PRESENT).any()
        assert_gradients(objective, [kernel, bias, x], [d_kernel, d_bias])
        assert_gradients(lambda values: objective(kernel, bias, values * PRESENT), [x], [d_x])
        return
    assert d_x is None
    assert d_kernel.numbers.tolist() == sorted(set(x[PRESENT[:, :, 0]].tolist()))
    assert_gradients(objective, [kernel, bias], [d_kernel.dense(WORDS), d_bias])


@each_direction
@pytest.mark.parametrize("window", [None, 1, 2])
def test_an_id_is_a_one_hot_vector(window, backwards):
    shape = (WORDS, UNITS) if window is None else (window, WORDS, UNITS)
    kernel, bias = normal(*shape), normal(UNITS)
    ids = np.random.default_rng(3).integers(0, WORDS, (TIME, LANES))
    vectors = np.eye(WORDS)[ids] * PRESENT
    d_z = normal(TIME, LANES, UNITS, seed=1) * PRESENT
    np.testing.assert_allclose(
        reference.project(ids, STARTS, kernel, bias, 1, backwards) * PRESENT,
        reference.project(vectors, STARTS, kernel, bias, 1, backwards) * PRESENT,
    )
    _, rows, d_bias = reference.project_backward(ids, STARTS, kernel, d_z, 1, backwards)
    _, d_kernel, same = reference.project_backward(vectors, STARTS, kernel, d_z, 1, backwards)
    np.testing.assert_allclose(rows.dense(WORDS), d_kernel, atol=1e-12)
    np.testing.assert_array_equal(d_bias, same)


@pytest.mark.parametrize("window", [1, 2, 3])
def test_a_window_is_keras_causal_convolution(window):
    kernel, bias = normal(window, SIZE, UNITS).astype("f4"), normal(UNITS).astype("f4")
    x = (normal(TIME, LANES, SIZE) * PRESENT).astype("f4")
    layer = keras.layers.Conv1D(UNITS, window, padding="causal")
    layer.build((LANES, TIME, SIZE))
    layer.set_weights([kernel, bias])
    theirs = np.moveaxis(np.asarray(layer(np.moveaxis(x, 0, 1))), 1, 0)
    ours = reference.project(x, STARTS, kernel, bias, 1, False)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours * PRESENT, theirs * PRESENT, rtol=1e-5, atol=1e-5)


def test_a_look_up_and_its_gradient():
    table = normal(WORDS, SIZE)
    ids = np.random.default_rng(3).integers(0, WORDS, (TIME, LANES))
    ids[0, 2] = 10**6  # where there is no token, nothing is looked up
    values = reference.embed(ids, STARTS, table)
    for t, lane in np.ndindex(TIME, LANES):
        truth = table[ids[t, lane]] if t >= STARTS[lane] else np.zeros(SIZE)
        np.testing.assert_array_equal(values[t, lane], truth)
    d_values = normal(TIME, LANES, SIZE + 3, seed=1) * PRESENT
    rows = reference.embed_backward(ids, STARTS, d_values, SIZE)
    whole = np.zeros_like(table)
    for t, lane in np.ndindex(TIME, LANES):
        if t >= STARTS[lane]:
            whole[ids[t, lane]] += d_values[t, lane, :SIZE]
    np.testing.assert_allclose(rows.dense(WORDS), whole)
    assert 1 < len(rows.numbers) < WORDS


def test_rows_are_put_in_their_place_and_added_up_in_order():
    first = Rows(np.array([1, 4]), np.array([[1.0, 2.0], [3.0, 4.0]], np.float32))
    second = Rows(np.array([0, 4]), np.array([[5.0, 6.0], [0.5, 0.25]], np.float32))
    total = Rows.total([first, second])
    assert total.numbers.tolist() == [0, 1, 4]
    assert total.values.tolist() == [[5.0, 6.0], [1.0, 2.0], [3.5, 4.25]]
    assert total.values.dtype == np.float32
    np.testing.assert_array_equal(total.dense(6), first.dense(6) + second.dense(6), strict=True)
    # A sum of float32 in which the order decides what is left.
    parts = [Rows(np.array([0]), np.array([[x]], np.float32)) for x in (1e8, 1.0, -1e8)]
    assert Rows.total(parts).values.item() == 0.0
    assert Rows.total(parts[::2] + parts[1:2]).values.item() == 1.0


def test_rows_of_a_window_go_between_its_matrices():
    values = normal(2, 3, 4)  # (row, window, columns)
    whole = Rows(np.array([2, 5]), values).dense(7)
    assert whole.shape == (3, 7, 4)
    np.testing.assert_array_equal(whole[:, 5], values[1])
    assert np.count_nonzero(whole.any(axis=(0, 2))) == 2


def test_a_wide_row_has_the_same_bits_alone_and_in_any_company():
    """Wide enough for a library's matrix product to add up one row otherwise than many."""
    rng = np.random.default_rng(37)
    inputs, kernel = rng.normal(size=(33, 300)), rng.normal(size=(300, 20))
    inputs, kernel, bias = inputs.astype("f4"), kernel.astype("f4"), np.ones(20, "f4")
    together = reference.affine(inputs, kernel, bias)
    for row in range(33):
        alone = reference.affine(inputs[[row]], kernel, bias)
        np.testing.assert_array_equal(alone, together[[row]], strict=True)


def test_gradients_of_affine_are_its_slopes():
    inputs, kernel, bias = normal(6, 4), normal(4, 3), normal(3)
    d_outputs = normal(6, 3, seed=1)
    np.testing.assert_allclose(reference.affine(inputs, kernel, bias), inputs @ kernel + bias)
    assert_gradients(
        lambda *arguments: float((reference.affine(*arguments) * d_outputs).sum()),
        [inputs, kernel, bias],
        list(reference.affine_backward(inputs, kernel, d_outputs)),
    )


def test_rows_may_be_wider_than_the_kernel():
    inputs, kernel, bias = normal(6, 4), normal(4, 3), normal(3)
    wide = np.concatenate([inputs, np.zeros((6, 4))], axis=1)
    np.testing.assert_array_equal(
        reference.affine(wide, kernel, bias), reference.affine(inputs, kernel, bias)
    )
    for one, other in zip(
        reference.affine_backward(wide, kernel, normal(6, 3)),
        reference.affine_backward(inputs, kernel, normal(6, 3)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


@each_activation
def test_activations_and_their_gradients_are_those_of_keras(activation):
    z = np.array([-12.0, -2.0, -0.3, -1e-4, 0.0, 1e-4, 0.5, 3.0, 12.0], np.float32)
    oracle = keras.activations.get(activation)
    h = reference.activate(activation, z)
    np.testing.assert_allclose(h, oracle(jnp.asarray(z)), rtol=1e-6)
    slopes = jax.vmap(jax.grad(lambda value: oracle(value)))(jnp.asarray(z))
    ours = reference.activation_gradient(activation, h)
    assert ours.dtype == h.dtype == np.float32
    np.testing.assert_allclose(ours, slopes, rtol=1e-6, atol=2e-7)


def test_the_sigmoid_does_not_overflow():
    z = np.array([-1e4, -200.0, -1.0, 0.0, 1.0, 1e4], np.float32)
    y = reference.sigmoid(z)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, jax.nn.sigmoid(z), rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("name", SERIAL + PARALLEL)
def test_nan_in_one_lane_stays_visible_and_in_that_lane(name):
    run, (z, *weights), _ = recurrence(name, backwards=False)
    z[3, 2] = np.nan
    states = run(z, *weights)[0]
    assert not np.isnan(states[:4]).any()
    assert np.isnan(states[4:-1, 2]).all()
    assert not np.isnan(states[:, [0, 1, 3, 4]]).any()


def test_unknown_activations_are_refused():
    for function in (reference.activate, reference.activation_gradient):
        with pytest.raises(RecipeError, match=r"'swish'.*tanh, relu, linear"):
            function("swish", np.zeros(2, np.float32))
