"""unrolled train on data of every kind: what is said, what stops it, what is kept."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from unrolled import TextClassifier
from unrolled.cli import main
from unrolled.datasets import doctor

QUICK = (
    "--set", "training.epochs=3", "--set", "text.num_words=60", "--set", "network.units=4",
    "--set", "network.embedding_size=4", "--threads", "1", "--no-baselines",
)  # fmt: skip
WORDS = {"late": "parcel slow waited", "refund": "money back refund", "rude": "shouted cold rude"}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def several(path: str, join: str) -> None:
    """Tickets with one or two topics, or none."""
    topics = sorted(WORDS)
    rows = ["text,label"]
    for row in range(60):
        own = [topics[at] for at in range(3) if (row >> at) % 2]
        words = " ".join(WORDS[topic] for topic in own)
        rows.append(f"ticket {row} {words} please,{join.join(own)}")
    Path(path).write_text("\n".join(rows) + "\n", encoding="utf-8")


def single(path: str, *extra: str) -> None:
    topics = sorted(WORDS)
    rows = [f"ticket {row} {WORDS[topics[row % 3]]},{topics[row % 3]}" for row in range(60)]
    Path(path).write_text("\n".join(["text,label", *rows, *extra]) + "\n", encoding="utf-8")


def run(capsys, *arguments: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert main([*arguments, *QUICK]) == code
    return tuple(capsys.readouterr())


def test_several_labels_by_a_separator(place, capsys):
    several("tickets.csv", "|")
    out, _ = run(capsys, "train", "tickets.csv", "--label-separator", "|", "--json")
    document = json.loads(out)
    assert document["classes"] == ["late", "refund", "rude"]
    assert document["decision"]["multi_label"] is True
    model = TextClassifier.load("runs/tickets")
    assert model.multi_label_
    assert set(model.metrics_) >= {"report", "val_loss"}
    assert Path("runs/tickets/report.html").exists()


def test_faults_that_stop_a_run_are_named_and_can_be_overruled(place, capsys, monkeypatch):
    fault = doctor.Finding(
        "odd", "stops", 2, "2 rows are odd", (("bad.csv:3", ""), ("bad.csv:9", "")), "mend them"
    )
    monkeypatch.setattr(doctor, "examine", partial(doctor.examine, also=[fault]))
    single("bad.csv")
    out, told = run(capsys, "train", "bad.csv", code=2)
    assert out == ""
    lines = told.splitlines()
    assert "stops: 2 rows are odd (bad.csv:3, bad.csv:9); mend them" in lines
    assert lines[-1].startswith("unrolled: error: bad.csv: the data have faults that stop a run")
    assert "--no-check" in lines[-1]
    assert not Path("runs/bad").exists()
    _, told = run(capsys, "train", "bad.csv", "--no-check")
    assert "stops: " not in told
    assert Path("runs/bad/config.json").exists()


def test_the_examination_changes_no_bit_of_the_model(place, capsys):
    single("a.csv", "ticket 0 parcel slow waited,late")
    weights = []
    for option in ("--check", "--no-check"):
        _, told = run(capsys, "train", "a.csv", option, "--overwrite")
        assert ("warns: " in told) is (option == "--check")
        weights.append(Path("runs/a/model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_a_large_file_trains_the_same_model_without_being_held(place, capsys, monkeypatch):
    single("a.csv")
    run(capsys, "train", "a.csv", "--out", "held")
    monkeypatch.setattr("unrolled.datasets.LARGE_FILE", 0)
    run(capsys, "train", "a.csv", "--out", "streamed")
    for name in ("model.safetensors", "vocabulary.json"):
        assert Path("held", name).read_bytes() == Path("streamed", name).read_bytes()
    held, streamed = (
        json.loads(Path(name, "metrics.json").read_text()) for name in ("held", "streamed")
    )
    assert held["report"]["mistakes"] == streamed["report"]["mistakes"]
    assert held["val_loss"] == streamed["val_loss"]


def test_what_a_decision_could_not_reach_is_said(place, capsys):
    rows = [f"word{row % 5} here,{'ab'[(row * 7 // 3) % 2]}" for row in range(80)]
    Path("noise.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    out, _ = run(
        capsys, "train", "noise.csv", "--no-check", "--set", "decision.threshold=precision",
        "--set", "decision.wanted_precision=0.999",
    )  # fmt: skip
    model = TextClassifier.load("runs/noise")
    assert bool(model.decision_.note) is ("a precision of 0.999 cannot be reached" in out)
    assert model.decision_.thresholds is not None


def test_summary_of_a_recipe_can_be_changed_and_of_a_model_not(place, capsys):
    assert main(["summary", "small", "--set", "network.cell=lstm", "--set", "network.units=7"]) == 0
    shown = capsys.readouterr().out
    assert "lstm (LSTM)" in shown
    assert "(None, None, 7)" in shown
    single("a.csv")
    run(capsys, "train", "a.csv")
    assert main(["summary", "runs/a", "--set", "network.units=7"]) == 2
    assert "a trained model keeps its settings" in capsys.readouterr().err
