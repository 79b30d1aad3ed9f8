import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy.stats import binomtest

from unrolled.errors import ShapeError
from unrolled.evaluation.comparison import compare, mcnemar


def certain(numbers, classes: int = 3) -> np.ndarray:
    return np.eye(classes)[np.asarray(numbers)]


@given(lost=some.integers(0, 400), gained=some.integers(0, 400))
def test_mcnemar_is_the_binomial_test(lost: int, gained: int) -> None:
    expected = binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
    assert mcnemar(lost, gained) == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert mcnemar(gained, lost) == mcnemar(lost, gained)


@pytest.mark.parametrize(("lost", "gained"), [(12_000, 12_500), (500_000, 501_000), (0, 3000)])
def test_mcnemar_stays_exact_for_large_counts(lost: int, gained: int) -> None:
    expected = binomtest(lost, lost + gained).pvalue
    assert mcnemar(lost, gained) == pytest.approx(expected, rel=1e-7)


def test_flips_are_the_rows_that_changed_sides() -> None:
    targets = [0, 1, 2, 0, 1, 2]
    found = compare(certain([0, 1, 0, 1, 1, 2]), certain([0, 0, 2, 1, 0, 2]), targets)
    assert found.lost.tolist() == [1, 4]
    assert found.gained.tolist() == [2]
    assert (found.accuracy_a, found.accuracy_b) == (4 / 6, 3 / 6)
    assert found.difference == pytest.approx(-1 / 6)
    assert found.p_value == 1.0
    assert not found.worse


def test_worse_is_lower_and_by_more_than_chance() -> None:
    targets = np.zeros(200, int)
    good, bad = certain(targets), certain((np.arange(200) % 20 == 0) * 1)
    assert compare(good, bad, targets).worse
    assert compare(good, bad, targets).p_value == pytest.approx(2 / 2**10)
    assert not compare(bad, good, targets).worse
    assert not compare(good, good, targets).worse
    # Five flips to one side can happen to equals: p = 0.0625.
    assert not compare(good, certain((np.arange(200) % 40 == 0) * 1), targets).worse


def test_intervals_surround_the_figures() -> None:
    generator = np.random.default_rng(0)
    targets = generator.integers(0, 3, 2000)
    guesses = [np.where(generator.random(2000) < q, targets, 2 - targets) for q in (0.7, 0.75)]
    found = compare(certain(guesses[0]), certain(guesses[1]), targets)
    for value, (low, high) in (
        (found.accuracy_a, found.interval_a),
        (found.accuracy_b, found.interval_b),
        (found.difference, found.difference_interval),
    ):
        assert low < value < high
        assert 0.01 < high - low < 0.06
    assert found.difference == pytest.approx(found.accuracy_b - found.accuracy_a)


def test_of_several_labels_all_must_be_right() -> None:
    targets = [[1, 0], [1, 1], [0, 0]]
    a = [[0.9, 0.1], [0.9, 0.4], [0.1, 0.1]]
    b = [[0.9, 0.6], [0.9, 0.6], [0.1, 0.1]]
    found = compare(a, b, targets)
    assert (found.lost.tolist(), found.gained.tolist()) == ([0], [1])


def test_decisions_of_ones_own_are_what_is_compared() -> None:
    probabilities = certain([0, 1, 2])
    found = compare(probabilities, probabilities, [0, 1, 2], predicted_b=[0, -1, 1])
    assert found.lost.tolist() == [1, 2]
    document = json.loads(json.dumps(found.to_dict()))
    assert (document["lost"], document["gained"], document["worse"]) == (2, 0, False)


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ShapeError, match=r"\(2, 3\) and \(2, 2\) are not of the same"):
        compare(certain([0, 1]), certain([0, 1], 2), [0, 1])
