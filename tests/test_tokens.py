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


# --- A sample of the vocabulary ------------------------------------------------------------------


def sampled_case(rows=37, words=50, size=5, taken=12):
    states, targets, table, bias = case(rows, words, size)
    rng = np.random.default_rng(1)
    samples = rng.choice(words, taken, replace=False)
    samples[0] = targets[0]  # a sample that is a target
    return states, targets, table, bias, np.unique(samples), rng.uniform(0.05, 1, words)


def test_among_all_words_a_sample_is_the_whole():
    states, targets, table, bias = case()
    everything, certain = np.arange(len(table)), np.ones(len(table))
    losses, right, d_states, d_table, d_bias = reference.sampled_losses(
        states, targets, table, bias, everything, certain, 0.5
    )
    truth = reference.token_losses(states, targets, (table, bias), 0.5)
    np.testing.assert_allclose(losses, truth[0])
    np.testing.assert_array_equal(right, truth[1])
    np.testing.assert_allclose(d_states, truth[2], atol=1e-12)
    np.testing.assert_allclose(d_table.dense(len(table)), truth[3], atol=1e-12)
    np.testing.assert_allclose(d_bias.dense(len(table))[:, 0], truth[4], atol=1e-12)


def test_gradients_of_a_sample_are_slopes():
    states, targets, table, bias, samples, expected = sampled_case()
    arguments = [states, table, bias]

    def loss(states, table, bias):
        return reference.sampled_losses(states, targets, table, bias, samples, expected, 1.0)[
            0
        ].sum()

    _, _, d_states, d_table, d_bias = reference.sampled_losses(
        states, targets, table, bias, samples, expected, 1.0
    )
    gradients = [d_states, d_table.dense(len(table)), d_bias.dense(len(table))[:, 0]]
    rng = np.random.default_rng(3)
    for place, gradient in enumerate(gradients):
        direction = rng.normal(size=gradient.shape)
        ends = []
        for sign in (1, -1):
            moved = [*arguments]
            moved[place] = moved[place] + sign * 1e-5 * direction
            ends.append(loss(*moved))
        up, down = ends
        assert (gradient * direction).sum() == pytest.approx((up - down) / 2e-5, rel=1e-6)


@pytest.mark.parametrize(("rows", "size"), [(37, 5), (64, 8), (3, 20)])
def test_the_compiled_sample_is_the_reference(rows, size):
    states, targets, table, bias, samples, expected = sampled_case(rows, size=size)
    truth = reference.sampled_losses(states, targets, table, bias, samples, expected, 0.5)
    small = [np.float32(x) for x in (states, table, bias, expected)]
    found = operations.sampled_losses(small[0], targets, small[1], small[2], samples, small[3], 0.5)
    for one, other in zip(found[:3], truth[:3], strict=True):
        one = one[:, :size] if one.ndim == 2 else one
        np.testing.assert_allclose(one, other, atol=4e-6 * max(1, np.abs(other).max()))
    for one, other in zip(found[3:], truth[3:], strict=True):
        np.testing.assert_array_equal(one.numbers, other.numbers)
        np.testing.assert_allclose(one.values, other.values, atol=1e-5)


def test_a_sample_says_on_average_what_the_whole_says():
    states, targets, table, bias = case(4, 200, 5)
    table *= 0.5
    whole = reference.token_losses(states, targets, (table, bias), 1.0)[2]
    rng = np.random.default_rng(0)
    rates = rng.uniform(0.2, 0.6, 200)  # each word comes into the sample by itself
    seen = [
        reference.sampled_losses(
            states, targets, table, bias, np.flatnonzero(rng.random(200) < rates), rates, 1.0
        )[2]
        for _ in range(3000)
    ]
    # The correction makes the sums right; of their quotients a little is left (1 / sample).
    np.testing.assert_allclose(np.mean(seen, axis=0), whole, atol=0.02)
