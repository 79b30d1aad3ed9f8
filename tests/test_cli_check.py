"""unrolled check: what it prints, and what it ends with."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import pytest

from unrolled import datasets
from unrolled.cli import main
from unrolled.datasets import Examples

KOREAN = "text,label\n이 영화는 정말 재미있었어요.,긍정\n시간이 아까웠다. 다시는 안 본다.,부정\n"


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(name: str, content: str | bytes) -> str:
        data = content if isinstance(content, bytes) else content.encode("utf-8")
        Path(name).write_bytes(data)
        return name

    return write


def table(count: int = 60, what: str = "film") -> str:
    rows = [
        f"{what} number {row} was as it was,{'good' if row % 2 else 'bad'}" for row in range(count)
    ]
    return "\n".join(["text,label", *rows]) + "\n"


def checked(capsys, *arguments: str, code: int) -> dict:
    assert main(["check", *arguments, "--json"]) == code
    printed = capsys.readouterr()
    assert printed.err == ""
    document = json.loads(printed.out)
    assert document["rows_in"] == document["rows_used"] + document["rows_set_aside"]
    assert document["stops"] is (code == 1)
    return document


def test_good_data(write, capsys):
    assert main(["check", write("a.csv", table(1000))]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[:3] == [
        "train: the file a.csv (text 'text', label 'label')",
        "  1,000 rows in = 1,000 used + 0 set aside",
        "  2 labels: 500 bad, 500 good",
    ]
    assert "tokens in a text: mean 7.0, median 7, 95% up to 7, longest 7" in lines
    assert re.search(r"^ +7  [█#]{40}  1,000$", printed.out, re.MULTILINE)
    assert lines[-1].startswith("nothing stops a run; 0 warnings, ")


def test_faults_are_printed_with_places_and_advice(write, capsys):
    rows = table(1000) + "film number 3 was as it was,bad\n,bad\nfilm,\nx y z,good\nx y z,good\n"
    write("test.csv", table(20, "show") + "Film number 3 was as it was,Good\n")
    write("valid.csv", table(20, "other"))
    arguments = ["--test", "test.csv", "--validation", "valid.csv"]
    assert main(["check", write("a.csv", rows), *arguments]) == 1
    out = capsys.readouterr().out
    assert (
        "  1,005 rows in = 1,003 used + 2 set aside "
        "(1 because the text is empty, 1 because the label is missing)\n" in out
    )
    assert (
        "stops  1 label of test.csv is not in the training data\n"
        "       test.csv:22  'Good'; did you mean 'good'?\n"
        "       -> correct the label" in out
    )
    assert (
        "warns  1 text has different labels in different rows\n       a.csv:5  'good', and" in out
    )
    assert (
        "warns  1 of 21 test texts is a training text too\n       test.csv:22  as a.csv:5\n" in out
    )
    assert (
        "notes  2 rows repeat the text of a row before them\n"
        "       a.csv:1002  as a.csv:5\n"
        "       a.csv:1006  as a.csv:1005\n"
        "       -> keep one" in out
    )
    assert "\n1 finding would stop a run; " in out


def test_every_sum_and_finding_is_in_the_json(write, capsys):
    path = write("a.csv", table() + ",bad\n")
    document = checked(capsys, path, "--set", "text.maxlen=3", code=0)
    assert (document["rows_in"], document["rows_used"], document["rows_set_aside"]) == (61, 60, 1)
    assert document["parts"][0]["labels"] == {"bad": 30, "good": 30}
    kinds = {finding["kind"]: finding for finding in document["findings"]}
    assert kinds["empty_texts"]["examples"] == [{"where": "a.csv:62", "detail": ""}]
    assert kinds["cut_texts"]["count"] == 60
    assert document["lengths"]["count"] == 60
    assert document["plot"] == []


def test_the_split_is_that_of_the_recipe(write, capsys):
    path = write("a.csv", table() + "".join(f"copy,{label}\n" for label in ["good", "bad"] * 10))
    for fraction, count in ((0.5, 40), (0.25, 20)):
        document = checked(
            capsys, path, "--set", f"training.validation_fraction={fraction}", code=0
        )
        (shared,) = [f for f in document["findings"] if f["kind"] == "shared_with_validation"]
        assert f"of {count} validation texts" in shared["what"]


def test_validation_of_its_own(write, capsys):
    write("v.csv", table(20, "show") + "film number 3 was as it was,good\n")
    document = checked(capsys, write("a.csv", table()), "--validation", "v.csv", code=0)
    (shared,) = [f for f in document["findings"] if f["kind"] == "shared_with_validation"]
    assert shared["what"] == "1 of 21 validation texts is a training text too"


def test_several_labels(write, capsys):
    rows = [
        "text,tags",
        *(f"text {row},{'a|b' if row % 2 else 'b' if row % 3 else ''}" for row in range(60)),
    ]
    path = write("a.csv", "\n".join(rows) + "\n")
    document = checked(capsys, path, "--label", "tags", "--label-separator", "|", code=0)
    assert document["parts"][0]["labels"] == {"a": 30, "b": 50}
    assert [f["count"] for f in document["findings"] if f["kind"] == "no_label"] == [10]


def test_data_stats_counts_each_of_several_labels(write, capsys):
    lines = [f"__label__{'a __label__b' if row % 2 else 'b'} text {row}" for row in range(10)]
    path = write("a.txt", "\n".join(lines) + "\n")
    assert main(["data", "stats", path, "--out", "drawn", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == {"a": 5, "b": 10}
    path = write("a.csv", "text,label\nx,a|b\ny,b\nz,\nw,a\nv,a\n")
    assert main(["data", "stats", path, "--label-separator", "|", "--out", "drawn"]) == 0
    assert "3 a, 2 b; 5 different words" in capsys.readouterr().out


def test_the_lengths_are_drawn(write, capsys, tmp_path):
    document = checked(capsys, write("a.csv", table()), "--plot", "drawn/a.png", code=0)
    assert document["plot"] == ["drawn/a.png", "drawn/a.svg"]
    assert Path("drawn/a.png").read_bytes().startswith(b"\x89PNG")
    assert main(["check", "a.csv", "--plot", "b.svg"]) == 0
    assert "histogram b.png and b.svg" in capsys.readouterr().out
    assert Path("b.svg").exists()
    assert main(["check", "a.csv", "--plot", "b.pdf"]) == 2
    assert "b.pdf: the plot is a .png or an .svg file" in capsys.readouterr().err


# --- files that no run can use


@pytest.mark.parametrize(
    ("name", "content", "kind", "words"),
    [
        ("a.csv", "text,label\n", "unreadable", "no rows"),
        ("a.csv", "", "unreadable", "empty"),
        ("a.csv", "text,label\nonly,one\n", "unreadable", "rows have the label 'one'"),
        ("a.csv", "text,label\na,b\nc,d,e\n", "unreadable", "the row has 3 fields"),
        ("a.csv", "a,b,c\nx,y,z\n", "unreadable", "no text column among"),
        ("a.csv", "text,label\na,good\n!,bad\n", "", ""),
        ("a.csv", "text,label\n.,good\n!,bad\n", "unusable", "no word"),
        ("a.jsonl", '{"text": "a"\n', "unreadable", "not JSON"),
        ("a.txt", "just text\n", "unreadable", "needs a label"),
        ("a.parquet", b"PAR1 damaged", "unreadable", "not a Parquet file"),
        ("a.csv", b"\x1f\x8b\x08\0\0binary\n", "undecodable", "not UTF-8"),
        ("a.csv", b"PK\x03\x04 a,b\n", "unreadable", "a zip archive"),
        ("a.csv", KOREAN.encode("cp949"), "undecodable", "looks like CP949"),
        ("a.csv", KOREAN.encode("utf-16"), "undecodable", "looks like UTF-16"),
        ("a.csv", KOREAN.encode("utf-16-le"), "undecodable", "looks like UTF-16LE"),
        ("a.csv", b"text,label\ncaf\xe9,a\nna\xefve,b\n", "undecodable", "2 lines of a.csv"),
    ],
)  # fmt: skip
def test_a_file_that_stops_a_run(write, capsys, name, content, kind, words):
    arguments = [write(name, content), "--set", "text.tokenizer=keras", "--set", "text.min_count=1"]
    document = checked(capsys, *arguments, code=1 if kind else 0)
    stops = [finding for finding in document["findings"] if finding["severity"] == "stops"]
    assert [finding["kind"] for finding in stops] == ([kind] if kind else [])
    if kind:
        assert words in stops[0]["what"]
        assert "\n" not in stops[0]["what"] + stops[0]["advice"]
        assert main(["check", *arguments]) == 1
        assert f"stops  {stops[0]['what']}\n" in capsys.readouterr().out


def test_every_file_that_cannot_be_read_is_named(write, capsys):
    write("b.csv", KOREAN.encode("cp949"))
    document = checked(capsys, write("a.csv", "text,label\n"), "--test", "b.csv", code=1)
    assert [finding["kind"] for finding in document["findings"]] == ["unreadable", "undecodable"]
    write("a.csv", table())
    document = checked(capsys, "a.csv", "--test", "b.csv", code=1)
    assert document["findings"][0]["examples"][0] == {"where": "b.csv:2", "detail": "byte 0xc0"}
    assert [part["part"] for part in document["parts"]] == ["train"]


def test_a_line_of_ten_megabytes(write, capsys):
    path = write("a.csv", table() + f"{'word ' * 2_000_000},good\n")
    document = checked(capsys, path, code=0)
    kinds = {finding["kind"]: finding for finding in document["findings"]}
    assert kinds["endless_texts"]["examples"][0]["where"] == "a.csv:62"
    assert document["lengths"]["longest"] == 2_000_000


def test_a_built_in_test_set_is_the_test_split(capsys, monkeypatch):
    class Films:
        @staticmethod
        def load_examples(split: str) -> Examples:
            texts = [f"{split} film number {row}" for row in range(30)]
            return Examples("films", texts, ["good", "bad"] * 15, f"the {split} films")

    monkeypatch.setattr(datasets, "BUILT_IN", {"films": "films"})
    monkeypatch.setitem(sys.modules, "films", Films)
    document = checked(capsys, "films", "--test", "films", code=0)
    assert [part["source"] for part in document["parts"]] == ["the train films", "the test films"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["gone.csv"],
        ["gone.parquet"],
        ["a.csv", "--test", "gone.csv"],
        ["a.xlsx"],
        ["imbd"],
        ["imdb", "--label", "y"],
        ["a.csv", "--recipe", "smal"],
        ["a.csv", "--set", "text.maxlength=3"],
        [],
    ],
)
def test_a_wrong_command_is_exit_2(write, capsys, arguments):
    write("a.csv", table())
    write("a.xlsx", table())
    assert main(["check", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err


def test_nothing_in_a_file_steers_the_terminal(write, capsys):
    rows = table() + "red \x1b[31m,b\x1b[0m\nred \x1b[31m,other\nbell \x07,b\x1b[0m\n"
    assert main(["check", write("a\x1b[31m.csv", rows)]) == 0
    out = capsys.readouterr().out
    assert "\\x1b[31m" in out
    assert "\x1b" not in out
    assert "\x07" not in out


def test_25_000_reviews_take_less_than_five_seconds(capsys):
    begin = time.process_time()
    assert main(["check", "imdb"]) == 0
    seconds = time.process_time() - begin
    out = capsys.readouterr().out
    assert "25,000 rows in = 25,000 used + 0 set aside" in out
    assert "2 texts with control characters" in out
    assert seconds < 5
