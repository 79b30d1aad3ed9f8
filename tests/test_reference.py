"""The reference is Keras' Embedding, SimpleRNN and Dense, forward and backward."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from unrolled.engine import reference
from unrolled.errors import RecipeError

ACTIVATIONS = ["tanh", "relu", "linear"]
WORDS, SIZE, UNITS, OUTPUTS, TIME, LANES = 11, 5, 7, 3, 9, 4

each_activation = pytest.mark.parametrize("activation", ACTIVATIONS)


@dataclass
class Case:
    """Weights in Keras' layouts and a batch of ragged sequences, padded with 0 at the front."""

    embeddings: np.ndarray  # (word, size)
    kernel: np.ndarray  # (size, unit)
    recurrent: np.ndarray  # (unit, unit)
    bias: np.ndarray  # (unit,)
    dense_kernel: np.ndarray  # (unit, output)
    dense_bias: np.ndarray  # (output,)
    ids: np.ndarray  # (lane, time)
    d_outputs: np.ndarray  # (time, lane, output)

    @property
    def weights(self) -> list[np.ndarray]:
        return [
            self.embeddings,
            self.kernel,
            self.recurrent,
            self.bias,
            self.dense_kernel,
            self.dense_bias,
        ]


@pytest.fixture
def case() -> Case:
    rng = np.random.default_rng(23)

    def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
        return rng.normal(0.1, scale, shape).astype(np.float32)

    ids = rng.integers(1, WORDS, (LANES, TIME)).astype(np.int32)
    for lane, length in enumerate([TIME, 1, 6, 3]):
        ids[lane, : TIME - length] = 0
    return Case(
        embeddings=normal(WORDS, SIZE),
        kernel=normal(SIZE, UNITS, scale=0.4),
        recurrent=normal(UNITS, UNITS, scale=0.3),
        bias=normal(UNITS, scale=0.5),
        dense_kernel=normal(UNITS, OUTPUTS),
        dense_bias=normal(OUTPUTS),
        ids=ids,
        d_outputs=normal(TIME, LANES, OUTPUTS),
    )


def keras_run(
    case: Case, activation: str, *, masked: bool
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Keras' states (time, lane, unit), outputs and the gradients of all weights."""
    inputs = keras.Input((TIME,), dtype="int32")
    embedded = keras.layers.Embedding(WORDS, SIZE, mask_zero=masked)(inputs)
    states = keras.layers.SimpleRNN(UNITS, activation=activation, return_sequences=True)(embedded)
    model = keras.Model(inputs, [states, keras.layers.Dense(OUTPUTS)(states)])
    model.set_weights(case.weights)
    weights = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]

    def run(values: list[jax.Array]) -> list[jax.Array]:
        outputs, _ = model.stateless_call(values, others, jnp.asarray(case.ids))
        return [jnp.swapaxes(output, 0, 1) for output in outputs]

    def objective(values: list[jax.Array]) -> jax.Array:
        return (run(values)[1] * case.d_outputs).sum()

    gradients = jax.grad(objective)(weights)
    keras_states, outputs = run(weights)
    return np.asarray(keras_states), np.asarray(outputs), [np.asarray(g) for g in gradients]


def reference_run(
    case: Case, activation: str, *, masked: bool
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """The same from the reference; masked steps point to a row of zeros after the words."""
    table = reference.affine(case.embeddings, case.kernel, case.bias)
    positions = case.ids.T
    if masked:
        table = np.concatenate([table, np.zeros_like(table[:1])])
        positions = np.where(positions == 0, WORDS, positions)
    states = reference.simple_rnn(table, positions, case.recurrent, activation)
    flat = states[1:].reshape(-1, UNITS)
    outputs = reference.affine(flat, case.dense_kernel, case.dense_bias)
    d_flat, d_dense_kernel, d_dense_bias = reference.affine_backward(
        flat, case.dense_kernel, case.d_outputs.reshape(-1, OUTPUTS)
    )
    d_inputs, d_recurrent = reference.simple_rnn_backward(
        states, case.recurrent, d_flat.reshape(TIME, LANES, UNITS), activation
    )
    d_table = reference.scatter_rows(d_inputs, positions, len(table))[:WORDS]
    d_embeddings, d_kernel, d_bias = reference.affine_backward(
        case.embeddings, case.kernel, d_table
    )
    gradients = [d_embeddings, d_kernel, d_recurrent, d_bias, d_dense_kernel, d_dense_bias]
    return states, outputs.reshape(TIME, LANES, OUTPUTS), gradients


@each_activation
@pytest.mark.parametrize("masked", [False, True])
def test_outputs_and_gradients_are_those_of_keras(
    case: Case, activation: str, *, masked: bool
) -> None:
    states, outputs, gradients = reference_run(case, activation, masked=masked)
    keras_states, keras_outputs, keras_gradients = keras_run(case, activation, masked=masked)
    assert states.shape == (TIME + 1, LANES, UNITS)
    assert not states[0].any()
    for ours, theirs in [
        (states[1:], keras_states),
        (outputs, keras_outputs),
        *zip(gradients, keras_gradients, strict=True),
    ]:
        assert ours.dtype == np.float32
        assert np.abs(theirs).max() > 0.1, "a gradient of nothing compares nothing"
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5 * np.abs(theirs).max())


@each_activation
def test_masked_steps_keep_the_zero_state_and_unmasked_padding_does_not(
    case: Case, activation: str
) -> None:
    masked, _, _ = reference_run(case, activation, masked=True)
    unmasked, _, _ = reference_run(case, activation, masked=False)
    padding = case.ids.T == 0
    assert padding.any()
    assert not masked[1:][padding].any()
    assert unmasked[1:][padding].any()
    assert masked[1:][~padding].any(axis=-1).all()


def test_one_row_for_each_step_needs_no_scatter(case: Case) -> None:
    """A table of all steps, read in order, is the same as a table of words that is looked up."""
    table = reference.affine(case.embeddings, case.kernel, case.bias)
    positions = case.ids.T
    steps = np.arange(positions.size, dtype=np.int32).reshape(positions.shape)
    np.testing.assert_array_equal(
        reference.simple_rnn(table[positions].reshape(-1, UNITS), steps, case.recurrent, "tanh"),
        reference.simple_rnn(table, positions, case.recurrent, "tanh"),
        strict=True,
    )


@each_activation
def test_a_lane_has_the_same_bits_alone_and_in_any_company(case: Case, activation: str) -> None:
    table = reference.affine(case.embeddings, case.kernel, case.bias)
    positions = np.random.default_rng(3).integers(0, WORDS, (TIME, 33))
    together = reference.simple_rnn(table, positions, case.recurrent, activation)
    outputs = reference.affine(together[-1], case.dense_kernel, case.dense_bias)
    for lane in range(33):
        alone = reference.simple_rnn(table, positions[:, [lane]], case.recurrent, activation)
        np.testing.assert_array_equal(alone, together[:, [lane]], strict=True)
        output = reference.affine(alone[-1], case.dense_kernel, case.dense_bias)
        np.testing.assert_array_equal(output, outputs[[lane]], strict=True)


def test_a_wide_row_has_the_same_bits_alone_and_in_any_company() -> None:
    """Wide enough for a library's matrix product to add up one row otherwise than many."""
    rng = np.random.default_rng(37)
    inputs, kernel = rng.normal(size=(33, 300)), rng.normal(size=(300, 20))
    inputs, kernel, bias = inputs.astype("f4"), kernel.astype("f4"), np.ones(20, "f4")
    together = reference.affine(inputs, kernel, bias)
    for row in range(33):
        alone = reference.affine(inputs[[row]], kernel, bias)
        np.testing.assert_array_equal(alone, together[[row]], strict=True)


@each_activation
def test_gradients_agree_with_finite_differences_in_float64(case: Case, activation: str) -> None:
    rng = np.random.default_rng(29)
    table = reference.affine(case.embeddings, case.kernel, case.bias).astype(np.float64)
    recurrent = case.recurrent.astype(np.float64)
    positions = case.ids.T
    d_states = rng.normal(size=(TIME, LANES, UNITS))

    def objective(table: np.ndarray, recurrent: np.ndarray) -> float:
        states = reference.simple_rnn(table, positions, recurrent, activation)
        return float((states[1:] * d_states).sum())

    states = reference.simple_rnn(table, positions, recurrent, activation)
    d_inputs, d_recurrent = reference.simple_rnn_backward(states, recurrent, d_states, activation)
    d_table = reference.scatter_rows(d_inputs, positions, WORDS)
    assert states.dtype == d_table.dtype == d_recurrent.dtype == np.float64
    assert_gradient(lambda values: objective(values, recurrent), table, d_table)
    assert_gradient(lambda values: objective(table, values), recurrent, d_recurrent)


def test_affine_gradients_agree_with_finite_differences_in_float64() -> None:
    rng = np.random.default_rng(31)
    inputs, kernel, bias = rng.normal(size=(6, 4)), rng.normal(size=(4, 3)), rng.normal(size=3)
    d_outputs = rng.normal(size=(6, 3))
    np.testing.assert_allclose(reference.affine(inputs, kernel, bias), inputs @ kernel + bias)
    arguments = [inputs, kernel, bias]
    for place, gradient in enumerate(reference.affine_backward(inputs, kernel, d_outputs)):

        def objective(values: np.ndarray, place: int = place) -> float:
            changed = [*arguments[:place], values, *arguments[place + 1 :]]
            return float((reference.affine(*changed) * d_outputs).sum())

        assert_gradient(objective, arguments[place], gradient)


def assert_gradient(
    objective: Callable[[np.ndarray], float], values: np.ndarray, gradient: np.ndarray
) -> None:
    """Central differences of ``objective`` at ``values``, element by element."""
    step = 1e-6
    assert gradient.shape == values.shape
    differences = np.empty_like(values)
    for index in np.ndindex(values.shape):
        shift = np.zeros_like(values)
        shift[index] = step
        differences[index] = (objective(values + shift) - objective(values - shift)) / (2 * step)
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-7 * np.abs(gradient).max())


@each_activation
def test_activations_and_their_gradients_are_those_of_keras(activation: str) -> None:
    z = np.array([-12.0, -2.0, -0.3, -1e-4, 0.0, 1e-4, 0.5, 3.0, 12.0], np.float32)
    oracle = keras.activations.get(activation)
    h = reference.activate(activation, z)
    np.testing.assert_allclose(h, oracle(jnp.asarray(z)), rtol=1e-6)
    slopes = jax.vmap(jax.grad(lambda value: oracle(value)))(jnp.asarray(z))
    ours = reference.activation_gradient(activation, h)
    assert ours.dtype == h.dtype == np.float32
    np.testing.assert_allclose(ours, slopes, rtol=1e-6, atol=2e-7)


@each_activation
def test_nan_in_one_lane_stays_visible_and_in_that_lane(case: Case, activation: str) -> None:
    table = reference.affine(case.embeddings, case.kernel, case.bias)
    table[0] = np.nan
    positions = np.ones((TIME, 2), np.int32)
    positions[2, 1] = 0
    states = reference.simple_rnn(table, positions, case.recurrent, activation)
    assert not np.isnan(states[:, 0]).any()
    assert np.isnan(states[3:, 1]).all()


def test_unknown_activations_are_refused() -> None:
    for function in (reference.activate, reference.activation_gradient):
        with pytest.raises(RecipeError, match=r"'swish'.*tanh, relu, linear"):
            function("swish", np.zeros(2, np.float32))


def test_scatter_rows_adds_what_meets_and_leaves_unread_rows_zero() -> None:
    d_inputs = np.array([[[1.0, 2.0], [3.0, 4.0]], [[10.0, 20.0], [5.0, 6.0]]], np.float32)
    positions = np.array([[2, 0], [2, 2]], np.int32)
    np.testing.assert_array_equal(
        reference.scatter_rows(d_inputs, positions, 4),
        np.array([[3.0, 4.0], [0.0, 0.0], [16.0, 28.0], [0.0, 0.0]], np.float32),
        strict=True,
    )
