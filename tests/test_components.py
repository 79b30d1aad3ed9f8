"""Principal components beside scikit-learn's and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.evaluation.components import principal_components


def test_a_line_has_one_component():
    along = np.array([-3.0, 0.0, 1.0, 2.0])
    places, shares = principal_components(along[:, None] * [-0.6, 0.8] + [7.0, 5.0])
    np.testing.assert_allclose(places, np.stack([along, np.zeros(4)], axis=1), atol=1e-12)
    np.testing.assert_allclose(shares, [1, 0], atol=1e-12)


def test_they_are_those_of_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    vectors = np.random.default_rng(0).normal(size=(300, 12)) * np.arange(1, 13)
    expected = decomposition.PCA(3, svd_solver="full").fit(vectors)
    places, shares = principal_components(vectors.astype(np.float32), 3)
    np.testing.assert_allclose(shares, expected.explained_variance_ratio_, rtol=1e-5)
    signs = np.sign(expected.components_[range(3), np.abs(expected.components_).argmax(axis=1)])
    np.testing.assert_allclose(places, expected.transform(vectors) * signs, atol=1e-3)


def test_to_turn_all_around_turns_the_places_around():
    vectors = np.random.default_rng(3).normal(size=(50, 5)) * [5, 3, 1, 1, 1]
    np.testing.assert_allclose(
        principal_components(-vectors)[0], -principal_components(vectors)[0], atol=1e-9
    )


@pytest.mark.parametrize(
    "vectors", [np.ones((1, 6)), np.full((9, 6), 0.1), np.zeros((4, 1)), np.ones((3, 6)) * 1e6]
)
def test_where_nothing_differs_all_lie_at_zero(vectors):
    places, shares = principal_components(vectors.astype(np.float32))
    assert places.shape == (len(vectors), 2)
    assert not places.any()
    assert shares.tolist() == [0, 0]


def test_a_single_number_has_no_second_component():
    places, shares = principal_components(np.array([[1.0], [2.0], [6.0]]))
    assert places.tolist() == [[-2.0, 0.0], [-1.0, 0.0], [3.0, 0.0]]
    assert shares.tolist() == [1, 0]
