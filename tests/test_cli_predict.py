"""``unrolled predict`` on files: order, formats, interruptions of every kind, and its steps."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.cli import main, row_progress
from unrolled.cli.row_progress import RowProgress, clock
from unrolled.datasets.stream import Chunk
from unrolled.errors import InputError
from unrolled.model import TextClassifier
from unrolled.model.predictions import Predictions
from unrolled.scoring.formats import FORMATS, LINES
from unrolled.scoring.parts import JOURNAL, Parts
from unrolled.scoring.pipeline import ahead

ROWS_OF_A_PART = 100
WORDS = {"good": "wonderful warm funny lovely", "bad": "dull slow boring awful"}

# ``unrolled`` with small parts and a network that takes its time: argv[1] seconds a part.
SLOWLY = f"""
import sys, time
from unrolled.datasets import tables
tables.BATCH = {ROWS_OF_A_PART}
from unrolled.cli import main
from unrolled.model.trained import TrainedModel
predictions = TrainedModel.predictions

def slowly(self, *arguments):
    time.sleep(float(sys.argv[1]))
    return predictions(self, *arguments)

TrainedModel.predictions = slowly
sys.exit(main(sys.argv[2:]))
"""


def words(row: int, draw: random.Random) -> str:
    label = sorted(WORDS)[row % 2]
    return " ".join(draw.choices(WORDS[label].split(), k=2 + row % 4))


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with a model, and 1,050 texts that are not all easy to write down."""
    place = tmp_path_factory.mktemp("shop")
    draw = random.Random(0)
    rows = [(words(row, draw), sorted(WORDS)[row % 2]) for row in range(200)]
    texts, labels = zip(*rows, strict=True)
    recipe = ["training.epochs=8", "training.learning_rate=0.02"]
    from unrolled.recipe import load_recipe

    TextClassifier(load_recipe("small", recipe)).fit(texts, labels).save(place / "model")
    odd = [
        "",
        " \t",
        'a "funny", slow\tfilm',
        "two\nlines",
        "\u2028 caf\u00e9 \U0001f600",
        "never seen",
    ]
    many = [odd[row] if row < len(odd) else f"{words(row, draw)} {row}" for row in range(1_050)]
    with (place / "many.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "review"), *enumerate(many)])
    polars.DataFrame({"review": many}).write_parquet(place / "many.parquet")
    return place


@pytest.fixture
def place(shop, tmp_path, monkeypatch):
    """A copy of the shop, in which the test runs."""
    monkeypatch.chdir(shutil.copytree(shop, tmp_path / "shop"))
    return Path()


def texts_of(place: Path) -> list[str]:
    return polars.read_parquet(place / "many.parquet")["review"].to_list()


def start(*arguments: str, pause: float = 0.0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SLOWLY, str(pause), "predict", "model", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(*arguments: str) -> str:
    """Run to the end; what it told on standard error."""
    run = start(*arguments)
    _, told = run.communicate(timeout=120)
    assert run.returncode == 0, told
    return told


def wait_for_parts(output: str, parts: int) -> None:
    journal = Path(f"{output}.parts", JOURNAL)
    for _ in range(3_000):
        if journal.exists() and journal.read_bytes().count(b"\n") > parts:
            return
        time.sleep(0.02)
    raise AssertionError(f"{journal} never had {parts} parts")


def interrupted(*arguments: str, output: str, by: signal.Signals) -> tuple[int, str]:
    """Interrupt a run in its midst; its exit code and what it told."""
    run = start(*arguments, "--output", output, pause=0.1)
    wait_for_parts(output, 3)
    run.send_signal(by)
    _, told = run.communicate(timeout=60)
    assert not Path(output).exists()
    return run.returncode, told


# --- what is written


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.json", "a.jsonl", "a.ndjson", "a.parquet"])
@pytest.mark.parametrize("source", ["many.csv", "many.parquet"])
def test_each_row_has_its_own_answer_in_its_place(place, name, source):
    finish("--input", source, "--output", name)
    written = Path(name).read_bytes()
    if name in ("a.csv", "a.tsv"):
        text = io.StringIO(written.decode("utf-8"), newline="")
        answers = list(csv.DictReader(text, delimiter="," if name == "a.csv" else "\t"))
    elif name == "a.json":
        answers = json.loads(written)
    elif name == "a.parquet":
        answers = polars.read_parquet(name).to_dicts()
    else:
        answers = [json.loads(line) for line in written.splitlines()]
    texts = texts_of(place)
    assert [answer["text"] for answer in answers] == texts
    expected = TextClassifier.load("model").predict_details(texts)
    assert [answer["label"] for answer in answers] == list(expected.labels)
    for column, values in (
        ("probability", expected.probability),
        ("unknown_share", expected.unknown_share),
    ):
        assert [float(answer[column]) for answer in answers] == values.tolist()
    cut = [str(answer["was_cut"]).lower() == "true" for answer in answers]
    assert cut == expected.was_cut.tolist()
    if name not in ("a.csv", "a.tsv"):
        found = [list(answer["probabilities"].values()) for answer in answers]
        assert found == expected.probabilities.tolist()
        assert list(answers[0]["probabilities"]) == ["bad", "good"]
    assert not Path(f"{name}.parts").exists()


def test_parquet_columns_have_the_types_of_what_they_hold(place):
    finish("--input", "many.csv", "--output", "a.parquet")
    probabilities = polars.Struct({"bad": polars.Float32, "good": polars.Float32})
    assert polars.read_parquet_schema("a.parquet") == {
        "label": polars.String, "probability": polars.Float32, "unknown_share": polars.Float32,
        "was_cut": polars.Boolean, "probabilities": probabilities, "text": polars.String,
    }  # fmt: skip


ABC = Chunk(range(1, 4), ["a", "b", "c"], [], 1.0)
SEVERAL = [("bad", "good"), (), ("good",)]
ABSTAINING = ["good", None, "bad"]


def predicted(labels: list[object]) -> Predictions:
    """Of the texts a, b and c."""
    return Predictions(
        classes=["bad", "good"],
        labels=labels,
        probability=np.array([0.75, 0.5, 1], np.float32),
        probabilities=np.array([[0.75, 0.75], [0.5, 0.25], [0, 1]], np.float32),
        unknown_share=np.array([0, 0.5, 1], np.float32),
        was_cut=np.array([False, True, False]),
    )


@pytest.mark.parametrize(
    ("labels", "in_fields", "in_json"),
    [
        (SEVERAL, ["bad|good", "", "good"], [["bad", "good"], [], ["good"]]),
        (ABSTAINING, ["good", "", "bad"], ABSTAINING),
    ],
)
def test_several_labels_and_none(tmp_path, labels, in_fields, in_json):
    for suffix, written_as in FORMATS.items():
        part, whole = tmp_path / "part", tmp_path / f"whole{suffix}"
        part.write_bytes(written_as.part(ABC, predicted(labels)))
        written_as.join([part, part], whole)
        if suffix == ".parquet":
            assert polars.read_parquet(whole)["label"].to_list() == in_json * 2
        elif "json" in suffix:
            text = whole.read_text()
            rows = json.loads(text) if suffix == ".json" else map(json.loads, text.splitlines())
            assert [row["label"] for row in rows] == in_json * 2
        else:
            sign = "," if suffix == ".csv" else "\t"
            rows = list(csv.reader(whole.read_text().splitlines(), delimiter=sign))
            assert rows[0] == ["label", "probability", "unknown_share", "was_cut", "text"]
            assert [row[0] for row in rows[1:]] == in_fields * 2
            assert rows[2] == [in_fields[1], "0.5", "0.5", "true", "b"]
    lines = LINES.rows(ABC, predicted(labels)).splitlines()
    assert lines[1].split() == ["-", "0.5000", "50%", "unknown", "cut"]


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=3, max_size=3))
def test_fields_are_read_back_by_the_csv_module(texts):
    for suffix, delimiter in ((".csv", ","), (".tsv", "\t")):
        chunk = Chunk(range(1, 4), texts, [], 1.0)
        part = FORMATS[suffix].part(chunk, predicted(ABSTAINING)).decode("utf-8")
        rows = csv.reader(io.StringIO(part, newline=""), delimiter=delimiter, strict=True)
        assert [row[4] for row in rows] == texts


def test_the_summary_as_json(place, capsys):
    assert main(["predict", "model", "--input", "many.csv", "--output", "a.csv", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["texts"] == 1_050 == sum(document["labels"].values())
    assert list(document["labels"]) == ["bad", "good"]
    assert document["output"] == "a.csv"
    assert document["without_label"] == 0
    assert 0 < document["unknown_share"] < 1
    assert document["rows_per_second"] > 0


def test_lines_and_standard_input_agree_with_files(place, capsys, monkeypatch):
    assert main(["predict", "model", "--input", "many.parquet"]) == 0
    lines = capsys.readouterr().out
    assert lines.count("\n") == 1_050
    Path("lines.txt").write_text("\ufeffgood\r\n\nfunny\u2028", encoding="utf-8")
    with Path("lines.txt").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert main(["predict", "model", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert [answer["text"] for answer in answers] == ["good", "", "funny\u2028"]
    Path("lines.txt").write_bytes(b"fine\n\ncaf\xe9\n")
    with Path("lines.txt").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert main(["predict", "model"]) == 2
    assert "standard input, line 3: not UTF-8 text" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="the system has no such device")
def test_a_device_is_written_to_directly(place):
    run = start("fine", "dull", "--output", "/dev/stdout")
    printed, told = run.communicate(timeout=60)
    assert run.returncode == 0, told
    assert len(printed.splitlines()) == 3  # two answers, and the line that says so
    assert printed.splitlines()[-1].startswith("2 texts -> /dev/stdout: ")


# --- interruptions


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.parquet"])
def test_after_a_kill_the_same_command_ends_in_the_same_bytes(place, name):
    source = ["--input", "many.csv"]
    code, _ = interrupted(*source, output=name, by=signal.SIGKILL)
    assert code == -signal.SIGKILL
    done = Path(f"{name}.parts", JOURNAL).read_bytes().count(b"\n") - 1
    told = finish(*source, "--output", name)
    assert f"{name}.parts: going on after {done * ROWS_OF_A_PART} rows" in told
    finish(*source, "--output", f"whole.{name}")
    assert Path(name).read_bytes() == Path(f"whole.{name}").read_bytes()
    assert not Path(f"{name}.parts").exists()


def test_ctrl_c_says_that_the_same_command_goes_on(place):
    code, told = interrupted("--input", "many.parquet", output="a.csv", by=signal.SIGINT)
    assert code == 130
    assert "interrupted: " in told
    assert "finished rows in " in told
    assert told.endswith("a.csv.parts; the same command goes on from there\n")
    assert "going on after" in finish("--input", "many.parquet", "--output", "a.csv")
    with Path("a.csv").open(encoding="utf-8", newline="") as file:
        assert [row["text"] for row in csv.DictReader(file)] == texts_of(place)


def test_what_has_changed_is_said_and_begun_anew(place):
    def changed(what: str) -> None:
        told = finish("--input", "many.csv", "--output", "a.csv")
        assert f"00 finished rows dropped, since {what} changed; beginning anew" in told
        finish("--input", "many.csv", "--output", "b.csv", "--overwrite")
        assert Path("a.csv").read_bytes() == Path("b.csv").read_bytes()
        Path("a.csv").unlink()

    interrupted("--input", "many.csv", output="a.csv", by=signal.SIGINT)
    content = Path("many.csv").read_bytes()
    times = Path("many.csv").stat()
    Path("many.csv").write_bytes(content.replace(b"never seen", b"NEVER SEEN"))
    os.utime("many.csv", ns=(times.st_atime_ns, times.st_mtime_ns))
    changed("the input")
    interrupted("--input", "many.csv", output="a.csv", by=signal.SIGINT)
    TextClassifier("small").fit(["a b", "c d", "a e", "c f"] * 5, ["bad", "good"] * 10).save(
        "model"
    )
    changed("the model")
    interrupted("--input", "many.csv", "--text", "id", output="a.csv", by=signal.SIGINT)
    changed("the column of texts")


def test_a_file_that_is_only_touched_has_not_changed(place):
    interrupted("--input", "many.csv", output="a.csv", by=signal.SIGINT)
    Path("many.csv").touch()
    assert "going on after" in finish("--input", "many.csv", "--output", "a.csv")


def test_texts_that_cannot_be_read_again_leave_nothing(place):
    code, told = interrupted(*texts_of(place)[2:600], output="a.csv", by=signal.SIGINT)
    assert code == 130
    assert "interrupted: nothing was written" in told
    assert not Path("a.csv.parts").exists()


def test_a_row_that_cannot_be_read_leaves_nothing(place):
    with Path("many.csv").open("a") as file:
        file.write("too,many,fields\n")
    run = start("--input", "many.csv", "--output", "a.csv")
    _, told = run.communicate(timeout=60)
    assert run.returncode == 2
    assert "many.csv:1053: the row has 3 fields" in told
    assert not Path("a.csv").exists()
    assert not Path("a.csv.parts").exists()


# --- what is refused


def test_a_file_that_is_there_is_replaced_only_if_asked(place, capsys):
    Path("a.csv").write_text("precious")
    arguments = ["predict", "model", "fine", "--output", "a.csv"]
    assert main(arguments) == 2
    assert "a.csv: the file is there; --overwrite replaces it" in capsys.readouterr().err
    assert Path("a.csv").read_text() == "precious"
    assert main([*arguments, "--overwrite"]) == 0
    assert Path("a.csv").read_text().startswith("label,probability,")


def test_outputs_that_cannot_be(place, capsys):
    Path("folder").mkdir()
    Path("a.csv.parts").mkdir()
    Path("a.csv.parts/mine").write_text("precious")
    for output, words in (
        ("many.csv", "is the input too"),
        ("folder", "is a folder"),
        ("a.csv", "holds other files"),
    ):
        arguments = ["predict", "model", "--input", "many.csv", "--output", output]
        assert main([*arguments, "--overwrite"]) == 2
        assert words in capsys.readouterr().err
    assert Path("a.csv.parts/mine").read_text() == "precious"
    Path("none.csv").write_text("text\n")
    assert main(["predict", "model", "--input", "none.csv", "--output", "b.csv"]) == 2
    assert "the input has no rows" in capsys.readouterr().err


# --- the parts


def add(parts: Parts, *names: str) -> None:
    for name in names:
        parts.add(name.encode(), {"rows": 1, "share": 0.5})


def joined(parts: list[Path], whole: Path) -> None:
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))


def test_parts_go_on_behind_the_last_one_that_is_whole(tmp_path):
    output, made_from = tmp_path / "out", {"it": 1}

    def spoil_journal(folder: Path) -> None:
        with (folder / JOURNAL).open("ab") as journal:
            journal.write(b'{"rows": 1, "by')

    for spoil, left in (
        (spoil_journal, 3),
        (lambda folder: (folder / "000001").write_bytes(b"tw"), 1),
        (lambda folder: (folder / "000000").unlink(), 0),
        (lambda folder: (folder / JOURNAL).write_bytes(b"?\n"), 0),
    ):
        parts = Parts(output, made_from)
        add(parts, "one ", "two ", "three ")
        parts.close()
        spoil(parts.folder)
        parts = Parts(output, made_from)
        assert parts.rows == left
        add(parts, *["one ", "two ", "three ", "four"][left:])
        parts.finish(joined)
        parts.close()
        assert output.read_text() == "one two three four"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_parts_of_something_else_are_dropped(tmp_path):
    parts = Parts(tmp_path / "out", {"it": 1, "same": 2})
    add(parts, "one", "two")
    parts.close()
    parts = Parts(tmp_path / "out", {"it": 3, "same": 2})
    assert (parts.rows, parts.changes, parts.dropped_rows) == (0, ["it"], 2)
    assert [path.name for path in parts.folder.iterdir()] == [JOURNAL]
    parts.close()
    assert not parts.folder.exists()


@pytest.mark.skipif(os.name != "posix", reason="folders can be locked on POSIX only")
def test_two_runs_cannot_write_the_same_parts(tmp_path):
    parts = Parts(tmp_path / "out", {"it": 1})
    with pytest.raises(InputError, match="another run is writing there"):
        Parts(tmp_path / "out", {"it": 1})
    parts.close()
    Parts(tmp_path / "out", {"it": 1}).close()


# --- the pipeline


def test_items_come_in_order_and_only_so_many_ahead():
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(20):
            made.append(number)
            yield number

    received = ahead(items(), depth=3)
    assert not made  # nothing happens before the first is asked for
    assert next(received) == 0
    time.sleep(0.1)
    assert len(made) == 1 + 3 + 1  # one given, three waiting, one in the maker's hand
    assert [0, *received] == list(range(20))


def test_an_error_comes_in_its_place():
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("broken")

    received = ahead(items())
    assert next(received) == 1
    with pytest.raises(KeyError, match="broken"):
        next(received)


def test_closing_stops_the_maker_and_what_it_reads_from():
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    threads = threading.active_count()
    received = ahead(ahead(items()))
    next(received)
    assert threading.active_count() == threads + 2
    received.close()
    assert closed.wait(5)
    assert threading.active_count() == threads


# --- progress


def test_progress_is_a_line_every_few_seconds(capsys, monkeypatch):
    now = 100.0
    monkeypatch.setattr(row_progress.time, "monotonic", lambda: now)
    with RowProgress(rows=1_000, share=0.1) as progress:
        for seconds, rows in ((1, 1_500), (6, 4_000), (10, 5_000), (12, 7_000)):
            now = 100.0 + seconds
            progress.update(rows, rows / 10_000)
    assert capsys.readouterr().err.splitlines() == [
        " 40%  4,000 rows  500 rows/s  0:12 left",
        " 70%  7,000 rows  500 rows/s  0:06 left",
    ]


def test_progress_without_an_end_in_sight(capsys, monkeypatch):
    monkeypatch.setattr(row_progress, "SECONDS", 0.0)
    with RowProgress() as progress:
        progress.update(10, 0.0)
    assert "left" not in capsys.readouterr().err


def test_clock():
    assert [clock(seconds) for seconds in (7.4, 750, 3_723)] == ["0:07", "12:30", "1:02:03"]
