"""Losses and their gradients are Keras', clipping and NaN included."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from unrolled.engine.losses import (
    BinaryCrossentropy,
    Loss,
    SparseCategoricalCrossentropy,
    loss_named,
)
from unrolled.errors import RecipeError, ShapeError

LOW = np.float32(1e-7)
HIGH = np.float32(1.0 - 1e-7)
ZERO, ONE = np.float32(0.0), np.float32(1.0)

# Ordinary logits; the float32 bounds of clipping at -16.118 and 15.6 ... 16.6; far beyond both.
LOGITS = [
    -200.0,
    -17.0,
    -16.2,
    -16.1,
    -3.3,
    -0.4,
    0.0,
    0.7,
    5.0,
    15.5,
    15.8,
    16.0,
    16.5,
    17.0,
    90.0,
]

SPARSE_LOGITS = [
    [0.1, -1.2, 2.3],
    [3.0, 2.9, -0.5],
    [0.0, 15.0, 5.0],
    [0.0, 16.0, 0.0],
    [20.0, 0.0, 0.3],
    [-200.0, 0.0, 0.0],
    [16.0, -30.0, -30.0],
    [15.8, 0.0, -30.0],
    [-30.0, 0.0, 16.2],
    [-30.0, -30.0, 17.0],
]


def keras_binary(probabilities: jax.Array, targets: jax.Array) -> jax.Array:
    return keras.losses.binary_crossentropy(targets[:, None], probabilities)


def keras_sparse(probabilities: jax.Array, targets: jax.Array) -> jax.Array:
    return keras.losses.sparse_categorical_crossentropy(targets, probabilities)


ORACLES = {
    "binary_crossentropy": (keras.activations.sigmoid, keras_binary),
    "sparse_categorical_crossentropy": (keras.activations.softmax, keras_sparse),
}


def assert_agrees_with_keras(loss: Loss, logits: np.ndarray, targets: np.ndarray) -> None:
    activation, keras_loss = ORACLES[loss.name]
    numbers = jnp.asarray(targets)
    probabilities = np.array(activation(jnp.asarray(logits)))
    losses = np.asarray(keras_loss(jnp.asarray(probabilities), numbers))
    gradient = jax.grad(lambda z: keras_loss(activation(z), numbers).sum())(jnp.asarray(logits))
    ours = loss.loss(probabilities, targets), loss.gradient(probabilities, targets)
    assert ours[0].dtype == ours[1].dtype == np.float32
    assert ours[0].shape == targets.shape
    assert ours[1].shape == probabilities.shape
    ulp = np.finfo(np.float32).eps
    np.testing.assert_allclose(ours[0], losses, rtol=2e-6, atol=ulp)
    np.testing.assert_allclose(ours[1], gradient, rtol=2e-6, atol=3 * ulp)
    np.testing.assert_array_equal(ours[1] == 0.0, np.asarray(gradient) == 0.0)


@pytest.mark.parametrize("target", [0, 1])
def test_binary_crossentropy_is_keras_at_ordinary_and_saturated_logits(target: int) -> None:
    logits = np.array(LOGITS, np.float32)[:, None]
    assert_agrees_with_keras(BinaryCrossentropy(), logits, np.full(len(LOGITS), target))


def test_binary_crossentropy_is_keras_on_mixed_targets() -> None:
    rng = np.random.default_rng(5)
    logits = rng.normal(0.0, 4.0, (101, 1)).astype(np.float32)
    assert_agrees_with_keras(BinaryCrossentropy(), logits, rng.integers(0, 2, 101))


def test_binary_clipping_halves_the_gradient_on_its_bounds_and_stops_it_beyond() -> None:
    """Probabilities side by side in float32 at both bounds, compared bit by bit with Keras."""
    values = [np.nextafter(LOW, ZERO), LOW, np.nextafter(LOW, ONE)]
    values += [np.nextafter(HIGH, ZERO), HIGH, np.nextafter(HIGH, ONE), ZERO, ONE]
    probabilities = np.array(values, np.float32)[:, None]
    loss = BinaryCrossentropy()
    for target in (0, 1):
        targets = np.full(len(values), target)
        slopes = np.array([0.0, 0.5, 1.0, 1.0, 0.5, 0.0, 0.0, 0.0], np.float32)
        np.testing.assert_array_equal(
            loss.gradient(probabilities, targets)[:, 0],
            slopes * (probabilities[:, 0] - np.float32(target)),
        )
        expected = jax.grad(lambda p, t=targets: keras_binary(p, jnp.asarray(t)).sum())(
            jnp.asarray(probabilities)
        )
        through_sigmoid = np.asarray(expected) * probabilities * (1.0 - probabilities)
        np.testing.assert_allclose(
            loss.gradient(probabilities, targets), through_sigmoid, rtol=1e-6, atol=0.0
        )
        np.testing.assert_allclose(
            loss.loss(probabilities, targets),
            keras_binary(jnp.asarray(probabilities), jnp.asarray(targets)),
            rtol=1e-6,
        )


@pytest.mark.parametrize("target", [0, 1, 2])
def test_sparse_crossentropy_is_keras_at_ordinary_and_saturated_logits(target: int) -> None:
    logits = np.array(SPARSE_LOGITS, np.float32)
    targets = np.full(len(logits), target)
    assert_agrees_with_keras(SparseCategoricalCrossentropy(), logits, targets)


def test_sparse_clipping_halves_the_gradient_of_a_row_on_its_bound() -> None:
    probabilities = np.array([[HIGH, ONE - HIGH], [LOW, ONE - LOW]], np.float32)
    gradient = SparseCategoricalCrossentropy().gradient(probabilities, np.array([0, 0]))
    expected = [[(HIGH - ONE) / 2, (ONE - HIGH) / 2], [(LOW - ONE) / 2, (ONE - LOW) / 2]]
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)


@pytest.mark.parametrize("classes", [2, 3, 11])
def test_sparse_crossentropy_is_keras_on_mixed_targets(classes: int) -> None:
    rng = np.random.default_rng(classes)
    logits = rng.normal(0.0, 3.0, (53, classes)).astype(np.float32)
    targets = rng.integers(0, classes, 53).astype(np.int32)
    assert_agrees_with_keras(SparseCategoricalCrossentropy(), logits, targets)


def test_sparse_crossentropy_normalises_rows_as_keras_does() -> None:
    probabilities = np.array([[0.2, 0.6, 0.4], [3.0, 1.0, 4.0]], np.float32)
    targets = np.array([1, 2])
    np.testing.assert_allclose(
        SparseCategoricalCrossentropy().loss(probabilities, targets),
        keras_sparse(jnp.asarray(probabilities), jnp.asarray(targets)),
        rtol=1e-6,
    )


@pytest.mark.parametrize("target", [0, 1])
def test_nan_stays_nan_in_its_own_row(target: int) -> None:
    targets = np.full(2, target)
    binary = np.array([[np.nan], [0.25]], np.float32)
    sparse = np.array([[np.nan, 0.5], [0.75, 0.25]], np.float32)
    cases = ((BinaryCrossentropy(), binary), (SparseCategoricalCrossentropy(), sparse))
    for loss, probabilities in cases:
        np.testing.assert_array_equal(np.isnan(loss.loss(probabilities, targets)), [True, False])
        gradient = np.isnan(loss.gradient(probabilities, targets))
        assert gradient[0].all()
        assert not gradient[1].any()
        assert not np.isnan(probabilities[1]).any(), "the probabilities were changed"


def test_gradients_agree_with_finite_differences_in_float64() -> None:
    rng = np.random.default_rng(11)
    logits, step = rng.normal(0.0, 2.0, (7, 4)), 1e-6
    targets = rng.integers(0, 4, 7)

    def softmax(z: np.ndarray) -> np.ndarray:
        return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)

    def sigmoid(z: np.ndarray) -> np.ndarray:
        return 1.0 / (1.0 + np.exp(-z))

    cases = (
        (SparseCategoricalCrossentropy(), softmax, logits, targets),
        (BinaryCrossentropy(), sigmoid, logits[:, :1], targets % 2),
    )
    for loss, activation, z, classes in cases:
        gradient = loss.gradient(activation(z), classes)
        assert gradient.dtype == np.float64
        for index in np.ndindex(z.shape):
            shift = np.zeros_like(z)
            shift[index] = step
            above = loss.loss(activation(z + shift), classes).sum()
            below = loss.loss(activation(z - shift), classes).sum()
            assert gradient[index] == pytest.approx((above - below) / (2 * step), abs=1e-8)


def test_accuracy_is_keras_at_the_threshold_and_at_ties() -> None:
    probabilities = np.array([0.5, np.nextafter(np.float32(0.5), ONE), 0.2, 0.9], np.float32)
    for targets in (np.array([0, 1, 1, 0]), np.array([1, 1, 0, 1])):
        expected = keras.metrics.binary_accuracy(targets[:, None], probabilities[:, None])
        np.testing.assert_array_equal(
            BinaryCrossentropy().accuracy(probabilities[:, None], targets),
            np.asarray(expected).reshape(-1) == 1.0,
        )
    rows = np.array([[0.4, 0.4, 0.2], [0.1, 0.2, 0.7], [0.3, 0.5, 0.2]], np.float32)
    for targets in (np.array([0, 2, 0]), np.array([1, 2, 1])):
        expected = keras.metrics.sparse_categorical_accuracy(targets, rows)
        np.testing.assert_array_equal(
            SparseCategoricalCrossentropy().accuracy(rows, targets), np.asarray(expected) == 1.0
        )


def test_losses_are_found_by_keras_names() -> None:
    assert isinstance(loss_named("binary_crossentropy"), BinaryCrossentropy)
    sparse = loss_named("sparse_categorical_crossentropy")
    assert isinstance(sparse, SparseCategoricalCrossentropy)
    with pytest.raises(RecipeError, match=r"'hinge'.*binary_crossentropy"):
        loss_named("hinge")


@pytest.mark.parametrize(
    ("loss", "shape", "targets", "message"),
    [
        (BinaryCrossentropy(), (3, 2), [0, 1, 1], r"shape \(3,\) where \(3, 2\)"),
        (BinaryCrossentropy(), (2,), [0, 1], r"\(n, labels\), not \(2,\)"),
        (BinaryCrossentropy(), (2, 1), [0, 2], "row 1 is 2: give a class from 0 to 1"),
        (BinaryCrossentropy(), (2, 1), [0, 1, 1], r"shape \(3,\) where \(2,\)"),
        (SparseCategoricalCrossentropy(), (3, 1), [0, 0, 0], r"not \(3, 1\)"),
        (SparseCategoricalCrossentropy(), (2, 3), [-1, 0], "row 0 is -1"),
        (SparseCategoricalCrossentropy(), (2, 3), [0, 3], "row 1 is 3: give a class from 0 to 2"),
    ],
)
def test_what_does_not_fit_is_refused(
    loss: Loss, shape: tuple[int, ...], targets: list[int], message: str
) -> None:
    probabilities = np.full(shape, 0.5, np.float32)
    for method in (loss.loss, loss.gradient, loss.accuracy):
        with pytest.raises(ShapeError, match=message):
            method(probabilities, np.array(targets))
