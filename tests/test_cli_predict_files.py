"""``unrolled predict`` on many files: a folder with a file for each, interrupted or not."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import polars
import pytest

from unrolled.cli import main
from unrolled.cli.predict_files import _Told
from unrolled.datasets.stream import RowStream
from unrolled.model import TextClassifier
from unrolled.recipe import load_recipe

WORDS = ["wonderful", "warm", "funny", "lovely", "dull", "slow", "boring", "awful"]
ROWS = (450, 0, 230, 100)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A model, and a folder of files of every kind."""
    place = tmp_path_factory.mktemp("shop")
    recipe = load_recipe("small", ["training.epochs=2"])
    TextClassifier(recipe).fit(WORDS * 20, (["good"] * 4 + ["bad"] * 4) * 20).save(place / "model")
    (place / "in").mkdir()
    draw = random.Random(0)
    for number, count in enumerate(ROWS):
        texts = [f"{draw.choice(WORDS)} {row}" for row in range(count)]
        frame = polars.DataFrame({"text": polars.Series(texts, dtype=polars.String)})
        frame.write_parquet(place / "in" / f"part-{number}.parquet")
    frame.write_csv(place / "in" / "more.csv")
    frame.write_ndjson(place / "in" / "more.jsonl")
    (place / "in" / "lines.txt").write_text("fine\n\nawful film\n")
    for ignored in ("_SUCCESS", ".hidden.csv", "notes.md"):
        (place / "in" / ignored).write_text("no texts")
    return place


@pytest.fixture
def place(shop, tmp_path, monkeypatch):
    """A copy of the shop, in which the test runs, with chunks of 100 rows."""
    monkeypatch.chdir(shutil.copytree(shop, tmp_path / "shop"))
    monkeypatch.setitem(RowStream.chunks.__kwdefaults__, "size", 100)
    return Path()


def predict(*options: str) -> int:
    return main(["predict", "model", *options])


def contents(folder: str) -> dict[str, bytes]:
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


# --- what is written


def test_a_folder_has_the_file_that_each_file_alone_would_have(place, capsys):
    assert predict("--input", "in", "--output", "out", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    written = contents("out")
    mark = json.loads(written.pop("_SUCCESS"))
    assert mark["files"] == sorted(written) == [
        "lines.txt", "more.csv", "more.jsonl",
        "part-0.parquet", "part-1.parquet", "part-2.parquet", "part-3.parquet",
    ]  # fmt: skip
    rows = sum(ROWS) + 203
    assert document["texts"] == mark["rows"] == sum(document["labels"].values()) == rows
    for name in written.keys() - {"part-1.parquet"}:
        assert predict("--input", f"in/{name}", "--output", name) == 0
        assert Path(name).read_bytes() == written[name]
    columns = polars.read_parquet_schema("out/part-0.parquet")
    assert polars.read_parquet_schema("out/part-1.parquet") == columns  # which has no rows
    assert len(polars.read_parquet("out/part-1.parquet")) == 0


def test_a_pattern_names_files_in_folders(place):
    for folder in ("in/a", "in/b/c"):
        Path(folder).mkdir(parents=True)
        shutil.copy("in/more.csv", folder)
    assert predict("--input", "in/**/*.csv", "--output", "out") == 0
    assert json.loads(contents("out")["_SUCCESS"])["files"] == [
        "a/more.csv", "b/c/more.csv", "more.csv",
    ]  # fmt: skip
    assert predict("--input", "in/part-[02].parquet", "--output", "some") == 0
    assert contents("some").keys() == {"_SUCCESS", "part-0.parquet", "part-2.parquet"}


def test_a_name_with_signs_of_a_pattern_is_a_name(place):
    shutil.copy("in/more.csv", "part[0].csv")
    assert predict("--input", "part[0].csv", "--output", "labels.csv") == 0
    assert Path("labels.csv").is_file()


def test_without_an_output_all_answers_are_printed_in_the_order_of_names(place, capsys):
    assert predict("--input", "in/part-*.parquet", "--json") == 0
    answers = json.loads(capsys.readouterr().out)
    frames = (polars.read_parquet(f"in/part-{number}.parquet") for number in range(4))
    assert [one["text"] for one in answers] == [text for frame in frames for text in frame["text"]]


# --- interruptions


def interrupt_at(monkeypatch, rows: int) -> None:
    def on_part(self: _Told, done: int, files: float) -> None:
        self._rows = done
        if done >= rows:
            raise KeyboardInterrupt

    monkeypatch.setattr(_Told, "on_part", on_part)


def test_an_interrupted_run_is_gone_on_with(place, monkeypatch, capsys):
    assert predict("--input", "in", "--output", "whole") == 0
    with monkeypatch.context() as patch:
        interrupt_at(patch, 103 + 100 + 250)
        assert predict("--input", "in", "--output", "out") == 130
    told = capsys.readouterr().err
    assert "interrupted: 503 finished rows in out; the same command goes on from there" in told
    assert "_SUCCESS" not in contents("out")
    finished = Path("out/more.csv").stat()
    assert predict("--input", "in", "--output", "out") == 0
    assert "out: going on after 503 rows" in capsys.readouterr().err
    assert Path("out/more.csv").stat().st_mtime_ns == finished.st_mtime_ns
    assert contents("out") == contents("whole")


def test_finished_files_are_written_anew_when_something_changed(place, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 300)
        assert predict("--input", "in", "--output", "out") == 130
    with Path("in/lines.txt").open("a") as file:
        file.write("one more\n")
    capsys.readouterr()
    assert predict("--input", "in", "--output", "out") == 0
    told = capsys.readouterr().err
    assert "out: finished files are written anew, since the input changed" in told
    assert contents("out")["lines.txt"].count(b"\n") == 4


def test_a_whole_folder_is_replaced_only_if_asked(place, capsys):
    assert predict("--input", "in", "--output", "out") == 0
    before = contents("out")
    assert predict("--input", "in/*.csv", "--output", "out") == 2
    assert "out: the labels are there, whole; --overwrite replaces them" in capsys.readouterr().err
    assert contents("out") == before
    assert predict("--input", "in/*.csv", "--output", "out", "--overwrite") == 0
    assert contents("out").keys() == {"_SUCCESS", "more.csv"}
    assert contents("out")["more.csv"] == before["more.csv"]


# --- what is refused


def test_what_cannot_be_is_said_before_the_work(place, capsys):
    Path("mine").mkdir()
    Path("mine/a").write_text("precious")
    for options, words in (
        (["--input", "in", "--output", "labels.csv"], "is the name of one file; name a folder"),
        (["--input", "in", "--output", "mine", "--overwrite"], "none of them is ours"),
        (["--input", "on/*.csv", "--output", "out"], "on/*.csv: there are no such files"),
        (["--input", "in/part-1.*", "--output", "none"], "no file has rows"),
        (["--input", "in", "--output", "out", "--workers", "2"], "--workers is for --on"),
        (["fine", "--on", "local-cluster"], "name files with --input, and a folder"),
        (["--input", "in", "--output", "o", "--on", "auto", "--threads", "2"], "has one thread"),
        (["--input", "in", "--output", "o", "--on", "nowhere"], "not the address of a cluster"),
    ):
        assert predict(*options) == 2
        printed = capsys.readouterr()
        assert words in printed.err.splitlines()[-1]
        assert printed.out == ""
    assert Path("mine/a").read_text() == "precious"
    assert "out" not in {path.name for path in Path().iterdir()}


def test_a_row_that_cannot_be_read_is_named(place, capsys):
    with Path("in/more.csv").open("a") as file:
        file.write("too,many,fields\n")
    assert predict("--input", "in", "--output", "out") == 2
    assert "more.csv:102: the row has 3 fields" in capsys.readouterr().err
    assert contents("out").keys() == {"_journal.jsonl", "lines.txt"}
