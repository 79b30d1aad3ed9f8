"""What a recipe makes of the texts: lengths, cut texts, unknown words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unrolled.datasets import Examples
from unrolled.datasets.doctor import Diagnosis, Finding, examine, read_with
from unrolled.datasets.doctor.lengths import Lengths
from unrolled.errors import DataError
from unrolled.recipe import Recipe, load_recipe


def examples(*texts: str, name: str = "a.csv") -> Examples:
    labels = ["ab"[row % 2] for row in range(len(texts))]
    return Examples(name, texts, labels, "", lines=range(2, 2 + len(texts)), path=Path(name))


def recipe(*changes: str) -> Recipe:
    fixed = ["text.tokenizer=keras", "text.min_count=1", "text.maxlen=200"]
    return load_recipe("small", [*fixed, *changes])


def found(diagnosis: Diagnosis) -> dict[str, Finding]:
    return {finding.kind: finding for finding in diagnosis.findings}


def diagnosed(recipe: Recipe, *texts: str, held_back: object = None, **more: Examples) -> Diagnosis:
    parts = {"train": examples(*texts), **more}
    rows = None if held_back is None else np.array(held_back)
    return examine(parts, held_back=rows, reading=read_with(recipe, parts, rows))


GOOD = [f"word{row} other words here" for row in range(40)]


def test_good_texts_have_no_fault_and_lengths():
    diagnosis = diagnosed(recipe(), *GOOD)
    assert diagnosis.findings == []
    assert diagnosis.lengths.statistics.mean == 4
    document = diagnosis.to_dict()["lengths"]
    assert (document["count"], document["longest"]) == (40, 4)
    assert document["bins"][-1] == {"tokens": "4", "texts": 40}


def test_texts_of_one_token_and_of_none():
    kinds = found(diagnosed(recipe(), *GOOD, "here", "!?", "...", "words!"))
    assert kinds["one_token_texts"].examples == (("a.csv:42", ""), ("a.csv:45", ""))
    assert kinds["one_token_texts"].severity == "notes"
    assert kinds["texts_without_words"].examples == (("a.csv:43", ""), ("a.csv:44", ""))
    assert kinds["texts_without_words"].severity == "warns"


@pytest.mark.parametrize(("count", "severity"), [(39, "notes"), (40, "warns")])
def test_cut_texts(count, severity):
    long = [f"long{row} other words here, in all six" for row in range(count)]
    kinds = found(diagnosed(recipe("text.maxlen=6"), *GOOD, *long))
    cut = kinds["cut_texts"]
    assert (cut.count, cut.severity) == (count, severity)
    assert cut.examples[0] == ("a.csv:42", "")
    tokens = 40 * 5 + count * 8  # with the start token, which is read like any other
    assert f"{2 * count / tokens:.1%} of all tokens are lost" in cut.what
    assert "text.maxlen = 6" in cut.what
    assert "text.maxlen=8 reads 95%" in cut.advice
    assert "cut_texts" not in found(diagnosed(recipe("text.maxlen=8"), *GOOD, *long))
    assert "cut_texts" not in found(diagnosed(recipe("text.maxlen=none"), *GOOD, *long))


def test_unknown_words_are_those_of_texts_that_nothing_was_learned_from():
    texts = ["same words here", *GOOD, "same words", "new words", "here"]
    held_back = [41, 42, 43]
    kinds = found(diagnosed(recipe(), *texts, held_back=held_back))
    unknown = kinds["unknown_words_in_validation"]
    assert unknown.what == "20.0% of the words of the validation texts are unknown, in 1 text"
    assert unknown.severity == "warns"
    assert unknown.examples == (("a.csv:44", "50% unknown"),)
    all_known = recipe("text.vocabulary_of=all")
    assert "unknown_words_in_validation" not in found(
        diagnosed(all_known, *texts, held_back=held_back)
    )


def test_unknown_words_of_a_test_set():
    test = examples("other words here", "other words here, also three", name="b.csv")
    kinds = found(diagnosed(recipe(), *GOOD, test=test))
    assert kinds["unknown_words_in_test"].examples == (("b.csv:3", "40% unknown"),)
    assert kinds["unknown_words_in_test"].severity == "warns"
    kinds = found(diagnosed(recipe(), *GOOD, test=examples(*["other words"] * 99, "new", name="b")))
    assert kinds["unknown_words_in_test"].severity == "notes"


def test_lengths_stay_with_their_rows_when_some_are_held_back():
    texts = ["one"] * 3 + ["one two three"] * 3 + ["one two"] * 3
    parts = {"train": examples(*texts)}
    for held_back in ([0, 4, 8], [7, 0, 3], None):
        rows = None if held_back is None else np.array(held_back)
        reading = read_with(recipe("text.start_token=false"), parts, rows)
        assert reading.words["train"].tolist() == [1, 1, 1, 3, 3, 3, 2, 2, 2]
        assert reading.tokens["train"].tolist() == [1, 1, 1, 3, 3, 3, 2, 2, 2]
    with_start = read_with(recipe("text.start_token=true"), parts)
    assert with_start.tokens["train"].tolist() == [2, 2, 2, 4, 4, 4, 3, 3, 3]
    assert with_start.words["train"].tolist() == [1, 1, 1, 3, 3, 3, 2, 2, 2]


def test_texts_without_any_word_are_an_error():
    with pytest.raises(DataError, match="no word"):
        read_with(recipe(), {"train": examples("!", "?")})


@pytest.mark.parametrize(
    ("lengths", "rows"),
    [
        ([3], [("0", 0), ("1", 0), ("2", 0), ("3", 1)]),
        ([0, 0], [("0", 2)]),
        ([5, 15, 15, 99, 20_000], None),
        (list(range(1000)), None),
    ],
)
def test_bins_hold_every_text_once(lengths, rows):
    bins = Lengths.of(np.array(lengths)).rows()
    assert sum(count for _, count in bins) == len(lengths)
    assert len(bins) <= 11
    if rows is not None:
        assert bins == rows


def test_the_last_bin_has_no_end():
    bins = Lengths.of(np.array([*range(1000), 50_000])).rows()
    assert bins[0] == ("0-99", 100)
    assert bins[9] == ("900-999", 100)
    assert bins[10] == ("1,000+", 1)
