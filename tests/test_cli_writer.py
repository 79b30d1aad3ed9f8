"""unrolled train --task, decode and embed: from a file to a model that writes, and its uses."""

from __future__ import annotations

import json
import os
import random
import signal
from pathlib import Path

import numpy as np
import polars
import pytest

from unrolled import TextWriter
from unrolled.cli import main

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
QUICK = (
    "--set", "network.units=16", "--set", "network.embedding_size=16", "--set",
    "text.min_count=1", "--set", "training.epochs=2", "--set", "training.batch_size=16",
    "--threads", "1",
)  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = random.Random(0)
    rows = [" ".join(rng.choices(DIGITS, k=rng.randint(1, 4))) for _ in range(120)]
    lines = [f"{row},{row.split()[0]}th {row.split()[-1]}" for row in rows]
    Path("pairs.csv").write_text("\n".join(["text,answer", *lines]) + "\n")
    Path("lines.txt").write_text("\n".join(rows) + "\n")
    return tmp_path


def run(capsys, *arguments, code=0):
    capsys.readouterr()
    assert main(list(arguments)) == code
    return tuple(capsys.readouterr())


def train(capsys, *arguments, code=0):
    return run(capsys, "train", *arguments, *QUICK, code=code)


def test_from_lines_to_a_model_to_vectors(place, capsys):
    out, said = train(capsys, "lines.txt", "--task", "autoencoder")
    assert "training on 96 texts from the file lines.txt" in said
    assert "epoch 2/2  loss" in said
    assert out.startswith("best epoch 2 of 2  val_perplexity ")
    assert "  of 24 validation texts\n" in out
    assert out.count(" -> ") == 5
    assert out.endswith("model runs/lines\n")
    writer = TextWriter.load("runs/lines")
    texts = Path("lines.txt").read_text().splitlines()
    validation = [texts[row] for row in writer.split(120)[1]]
    assert writer.metrics_["validation"] == writer.score(validation).to_dict()
    assert [one["text"] for one in writer.metrics_["samples"]] == validation[:5]

    out, _ = run(capsys, "embed", "runs/lines", "--input", "lines.txt", "--output", "v.npy")
    assert out == "120 texts -> v.npy: 16 numbers each\n"
    vectors = np.load("v.npy", allow_pickle=False)
    assert vectors.tobytes() == writer.embed(texts).tobytes()
    out, _ = run(
        capsys, "embed", "runs/lines", "--input", "pairs.csv", "--output", "v.parquet", "--json"
    )
    assert json.loads(out) == {"texts": 120, "numbers": 16, "output": "v.parquet"}
    frame = polars.read_parquet("v.parquet")
    assert frame["text"].to_list() == texts
    assert frame["vector"].to_numpy().tobytes() == vectors.tobytes()


def test_from_pairs_to_answers(place, capsys, monkeypatch):
    out, said = train(
        capsys, "pairs.csv", "--task", "seq2seq", "--target", "answer", "--out", "m", "--json"
    )
    assert "the file pairs.csv (text 'text', target 'answer')" in said
    document = json.loads(out)
    assert document["model"] == "m"
    assert document["val_perplexity"] == pytest.approx(np.exp(document["val_loss"]))
    assert document["samples"][0].keys() == {"text", "written", "target"}
    writer = TextWriter.load("m")
    texts = ["one two", "nine"]
    out, _ = run(capsys, "decode", "m", *texts, "--beams", "3", "--longest", "2")
    assert out.splitlines() == writer.decode(texts, beams=3, longest=2)
    out, _ = run(capsys, "decode", "m", "--input", "lines.txt", "--json")
    lines = Path("lines.txt").read_text().splitlines()
    answers = [{"text": t, "written": w} for t, w in zip(lines, writer.decode(lines), strict=True)]
    assert json.loads(out) == answers
    with Path("lines.txt").open() as lines_in:
        monkeypatch.setattr("sys.stdin", lines_in)
        out, _ = run(capsys, "decode", "m")
    assert out.splitlines() == [one["written"] for one in answers]


def test_a_language_model_of_a_recipe_of_ones_own(place, capsys):
    Path("mine.toml").write_text(
        'base = "writer"\n[writing]\ntask = "language-model"\ndirection = "backward"\n'
    )
    out, _ = train(capsys, "lines.txt", "--recipe", "mine.toml")
    assert "exact match" not in out
    recipe = TextWriter.load("runs/lines").recipe
    assert (recipe.name, recipe.writing.direction) == ("mine", "backward")


def test_empty_rows_are_set_aside_and_what_has_no_word_is_refused(place, capsys):
    with Path("pairs.csv").open("a") as file:
        file.write("one two,\n , onth one\n")
    _, said = train(capsys, "pairs.csv", "--task", "seq2seq", "--target", "answer")
    assert "2 rows not used (line 122: the target is empty, line 123: the text is empty)" in said
    with Path("pairs.csv").open("a") as file:
        file.write("one two,\u200b\n")
    _, said = train(
        capsys, "pairs.csv", "--task", "seq2seq", "--target", "answer", "--overwrite", code=2
    )
    assert "pairs.csv:124: the target has no word to learn from; leave it out" in said
    Path("empty.csv").write_text("text,answer\none,\n,two\n")
    _, said = train(capsys, "empty.csv", "--task", "seq2seq", "--target", "answer", code=2)
    assert "empty.csv: no row has a text and a target" in said


def test_an_interrupted_run_is_resumed(place, capsys, monkeypatch):
    from unrolled.cli.progress import TrainingProgress

    def interrupt(self, record):
        os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingProgress, "on_epoch", interrupt)
        _, said = train(capsys, "lines.txt", "--task", "autoencoder", code=130)
    assert "interrupted: the best model so far is in runs/lines" in said
    train(capsys, "lines.txt", "--task", "autoencoder", "--resume")
    train(capsys, "lines.txt", "--task", "autoencoder", "--out", "whole")
    models = TextWriter.load("runs/lines"), TextWriter.load("whole")
    assert len({one.network_.parameters.tobytes() for one in models}) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--task", "translate"], 'writing.task = "translate": must be one of "autoencoder"'),
        (["--task", "seq2seq"], "--task seq2seq needs --target"),
        (["--task", "autoencoder", "--target", "answer"], "--task autoencoder has no --target"),
        (["--task", "autoencoder", "--recipe", "small"], 'recipe "small" is that of a TextClass'),
        (["--task", "autoencoder", "--label", "answer"], "leave out --label"),
        (["--target", "answer"], "--target is the column that --task seq2seq writes"),
        (["--task", "seq2seq", "--target", "anwser"], "did you mean 'answer'?"),
        (["--task", "seq2seq", "--text", "text", "--target", "text"], "cannot be both text and"),
    ],
)
def test_what_does_not_go_together(place, capsys, arguments, said):
    _, error = train(capsys, "pairs.csv", *arguments, code=2)
    assert said in error
    assert error.count("\n") == 1
    assert not Path("runs").exists()


def test_each_command_opens_its_own_kind(place, capsys):
    train(capsys, "lines.txt", "--task", "autoencoder")
    for command in (["predict", "runs/lines", "one"], ["summary", "./runs/lines"]):
        _, said = run(capsys, *command, code=2)
        assert "of the task autoencoder: open it with TextWriter.load" in said
    _, said = run(capsys, "decode", "nowhere", "one", code=2)
    assert "nowhere: there is no such model folder" in said
    _, said = run(capsys, "decode", "runs/lines", "one", "--input", "lines.txt", code=2)
    assert "both as arguments and with --input" in said
    given = ("--input", "lines.txt", "--output")
    _, said = run(capsys, "embed", "runs/lines", *given, "v.csv", code=2)
    assert "v.csv: the suffix must be one of .npy, .parquet" in said
    Path("v.npy").touch()
    _, said = run(capsys, "embed", "runs/lines", *given, "v.npy", code=2)
    assert "--overwrite replaces it" in said
    run(capsys, "embed", "runs/lines", *given, "v.npy", "--overwrite")
    assert np.load("v.npy").shape == (120, 16)
    _, said = train(capsys, "lines.txt", "--task", "autoencoder", code=2)
    assert "a model is there" in said
