"""The data doctor: each fault is found, counted, placed and weighed, and good data has none."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unrolled.datasets import Examples
from unrolled.datasets.doctor import Diagnosis, Finding, PartSummary, examine
from unrolled.datasets.files import load_file
from unrolled.errors import DataError, InputError


def examples(*rows: tuple[str, object], name: str = "a.csv", **changes: object) -> Examples:
    """Rows of (text, label) on lines 2, 3, ..."""
    fields: dict[str, object] = {
        "name": name,
        "texts": [text for text, _ in rows],
        "labels": [label for _, label in rows],
        "source": f"the file {name}",
        "lines": range(2, 2 + len(rows)),
        "path": Path(name),
    }
    return Examples(**{**fields, **changes})


def good(count: int = 40, name: str = "a.csv", start: int = 0) -> list[tuple[str, object]]:
    """Rows without a fault, of two classes."""
    return [(f"text number {row} of {name}", "ab"[row % 2]) for row in range(start, start + count)]


def found(diagnosis: Diagnosis) -> dict[str, Finding]:
    kinds = {finding.kind: finding for finding in diagnosis.findings}
    assert len(kinds) == len(diagnosis.findings)
    return kinds


def faults(*rows: tuple[str, object], **changes: object) -> dict[str, Finding]:
    """Findings in good rows and these after them, which begin on line 42."""
    return found(examine({"train": examples(*good(), *rows, **changes)}))


def test_good_data_have_no_fault():
    diagnosis = examine(
        {
            "train": examples(*good()),
            "validation": examples(*good(name="b.csv"), name="b.csv"),
            "test": examples(*good(name="c.csv"), name="c.csv"),
        }
    )
    assert diagnosis.findings == []
    assert not diagnosis.stops
    assert (diagnosis.rows_in, diagnosis.rows_used, diagnosis.rows_set_aside) == (120, 120, 0)
    assert [part.part for part in diagnosis.parts] == ["train", "validation", "test"]
    assert diagnosis.parts[0].labels == {"a": 20, "b": 20}
    assert diagnosis.lengths is None


def test_parts_have_their_names():
    for parts in ({"test": examples(*good())}, {"train": examples(*good()), "tset": examples()}):
        with pytest.raises(InputError, match="parts must be train"):
            examine(parts)


# --- rows


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", " ", "good", "bad, very", 'the "end"', "two\nlines", "\n"]),
            st.sampled_from(["", " ", "a", "b", "A"]),
        ),
        min_size=1,
        max_size=12,
    )
)  # fmt: skip
def test_rows_in_are_rows_used_and_rows_set_aside(tmp_path, rows):
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([("text", "label"), *rows])
    path = tmp_path / "a.csv"
    path.write_text(written.getvalue(), encoding="utf-8")
    try:
        diagnosis = examine({"train": load_file(path)})
    except DataError:
        return  # too little is left, which the reader says
    empty = sum(not text.strip() for text, _ in rows)
    unlabelled = sum(bool(text.strip()) and not label.strip() for text, label in rows)
    (part,) = diagnosis.parts
    assert (part.rows_in, part.rows_set_aside) == (len(rows), empty + unlabelled)
    assert part.rows_in == part.rows_used + part.rows_set_aside
    assert part.set_aside.get("the text is empty", 0) == empty
    assert part.set_aside.get("the label is missing", 0) == unlabelled


def test_sums_that_do_not_agree_are_a_bug():
    with pytest.raises(AssertionError, match=r"a\.csv: 5 rows in, but 3 used and 1 set aside"):
        PartSummary("train", "a.csv", "", 5, 3, {"the text is empty": 1}, {})


def test_rows_set_aside_are_named():
    aside = [(9, "the text is empty"), (11, "the label is missing"), (12, "the text is empty")]
    diagnosis = examine({"train": examples(*good(), set_aside=aside)})
    kinds = found(diagnosis)
    assert kinds["empty_texts"].count == 2
    assert kinds["empty_texts"].severity == "warns"
    assert [where for where, _ in kinds["empty_texts"].examples] == ["a.csv:9", "a.csv:12"]
    assert kinds["missing_labels"].what == "1 row of a.csv is not used: the label is missing"
    assert (diagnosis.rows_in, diagnosis.rows_used, diagnosis.rows_set_aside) == (43, 40, 3)


# --- texts


@pytest.mark.parametrize(
    ("text", "kind", "severity", "shown"),
    [
        ("un caf\ufffd noir", "replaced_characters", "warns", "caf\ufffd noir"),
        ("un café noir".encode().decode("latin-1"), "misread_characters", "warns", "cafÃ© noir"),
        ("it\u2019s late".encode().decode("cp1252"), "misread_characters", "warns", "itâ€™s late"),
        ("정말 좋은 영화".encode().decode("latin-1"), "misread_characters", "warns", "ì"),
        ("映画は良い".encode().decode("latin-1"), "misread_characters", "warns", "æ"),
        ("хороший фильм".encode().decode("cp1252", "replace"), "misread_characters", "warns", "Ñ"),
        ("great 😀 film".encode().decode("cp1252", "replace"), "misread_characters", "warns", "ðŸ"),
        ("nothing\0here", "control_characters", "warns", r"nothing\x00here"),
        ("colour \x1b[31m red", "control_characters", "warns", r"\x1b[31m"),
        ("mark \ufeffinside", "control_characters", "warns", r"\ufeff"),
        ("Orca \x96 Killer Whale", "windows_characters", "notes", r"Orca \x96 Killer"),
    ],
)  # fmt: skip
def test_damaged_texts(text, kind, severity, shown):
    kinds = faults((text, "a"), (f"{text} again", "b"))
    assert kinds[kind].count == 2
    assert kinds[kind].severity == severity
    assert [where for where, _ in kinds[kind].examples] == ["a.csv:42", "a.csv:43"]
    assert shown in kinds[kind].examples[0][1]
    others = set(kinds) - {kind}
    assert others <= {"replaced_characters"}  # of bytes that Windows-1252 has not


@pytest.mark.parametrize(
    "text",
    [
        "« Voilà\xa0», dit-elle, « c\u2019est très réussi\xa0! » \u2013 à l\u2019été…",
        "Größenwahn: „Spaß“ für Ältere; 20 °C, 5 £ und 3 €",
        "Đây là một bộ phim rất hay, tôi thích lắm. ÂM NHẠC",
        "Às vezes não há opção: É ÓBVIO, IRMÃO",
        "정말 재미있는 영화였어요 ㅋㅋ",
        "とても面白い映画でした。",
        "Отличный фильм — смотрел дважды",
        "👩‍👩‍👧 family film 🇰🇷",
        "tabs\tand\nlines\r\n",
    ],
)
def test_texts_of_many_languages_are_not_damaged(text):
    assert faults((text, "a")) == {}


def test_endless_texts():
    rows = [(f"row {row} " + "x" * 600, "ab"[row % 2]) for row in range(40)]
    assert found(examine({"train": examples(*rows, ("y" * 11_900, "a"))})) == {}
    endless = found(examine({"train": examples(*rows, ("y" * 20_000, "a"), ("z" * 30_000, "b"))}))
    assert endless["endless_texts"].examples == (
        ("a.csv:43", "30,000 characters"), ("a.csv:42", "20,000 characters"),
    )  # fmt: skip
    assert endless["endless_texts"].severity == "notes"
    assert faults(("x" * 9_999, "a")) == {}  # 500 times the median, and yet not long


# --- duplicates


def test_repeated_texts():
    kinds = faults(
        ("Same text", "a"), ("Same text", "a"), ("same  TEXT ", "a"), ("same text\u3000", "a"),
    )  # fmt: skip
    assert set(kinds) == {"duplicates", "near_duplicates"}
    assert kinds["duplicates"].examples == (("a.csv:43", "as a.csv:42"),)
    assert kinds["near_duplicates"].examples == (
        ("a.csv:44", "as a.csv:42"), ("a.csv:45", "as a.csv:42"),
    )  # fmt: skip
    assert {finding.severity for finding in kinds.values()} == {"notes"}
    many = faults(*[("Same text", "a")] * 6)
    assert (many["duplicates"].count, many["duplicates"].severity) == (5, "warns")


def test_texts_in_two_unicode_forms_are_the_same():
    kinds = faults(("한국 영화", "a"), ("\u1112\u1161\u11ab국 영화", "a"))
    assert kinds["near_duplicates"].examples == (("a.csv:43", "as a.csv:42"),)


def test_one_text_under_two_labels():
    kinds = faults(("Same text", "a"), ("same text", "b"), ("SAME text", "b"), ("other", "a"))
    assert kinds["contradictions"].count == 1
    assert kinds["contradictions"].severity == "warns"
    assert kinds["contradictions"].examples == (("a.csv:42", "'a', and 'b' at a.csv:43"),)
    assert kinds["near_duplicates"].count == 2


def test_one_text_under_two_sets_of_labels():
    rows = [(f"text {row}", ("a", "b") if row % 2 else ("a",)) for row in range(20)]
    kinds = found(examine({"train": examples(*rows, ("text 1", ("b",)), ("text 0", ("a",)))}))
    assert kinds["contradictions"].examples == (("a.csv:3", "'a', 'b', and 'b' at a.csv:22"),)


def test_a_contradiction_may_lie_between_two_files():
    test = examples(*good(name="b.csv"), ("Text number 1 of A.csv", "a"), name="b.csv")
    kinds = found(examine({"train": examples(*good()), "test": test}))
    assert kinds["contradictions"].examples == (("a.csv:3", "'b', and 'a' at b.csv:42"),)


def test_texts_shared_by_training_and_test():
    test = examples(*good(399, "b.csv"), ("TEXT number 7  of a.csv", "b"), name="b.csv")
    diagnosis = examine({"train": examples(*good()), "test": test})
    shared = found(diagnosis)["shared_with_test"]
    assert shared.severity == "warns"
    assert shared.what == "1 of 400 test texts is a training text too"
    assert shared.examples == (("b.csv:401", "as a.csv:9"),)
    assert not diagnosis.stops


def test_parts_of_one_name_are_told_apart():
    test = examples(*good(20), *good(20, "b.csv"), set_aside=[(99, "the text is empty")])
    kinds = found(examine({"train": examples(*good()), "test": test}))
    assert kinds["shared_with_test"].examples[0] == ("a.csv:2 (test)", "as a.csv:2")
    assert kinds["empty_texts"].examples == (("a.csv:99 (test)", ""),)


@pytest.mark.parametrize(("count", "severity"), [(400, "notes"), (100, "warns")])
def test_texts_shared_by_training_and_validation(count, severity):
    rows = [*good(2 * count), ("text number 7 of a.csv", "b")]
    held_back = np.array([*range(count + 1, 2 * count), 2 * count])
    kinds = found(examine({"train": examples(*rows)}, held_back=held_back))
    assert set(kinds) == {"shared_with_validation"}
    assert kinds["shared_with_validation"].what == (
        f"1 of {count} validation texts is a training text too"
    )
    assert kinds["shared_with_validation"].examples == ((f"a.csv:{2 * count + 2}", "as a.csv:9"),)
    assert kinds["shared_with_validation"].severity == severity


# --- labels


def test_labels_that_differ_in_case_space_or_form_only():
    labels = ["A", "b c", "bc", "\uff22c", "한"] * 10
    rows = [(f"new {row}", label) for row, label in enumerate(labels)]
    kinds = faults(*rows, ("last", "\u1112\u1161\u11ab"))
    variants = kinds["label_variants"]
    assert (variants.count, variants.severity) == (3, "warns")
    assert variants.examples == (
        ("a.csv:42", "'A' 10, 'a' 20"),
        ("a.csv:43", "'b c' 10, 'bc' 10, '\uff22c' 10"),
        ("a.csv:92", "'\u1112\u1161\u11ab' (decomposed) 1, '한' 10"),
    )


def test_small_classes():
    kinds = faults(*[(f"new {row}", "c") for row in range(9)], ("only", "d"))
    small = kinds["small_classes"]
    assert (small.count, small.severity) == (2, "warns")
    assert small.what == "2 classes have fewer than 10 rows"
    assert small.examples == (("a.csv:51", "'d' 1 row"), ("a.csv:42", "'c' 9 rows"))
    assert "small_classes" not in faults(*[(f"new {row}", "c") for row in range(10)])


def test_classes_without_training_or_validation_rows():
    rows = [(f"new {row}", "cd"[row < 10]) for row in range(20)]
    train = examples(*good(), *rows)
    held_back = np.array([0, 1, *range(40, 50)])
    kinds = found(examine({"train": train}, held_back=held_back))
    assert set(kinds) == {"no_training_rows", "no_validation_rows"}
    assert kinds["no_training_rows"].examples == (("a.csv:42", "'d' 10 rows"),)
    assert kinds["no_validation_rows"].examples == (("a.csv:52", "'c' 10 rows"),)
    assert not found(examine({"train": train}))  # no validation part, nothing to say about it


def test_labels_that_only_the_test_has():
    test = examples(*good(name="b.csv"), ("strange", "aa"), ("odd", "z"), name="b.csv")
    diagnosis = examine({"train": examples(*good()), "test": test})
    strange = found(diagnosis)["strange_labels_in_test"]
    assert diagnosis.stops
    assert strange.what == "2 labels of b.csv are not in the training data"
    assert strange.examples == (("b.csv:42", "'aa'; did you mean 'a'?"), ("b.csv:43", "'z'"))
    diagnosis = examine({"train": examples(*good()), "validation": test})
    assert found(diagnosis)["strange_labels_in_validation"].severity == "stops"


def test_unbalanced_classes():
    def unbalanced(most: int, least: int) -> Finding | None:
        rows = [(f"row {row}", "a" if row < most else "b") for row in range(most + least)]
        return found(examine({"train": examples(*rows)})).get("unbalanced")

    assert unbalanced(89, 11) is None
    assert unbalanced(90, 10).severity == "warns"
    assert unbalanced(90, 10).what == "90% of the rows are 'a' and 10.0% are 'b'"
    spread = [(f"row {row}", f"class {row % 5}") for row in range(500)]
    kinds = found(examine({"train": examples(*spread, *[(f"few {n}", "b") for n in range(10)])}))
    assert kinds["unbalanced"].severity == "notes"
    assert kinds["unbalanced"].count == 6


def test_one_class_only():
    diagnosis = examine({"train": examples(*[(f"row {row}", "a") for row in range(30)])})
    assert diagnosis.stops
    assert found(diagnosis)["one_class"].what == "all 30 rows have 'a'"


def test_no_rows():
    diagnosis = examine(
        {"train": examples(set_aside=[(2, "the text is empty")]), "test": examples()}
    )
    assert set(found(diagnosis)) == {"no_rows", "empty_texts"}
    assert diagnosis.stops
    assert (diagnosis.rows_in, diagnosis.rows_used) == (1, 0)


def test_a_column_that_holds_no_classes():
    kinds = found(examine({"train": examples(*[(f"row {row}", f"id {row}") for row in range(30)])}))
    assert set(kinds) == {"many_classes"}
    assert kinds["many_classes"].what == "there are 30 different labels in 30 rows"
    assert "--label" in kinds["many_classes"].advice


def test_rows_with_several_labels():
    rows = [(f"row {row}", ("a", "x") if row % 2 else ("x",)) for row in range(40)]
    kinds = found(examine({"train": examples(*rows)}))
    assert set(kinds) == {"labels_everywhere"}
    assert kinds["labels_everywhere"].examples == (("a.csv:2", "'x' 40 rows"),)
    diagnosis = examine({"train": examples(*rows, ("none", ()), ("none either", ()))})
    kinds = found(diagnosis)
    assert set(kinds) == {"no_label"}
    assert kinds["no_label"].severity == "notes"
    assert [where for where, _ in kinds["no_label"].examples] == ["a.csv:42", "a.csv:43"]
    assert diagnosis.parts[0].labels == {"a": 20, "x": 40}


# --- how it is told


def test_lines_are_what_stops_and_what_warns_the_gravest_first():
    test = examples(("strange", "z"), *good(name="b.csv"), name="b.csv")
    rows = [*good(), ("again", "a"), ("again", "a"), *[("un caf\ufffd", "a")] * 4]
    diagnosis = examine({"train": examples(*rows), "test": test})
    assert [finding.severity for finding in diagnosis.findings] == ["stops", "warns", "notes"]
    assert diagnosis.lines() == [
        "stops: 1 label of b.csv is not in the training data (b.csv:2); "
        "correct the label, leave its rows out, or add such rows to the training data",
        "warns: 4 texts with U+FFFD, which stands for characters that were lost "
        "(a.csv:44, a.csv:45, a.csv:46, ...); read the original again in its own encoding",
    ]
    assert diagnosis.counted("notes") == 1


def test_a_diagnosis_is_json():
    test = examples(*good(name="b.csv"), ("strange", "z"), name="b.csv")
    train = examples(*good(), set_aside=[(9, "the text is empty")])
    diagnosis = examine({"train": train, "test": test})
    document = json.loads(json.dumps(diagnosis.to_dict()))
    assert document["stops"] is True
    assert (document["rows_in"], document["rows_used"], document["rows_set_aside"]) == (82, 81, 1)
    assert document["parts"][0]["set_aside"] == {"the text is empty": 1}
    assert document["parts"][1]["labels"] == {"a": 20, "b": 20, "z": 1}
    first = document["findings"][0]
    assert first["kind"] == "strange_labels_in_test"
    assert first["examples"] == [{"where": "b.csv:42", "detail": "'z'"}]


# --- one pass, and little memory


class Stream(Sequence[str]):
    """Texts that exist only while they are read; no text can be asked for by its row."""

    def __init__(self, count: int, letters: int) -> None:
        self.count, self.letters, self.passes = count, letters, 0

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[str]:
        self.passes += 1
        for row in range(self.count):
            yield f"{row % (self.count - 19)} caf\xc3\xa9 \x00" + "x" * self.letters

    def __getitem__(self, row: object) -> str:
        raise AssertionError(f"row {row} was read out of order")


def test_texts_are_read_once_in_order_and_not_held():
    texts = Stream(2_000, 50_000)  # 100 MB in all
    stream = Examples("a", texts, ["a", "b"] * 1_000, "", lines=range(2_000), path=Path("a"))
    tracemalloc.start()
    diagnosis = examine({"train": stream}, held_back=np.arange(0, 2_000, 5))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert texts.passes == 1
    assert found(diagnosis)["control_characters"].count == 2_000
    assert found(diagnosis)["misread_characters"].count == 2_000
    assert "shared_with_validation" in found(diagnosis)
    assert peak < 2_000_000
