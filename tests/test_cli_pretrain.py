"""unrolled pretrain, and unrolled train --from: from texts without labels to a classifier."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from unrolled import TextClassifier, TextWriter
from unrolled.cli import main

WORDS = ["film", "story", "end", "actor", "plot", "the"]
QUICK = (
    "--set", "network.units=6", "--set", "network.embedding_size=6", "--set", "text.min_count=1",
    "--set", "training.epochs=2", "--threads", "1",
)  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw = random.Random(0)

    def text(good):
        return " ".join([*draw.choices(WORDS, k=4), "good" if good else "bad"])

    rows = [f"{text(row % 2)},{('neg', 'pos')[row % 2]}" for row in range(60)]
    Path("labelled.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    Path("more.txt").write_text("\n".join(text(row % 2) for row in range(90)) + "\n \n")
    return tmp_path


def run(capsys, *arguments, code=0):
    capsys.readouterr()
    assert main(list(arguments)) == code
    return tuple(capsys.readouterr())


@pytest.mark.parametrize("objective", ["language-model", "autoencoder"])
def test_from_texts_without_labels_to_a_classifier(place, capsys, objective):
    out, said = run(
        capsys, "pretrain", "labelled.csv", "more.txt", "--objective", objective, *QUICK
    )
    assert "1 row of more.txt not used (line 91: the text is empty)" in said
    assert "texts from the file labelled.csv (text 'text') and the file more.txt" in said
    assert said.endswith("now: unrolled train DATA --from runs/pretrained\n")
    assert "model runs/pretrained\n" in out
    writer = TextWriter.load("runs/pretrained")
    assert writer.recipe.writing.task == objective
    assert writer.metrics_["train_count"] + writer.metrics_["validation_count"] == 150

    command = ("train", "labelled.csv", "--from", "runs/pretrained", "--set", "training.epochs=2")
    out, said = run(capsys, *command, "--out", "fine")
    assert "beginning with 8 words and 1 layer lstm of 6 units from pretrained" in said
    assert "handed over from pretrained: 12 rows of words, layers embedding, lstm\n" in out
    classifier = TextClassifier.load("fine")
    assert classifier.recipe.name == "fine-tune"
    assert classifier.vocabulary_ == writer.vocabulary_
    out, _ = run(capsys, *command, "--out", "fine", "--overwrite", "--json")
    assert json.loads(out)["pretrained"] == classifier.metrics_["pretrained"]


def test_what_cannot_be(place, capsys):
    def error(*arguments):
        return run(capsys, *arguments, code=2)[1].splitlines()[-1]

    assert "--objective seq2seq: choose one of" in error(
        "pretrain", "more.txt", "--objective", "seq2seq"
    )
    assert "that of a TextClassifier" in error("pretrain", "more.txt", "--recipe", "small")
    assert "more.txt" in error("pretrain", "more.txt", "more.txt")
    assert "nowhere" in error("train", "labelled.csv", "--from", "nowhere")
    assert "--from is for a classifier" in error(
        "train", "more.txt", "--task", "autoencoder", "--from", "nowhere"
    )
    run(capsys, "pretrain", "more.txt", *QUICK)
    wrong = ("--from", "runs/pretrained", "--set", "network.units=9")
    assert "network.units is 9, but pretrained was pretrained with 6" in error(
        "train", "labelled.csv", *wrong
    )
    assert "a model is there; --overwrite replaces it" in error("pretrain", "more.txt", *QUICK)
    run(capsys, "train", "labelled.csv", "--set", "training.epochs=1", "--out", "labels")
    assert "is a classifier" in error("train", "labelled.csv", "--from", "labels")
