"""What users give as texts and labels."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.errors import DataError
from unrolled.model.labelled import check_labelled, check_texts, class_numbers


def test_any_strings_become_a_list():
    texts, labels = check_labelled("", (text for text in "ab"), np.array(["x", "y"]))
    assert (texts, labels) == (["a", "b"], ["x", "y"])
    assert {type(label) for label in labels} == {str}


@pytest.mark.parametrize(
    ("texts", "labels", "said"),
    [
        ([], [], "there are no training texts"),
        (["a", "b"], ["x"], "2 training texts and 1 labels; each text needs one"),
        ("one text", ["x"], "a list of training texts is needed, not a single one"),
        (["a", None], ["x", "y"], "training text 1 is None, not a string"),
        (["a", "b"], ["x", 1], "training label 1 is 1, not a string"),
        ([b"a" * 99], ["x"], "training text 0 is b'aaa"),
    ],
)
def test_bad_texts_and_labels_are_named(texts, labels, said):
    with pytest.raises(DataError, match=said) as caught:
        check_labelled("training", texts, labels)
    assert len(str(caught.value)) < 150


def test_texts_without_a_part_are_named_too():
    with pytest.raises(DataError, match=r"^text 1 is 2, not a string"):
        check_texts("", ["a", 2])


def test_labels_become_their_places_among_the_classes():
    numbers = class_numbers(["c", "a", "a"], ["a", "b", "c"])
    assert numbers.tolist() == [2, 0, 0]
    assert numbers.dtype == np.int64
    assert class_numbers([], ["a"]).shape == (0,)


def test_a_strange_label_is_named_with_its_place_and_the_nearest():
    with pytest.raises(DataError) as caught:
        class_numbers(["spam", "hamm"], ["ham", "spam"], lambda row: f"mail.csv:{row + 2}")
    assert str(caught.value) == (
        'mail.csv:3: the label "hamm" is none of ham, spam; did you mean "ham"?'
    )
    with pytest.raises(DataError, match=r'^row 0: the label "x" is none of ham, spam$'):
        class_numbers(["x"], ["ham", "spam"])
