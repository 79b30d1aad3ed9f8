"""``unrolled compare``: who is better, by how much, on which texts, and at what cost."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest

from unrolled.cli import main
from unrolled.evaluation.comparison import mcnemar
from unrolled.model import TextClassifier

WORDS = {"bad": "dull slow boring awful", "good": "wonderful warm funny lovely"}
SMALL = {
    "text.num_words": 40,
    "network.embedding_size": 4,
    "network.units": 4,
    "training.learning_rate": 0.02,
    "training.epochs": 12,
}


def rows(count: int, seed: int) -> list[tuple[str, str]]:
    draw = random.Random(seed)
    made = []
    for row in range(count):
        label = sorted(WORDS)[row % 2]
        made.append((" ".join(draw.choices(WORDS[label].split(), k=3 + row % 3)), label))
    return made


def trained(pairs: list[tuple[str, object]], **settings: object) -> TextClassifier:
    changes = {key.replace("__", "."): value for key, value in settings.items()}
    texts, labels = zip(*pairs, strict=True)
    return TextClassifier("small", settings=SMALL | changes).fit(texts, labels)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a good model, one that learned on half of the words, and others."""
    folder = tmp_path_factory.mktemp("compare")
    pairs = rows(120, 1)
    trained(pairs).save(folder / "good")
    muddled = [(text, label) for text, label in pairs if "dull" not in text and "warm" not in text]
    muddled += [("dull", "good"), ("warm", "bad")] * 40
    trained(muddled, network__units=6).save(folder / "muddled")
    trained([(text, {"bad": "awful"}.get(label, label)) for text, label in pairs]).save(
        folder / "renamed"
    )
    several = [(text, (label,) if row % 3 else ()) for row, (text, label) in enumerate(pairs)]
    trained(several).save(folder / "several")
    trained(several, training__epochs=1).save(folder / "several-young")
    test = [*rows(80, 2), ("dull " * 60, "bad"), ("warm", "good")]
    (folder / "test.csv").write_text(
        "text,label\n" + "".join(f"{text},{label}\n" for text, label in test)
    )
    lines = [f"__label__bad __label__good {rows(1, 9)[0][0]}"]
    lines += [f"__label__{label} {text}" for text, label in test]
    (folder / "several.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def there(place, monkeypatch):
    monkeypatch.chdir(place)
    return place


def compared(capsys, *arguments: str) -> dict:
    assert main(["compare", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_json_agrees_with_the_models(there, capsys) -> None:
    document = compared(capsys, "good", "muddled", "test.csv", "--examples", "100")
    lines = Path("test.csv").read_text().splitlines()[1:]
    texts, labels = zip(*(line.split(",") for line in lines), strict=True)
    right = {
        name: TextClassifier.load(name).predict(texts) == np.array(labels)
        for name in ("good", "muddled")
    }
    lost, gained = right["good"] & ~right["muddled"], right["muddled"] & ~right["good"]
    assert document["count"] == 82
    assert document["accuracy_a"] == pytest.approx(right["good"].mean())
    assert document["accuracy_b"] == pytest.approx(right["muddled"].mean())
    assert (document["lost"], document["gained"]) == (lost.sum(), gained.sum())
    assert document["p_value"] == mcnemar(int(lost.sum()), int(gained.sum())) < 0.05
    assert document["worse"]
    flips = document["flips"]["lost"]
    assert {flip["where"] for flip in flips} == {
        f"test.csv:{row + 2}" for row in np.flatnonzero(lost)
    }
    for flip in flips:
        assert flip["a"] == flip["label"] == labels[int(flip["where"].split(":")[1]) - 2]
        assert flip["b"] != flip["label"]
    for side, name in (("a", "good"), ("b", "muddled")):
        files = [file for file in Path(name).rglob("*") if file.is_file()]
        assert document[side]["bytes"] == sum(file.stat().st_size for file in files)
        parameters = TextClassifier.load(name).network_.parameter_count
        assert document[side]["parameters"] == parameters
        assert document[side]["texts_per_second"] > 0
    assert document["a"]["parameters"] < document["b"]["parameters"]


def test_what_is_printed(there, capsys) -> None:
    assert main(["compare", "good", "muddled", "test.csv", "--examples", "2"]) == 0
    told = capsys.readouterr().out
    document = compared(capsys, "good", "muddled", "test.csv")
    lines = told.splitlines()
    assert lines[0] == (
        f"B is worse than A: {document['accuracy_b']:.4f} against {document['accuracy_a']:.4f} "
        "(p < 0.001)"
    )
    assert lines[1].startswith("82 texts from the file test.csv")
    assert re.search(r"^ +A  good +B  muddled$", told, re.MULTILINE)
    figure = r"[01]\.\d{4} \[[01]\.\d{4}, [01]\.\d{4}\]"
    assert re.search(rf"^accuracy +{figure} +{figure}$", told, re.MULTILINE)
    assert re.search(r"^parameters +[\d,]+ +[\d,]+$", told, re.MULTILINE)
    assert re.search(r"^size on disk +\d+\.\d\d MB +\d+\.\d\d MB$", told, re.MULTILINE)
    assert re.search(r"^texts a second +[\d,]+ +[\d,]+$", told, re.MULTILINE)
    assert re.search(
        r"^difference in accuracy -0\.\d{4} \[-0\.\d{4}, -0\.\d{4}\]$", told, re.MULTILINE
    )
    start = lines.index(f"right in A and wrong in B: {document['lost']} texts")
    shown = [line for line in lines[start + 1 :] if line.startswith("  ")]
    assert len(shown[:2]) == 2
    pattern = r"  test\.csv:\d+  true (bad|good), A \1, B (bad|good): .{1,72}"
    assert all(re.fullmatch(pattern, line) for line in shown)


def test_long_texts_are_cut(there, capsys) -> None:
    assert main(["compare", "good", "muddled", "test.csv", "--examples", "100"]) == 0
    told = capsys.readouterr().out
    (line,) = [line for line in told.splitlines() if line.startswith("  test.csv:82  ")]
    assert line.endswith("...")
    assert len(line.split(": ", 1)[1]) == 72


@pytest.mark.parametrize(
    ("models", "code"),
    [(("good", "muddled"), 1), (("muddled", "good"), 0), (("good", "good"), 0)],
)
def test_fail_if_worse(there, capsys, models, code) -> None:
    assert main(["compare", *models, "test.csv", "--fail-if-worse"]) == code
    assert main(["compare", *models, "test.csv", "--fail-if-worse", "--json"]) == code
    assert main(["compare", *models, "test.csv"]) == 0
    capsys.readouterr()


def test_a_model_is_as_good_as_itself(there, capsys) -> None:
    assert main(["compare", "good", "good", "test.csv"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert re.fullmatch(r"B is as good as A: (\d\.\d{4}) against \1 \(p = 1\.000\)", first)


def test_several_labels(there, capsys) -> None:
    document = compared(capsys, "several", "several-young", "several.txt", "--examples", "1")
    assert document["count"] == 83
    given = TextClassifier.load("several").predict(["dull"])[0]
    for flips in document["flips"].values():
        for flip in flips:
            assert flip["label"] in ("bad", "good", "bad, good")
            assert flip["a"] != flip["b"]
    assert isinstance(given, tuple)


@pytest.mark.parametrize(
    ("models", "line"),
    [
        (
            ("good", "renamed"),
            "good and renamed have different labels (only good has bad; only renamed has awful); "
            "compare models that were trained for the same ones",
        ),
        (
            ("several", "good"),
            "several gives a text several labels and good gives it one; "
            "compare models of the same kind",
        ),
    ],
)
def test_models_that_cannot_be_compared(there, capsys, models, line) -> None:
    assert main(["compare", *models, "test.csv"]) == 2
    assert capsys.readouterr().err == f"unrolled: error: {line}\n"
