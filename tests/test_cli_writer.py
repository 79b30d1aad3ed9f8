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
    assert out.endswith("model runs/lines\nreport runs/lines/report.html\n")
    writer = TextWriter.load("runs/lines")
    texts = Path("lines.txt").read_text().splitlines()
    validation = [texts[row] for row in writer.split(120)[1]]
    assert writer.metrics_["validation"] == writer.score(validation).to_dict()
    assert [one["text"] for one in writer.metrics_["samples"]] == validation[:20]

    out, _ = run(capsys, "embed", "runs/lines", "--input", "lines.txt", "--output", "v.npy")
    assert out == "120 texts -> v.npy: 16 numbers each\n"
    vectors = np.load("v.npy", allow_pickle=False)
    assert vectors.tobytes() == writer.embed(texts).tobytes()
    out, _ = run(
        capsys, "embed", "runs/lines", "--input", "pairs.csv", "--output", "v.parquet", "--json"
    )
    assert json.loads(out) == {
        "texts": 120, "numbers": 16, "output": "v.parquet", "plot": [],
    }  # fmt: skip
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
    assert document["samples"][0].keys() == {
        "text", "target", "greedy", "beams", "exact", "edit_distance",
    }  # fmt: skip
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
    named = "line 122: the target is empty, line 123: the text is empty"
    assert f"2 rows of pairs.csv not used ({named})" in said
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
    assert "end: interrupted" in Path("runs/lines/report.html").read_text()
    assert len(TextWriter.load("runs/lines").metrics_["samples"]) == 20
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
    for command in (
        ["predict", "runs/lines", "one"], ["explain", "runs/lines", "one"],
        ["compare", "runs/lines", "runs/lines", "pairs.csv"], ["serve", "runs/lines"],
        ["export", "runs/lines", "page.html", "--to", "html"],
    ):  # fmt: skip
        _, said = run(capsys, *command, code=2)
        assert "of the task autoencoder: open it with TextWriter.load, or use unrolled dec" in said
        assert said.count("\n") == 1
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


def test_a_writer_is_evaluated_on_texts(place, capsys):
    train(capsys, "pairs.csv", "--task", "seq2seq", "--target", "answer", "--out", "m")
    texts = [line.split(",") for line in Path("pairs.csv").read_text().splitlines()[1:]]
    figures = TextWriter.load("m").score(*zip(*texts, strict=True))
    out, _ = run(capsys, "evaluate", "m", "pairs.csv", "--target", "answer", "--json")
    source = {"name": "pairs.csv", "source": "the file pairs.csv (text 'text', target 'answer')"}
    named = {"model": "m", "task": "seq2seq", "data": source}
    assert json.loads(out) == named | figures.to_dict()
    out, said = run(capsys, "evaluate", "m", "pairs.csv", "--target", "answer")
    assert "writing to 120 texts" in said
    rows = dict(line.rsplit(maxsplit=1) for line in out.splitlines()[4:])
    assert out.startswith("120 texts from the file pairs.csv (text 'text', target 'answer')\n")
    assert rows["perplexity"] == f"{figures.perplexity:.4g}"
    assert rows["exact match"] == f"{figures.exact_match:.4f}"
    assert rows["edit distance"] == f"{figures.edit_distance:.2f}"
    with Path("pairs.csv").open("a") as file:
        file.write("one two,\u200b\n")
    _, said = run(capsys, "evaluate", "m", "pairs.csv", "--target", "answer", code=2)
    assert "pairs.csv:122: the target has no word" in said


def test_a_language_model_is_evaluated_on_lines(place, capsys):
    train(capsys, "lines.txt", "--task", "language-model", "--out", "m")
    out, _ = run(capsys, "evaluate", "m", "lines.txt")
    assert "perplexity" in out
    assert "exact match" not in out


def test_what_an_evaluation_of_a_writer_needs(place, capsys):
    train(capsys, "lines.txt", "--task", "autoencoder", "--out", "m")
    for arguments, expected in (
        (["--target", "answer"], "m: a model of the task autoencoder makes what is to be written"),
        (["--label", "answer"], "m: a model that writes has no use for --train and --label"),
        (["--train", "pairs.csv"], "m: a model that writes has no use for --train and --label"),
    ):
        _, said = run(capsys, "evaluate", "m", "pairs.csv", *arguments, code=2)
        assert expected in said
    train(capsys, "pairs.csv", "--task", "seq2seq", "--target", "answer", "--out", "m",
          "--overwrite")  # fmt: skip
    _, said = run(capsys, "evaluate", "m", "pairs.csv", code=2)
    assert "m: a model of the task seq2seq needs --target, the column of what is to be wr" in said


def test_summary_of_a_writer_and_of_a_recipe_that_writes(place, capsys):
    out, _ = run(capsys, "summary", "writer", "--set", "text.num_words=30")
    assert "encoder/lstm (LSTM)" in out
    assert "output (tied)" in out
    train(capsys, "lines.txt", "--task", "language-model", "--out", "m")
    out, _ = run(capsys, "summary", "./m")
    assert out.removesuffix("\n") == TextWriter.load("m").summary()
    assert "encoder" not in out


def test_vectors_are_drawn_with_their_labels(place, capsys):
    train(capsys, "lines.txt", "--task", "autoencoder", "--out", "m")
    given = ("embed", "m", "--input", "pairs.csv", "--output", "v.npy", "--overwrite")
    out, _ = run(capsys, *given, "--plot", "dots.svg", "--label", "answer")
    assert out.endswith("plot dots.png and dots.svg\n")
    assert Path("dots.png").read_bytes().startswith(b"\x89PNG")
    assert "of the variance" in Path("dots.svg").read_text()
    first = Path("dots.svg").read_bytes()
    out, _ = run(capsys, *given, "--plot", "dots.png", "--label", "answer", "--json")
    assert json.loads(out)["plot"] == ["dots.png", "dots.svg"]
    assert Path("dots.svg").read_bytes() == first
    run(capsys, *given, "--plot", "dots.png")
    assert Path("dots.svg").read_bytes() != first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--label", "answer"], "--label colours the dots of --plot: give --plot too"),
        (["--plot", "dots.pdf"], "dots.pdf: the plot is a .png or an .svg file"),
        (["--plot", "lines.png"], "lines.svg: the file is there; --overwrite replaces it"),
        (["--plot", "d.png", "--label", "anwser"], "did you mean 'answer'?"),
    ],
)
def test_what_a_plot_of_vectors_needs(place, capsys, arguments, said):
    TextWriter(settings={"network.units": 4, "network.embedding_size": 4,
                         "training.epochs": 1}).fit(["one two"] * 9, out="m")  # fmt: skip
    Path("lines.svg").touch()
    _, error = run(
        capsys, "embed", "m", "--input", "pairs.csv", "--output", "v.npy", *arguments, code=2
    )
    assert said in error
    assert error.count("\n") == 1
    assert not Path("v.npy").exists()
