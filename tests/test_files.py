"""Labelled files of every kind, good and bad: each problem is one line that names its place."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import polars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unrolled import datasets
from unrolled.datasets import Examples
from unrolled.datasets.files import SUFFIXES, load_file, read_texts
from unrolled.errors import DataError

KEEP_FOLDER = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def write(tmp_path):
    def write(content: str | bytes, name: str = "reviews.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return write


def rows(examples: Examples) -> list[tuple[int, str, str]]:
    assert examples.lines is not None
    return list(zip(examples.lines, examples.texts, examples.labels, strict=True))


def refusal(path: Path, text: str | None = None, label: str | None = None) -> str:
    """The message of the DataError, which is one line and begins with the path."""
    with pytest.raises(DataError) as caught:
        load_file(path, text=text, label=label)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 700
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


def check_read_or_refused(read: Callable[[Path], object], path: Path) -> None:
    message = str(path)
    try:
        read(path)
    except DataError as error:
        message = str(error)
    assert message.startswith(str(path))
    assert "\n" not in message


GOOD = "text,label\ngood film,pos\nbad film,neg\n"


# --- csv


def test_csv_knows_the_first_line_of_each_row(write):
    path = write('text,label\n"two\nlines, ""quoted""",pos\n\n bad ,neg\r\nlast,pos')
    examples = load_file(path)
    assert rows(examples) == [
        (2, 'two\nlines, "quoted"', "pos"), (5, " bad ", "neg"), (6, "last", "pos"),
    ]  # fmt: skip
    assert examples.where(1) == "reviews.csv:5"
    assert examples.name == "reviews.csv"
    assert examples.source == "the file reviews.csv (text 'text', label 'label')"
    assert examples.set_aside == []


@KEEP_FOLDER
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0\r")).filter(str.strip),
        min_size=2,
        max_size=6,
    )
)
def test_csv_gives_back_what_was_written_and_true_lines(tmp_path, texts):
    path = tmp_path / "any.csv"
    labels = [str(index) for index in range(len(texts))]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([("text", "label"), *zip(texts, labels, strict=True)])
    examples = load_file(path)
    assert list(examples.texts) == texts
    assert list(examples.labels) == labels
    lines = path.read_text(encoding="utf-8").split("\n")
    for line, text in zip(examples.lines, texts, strict=True):
        start = lines[line - 1].removeprefix('"').replace('""', '"')
        assert start.startswith(text.split("\n")[0])


def test_csv_of_other_delimiters(write):
    for sign in ";\t":
        path = write(GOOD.replace(",", sign))
        assert rows(load_file(path)) == [(2, "good film", "pos"), (3, "bad film", "neg")]


def test_a_byte_order_mark_of_utf_8_is_no_part_of_the_header(write):
    examples = load_file(write(b"\xef\xbb\xbf" + GOOD.encode()))
    assert examples.source == "the file reviews.csv (text 'text', label 'label')"
    assert examples.labels == ["pos", "neg"]


def test_rows_with_the_wrong_number_of_fields(write):
    message = refusal(write("text,label\ngood,pos\na, b,neg\n"))
    assert message.startswith(":3: the row has 3 fields where the header has 2")
    assert "double quotes" in message
    assert refusal(write('text,label\n"two\nlines",pos\nshort\n')).startswith(":4: the row has 1 ")


def test_quotes_that_go_wrong(write):
    path = write('text,label\ngood,pos\n"never closed,neg\nmore,pos\nlast,neg\n')
    assert refusal(path).startswith(":3: a double quote opens a field")
    path = write('text,label\ngood,pos\n"said "hi" to me",neg\n')
    assert refusal(path).startswith(":3: a quoted field goes on after its closing quote")


def test_a_line_of_ten_megabytes_works_and_the_limit_of_the_process_stays(write):
    limit = csv.field_size_limit()
    text = "word " * 2_000_000
    for name, content in (
        ("a.csv", f'text,label\n"{text}",pos\nx,neg\n'),
        ("a.tsv", f"text\tlabel\n{text}\tpos\nx\tneg\n"),
        ("a.jsonl", f'{{"text": "{text}", "label": "a"}}\n{{"text": "x", "label": "b"}}\n'),
        ("a.txt", f"__label__pos {text}\n__label__neg x\n"),
    ):
        assert load_file(write(content, name)).texts[0] == text
    assert csv.field_size_limit() == limit
    for name, content in (("b.csv", f"{text},label\n"), ("b.jsonl", "[" * 1_000_000)):
        refusal(write(content, name))  # which checks that the message is short


# --- columns


@pytest.mark.parametrize(
    ("header", "text", "label"),
    [
        ("text,label", 0, 1),
        ("id,Review,SENTIMENT", 1, 2),
        (" Text , Label ", 0, 1),
        ("category,title,description", 2, 0),
        ("title,class", 0, 1),
        ("y,x", 1, 0),
        ("texts,labels", 0, 1),
        ("id,document,label", 1, 2),
        ("text,whatever", 0, 1),
        ("review text,stars", 0, 1),
    ],
)
def test_obvious_columns_are_found(write, header, text, label):
    values = [[f"c{column} r{row}" for column in range(header.count(",") + 1)] for row in (1, 2)]
    examples = load_file(write("\n".join([header, *(",".join(row) for row in values)])))
    assert examples.texts == [row[text] for row in values]
    assert examples.labels == [row[label] for row in values]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("review,comment,label", ["the text could be 'review' or 'comment'", "--text"]),
        ("text,Text,label", ["'text' or 'Text'", "--text"]),
        ("text,label,category", ["the label could be 'label' or 'category'", "--label"]),
        ("text,a,b", ["no label column among 'text', 'a', 'b'", "--label"]),
        ("a,b", ["no text column among 'a', 'b'", "--text"]),
        ("id,text", ["no label column among 'id', 'text'", "--label"]),
        ("text", ["no label column among 'text'", "--label"]),
        (",".join(f"c{n}" for n in range(99)), ["'c11' and 87 more"]),
    ],
)
def test_columns_that_are_not_obvious_are_asked_for(write, header, words):
    message = refusal(write(f"{header}\n" + ",".join("x" for _ in header.split(",")) + "\n"))
    assert message.startswith(":1: ")
    for word in words:
        assert word in message


def test_columns_can_be_named(write):
    path = write("review,comment,label,class\na,b,c,d\ne,f,g,h\n")
    assert rows(load_file(path, text="comment", label="CLASS")) == [(2, "b", "d"), (3, "f", "h")]
    assert rows(load_file(write("a,b\n1,x\n2,y\n"), label="b")) == [(2, "1", "x"), (3, "2", "y")]
    assert load_file(write("a,b\n1,x\n2,y\n"), text="b").labels == ["1", "2"]
    assert load_file(write("review,text,n\n1,x,0\n2,y,1\n"), text="text", label="review")
    path = write("review,comment,label,class\na,b,c,d\n")
    message = refusal(path, label="clas")
    assert "no column 'clas' among 'review', 'comment'" in message
    assert "did you mean 'class'?" in message
    assert "cannot be both" in refusal(path, text="class", label="class")
    assert "2 columns are called 'a'" in refusal(write("a,a,b\n1,2,3\n"), text="a", label="b")


# --- tsv


def test_tsv_with_loose_quotes_has_a_row_on_each_line(write):
    path = write('id\tdocument\tlabel\n1\t"so\t0\n2\t5" tall\t1\n3\t"all ""of"" it"\t1\n', "a.tsv")
    assert rows(load_file(path)) == [(2, '"so', "0"), (3, '5" tall', "1"), (4, 'all "of" it', "1")]


def test_tsv_with_tabs_and_new_lines_in_quotes(write):
    path = write('text\tlabel\n"a\tb\t\n""c"\tpos\nd\tneg\n', "a.tsv")
    assert rows(load_file(path)) == [(2, 'a\tb\t\n"c', "pos"), (4, "d", "neg")]


def test_tsv_that_can_be_read_in_two_ways_is_refused(write):
    path = write('text\tlabel\nfine\t1\n"so bad\t0\nso good"\t1\n', "a.tsv")
    message = refusal(path)
    assert message.startswith(":4: the line is a row, or goes on with the quoted field")


def test_tsv_errors_are_those_of_the_reading_that_gets_further(write):
    loose = write('text\tlabel\n"so\t0\n"ok" yes\t1\nno label\n', "a.tsv")
    assert refusal(loose).startswith(":4: the row has 1 fields")
    assert "a tab" in refusal(loose)
    quoted = write('text\tlabel\n"a\nb"\t0\nc\t1\nno label\n', "a.tsv")
    assert refusal(quoted).startswith(":5: the row has 1 fields")


# --- JSON lines


def test_json_lines(write):
    path = write(
        '{"text": "caf\\u00e9 \u2028 \x85 \\u0000", "label": true}\n\n'
        '{"label": false, "text": "half \\ud83d", "id": {"a": 1}}\r\n',
        "a.jsonl",
    )
    examples = load_file(path)
    assert rows(examples) == [(1, "café \u2028 \x85 \0", "true"), (3, "half \ufffd", "false")]
    assert examples.texts[1].encode("utf-8")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"text": "x", "label" 1}', "not JSON: Expecting ':' delimiter, column 23"),
        ("[" * 100_000, "not JSON"),
        ("1" * 5000, "not JSON"),
        ('"text"', "not a JSON object"),
        ('{"text": 3, "label": 1}', "the text is a number, not a string"),
        ('{"text": ["x"], "label": 1}', "the text is a list"),
        ('{"text": "x", "label": [["a"], "b"]}', "a label is a list; a row needs a label, or"),
        ('{"text": "x", "label": {"a": 1}}', "a label is a dict"),
    ],
)
def test_json_lines_that_cannot_be_used(write, line, words):
    path = write(f'{{"text": "good", "label": 0}}\n\n{line}\n', "a.ndjson")
    message = refusal(path)
    assert message.startswith(":3: ")
    assert words in message


def test_json_rows_without_text_or_label_are_set_aside(write):
    lines = [{"text": "a", "label": 1}, {"text": "b"}, {"label": 0}, {"text": "c", "label": None}]
    lines += [{"text": None, "label": 1}, {"text": "d", "label": float("nan")}]
    lines += [{"text": "e", "label": 0.0}]
    examples = load_file(write("\n".join(map(json.dumps, lines)), "a.jsonl"))
    assert rows(examples) == [(1, "a", "1"), (7, "e", "0")]
    assert examples.set_aside == [
        (2, "the label is missing"), (3, "the text is empty"), (4, "the label is missing"),
        (5, "the text is empty"), (6, "the label is missing"),
    ]  # fmt: skip


# --- Parquet


def parquet(folder: Path, **columns: list[object]) -> Path:
    polars.DataFrame(columns).write_parquet(folder / "a.parquet")
    return folder / "a.parquet"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([1, 0], ["1", "0"]),
        ([1.0, 0.5], ["1", "0.5"]),
        ([True, False], ["true", "false"]),
        ([" a ", "b"], ["a", "b"]),
    ],
)
def test_parquet(tmp_path, labels, expected):
    path = parquet(tmp_path, id=[7, 8], review=["x", "y"], label=labels)
    assert rows(load_file(path)) == [(1, "x", expected[0]), (2, "y", expected[1])]


def test_parquet_rows_can_be_empty_and_categories_are_labels(tmp_path):
    path = tmp_path / "a.parquet"
    frame = polars.DataFrame({"text": ["x", None, "y", "z"], "label": ["a", "b", None, "c"]})
    frame.with_columns(polars.col("label").cast(polars.Categorical)).write_parquet(path)
    examples = load_file(path)
    assert rows(examples) == [(1, "x", "a"), (4, "z", "c")]
    assert examples.set_aside == [(2, "the text is empty"), (3, "the label is missing")]


def test_parquet_problems(tmp_path):
    assert "no label column among" in refusal(parquet(tmp_path, text=["x"], other=[1], n=[2]))
    assert ":1: the text is a number" in refusal(parquet(tmp_path, text=[1, 2], label=[1, 2]))
    assert "no rows" in refusal(parquet(tmp_path, text=[], label=[]))


def test_damaged_parquet_is_a_data_error(tmp_path):
    path = parquet(
        tmp_path, text=[f"text {n}" for n in range(50)], label=[n % 2 for n in range(50)]
    )
    good = path.read_bytes()
    for end in (0, 1, 4, len(good) // 3, len(good) - 9, len(good) - 1):
        path.write_bytes(good[:end])
        assert "not a Parquet file" in refusal(path)
    for position in range(0, len(good), 7):
        path.write_bytes(good[:position] + bytes([good[position] ^ 0xFF]) + good[position + 1 :])
        check_read_or_refused(load_file, path)  # a flipped byte may leave the file readable


# --- fastText


def test_fasttext_lines(write):
    path = write("__label__pos good  film\n\n__label__very-neg\tbad film\r\n", "a.txt")
    examples = load_file(path)
    assert rows(examples) == [(1, "good  film", "pos"), (3, "bad film", "very-neg")]
    assert examples.source == "the file a.txt (fastText lines)"


def test_fasttext_lines_without_text_or_label_are_set_aside(write):
    path = write("__label__a one\nno label\n__label__b\n__label__ none\n__label__b two\n", "a.txt")
    examples = load_file(path)
    assert rows(examples) == [(1, "one", "a"), (5, "two", "b")]
    assert examples.set_aside == [
        (2, "the label is missing"), (3, "the text is empty"), (4, "the label is missing"),
    ]  # fmt: skip


def test_plain_text_has_no_labels_and_lines_no_columns(write):
    assert refusal(write("just\ntext\n", "a.txt")).startswith(":1: a .txt file needs a label")
    path = write("__label__a one\n__label__b two\n", "a.txt")
    assert "--text and --label" in refusal(path, text="text")
    assert "--text and --label" in refusal(path, label="label")
    with pytest.raises(DataError, match="leave out --label-separator"):
        load_file(path, label_separator="|")


# --- several labels


def test_fasttext_lines_with_several_labels_make_every_row_have_a_tuple(write):
    path = write("__label__b __label__a two\n__label__a one\nnone\n__label__b\n", "a.txt")
    examples = load_file(path)
    assert rows(examples) == [(1, "two", ("a", "b")), (2, "one", ("a",)), (3, "none", ())]
    assert examples.set_aside == [(4, "the text is empty")]
    assert examples.multi_label


def test_fasttext_labels_count_wherever_they_stand(write):
    path = write("__label__b in the\t__label__a  middle, my__label__c\nx __label__b\n", "a.txt")
    with pytest.raises(DataError, match="needs a label in front"):
        load_file(write("x __label__b\n", "b.txt"))
    assert rows(load_file(path)) == [
        (1, "in the\tmiddle, my__label__c", ("a", "b")),
        (2, "x ", ("b",)),
    ]
    assert read_texts(path) == ["in the\tmiddle, my__label__c", "x "]


def test_a_separator_stands_between_the_labels_of_a_row(write, tmp_path):
    path = write("text,label\nx, b | a |b\ny,\nz,a\n ,a\n")
    examples = load_file(path, label_separator="|")
    assert rows(examples) == [(2, "x", ("a", "b")), (3, "y", ()), (4, "z", ("a",))]
    assert examples.set_aside == [(5, "the text is empty")]
    assert datasets.load(path, label_separator="|").labels == examples.labels
    assert load_file(path).labels == ["b | a |b", "a"]
    path = parquet(tmp_path, text=["x", "y", "z"], label=["a, b", None, "b"])
    examples = load_file(path, label_separator=",")
    assert rows(examples) == [(1, "x", ("a", "b")), (3, "z", ("b",))]
    assert examples.set_aside == [(2, "the label is missing")]


def test_lists_of_labels(write, tmp_path):
    lines = [{"text": "x", "label": "a"}, {"text": "y", "label": ["b", 1.0, "a", "", None]}]
    lines += [{"text": "z", "label": []}, {"text": "none", "label": None}]
    examples = load_file(write("\n".join(map(json.dumps, lines)), "a.jsonl"))
    assert rows(examples) == [(1, "x", ("a",)), (2, "y", ("1", "a", "b")), (3, "z", ())]
    assert examples.set_aside == [(4, "the label is missing")]
    path = parquet(tmp_path, text=["x", "y", "z"], label=[["b", "a"], None, []])
    assert rows(load_file(path)) == [(1, "x", ("a", "b")), (3, "z", ())]


def test_rows_with_several_labels_must_differ_in_them(write):
    same = write("__label__a __label__b x\n__label__b __label__a y\n", "a.txt")
    assert "all 2 rows have the same labels, 'a', 'b'" in refusal(same)
    with pytest.raises(DataError, match="none of the 2 rows has a label"):
        load_file(write("text,label\nx,\ny,|\n"), label_separator="|")
    with pytest.raises(DataError, match="the label separator is empty"):
        load_file(write(GOOD), label_separator="")


# --- what is left


def test_rows_without_text_or_label_are_set_aside_with_their_lines(write):
    path = write('text,label\ngood,pos\n"",neg\n"\n \t",neg\nbad,neg\nmore, \n')
    examples = load_file(path)
    assert rows(examples) == [(2, "good", "pos"), (6, "bad", "neg")]
    assert examples.set_aside == [
        (3, "the text is empty"), (4, "the text is empty"), (7, "the label is missing"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("text,label\n,pos\n ,neg\n", "every text is empty, from line 2 to 3"),
        ("text,label\ngood,\nbad,\n", "every label is missing, from line 2 to 3"),
        ("text,label\ngood,\n,neg\n", "every row is without a text or without a label"),
        ("text,label\ngood,pos\nbad,pos\n", "all 2 rows have the label 'pos'"),
        ("text,label\n", "no rows"),
        ("", "the file is empty"),
        ("\ufeff \n\n", "the file is empty"),
    ],
)
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_too_little_is_left(write, content, words, name):
    content = content if name == "a.csv" else content.replace(",", "\t")
    assert words in refusal(write(content, name))


def test_more_than_two_classes(write):
    path = write("text,label\na,1\nb,2\nc,3\nd,2\n")
    assert load_file(path).label_counts == {"1": 1, "2": 2, "3": 1}


# --- files that are not what they should be


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.txt"])
@pytest.mark.parametrize(
    ("content", "start", "words"),
    [
        (b"text,label\nab\0cd,x\n", ":2: binary data", "position 13"),
        (b"text,label\ncaf\xe9,x\n", ":2: not UTF-8: byte 0xe9", "position 14"),
        (b"\xef\xbb\xbftext\ncaf\xc3", ":2: not UTF-8: byte 0xc3", "position 11"),
        ("\ufefftext,label\n".encode("utf-16-le"), ":1: the file is in UTF-16", "UTF-8"),
        ("\ufefftext,label\n".encode("utf-16-be"), ":1: the file is in UTF-16", "UTF-8"),
        ("\ufefftext,label\n".encode("utf-32-le"), ":1: the file is in UTF-32", "UTF-8"),
        (b"\x1f\x8b\x08\0\0", ":1: the file is compressed with gzip", "unpack"),
        (b"PK\x03\x04\x14\0", ":1: the file is a zip archive or a spreadsheet", "CSV"),
        (b"PAR1\x15\0", ":1: the file is a Parquet file", ".parquet"),
    ],
)
def test_what_is_not_utf_8_text(write, name, content, start, words):
    message = refusal(write(content, name))
    assert message.startswith(start)
    assert words in message


def test_a_folder_in_place_of_a_file(tmp_path):
    (tmp_path / "a.csv").mkdir()
    (tmp_path / "plain").mkdir()
    for name in ("a.csv", "plain"):
        assert refusal(tmp_path / name) == ": is a folder; name a file in it"


def test_a_missing_file(write, tmp_path):
    path = write(GOOD)
    assert refusal(tmp_path / "review.csv") == f": there is no such file; did you mean {path}?"
    assert refusal(tmp_path / "zz.tsv") == ": there is no such file"
    assert f"no folder {tmp_path / 'none'}" in refusal(tmp_path / "none" / "a.csv")
    assert "there is no such file" in refusal(path / "inside.csv")
    assert "cannot be read" in refusal(tmp_path / ("long" * 100 + ".csv"))


@pytest.mark.parametrize("name", ["a.json", "a.xlsx", "a", "a.csv.gz"])
def test_an_unknown_suffix(write, name):
    message = refusal(write(GOOD, name))
    assert all(suffix in message for suffix in SUFFIXES)


def test_the_suffix_may_be_in_capital_letters(write):
    assert len(load_file(write(GOOD, "A.CSV"))) == 2


def test_a_file_that_may_not_be_read(write, monkeypatch):
    path = write(GOOD)

    def refuse(self: Path, *arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    assert refusal(path) == ": cannot be read: Permission denied"


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.parquet"])
def test_a_file_without_permissions(write, name):
    path = write(GOOD, name)
    path.chmod(0)
    assert "ermission denied" in refusal(path)


@KEEP_FOLDER
@given(st.binary(max_size=60), st.sampled_from([*SUFFIXES, ""]))
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path, data, suffix):
    path = tmp_path / f"any{suffix}"
    for start in (b"", b"text\tlabel\n", b"text,label\n", b'{"text": "a", "label": 1}\n'):
        path.write_bytes(start + data)
        for read in (load_file, read_texts):
            check_read_or_refused(read, path)


# --- texts to predict


def test_texts_of_plain_files_keep_their_places(write):
    assert read_texts(write("one\n\n two\u2028\x0b \r\nthree", "a.txt")) == [
        "one", "", " two\u2028\x0b ", "three",
    ]  # fmt: skip
    assert read_texts(write("__label__a one\n__label__b __label__c two\n", "a.txt")) == [
        "one", "two",
    ]  # fmt: skip


def test_texts_of_tables(write, tmp_path):
    assert read_texts(write("id,review\n1,a\n2,\n3,c\n")) == ["a", "", "c"]
    assert read_texts(write("anything\na\nb\n")) == ["a", "b"]
    assert read_texts(write("label,anything\n1,a\n2,b\n")) == ["a", "b"]
    assert read_texts(write("a,b,c\n1,2,3\n"), text="b") == ["2"]
    assert read_texts(write('{"text": "a"}\n{"n": 1}\n', "a.jsonl")) == ["a", ""]
    assert read_texts(parquet(tmp_path, sentence=["a", None])) == ["a", ""]


def test_texts_that_cannot_be_read(write):
    for path, text, words in (
        (write("a,b,c\n1,2,3\n"), None, "no text column among 'a', 'b', 'c'"),
        (write("one\n", "a.txt"), "text", "leave out --text"),
        (write('{"text": 1}\n', "a.jsonl"), None, "a.jsonl:1: the text is a number"),
        (write("", "b.txt"), None, "empty"),
    ):
        with pytest.raises(DataError, match=re.escape(words)):
            read_texts(path, text=text)


# --- load


def test_load_takes_a_path_or_a_built_in_name(write, monkeypatch):
    path = write(GOOD)
    for data in (path, str(path)):
        assert datasets.load(data).labels == ["pos", "neg"]
    assert datasets.load(path, text="label", label="text").labels == ["good film", "bad film"]

    class Built:
        @staticmethod
        def load_examples(split: str) -> Examples:
            return Examples(name="imdb", texts=["a"], labels=[split], source="")

    monkeypatch.setitem(sys.modules, "unrolled.datasets.imdb", Built)
    assert datasets.load("imdb").labels == ["train"]
    assert datasets.load("imdb", split="test").labels == ["test"]
    with pytest.raises(DataError, match="leave out --text and --label"):
        datasets.load("imdb", label="y")
    with pytest.raises(DataError, match="no --label-separator"):
        datasets.load("imdb", label_separator="|")


def test_load_suggests_the_nearest_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"imbd: no file and no .* did you mean 'imdb'"):
        datasets.load("imbd")
    with pytest.raises(DataError, match="built in: imdb"):
        datasets.load("zzz")
    (tmp_path / "imdbs").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        datasets.load("imdbs")


def test_every_built_in_name_has_its_module():
    for module in datasets.BUILT_IN.values():
        assert importlib.util.find_spec(module)
