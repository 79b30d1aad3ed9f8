import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.text.ranking import dictionary_order, rank_words


@pytest.mark.parametrize(
    ("filled_with", "printed"),  # by Python 2.7.18, 64 bits
    [
        ("a b c d e", "a c b e d"),
        (
            "one two three four five six seven eight nine ten eleven twelve",
            "twelve seven ten nine six three two four eleven five eight one",
        ),
    ],
)
def test_order_of_a_python_2_dictionary(filled_with: str, printed: str) -> None:
    words = filled_with.split()
    assert [words[index] for index in dictionary_order(words)] == printed.split()


@given(st.lists(st.text(), unique=True, max_size=300))
def test_every_word_has_one_place(words: list[str]) -> None:
    assert sorted(dictionary_order(words)) == list(range(len(words)))


def test_words_that_no_text_should_have() -> None:
    assert sorted(dictionary_order(["", "x" * 100_000, "\ud800"])) == [0, 1, 2]


@given(st.lists(st.integers(1, 5), max_size=200))
def test_frequent_words_first_and_ties_in_dictionary_order(counts: list[int]) -> None:
    words = [f"word{index}" for index in range(len(counts))]
    place = {index: place for place, index in enumerate(dictionary_order(words))}
    expected = sorted(range(len(words)), key=lambda index: (-counts[index], place[index]))
    assert rank_words(words, np.array(counts, dtype=np.int64)).tolist() == expected
