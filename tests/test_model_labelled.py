"""What users give as texts and labels."""

from __future__ import annotations

import numpy as np
import pytest

from unrolled.errors import DataError
from unrolled.model.labelled import Names, Targets, check_labels, check_texts, each_text


def test_any_strings_become_a_list():
    assert check_texts("", (text for text in "ab")) == ["a", "b"]
    labels, are_numbers = check_labels("", np.array(["x", "y"]))
    assert not are_numbers
    assert labels == ["x", "y"]
    assert {type(label) for label in labels} == {str}


def test_texts_are_read_one_by_one():
    read = []

    def source():
        for text in ("a", "b", 3):
            read.append(text)
            yield text

    texts = each_text("training", source())
    assert next(texts) == "a"
    assert read == ["a"]
    with pytest.raises(DataError, match="training text 2 is 3, not a string"):
        list(texts)


def test_labels_of_several_kinds_of_sets_become_sorted_tuples():
    rows = [("b", "a"), ["b"], {"a"}, frozenset(), ("a", "a"), (np.str_("c"),)]
    labels, _ = check_labels("", rows)
    assert labels == [("a", "b"), ("b",), ("a",), (), ("a",), ("c",)]
    assert {type(name) for row in labels for name in row} == {str}
    objects = np.empty(len(rows), dtype=object)
    objects[:] = rows
    assert check_labels("", objects) == (labels, False)


@pytest.mark.parametrize(
    ("check", "rows", "said"),
    [
        (check_texts, "one text", "a list of training texts is needed, not a single one"),
        (check_texts, ["a", None], "training text 1 is None, not a string"),
        (check_texts, [b"a" * 99], "training text 0 is b'aaa"),
        (check_texts, np.array([["a"], ["b"]]), "the training texts have 2 dimensions; give one c"),
        (check_labels, "pos", "a list of training labels is needed, not a single one"),
        (check_labels, ["x", 1], "training label 1 is 1, not a string"),
        (check_labels, ["x", float("nan")], "training label 1 is nan, not a string"),
        (check_labels, [("x",), "y"], "training label 1 is 'y' among rows of several labels"),
        (check_labels, [("x", 2)], "training row 0 label 1 is 2, not a string"),
    ],
)
def test_bad_texts_and_labels_are_named(check, rows, said):
    with pytest.raises(DataError, match=said) as caught:
        check("training", rows)
    assert len(str(caught.value)) < 150


def test_texts_without_a_part_are_named_too():
    with pytest.raises(DataError, match=r"^text 1 is 2, not a string"):
        check_texts("", ["a", 2])
    with pytest.raises(DataError, match=r"^label 1 is 'y' among rows"):
        check_labels("", [("x",), "y"])


def test_labels_become_their_places_among_the_classes():
    targets = Targets.among(Names(["c", "a", "b", "a"]))
    assert (list(targets.classes), targets.several) == (["a", "b", "c"], False)
    numbers = targets.of(["c", "a", "a"])
    assert numbers.tolist() == [2, 0, 0]
    assert numbers.dtype == np.int64
    assert targets.of([]).shape == (0,)


def test_whole_numbers_are_labels_in_the_order_of_their_size():
    names = check_labels("", np.array([10, 9, -1]))
    assert names == (["10", "9", "-1"], True)
    targets = Targets.among(names)
    assert list(targets.classes) == ["-1", "9", "10"]
    assert targets.given(True) == [-1, 9, 10]
    assert targets.given(False) == ["-1", "9", "10"]
    assert check_labels("", [1, 2]).are_numbers
    assert not check_labels("", []).are_numbers
    for wrong in ([True, False], [1, "2"], [1.0, 2.0], [1, None]):
        with pytest.raises(DataError, match="not a string"):
            check_labels("", wrong)


def test_several_labels_become_rows_of_0_and_1():
    targets = Targets.among(Names([("b", "c"), (), ("a",)]))
    assert (list(targets.classes), targets.several) == (["a", "b", "c"], True)
    numbers = targets.of([("b", "c"), (), ("a",)])
    assert numbers.tolist() == [[0, 1, 1], [0, 0, 0], [1, 0, 0]]
    assert numbers.dtype == np.uint8
    assert targets.of([]).shape == (0, 3)


def test_a_label_is_a_set_of_one_and_the_other_way_round():
    assert Targets(["a", "b"], several=True).of(["b", "a"]).tolist() == [[0, 1], [1, 0]]
    assert Targets(["a", "b"], several=False).of([("b",), ("a",)]).tolist() == [1, 0]
    with pytest.raises(DataError, match=r"^row 1: 2 labels where the model gives one"):
        Targets(["a", "b"], several=False).of([("b",), ("a", "b")])


def test_a_strange_label_is_named_with_its_place_and_the_nearest():
    for several in (False, True):
        targets = Targets(["ham", "spam"], several)
        with pytest.raises(DataError) as caught:
            targets.of(["spam", "hamm"], lambda row: f"mail.csv:{row + 2}")
        assert str(caught.value) == (
            'mail.csv:3: the label "hamm" is none of ham, spam; did you mean "ham"?'
        )
        with pytest.raises(DataError, match=r'^row 0: the label "x" is none of ham, spam$'):
            targets.of([("x",)])
