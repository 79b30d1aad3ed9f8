"""What a training keeps, the page that it becomes, and pages of models that know less."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import pytest

from unrolled import bundle
from unrolled.cli import main
from unrolled.evaluation.baselines import LINEAR
from unrolled.model import TextClassifier
from unrolled.report import rival as rivals
from unrolled.report.facts import FACTS, report_data
from unrolled.report.folder import rewrite_report

QUICK = ["text.num_words=60", "text.min_count=1", "network.units=8", "network.embedding_size=8"]
QUICK += ["training.epochs=1", "training.batch_size=16", "training.learning_rate=0.01"]
TOPICS = {"배송": ["택배", "도착"], "결제": ["카드", "환불"], "로그인": ["비밀번호", "계정"]}
FILLERS = ["정말", "너무", "왜", "그런가요", "확인해", "주세요", "🙂"]


def korean(count: int = 150) -> list[tuple[str, str]]:
    draw = random.Random(5)
    rows = []
    for number in range(count):
        label = sorted(TOPICS)[number % 3]
        words = [*draw.choices(FILLERS, k=draw.randint(2, 9)), draw.choice(TOPICS[label])]
        rows.append((" ".join(words), label))
    return rows


def write_table(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


def train(data: Path, out: Path, *arguments: str) -> Path:
    settings = [part for setting in QUICK for part in ("--set", setting)]
    assert main(["train", str(data), "--out", str(out), *settings, *arguments]) == 0
    return out


def facts_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))[FACTS]


def page_of(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tickets(tmp_path_factory) -> Path:
    """A model of one epoch on Korean texts, one of which has two labels and one is empty."""
    place = tmp_path_factory.mktemp("tickets")
    rows = [*korean(), ("택배 <b>왜</b>", "배송"), ("택배 <b>왜</b>", "결제"), ("", "배송")]
    data = write_table(place / "tickets.csv", rows)
    return train(
        data, place / "model", "--set", "text.maxlen=6", "--set", "decision.temperature=true",
        "--set", "decision.abstain_below=0.4",
    )  # fmt: skip


def test_a_model_of_one_epoch_has_every_section(tickets):
    page = page_of(tickets)
    facts = facts_of(tickets)
    standing = facts["standing"]
    names = [one["name"] for one in standing["contestants"]]
    assert names == ["the network", LINEAR, "the majority guess"]
    assert standing["fitted_on"] == standing["train_count"] == 121
    assert standing["count"] == standing["available"] == 31
    assert page.count('<svg class="plot"') == 4
    for words in (
        "The scores, beside simpler ways", "How sure it is, and how often right", "Class by class",
        "배송", "What was found in the data", "153 rows in = 152 used + 1 set aside",
        "tickets.csv:154", "tickets.csv:152", "How the texts are read", "unknown words",
        "How a label is chosen", "a probability of 0.4", "The settings",
    ):  # fmt: skip
        assert words in page, words
    plots = {path.stem for path in (tickets / "plots").iterdir()}
    assert plots == {"curves", "lengths", "confusion", "calibration"}


def test_what_was_read_is_measured(tickets):
    training, validation = facts_of(tickets)["read"]
    assert training["texts"] == 121
    assert validation["texts"] == 31
    assert training["unknown"] == 0.0  # min_count=1, and room for every word
    assert 0 < training["cut"] < 1
    assert 0 < training["lost"] < training["cut"]


def test_without_the_new_facts_a_page_is_written_all_the_same(tickets, tmp_path):
    stored = bundle.read(tickets)
    facts = stored.metrics[FACTS]
    for key in ("standing", "read", "examination"):
        del facts[key]
    old = tmp_path / "old"
    bundle.write(old, stored)
    page = rewrite_report(old).read_text(encoding="utf-8")
    assert "Class by class" in page
    assert "The scores, beside simpler ways" not in page
    assert "What was found in the data" not in page
    assert not (old / "plots" / "calibration.svg").exists()


def test_without_baselines_the_report_says_so(tmp_path, capsys):
    data = write_table(tmp_path / "a.csv", korean(60))
    folder = train(data, tmp_path / "model", "--no-baselines", "--no-check")
    told = capsys.readouterr()
    assert "fitting" not in told.err
    assert "The network " in told.out
    assert f"{LINEAR} was not fitted (--no-baselines)." in page_of(folder)
    assert "not examined for this training" in page_of(folder)


def test_without_scikit_learn_the_report_says_how_to_get_it(tmp_path, capsys, monkeypatch):
    sentence = f"{LINEAR} needs scikit-learn"
    monkeypatch.setattr(rivals, "why_no_linear", lambda: sentence)
    folder = train(write_table(tmp_path / "a.csv", korean(60)), tmp_path / "model")
    assert sentence in capsys.readouterr().err
    assert f"{sentence}." in page_of(folder)


def test_ctrl_c_skips_the_baseline_and_keeps_the_report(tmp_path, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rivals, "linear", interrupted)
    folder = train(write_table(tmp_path / "a.csv", korean(60)), tmp_path / "model")
    assert f"{LINEAR} was not fitted (it was interrupted)." in page_of(folder)


def test_too_many_texts_are_drawn_from(tmp_path, monkeypatch):
    monkeypatch.setattr(rivals, "MOST_WORDS", 300)
    monkeypatch.setattr(rivals, "MOST_SCORED", 20)
    folder = train(write_table(tmp_path / "a.csv", korean(150)), tmp_path / "model")
    standing = facts_of(folder)["standing"]
    assert standing["count"] == 20
    assert standing["available"] == 30
    assert 20 < standing["fitted_on"] < 80
    assert sum(map(sum, facts_of(folder)["confusion"])) == 20
    page = page_of(folder)
    assert f"was fitted on {standing['fitted_on']} of the 120 training texts" in page
    assert "measured on 20 of the 30 validation texts, drawn at random" in page


def test_drawn_rows_are_all_or_a_sample_in_order():
    assert rivals.drawn(5, 5, seed=0).tolist() == [0, 1, 2, 3, 4]
    rows = rivals.drawn(1000, 50, seed=0).tolist()
    assert rows == sorted(set(rows))
    assert len(rows) == 50
    assert rows != rivals.drawn(1000, 50, seed=1).tolist()


def test_several_labels_a_text_have_a_table_of_labels_and_no_matrix(tmp_path):
    draw = random.Random(2)
    lines = []
    for _ in range(150):
        labels = [label for label in TOPICS if draw.random() < 0.4]
        words = [draw.choice(FILLERS), *(draw.choice(TOPICS[label]) for label in labels)]
        lines.append(" ".join([*(f"__label__{label}" for label in labels), *words]))
    data = tmp_path / "several.txt"
    data.write_text("\n".join(lines) + "\n", encoding="utf-8")
    folder = train(data, tmp_path / "model", "--set", "decision.threshold=f1")
    page = page_of(folder)
    assert "texts with all labels right" in page
    assert "Label by label" in page
    assert "given rightly" in page
    assert '<th scope="col" class="number">threshold</th>' in page
    assert 'class="confusion' not in page
    assert "Texts that it gets most wrong" in page
    assert not (folder / "plots" / "confusion.svg").exists()
    assert (folder / "plots" / "calibration.svg").exists()


def test_thirty_classes_fit_on_a_page(tmp_path):
    draw = random.Random(4)
    rows = [(f"word{number % 30} {draw.choice(FILLERS)}", f"class {number % 30:02}")
            for number in range(300)]  # fmt: skip
    folder = train(write_table(tmp_path / "many.csv", rows), tmp_path / "model")
    page = page_of(folder)
    assert 'class="confusion dense"' in page
    assert "What is confused most" in page
    assert "class 29" in page
    data = report_data(TextClassifier.load(folder), "many")
    assert dict(data.data)["classes"].startswith("30: class 00, class 01, ")
    assert dict(data.data)["classes"].endswith(" and 18 more")
