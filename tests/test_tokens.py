"""The softmax over a vocabulary: the reference against Keras, the compiled one against it."""

import numpy as np
import pytest

from unrolled.engine import reference
from unrolled.engine.kernels import operations


def case(rows=37, words=21, size=5, seed=0):
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(rows, size))
    table, bias = rng.normal(size=(words, size)), rng.normal(size=words)
    return states, rng.integers(0, words, rows), table, bias


def test_the_reference_is_keras():
    import jax
    import keras

    states, targets, table, bias = case()

    def loss(states, table, bias):
        logits = states @ table.T + bias
        own = keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)
        return own.sum() * 0.25

    truth = jax.grad(loss, argnums=(0, 1, 2))(*(np.float32(x) for x in (states, table, bias)))
    losses, right, *found = reference.token_losses(states, targets, (table, bias), 0.25)
    logits = np.float32(states @ table.T + bias)
    own = keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)
    np.testing.assert_allclose(losses, own, atol=1e-5)
    np.testing.assert_array_equal(right, logits.argmax(axis=1) == targets)
    for one, other in zip(found, truth, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(
    ("rows", "words", "size"),
    [(1, 4, 1), (37, 21, 5), (32, 64, 16), (70, 300, 24), (3, 9, 9)],
)
def test_the_compiled_one_is_the_reference(rows, words, size):
    states, targets, table, bias = case(rows, words, size)
    truth = reference.token_losses(states, targets, (table, bias), 0.5)
    packed = operations.token_table(np.float32(table), np.float32(bias))
    found = operations.token_losses(np.float32(states), targets, packed, 0.5)
    for one, other in zip(found, truth, strict=True):
        one = one[:, :size] if one.ndim == 2 else one
        np.testing.assert_allclose(one, other, atol=3e-6 * max(1, np.abs(other).max()))
    logits = operations.token_logits(np.float32(states), packed)
    np.testing.assert_allclose(logits, reference.token_logits(states, (table, bias)), atol=1e-5)


def test_a_rows_loss_does_not_depend_on_the_others():
    states, targets, table, bias = (np.float32(x) for x in case(rows=40))
    targets = targets.astype(np.int64)
    packed = operations.token_table(table, bias)
    together = operations.token_losses(states, targets, packed, 1.0)
    for row in (0, 7, 39):
        alone = operations.token_losses(states[row : row + 1], targets[row : row + 1], packed, 1.0)
        np.testing.assert_array_equal(alone[0], together[0][row : row + 1])
        np.testing.assert_array_equal(alone[2], together[2][row : row + 1])


def test_extreme_logits():
    table, bias = np.eye(4, dtype=np.float32) * 100, np.zeros(4, np.float32)
    states = np.array([[1, 0, 0, 0], [-1, 0, 0, 0], [0, 0, np.nan, 0]], np.float32)
    packed = operations.token_table(table, bias)
    losses, right, *_ = operations.token_losses(states, np.array([0, 0, 1]), packed, 1.0)
    assert losses[0] == 0
    assert losses[1] == pytest.approx(100 + np.log(3), rel=1e-6)
    assert np.isnan(losses[2])
    assert right.tolist()[:2] == [1, 0]
