"""Journeys: one small model, and every command that makes, reads or measures it."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from unrolled.cli import main


def unrolled(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """A real process, as a user starts it."""
    return subprocess.run(
        [sys.executable, "-m", "unrolled", *arguments],
        capture_output=True, text=True, check=False, **options,
    )  # fmt: skip


WORDS = {
    "good": "wonderful warm funny lovely",
    "bad": "dull slow boring awful",
    "mixed": "fair middling usual long",
}


def labelled(count: int = 120) -> str:
    """Rows of two to five words of their class."""
    draw = random.Random(0)
    rows = ["review,sentiment"]
    for row in range(count):
        label = sorted(WORDS)[row % 3]
        rows.append(f"{' '.join(draw.choices(WORDS[label].split(), k=2 + row % 4))},{label}")
    return "\n".join(rows) + "\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with labelled films, and a model that was trained on them there."""
    place = tmp_path_factory.mktemp("shop")
    (place / "films.csv").write_text(labelled())
    trained = unrolled(
        "train", "films.csv", "--set", "training.epochs=12", "--set", "training.learning_rate=0.01",
        cwd=place,
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    return place, trained


@pytest.fixture
def films(shop, monkeypatch):
    monkeypatch.chdir(shop[0])
    return shop[0]


def test_training_says_what_on_what_and_where(shop):
    place, trained = shop
    assert re.match(
        r"best epoch \d+ of 12  val_loss 0\.\d{4}  val_accuracy \d\.\d{4}", trained.stdout
    )
    assert trained.stdout.endswith(f"model {Path('runs/films')}\nreport runs/films/report.html\n")
    told = trained.stderr.splitlines()
    assert told[0].startswith("training on 96 texts from the file films.csv")
    assert told[0].endswith("validating on 24")
    epochs = [line.split("  ")[0] for line in told if line.startswith("epoch ")]
    assert epochs == [f"epoch {n}/12" for n in range(1, 13)]
    assert told[-1].startswith("fitting TF-IDF + logistic regression on 96 texts to compare with")
    verdict = trained.stdout.splitlines()[1]
    assert re.match(r"The network .* of the 24 validation texts right", verdict)
    page = (place / "runs/films/report.html").read_text()
    assert re.search(rf"<h1>films</h1>\s*</header>\s*<div [^>]*><p>{re.escape(verdict)}</p>", page)
    assert {path.name for path in (place / "runs/films").iterdir()} == {
        "README.md", "config.json", "history.csv", "metrics.json", "model.safetensors", "plots",
        "readings.html", "report.html", "vocabulary.json",
    }  # fmt: skip


def test_training_as_json(films, capsys):
    arguments = [
        "train",
        "films.csv",
        "--out",
        "other",
        "--set",
        "training.epochs=2",
        "--seed",
        "3",
    ]
    assert main([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["model"] == "other"
    assert document["classes"] == ["bad", "good", "mixed"]
    assert document["epochs"] == len(document["history"]["val_loss"]) == 2
    assert json.loads(Path("other/config.json").read_text())["recipe"]["seed"] == 3


def test_rows_that_are_not_used_are_named(films, capsys):
    Path("gaps.csv").write_text(labelled(30) + '"",good\n"lost",\n')
    assert main(["train", "gaps.csv", "--set", "training.epochs=1"]) == 0
    told = capsys.readouterr().err
    named = "line 32: the text is empty, line 33: the label is missing"
    assert f"2 rows of gaps.csv not used ({named})" in told


def test_threads_change_nothing_and_seeds_do(films, capsys):
    def weights(*extra: str) -> bytes:
        arguments = ["train", "films.csv", "--set", "training.epochs=2", "--out", "bits"]
        assert main([*arguments, "--overwrite", *extra]) == 0
        return Path("bits/model.safetensors").read_bytes()

    one = weights("--threads", "1")
    assert weights("--threads", "3") == one
    assert weights("--threads", "1", "--seed", "1") != one


def test_evaluate(films, capsys):
    assert main(["evaluate", "runs/films", "films.csv"]) == 0
    printed = capsys.readouterr().out
    assert "120 texts from the file films.csv" in printed
    assert re.search(r"^good +40( +1\.0000 \[1\.0000, 1\.0000\]){3}$", printed, re.MULTILINE)
    assert main(["evaluate", "runs/films", "films.csv", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["accuracy"] == 1.0
    assert document["count"] == 120
    assert document["confusion"] == [[40, 0, 0], [0, 40, 0], [0, 0, 40]]


def test_predict_arguments_input_and_standard_input_agree(films, capsys, monkeypatch):
    texts = ["a wonderful, funny film", "dull! and boring", "never seen words"]
    assert main(["predict", "runs/films", *texts]) == 0
    lines = capsys.readouterr().out
    assert [line.split()[0] for line in lines.splitlines()][:2] == ["good", "bad"]
    line = r"(bad  |good |mixed)  [01]\.\d{4}(  \d+% unknown)?"
    assert all(re.fullmatch(line, x) for x in lines.splitlines())
    assert lines.splitlines()[2].endswith("  100% unknown")
    Path("texts.txt").write_text("\n".join(texts) + "\n")
    assert main(["predict", "runs/films", "--input", "texts.txt"]) == 0
    assert capsys.readouterr().out == lines
    with Path("texts.txt").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert main(["predict", "runs/films"]) == 0
    assert capsys.readouterr().out == lines
    # Alone, a text gets the very same answer.
    assert main(["predict", "runs/films", texts[1]]) == 0
    assert capsys.readouterr().out.split() == lines.splitlines()[1].split()


def test_predict_as_json(films, capsys):
    assert main(["predict", "runs/films", "boring, slow, dull \u2013 awful", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert answer["text"] == "boring, slow, dull \u2013 awful"
    assert answer["label"] == "bad"
    assert answer["probability"] == max(answer["probabilities"].values())
    assert list(answer["probabilities"]) == ["bad", "good", "mixed"]
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.csv", "a.tsv", "a.txt"])
def test_predict_to_a_file(name, films, capsys):
    texts = ['a "wonderful", funny\tfilm', "slow and boring"]
    assert main(["predict", "runs/films", *texts, "--output", name]) == 0
    assert capsys.readouterr().out == f"2 texts -> {name}: 1 bad, 1 good, 0 mixed\n"
    written = Path(name).read_text(encoding="utf-8")
    if name in ("a.csv", "a.tsv"):
        reader = csv.DictReader(io.StringIO(written), delimiter="," if name == "a.csv" else "\t")
        answers = list(reader)
    elif name == "a.json":
        answers = json.loads(written)
    elif name == "a.jsonl":
        answers = [json.loads(line) for line in written.splitlines()]
    else:
        assert [line.split()[0] for line in written.splitlines()] == ["good", "bad"]
        return
    assert [answer["text"] for answer in answers] == texts
    assert [answer["label"] for answer in answers] == ["good", "bad"]


def test_summary_of_a_model_and_of_a_recipe(films, capsys):
    assert main(["summary", "runs/films"]) == 0
    assert "dense (Dense)" in capsys.readouterr().out
    for recipe, total in (("notebook-onehot", "2,481"), ("notebook-embedding", "5,009")):
        assert main(["summary", recipe]) == 0
        assert f"Total params: {total}" in capsys.readouterr().out


def test_report_is_written_anew_in_the_same_bytes(films, capsys):
    page = Path("runs/films/report.html")
    readings = page.with_name("readings.html")
    before, words = page.read_bytes(), readings.read_bytes()
    page.unlink()
    readings.unlink()
    Path("runs/films/plots/curves.png").unlink()
    assert main(["report", "runs/films"]) == 0
    assert capsys.readouterr().out == f"{page}\n"
    assert page.read_bytes() == before
    assert readings.read_bytes() == words
    assert Path("runs/films/plots/curves.png").stat().st_size > 1000


def test_data_stats_of_a_file(films, capsys):
    assert main(["data", "stats", "films.csv", "--out", "drawn", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["labels"] == {"bad": 40, "good": 40, "mixed": 40}
    assert document["lengths"]["all"]["count"] == 120
    assert document["lengths"]["training"]["count"] == 96
    assert document["lengths"]["all"]["mean"] == 1 + (2 + 3 + 4 + 5) / 4
    assert document["lengths"]["all"]["longest"] == 6
    assert sorted(path.name for path in Path("drawn").iterdir()) == [
        "films-lengths.png", "films-lengths.svg",
    ]  # fmt: skip
    assert main(["data", "stats", "films.csv", "--out", "drawn"]) == 0
    assert "40 bad, 40 good, 40 mixed" in capsys.readouterr().out


def test_data_stats_of_the_reviews_are_the_notebooks(tmp_path, capsys):
    assert main(["data", "stats", "imdb", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^training +20,000  239\.0 +178 ", printed, re.MULTILINE)
    assert "12,500 negative, 12,500 positive; 88,582 different words" in printed
    assert (tmp_path / "imdb-lengths.png").exists()


def test_data_list(capsys):
    assert main(["data", "list", "--json"]) == 0
    labelled, unlabelled = json.loads(capsys.readouterr().out)
    assert (labelled["name"], unlabelled["name"]) == ("imdb", "imdb-unlabelled")
    assert labelled["source"]
    assert unlabelled["source"] or "has no reviews without labels" in unlabelled["problem"]
    assert main(["data", "list"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("imdb  ")
    assert second.startswith("imdb-unlabelled  more movie reviews, ")


def test_the_test_reviews_or_a_clear_word(films, capsys, monkeypatch):
    """The package has no test reviews: what is missing and how to get it is said."""
    monkeypatch.delenv("UNROLLED_IMDB", raising=False)
    monkeypatch.setenv("UNROLLED_CACHE", str(films / "cache"))
    assert main(["evaluate", "runs/films", "imdb"]) == 2
    told = capsys.readouterr().err
    assert "has the training reviews only" in told
    assert "unrolled data fetch imdb" in told


def test_an_interrupted_run_resumes_to_the_same_bits(films):
    Path("long.csv").write_text(labelled(1500))
    arguments = [
        "train",
        "long.csv",
        "--set",
        "training.epochs=40",
        "--set",
        "training.patience=none",
    ]
    run = subprocess.Popen(
        [sys.executable, "-m", "unrolled", *arguments, "--out", "cut"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert run.stderr is not None
    while not (line := run.stderr.readline()).startswith("epoch 3/"):
        assert line
    run.send_signal(signal.SIGINT)
    _, told = run.communicate(timeout=60)
    assert run.returncode == 130, told
    assert "interrupted: the best model so far is in cut" in told
    assert Path("cut/training.safetensors").exists()
    assert main([*arguments, "--out", "cut", "--resume"]) == 0
    assert not Path("cut/training.safetensors").exists()
    assert main([*arguments, "--out", "whole"]) == 0
    for name in ("model.safetensors", "vocabulary.json"):
        assert Path("cut", name).read_bytes() == Path("whole", name).read_bytes()
    figures = [Path(run, "history.csv").read_text().splitlines() for run in ("cut", "whole")]
    without_seconds = [[line.rpartition(",")[0] for line in lines] for lines in figures]
    assert without_seconds[0] == without_seconds[1]
