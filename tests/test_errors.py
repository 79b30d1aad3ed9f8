"""Bad input: each case is one clear line and the right exit code, and nothing is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unrolled import errors
from unrolled.cli import main

GOOD = ("wonderful warm funny film", "dull slow boring mess")
QUICK = (
    "--set", "training.epochs=2", "--set", "text.num_words=50", "--set", "network.units=4",
    "--threads", "1",
)  # fmt: skip


def rows(count: int = 40) -> str:
    lines = [f'"{GOOD[i % 2]} {i}",{("good", "bad")[i % 2]}' for i in range(count)]
    return "\n".join(["text,label", *lines]) + "\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder to work in, with a good data set beside whatever a test puts there."""
    monkeypatch.chdir(tmp_path)
    Path("good.csv").write_text(rows())
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def refused(capsys, arguments, code: int = 2, *words: str) -> str:
    """Run a command that must fail: nothing on stdout, one line on stderr that has the words."""
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    line = printed.err.splitlines()[-1]
    assert line.startswith("unrolled: error: ")
    assert printed.err.count("unrolled: error") == 1
    assert "Traceback" not in printed.err
    assert "bug of unrolled" not in printed.err
    for word in words:
        assert word in line
    return line


def test_the_tree_of_errors_decides_the_exit_codes():
    codes = {
        name: error.exit_code
        for name, error in vars(errors).items()
        if isinstance(error, type) and issubclass(error, errors.UnrolledError)
    }
    assert codes == {
        "UnrolledError": 1, "InputError": 2, "DataError": 2, "RecipeError": 2, "ModelError": 2,
        "NotFittedError": 2, "ShapeError": 2, "TrainingError": 1, "NonFiniteError": 1,
        "OutputError": 1,
    }  # fmt: skip


BAD_FILES = {
    "empty": ("empty.csv", b"", ["empty"]),
    "header only": ("head.csv", b"text,label\n", ["head.csv", "no rows"]),
    "no label column": (
        "three.csv",
        b"text,who,when\na b,me,1999\nc d,you,2001\n",
        ["label", "--label"],
    ),
    "one class only": ("same.csv", b"text,label\na b,x\nc d,x\ne f,x\n", ["'x'", "two or more"]),
    "binary junk": ("junk.csv", bytes(range(256)) * 50, ["junk.csv"]),
    "junk as txt": ("junk.txt", bytes(range(256)) * 50, ["junk.txt"]),
    "junk as parquet": ("junk.parquet", b"PAR1" + bytes(range(256)) * 9, ["junk.parquet"]),
    "all texts empty": ("blank.csv", b'text,label\n"",x\n" ",y\n', ["blank.csv", "empty"]),
    "not UTF-8": ("latin.csv", "text,label\ncaf\xe9,x\nthe,y\n".encode("latin-1"), ["UTF-8"]),
    "broken json": ("cut.jsonl", b'{"text": "a", "label": "x"}\n{"text": "b', ["cut.jsonl", "2"]),
    "no labels in txt": ("plain.txt", b"just a text\n", ["plain.txt:1", "__label__"]),
    "unknown suffix": ("data.xlsx", b"PK", [".xlsx"]),
    "too few rows": ("two.csv", b"text,label\na b,x\n", ["two.csv"]),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_refused_before_anything_is_written(case, place, capsys):
    name, data, words = BAD_FILES[case]
    Path(name).write_bytes(data)
    before = contents(place)
    refused(capsys, ["train", name, *QUICK], 2, *words)
    assert contents(place) == before
    assert not Path("runs").exists()


def test_a_folder_in_place_of_a_file(place, capsys):
    Path("folder.csv").mkdir()
    refused(capsys, ["train", "folder.csv"], 2, "folder.csv")


def test_a_missing_file_and_a_misspelt_name(place, capsys):
    refused(capsys, ["train", "goood.csv"], 2, "goood.csv")
    refused(capsys, ["train", "imbd"], 2, "imdb")


def test_a_line_of_ten_megabytes_is_read_or_refused_but_never_a_crash(place, capsys):
    Path("long.csv").write_text(rows() + '"' + "word " * 2_000_000 + '",good\n')
    code = main(["train", "long.csv", *QUICK])
    printed = capsys.readouterr()
    assert code in (0, 2)
    assert "bug of unrolled" not in printed.err
    if code == 2:
        assert printed.err.count("\n") == 1


BAD_SETTINGS = {
    "nan": (["--set", "training.learning_rate=nan"], ["training.learning_rate", "nan"]),
    "zero": (["--set", "training.learning_rate=0"], ["training.learning_rate", "0"]),
    "word": (["--set", "training.epochs=many"], ["training.epochs", "many"]),
    "unknown key": (["--set", "training.learnin_rate=1"], ["training.learning_rate"]),
    "no value": (["--set", "training.epochs"], ["key=value"]),
    "unknown recipe": (["--recipe", "notebook-onehto"], ['"notebook-onehot"']),
    "missing recipe": (["--recipe", "mine.toml"], ["mine.toml"]),
    "negative seed": (["--seed", "-1"], ["seed", "-1"]),
    "both": (["--resume", "--overwrite"], ["--resume", "--overwrite"]),
    "nothing to resume": (["--resume"], ["--resume"]),
    "unknown column": (["--text", "txet"], ["txet", "text"]),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_a_bad_setting_is_refused_before_training(case, place, capsys):
    extra, words = BAD_SETTINGS[case]
    refused(capsys, ["train", "good.csv", *extra], 2, *words)
    assert not Path("runs").exists()


def test_an_output_that_cannot_be_written(place, capsys):
    refused(capsys, ["train", "good.csv", "--out", "good.csv/model"], 1, "good.csv", "written")
    assert Path("good.csv").read_text() == rows()
    line = refused(capsys, ["train", "good.csv", "--out", "good.csv"], 2, "good.csv")
    assert "--out" in line
    assert Path("good.csv").read_text() == rows()
    refused(capsys, ["reproduce", "--out", "good.csv/x"], 1, "written")
    refused(capsys, ["data", "stats", "good.csv", "--out", "good.csv/x"], 1, "written")


def test_a_folder_that_is_not_a_model_is_never_touched(place, capsys):
    Path("notes").mkdir()
    Path("notes/diary.txt").write_text("dear diary")
    for extra in ([], ["--overwrite"], ["--resume"]):
        refused(capsys, ["train", "good.csv", "--out", "notes", *extra], 2, "notes")
    assert contents(place / "notes") == {"diary.txt": b"dear diary"}


@pytest.fixture
def model(place, capsys):
    assert main(["train", "good.csv", *QUICK]) == 0
    capsys.readouterr()
    return place / "runs" / "good"


def test_a_model_that_is_there_is_kept_unless_told_otherwise(model, capsys):
    before = contents(model)
    refused(capsys, ["train", "good.csv", *QUICK], 2, "--overwrite", "--resume", "--out")
    assert contents(model) == before
    # A run that fails leaves the old model as it was, whatever was allowed.
    Path("same.csv").write_text("text,label\na,x\nb,x\n")
    refused(capsys, ["train", "same.csv", "--out", model, "--overwrite"], 2, "'x'")
    assert contents(model) == before
    assert main(["train", "good.csv", *QUICK, "--overwrite"]) == 0


def test_a_finished_model_has_nothing_to_resume(model, capsys):
    before = contents(model)
    refused(capsys, ["train", "good.csv", *QUICK, "--resume"], 2, "finished")
    assert contents(model) == before


@pytest.mark.parametrize("command", ["evaluate", "predict", "report", "summary"])
def test_a_model_that_is_not_one(command, model, capsys):
    more = {"evaluate": ["good.csv"], "predict": ["a text"]}.get(command, [])
    Path("empty").mkdir()
    for bad in ("nowhere/at/all", "empty"):
        refused(capsys, [command, bad, *more], 2, bad)
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-5])
    refused(capsys, [command, model, *more], 2, "model.safetensors", "damaged")


def test_a_model_of_a_newer_format(model, capsys):
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"format_version": 99}))
    refused(capsys, ["predict", model, "a text"], 2, "99", "upgrade")


def test_labels_that_the_model_does_not_know(model, capsys):
    Path("other.csv").write_text("text,label\na film,good\nthe end,superb\n")
    refused(capsys, ["evaluate", model, "other.csv"], 2, "other.csv:3", "superb")


def test_texts_that_cannot_be_read(model, capsys, monkeypatch):
    refused(capsys, ["predict", model, "a text", "--input", "good.csv"], 2, "--input")
    refused(capsys, ["predict", model, "--input", "nowhere.txt"], 2, "nowhere.txt")
    Path("none.txt").write_bytes(b"")
    refused(capsys, ["predict", model, "--input", "none.txt"], 2, "none.txt")
    Path("latin.txt").write_bytes(b"fine\ncaf\xe9\n")
    refused(capsys, ["predict", model, "--input", "latin.txt"], 2, "latin.txt")
    for data, word in ((b"", "empty"), (b"fine\ncaf\xe9\n", "line 2")):
        with Path("stdin").open("wb+") as file:
            file.write(data)
            file.seek(0)
            monkeypatch.setattr(sys, "stdin", open(file.fileno(), closefd=False))  # noqa: SIM115
            refused(capsys, ["predict", model], 2, "standard input", word)


def test_an_answer_that_cannot_be_written(model, capsys):
    refused(capsys, ["predict", model, "a", "--output", "good.csv/x"], 1, "good.csv/x")
    assert Path("good.csv").read_text() == rows()


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "unrolled", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
from unrolled.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_disk_that_fills_up_while_saving_leaves_the_old_model(model):
    """A limit on the size of files stands for a full disk: writing fails half-way through one."""
    before = contents(model)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "train", "good.csv", *QUICK, "--overwrite"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    said = done.stderr.splitlines()[-1]
    assert said.startswith("unrolled: error: ")
    assert "cannot be written" in said
    assert "Traceback" not in done.stderr
    assert contents(model) == before
    assert [path.name for path in model.parent.iterdir()] == ["good"]


def test_a_run_that_is_killed_leaves_a_model_that_loads_or_none(place):
    """kill -9 at random moments, first with no model there, then over the one that is."""
    from unrolled.bundle import is_bundle, read

    chance = random.Random(5)
    Path("long.csv").write_text(rows(2000))
    arguments = [
        "train", "long.csv", "--set", "training.epochs=5000", "--set", "training.patience=none",
        "--out", "model",
    ]  # fmt: skip
    loaded = 0
    for _ in range(6):
        run = start(*arguments, *(["--overwrite"] if is_bundle(Path("model")) else []))
        time.sleep(chance.uniform(1.0, 5.0))
        run.kill()
        run.communicate(timeout=60)
        assert run.returncode == -signal.SIGKILL
        if Path("model").exists():
            assert read(Path("model")).training is not None
            loaded += 1
    assert loaded, "no run lived long enough to save a model"
    assert main(["predict", "model", "a wonderful film"]) == 0


def test_a_run_that_is_interrupted_says_so_keeps_the_best_model_and_goes_on(place):
    Path("long.csv").write_text(rows(2000))
    arguments = [
        "train", "long.csv", "--set", "training.epochs=5000", "--set", "training.patience=none",
        "--out", "model",
    ]  # fmt: skip
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        run = start(*arguments, *(["--resume"] if Path("model").exists() else []))
        assert run.stderr is not None
        lines = []
        while sum(line.startswith("epoch ") for line in lines) < 3:
            lines.append(run.stderr.readline())
            assert lines[-1], lines
        os.kill(run.pid, signal_number)
        _, said = run.communicate(timeout=60)
        assert run.returncode == 130
        assert "interrupted" in said
        assert "--resume" in said
        assert "Traceback" not in said
        assert main(["predict", "model", "a wonderful film"]) == 0
