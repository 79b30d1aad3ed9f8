"""Initial weights have Keras' distributions."""

import math

import keras
import numpy as np
import pytest

from unrolled.engine.initializers import glorot_uniform, orthogonal, random_uniform, zeros


def generator(seed: int = 7) -> np.random.Generator:
    return np.random.default_rng(seed)


def assert_uniform(values: np.ndarray, limit: float) -> None:
    """The first moments and the bounds of U(-limit, limit), to five standard errors."""
    count = values.size
    scaled = values.astype(np.float64).ravel() / limit
    assert np.abs(scaled).max() <= 1.0 + 1e-6
    assert scaled.max() > 1.0 - 20.0 / count
    assert scaled.min() < -1.0 + 20.0 / count
    assert abs(scaled.mean()) < 5.0 * math.sqrt(1.0 / 3.0 / count)
    assert abs((scaled**2).mean() - 1.0 / 3.0) < 5.0 * math.sqrt(4.0 / 45.0 / count)


@pytest.mark.parametrize("shape", [(300, 8), (8, 300), (1, 4000), (2000, 1)])
def test_glorot_uniform_fills_the_bounds_that_the_fans_give(shape: tuple[int, int]) -> None:
    values = glorot_uniform(shape, generator())
    assert values.shape == shape
    assert values.dtype == np.float32
    assert_uniform(values, math.sqrt(6.0 / (shape[0] + shape[1])))


@pytest.mark.parametrize("shape", [(300, 8), (16, 40), (50, 50)])
def test_glorot_uniform_spreads_as_keras_does(shape: tuple[int, int]) -> None:
    keras_draws = [
        np.asarray(keras.initializers.GlorotUniform(seed=seed)(shape)) for seed in range(6)
    ]
    draws = [glorot_uniform(shape, generator(seed)) for seed in range(6)]
    assert np.abs(draws).max() == pytest.approx(np.abs(keras_draws).max(), rel=5e-3)
    assert np.std(draws) == pytest.approx(np.std(keras_draws), rel=2e-2)


def test_random_uniform_is_keras_embedding_initializer_by_default() -> None:
    layer = keras.layers.Embedding(300, 16)
    layer.build((None, None))
    keras_values = np.asarray(layer.embeddings)
    values = random_uniform((300, 16), generator())
    assert values.shape == (300, 16)
    assert values.dtype == np.float32
    assert_uniform(values, 0.05)
    assert_uniform(keras_values, 0.05)


def test_random_uniform_takes_other_bounds() -> None:
    values = random_uniform((5000,), generator(), low=1.0, high=3.0)
    assert_uniform(values - 2.0, 1.0)


@pytest.mark.parametrize("shape", [(8, 8), (1, 1), (12, 5), (5, 12), (1, 6), (6, 1)])
def test_orthogonal_has_orthonormal_vectors_along_its_short_side(shape: tuple[int, int]) -> None:
    values = orthogonal(shape, generator())
    assert values.shape == shape
    assert values.dtype == np.float32
    assert values.flags.c_contiguous
    tall = values if shape[0] >= shape[1] else values.T
    np.testing.assert_allclose(tall.T @ tall, np.eye(min(shape)), atol=1e-6)


def test_orthogonal_is_scaled_by_its_gain() -> None:
    np.testing.assert_allclose(
        orthogonal((4, 3), generator(), gain=2.5), 2.5 * orthogonal((4, 3), generator()), rtol=1e-6
    )


def test_orthogonal_is_spread_evenly_over_signs_and_axes() -> None:
    """Without the sign correction the diagonal of Q would be mostly negative."""
    rng = generator()
    draws = np.array([orthogonal((3, 3), rng) for _ in range(3000)])
    np.testing.assert_allclose(draws.mean(axis=0), np.zeros((3, 3)), atol=5.0 / math.sqrt(9000))
    np.testing.assert_allclose((draws**2).mean(axis=0), np.full((3, 3), 1.0 / 3.0), atol=0.03)
    assert 0.45 < (np.linalg.det(draws) > 0.0).mean() < 0.55


def test_orthogonal_moments_are_those_of_keras() -> None:
    initializer = keras.initializers.Orthogonal(seed=keras.random.SeedGenerator(3))
    keras_draws = np.array([np.asarray(initializer((2, 5))) for _ in range(200)])
    rng = generator()
    draws = np.array([orthogonal((2, 5), rng) for _ in range(200)])
    for moment in (1, 2, 4):
        ours, theirs = (draws**moment).mean(), (keras_draws**moment).mean()
        assert ours == pytest.approx(theirs, abs=0.06)


def test_zeros() -> None:
    np.testing.assert_array_equal(zeros((3, 2)), np.zeros((3, 2), np.float32), strict=True)


def test_a_seed_gives_the_same_bits_and_another_seed_others() -> None:
    for initialize in (glorot_uniform, orthogonal, random_uniform):
        first, again = initialize((6, 4), generator(1)), initialize((6, 4), generator(1))
        np.testing.assert_array_equal(first, again, strict=True)
        assert (first != initialize((6, 4), generator(2))).any()
