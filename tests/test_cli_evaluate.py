"""``unrolled evaluate``: its first line, its figures, its baselines, and what it says when not."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest

from unrolled.cli import figures, main
from unrolled.evaluation import baselines
from unrolled.evaluation.baselines import linear
from unrolled.evaluation.metrics import score
from unrolled.model import TextClassifier

WORDS = {
    "bad": "dull slow boring awful",
    "good": "wonderful warm funny lovely",
    "mixed": "fair middling usual long",
}
SMALL = {
    "text.num_words": 40,
    "network.embedding_size": 4,
    "network.units": 4,
    "training.learning_rate": 0.02,
    "training.epochs": 12,
}


def rows(count: int, seed: int) -> list[tuple[str, str]]:
    """Texts and labels; one text in ten has the words of another label."""
    draw = random.Random(seed)
    made = []
    for row in range(count):
        label = sorted(WORDS)[row % 3]
        words = WORDS[draw.choice(sorted(WORDS)) if draw.random() < 0.15 else label].split()
        made.append((f"{' '.join(draw.choices(words, k=3 + row % 4))} no{seed}x{row}", label))
    return made


def write(path: Path, pairs: list[tuple[str, str]]) -> None:
    path.write_text("review,sentiment\n" + "".join(f"{text},{label}\n" for text, label in pairs))


def trained(pairs: list[tuple[str, object]], **settings: object) -> TextClassifier:
    changes = {key.replace("__", "."): value for key, value in settings.items()}
    texts, labels = zip(*pairs, strict=True)
    return TextClassifier("small", settings=SMALL | changes).fit(texts, labels)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with training and test texts, and models that were trained there."""
    folder = tmp_path_factory.mktemp("evaluate")
    train, test = rows(180, 1), rows(90, 3)
    write(folder / "train.csv", train)
    write(folder / "test.csv", test)
    trained(train).save(folder / "model")
    trained(train, decision__abstain_below=0.9, decision__temperature=True).save(folder / "careful")
    several = [(text, (label,) if row % 4 else ("often", label)) for row, (text, label) in
               enumerate(train)]  # fmt: skip
    several = [(f"{text} often" if "often" in labels else text, labels) for text, labels in several]
    several += [("nothing to say", ())] * 6
    trained(several).save(folder / "several")
    lines = ["".join(f"__label__{one} " for one in labels) + text for text, labels in several]
    (folder / "several.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def there(place, monkeypatch):
    monkeypatch.chdir(place)
    return place


def evaluated(capsys, *arguments: str) -> dict:
    assert main(["evaluate", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_first_line_says_who_wins(there, capsys) -> None:
    assert main(["evaluate", "model", "test.csv", "--train", "train.csv"]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert re.fullmatch(
        r"the network (beats|loses to|only equals|is not clearly better than) "
        r"TF-IDF \+ logistic regression: "
        r"0\.\d{4} against 0\.\d{4} \(p .*\)",
        lines[0],
    )
    assert lines[1] == (
        "90 texts from the file test.csv (text 'review', label 'sentiment'); "
        "the baselines learned from the 144 texts that the network learned from"
    )
    assert "fitting TF-IDF + logistic regression on 144 texts" in printed.err
    header = next(line for line in lines if "network" in line and "majority" in line)
    assert re.fullmatch(r" +network +the majority guess +TF-IDF \+ logistic regression", header)
    figure = r"0\.\d{4} \[0\.\d{4}, [01]\.\d{4}\]"
    for name in ("accuracy", "macro F1", "ROC-AUC", "calibration error"):
        assert re.search(rf"^{name} +{figure} +{figure} +{figure}$", printed.out, re.MULTILINE)
    assert re.search(r"^log loss +\d", printed.out, re.MULTILINE)
    for name in WORDS:
        assert re.search(rf"^{name} +30 +{figure} +{figure} +{figure}$", printed.out, re.MULTILINE)
        assert re.search(rf"^{name} +\d+ +\d+ +\d+$", printed.out, re.MULTILINE)


def test_a_network_that_learned_nothing_is_said_to_lose(there, capsys) -> None:
    classifier = trained(rows(180, 1), training__epochs=1, training__learning_rate=1e-9)
    classifier.save(there / "fresh")
    assert main(["evaluate", "fresh", "test.csv", "--train", "train.csv"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("the network loses to TF-IDF + logistic regression: 0.")


def test_json_has_everything_and_agrees_with_python(there, capsys) -> None:
    document = evaluated(capsys, "model", "test.csv", "--train", "train.csv")
    classifier = TextClassifier.load("model")
    texts, labels = zip(*rows(90, 3), strict=True)
    targets = np.array([sorted(WORDS).index(label) for label in labels])
    own = score(classifier.predict_proba(texts), targets)
    assert document["classes"] == sorted(WORDS)
    for name, value in own.to_dict().items():
        assert document[name] == value
    assert set(document["intervals"]) == {
        "accuracy", "loss", "macro_f1", "micro_f1", "roc_auc", "calibration_error",
        "precision", "recall", "f1",
    }  # fmt: skip
    learned, _ = classifier.split(180)
    pairs = rows(180, 1)
    expected = linear(
        [pairs[row][0] for row in learned],
        np.array([sorted(WORDS).index(pairs[row][1]) for row in learned]),
        texts,
        seed=0,
    )
    assert document["baselines"]["linear"]["loss"] == score(expected, targets).loss
    assert document["baselines"]["majority"]["accuracy"] == pytest.approx(1 / 3)
    assert document["missing_baseline"] is None
    assert document["wins"] == (own.accuracy > score(expected, targets).accuracy)
    assert document["training"]["count"] == 144
    assert document["abstentions"] is None


def test_without_training_data_one_line_says_how_to_give_them(there, capsys) -> None:
    assert main(["evaluate", "model", "test.csv"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("the network beats the majority guess (of these texts): 0.")
    assert first.endswith(
        "; TF-IDF + logistic regression needs the training data: name them with --train"
    )
    document = evaluated(capsys, "model", "test.csv")
    assert set(document["baselines"]) == {"majority"}
    assert document["training"] is None


def test_without_scikit_learn_the_first_line_says_so(there, capsys, monkeypatch) -> None:
    monkeypatch.setattr(baselines.importlib.util, "find_spec", lambda name: None)
    assert main(["evaluate", "model", "test.csv", "--train", "train.csv"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert "beats the majority guess: 0." in first
    assert first.endswith("not installed: pip install 'unrolled[baselines]'")


def test_other_training_data_are_used_whole(there, capsys) -> None:
    write(there / "more.csv", rows(60, 5))
    assert main(["evaluate", "model", "test.csv", "--train", "more.csv"]) == 0
    assert "the baselines learned from all 60 texts from the file more.csv" in (
        capsys.readouterr().out
    )


def test_shared_texts_are_counted(there, capsys) -> None:
    write(there / "leaky.csv", rows(90, 3)[:80] + rows(180, 1)[:10])
    assert main(["evaluate", "model", "leaky.csv", "--train", "train.csv"]) == 0
    assert capsys.readouterr().out.endswith(
        "shared with the training data: 10 of 90 texts; "
        "on them the figures are kinder than the truth\n"
    )


def test_a_model_that_abstains_answers_and_says_how_often_it_would_not(there, capsys) -> None:
    document = evaluated(capsys, "careful", "test.csv")
    classifier = TextClassifier.load("careful")
    texts, labels = zip(*rows(90, 3), strict=True)
    given = classifier.predict(texts)
    answered = [(one, true) for one, true in zip(given, labels, strict=True) if one is not None]
    assert 0 < len(answered) < 90
    found = document["abstentions"]
    assert (found["abstained"], found["answered"]) == (90 - len(answered), len(answered))
    assert found["accuracy"] == pytest.approx(np.mean([one == true for one, true in answered]))
    low, high = found["interval"]
    assert low <= found["accuracy"] <= high
    assert found["accuracy"] > document["accuracy"]
    assert document["abstained"] == 0
    best = classifier.classes_[classifier.predict_proba(texts).argmax(axis=1)]
    assert document["accuracy"] == pytest.approx(np.mean(best == np.array(labels)))
    assert main(["evaluate", "careful", "test.csv"]) == 0
    told = capsys.readouterr().out
    assert f"the model abstains on {90 - len(answered)} texts of 90; of the {len(answered)}" in told


def test_several_labels(there, capsys) -> None:
    document = evaluated(capsys, "several", "several.txt", "--train", "several.txt")
    assert document["multi_label"]
    assert document["classes"] == ["bad", "good", "mixed", "often"]
    assert document["support"] == [60, 60, 60, 45]
    assert set(document["baselines"]) == {"majority", "linear"}
    assert main(["evaluate", "several", "several.txt", "--train", "several.txt"]) == 0
    told = capsys.readouterr().out
    for name in ("all labels right", "micro F1", "ROC-AUC"):
        assert re.search(rf"^{name} +0\.", told, re.MULTILINE)
    assert re.search(r"^label +given rightly +missed +given wrongly$", told, re.MULTILINE)
    right = document["confusion"][3][1][1]
    assert re.search(rf"^often +{right} +{45 - right} +\d+$", told, re.MULTILINE)


def test_of_many_classes_the_most_frequent_confusions_are_shown() -> None:
    names = [f"class{number:02}" for number in range(12)]
    targets, predicted = np.arange(240) % 12, np.arange(240) % 12
    for true in range(11):  # one text of class 0 is taken for class 1, two of class 1 for 2, ...
        predicted[np.flatnonzero(targets == true)[: true + 1]] = true + 1
    scores = score(np.full((240, 12), 1 / 12), targets, predicted=predicted)
    lines = figures.confusion(names, scores).splitlines()
    assert lines[0] == "most frequent confusions (11 kinds)"
    assert re.fullmatch(r"true +taken for +texts", lines[1])
    assert [line.split() for line in lines[3:]] == [
        [names[true], names[true + 1], str(true + 1)] for true in range(10, 0, -1)
    ]


def test_a_strange_label_is_named_with_its_place(there, capsys) -> None:
    write(there / "strange.csv", [("a dull film", "bad"), ("a warm one", "goood")])
    assert main(["evaluate", "model", "strange.csv"]) == 2
    assert 'strange.csv:3: the label "goood" is none of' in capsys.readouterr().err
    assert main(["evaluate", "model", "test.csv", "--train", "strange.csv"]) == 2
    assert 'strange.csv:3: the label "goood" is none of' in capsys.readouterr().err
