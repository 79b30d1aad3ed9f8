"""Examples know their rows, places and fingerprint."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest

from unrolled.datasets import Examples
from unrolled.errors import DataError


def examples(**changes: object) -> Examples:
    fields: dict[str, object] = {
        "name": "reviews.csv",
        "texts": ["good", "bad", "fine"],
        "labels": ["yes", "no", "yes"],
        "source": "the file reviews.csv",
        "lines": [2, 5, 9],
        "path": Path("data/reviews.csv"),
        "set_aside": [(4, "the text is empty")],
    }
    return Examples(**{**fields, **changes})


def test_a_row_says_where_it_is():
    assert [examples().where(index) for index in (0, 2, -1)] == [
        "reviews.csv:2", "reviews.csv:9", "reviews.csv:9",
    ]  # fmt: skip
    assert examples(name="imdb", path=None, lines=None).where(1) == "imdb row 2"
    with pytest.raises(IndexError):
        examples().where(3)


def test_labels_are_counted_in_sorted_order():
    assert list(examples().label_counts.items()) == [("no", 1), ("yes", 2)]
    assert len(examples()) == 3


def test_rows_may_have_several_labels_or_none():
    several = examples(labels=[("no", "yes"), (), ("yes",)])
    assert several.multi_label
    assert not examples().multi_label
    assert not examples().take([]).multi_label
    assert several.label_counts == {"no": 1, "yes": 2}
    assert several.take([1]).labels == [()]
    with pytest.raises(DataError, match="some rows have a label and others a tuple"):
        examples(labels=[("no", "yes"), "yes", ("yes",)])


def test_taken_rows_keep_their_places():
    taken = examples().take(np.array([2, 0]))
    assert (taken.texts, taken.labels, taken.lines) == (["fine", "good"], ["yes", "yes"], [9, 2])
    assert taken.where(0) == "reviews.csv:9"
    assert taken.set_aside == ()
    assert examples(lines=None).take([1]).where(0) == "reviews.csv row 2"
    assert examples(lines=None, path=None).take([2, 1]).take([1]).where(0) == "reviews.csv row 2"


def test_the_fingerprint_is_that_of_the_texts_and_labels():
    fingerprint = examples().fingerprint
    assert len(fingerprint) == 64
    assert set(fingerprint) <= set("0123456789abcdef")
    assert examples(name="other", source="", lines=None, path=None).fingerprint == fingerprint
    for changes in (
        {"texts": ["good", "bad", "fine."]},
        {"labels": ["yes", "no", "no"]},
        {"texts": ["bad", "good", "fine"]},
        {"texts": ["goody", "bad", "fine"], "labels": ["es", "no", "yes"]},
        {"texts": ["good", "bad", "fin\ud83d"]},
    ):
        assert examples(**changes).fingerprint != fingerprint


def test_the_fingerprint_tells_several_labels_from_one():
    def fingerprint(texts: list[str], labels: list[object]) -> str:
        return Examples(name="", texts=texts, labels=labels, source="").fingerprint

    different = [
        fingerprint(["a", "b"], labels)
        for labels in (
            ["x", "y"], [("x",), ("y",)], [("x", "y"), ()], [(), ("x", "y")], [("xy",), ()],
        )
    ]  # fmt: skip
    different.append(fingerprint(["a", "x"], [("b",), ("y",)]))
    different.append(fingerprint(["a"], [("b", "x", "y")]))
    assert len(set(different)) == len(different)


def test_the_fingerprint_stays_the_same_in_later_versions():
    known = Examples(name="", texts=["a", "é"], labels=["0", "1"], source="")
    assert known.fingerprint == "81056ee12bfe2b993fe4ba73af6a2dac0eeb2daddf847e9182ecdff270edc3b1"


def test_counts_that_differ_are_refused():
    with pytest.raises(DataError, match=r"reviews\.csv: 3 texts and 1 labels"):
        examples(labels=["yes"])
    with pytest.raises(DataError, match="3 texts and 1 line numbers"):
        examples(lines=[1])
    with pytest.raises(FrozenInstanceError):
        examples().name = "other"
