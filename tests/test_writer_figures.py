"""Figures of what was written, by hand and beside the definition."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.writer.figures import edit_distance, exact_match, mean_edit_distance, perplexity

TOKENS = st.lists(st.integers(4, 6), max_size=7)


def by_definition(first, second):
    if not first or not second:
        return len(first) + len(second)
    return min(
        by_definition(first[1:], second) + 1,
        by_definition(first, second[1:]) + 1,
        by_definition(first[1:], second[1:]) + (first[0] != second[0]),
    )


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ("kitten", "sitting", 3),
        ("", "abc", 3),
        ("abc", "", 3),
        ("", "", 0),
        ("abcd", "bcda", 2),
        ("same", "same", 0),
    ],
)
def test_distances_by_hand(first, second, distance):
    assert edit_distance([*map(ord, first)], np.array([*map(ord, second)], int)) == distance


@given(TOKENS, TOKENS)
def test_the_distance_is_the_fewest_changes(first, second):
    assert edit_distance(first, second) == by_definition(first, second)


def test_means_by_hand():
    pairs = [([4, 5], [4, 5]), ([4], [5, 4, 4]), ([], []), ([4, 5], [5, 4])]
    assert exact_match(pairs) == 0.5
    assert mean_edit_distance(pairs) == (0 + 2 + 0 + 2) / 4


def test_perplexity_is_the_number_of_equal_choices():
    assert perplexity(math.log(7)) == pytest.approx(7)
    assert perplexity(0.0) == 1
    assert math.isfinite(perplexity(1e6))
