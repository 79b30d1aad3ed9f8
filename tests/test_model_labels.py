"""Labels of every kind, and what is decided from probabilities."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unrolled import Examples, Prediction, TextClassifier, load_recipe
from unrolled.errors import DataError, RecipeError
from unrolled.evaluation.decision import Decision
from unrolled.model.predictions import label_probabilities, set_probabilities
from unrolled.recipe import Recipe

TOPICS = {
    "배송": ["parcel", "late", "courier"],
    "refund": ["refund", "money", "back"],
    "rude 😡": ["rude", "shouted", "unfriendly"],
}


def tickets(count: int = 120) -> tuple[list[str], list[tuple[str, ...]]]:
    """Texts of one word of each of their topics among others; some have no topic at all."""
    rng = np.random.default_rng(1)
    texts, labels = [], []
    for _ in range(count):
        own = [topic for topic in TOPICS if rng.random() < 0.45]
        words = [str(rng.choice(TOPICS[topic])) for topic in own]
        texts.append(" ".join(rng.permutation([*words, "hello", "please", "order"])))
        labels.append(tuple(own))
    return texts, labels


def recipe(*changes: str, base: str = "small") -> Recipe:
    quick = [
        "text.num_words=60", "text.min_count=1", "text.maxlen=8", "network.units=8",
        "network.embedding_size=8", "training.epochs=15", "training.batch_size=8",
        "training.learning_rate=0.02", "training.patience=none", "network.word_dropout=0.0",
        "network.dropout=0.0", "decision.temperature=false",
    ]  # fmt: skip
    return load_recipe(base, [*quick, *changes])


TEXTS, LABELS = tickets()
SINGLE = [("parcel late", "배송"), ("money back", "refund"), ("they shouted", "rude 😡")]


@pytest.fixture(scope="module")
def several() -> TextClassifier:
    return TextClassifier(recipe()).fit(TEXTS, LABELS)


# --- Several labels a text -----------------------------------------------------------------------


def test_a_text_gets_all_labels_that_apply_and_perhaps_none(several):
    assert several.multi_label_
    assert several.classes_.tolist() == sorted(TOPICS)
    found = several.predict(["parcel late money please", "hello order", "shouted"])
    assert found.tolist() == [("refund", "배송"), (), ("rude 😡",)]
    probabilities = several.predict_proba(TEXTS)
    assert probabilities.shape == (120, 3)
    assert several.score(TEXTS, LABELS) > 0.9
    assert several.score(TEXTS, [set(labels) for labels in LABELS]) > 0.9
    assert not np.allclose(probabilities.sum(axis=1), 1)


def test_exactly_the_labels_must_be_found(several):
    text = "parcel late money please"
    assert several.score([text], [("배송", "refund")]) == 1
    assert several.score([text], [("배송",)]) == 0
    assert (
        several.score(["hello", "shouted"], ["refund", "rude 😡"]) == 0.5
    )  # a label is a set of one


def test_several_labels_come_back_from_a_folder(several, tmp_path):
    several.save(tmp_path / "model")
    loaded = TextClassifier.load(tmp_path / "model")
    assert loaded.multi_label_
    assert loaded.predict_proba(TEXTS).tobytes() == several.predict_proba(TEXTS).tobytes()
    assert loaded.predict(TEXTS).tolist() == several.predict(TEXTS).tolist()
    config = json.loads((tmp_path / "model" / "config.json").read_text(encoding="utf-8"))
    assert config["several_labels"] is True
    assert "A text has any number of them." in (tmp_path / "model" / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("base", "path"), [("small", "layered"), ("notebook-embedding", "compiled")]
)
def test_a_single_label_may_be_there_or_not(base, path):
    labels = [("late",) if "late" in text or "parcel" in text else () for text in TEXTS]
    classifier = TextClassifier(recipe(base=base)).fit(TEXTS, labels)
    assert classifier.network_.path == path
    assert classifier.classes_.tolist() == ["late"]
    assert classifier.predict(["parcel please", "hello"]).tolist() == [("late",), ()]
    assert classifier.predict_proba(["parcel", "hello"]).shape == (2, 1)


def test_the_path_to_a_plateau_is_that_of_guessing_each_label():
    from unrolled.training.fit import chance_loss

    targets = np.array([[0, 1], [1, 1], [0, 1], [1, 1]])
    assert chance_loss(targets) == pytest.approx(np.log(2) / 2)
    assert chance_loss(targets[:, 0]) == pytest.approx(np.log(2))


def test_mixed_and_strange_labels_are_named(several):
    with pytest.raises(DataError, match="training label 1 is 'refund' among rows of several"):
        TextClassifier(recipe()).fit(TEXTS, [*LABELS[:1], "refund", *LABELS[2:]])
    examples = Examples("new", ["a"], [("rufund",)], "a test", [7], Path("new.txt"))
    with pytest.raises(DataError, match=r'^new\.txt:7: the label "rufund" .*did you mean "refund"'):
        several.targets(examples)
    with pytest.raises(DataError, match=r"labels are \[\]; at least one is needed"):
        TextClassifier(recipe()).fit(TEXTS, [()] * 120)
    with pytest.raises(RecipeError, match='class_weight must be "none" where a text may have sev'):
        TextClassifier(recipe("training.class_weight=balanced")).fit(TEXTS, LABELS)


# --- One label a text ----------------------------------------------------------------------------


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(names=st.lists(st.text(), min_size=2, max_size=4, unique=True))
def test_any_strings_are_labels(names):
    texts = [f"about {'abcd'[row % len(names)] * 4} this" for row in range(24)]
    labels = [names[row % len(names)] for row in range(24)]
    classifier = TextClassifier(recipe("training.epochs=2")).fit(texts, labels)
    assert classifier.classes_.tolist() == sorted(names)
    assert set(classifier.predict(texts)) <= set(names)
    assert 0 <= classifier.score(texts, labels) <= 1


def test_balanced_classes_hear_the_rare_one():
    rng = np.random.default_rng(0)
    labels = ["rare" if row % 10 == 0 else "often" for row in range(200)]
    words = {"rare": ["x", "y"], "often": ["x", "y", "y", "y", "y"]}
    texts = [" ".join(rng.choice(words[label], 3)) for label in labels]
    plain, balanced = (
        TextClassifier(recipe(f"training.class_weight={weight}", "training.epochs=6")).fit(
            texts, labels
        )
        for weight in ("none", "balanced")
    )
    is_rare = np.array(labels) == "rare"
    recalls = [(own.predict(texts) == "rare")[is_rare].mean() for own in (plain, balanced)]
    assert recalls[0] < 0.4
    assert recalls[1] > 0.6


# --- Decisions -----------------------------------------------------------------------------------


def test_without_settings_the_most_probable_label_is_given(several):
    assert several.decision_.thresholds is None
    own = TextClassifier(recipe("training.epochs=2")).fit(*zip(*SINGLE * 10, strict=True))
    assert own.decision_ == Decision()
    texts = [text for text, _ in SINGLE]
    best = own.classes_[own.predict_proba(texts).argmax(axis=1)]
    assert own.predict(texts).tolist() == best.tolist()


def test_a_decision_is_fitted_on_the_validation_texts_and_kept(tmp_path):
    rows = [(f"{text} {number % 5}", label) for number in range(20) for text, label in SINGLE]
    texts, labels = zip(*rows, strict=True)
    own = TextClassifier(
        recipe("training.epochs=3", "decision.temperature=true", "decision.abstain_below=0.4",
               "decision.threshold=f1")
    )  # fmt: skip
    own.fit(texts, labels, out=tmp_path / "model")
    decision = own.decision_
    assert decision.temperature != 1
    assert decision.weights is not None
    assert decision.abstain_below == 0.4
    loaded = TextClassifier.load(tmp_path / "model")
    assert loaded.decision_ == decision
    assert loaded.predict(texts).tolist() == own.predict(texts).tolist()
    raw = own.network_.predict(own._model.prepared(own._encoded(texts)))
    assert np.allclose(own.predict_proba(texts), decision.calibrated(raw))
    assert not np.allclose(own.predict_proba(texts), raw)


def test_who_is_not_sure_abstains():
    rows = [(f"{text} {number % 5}", label) for number in range(20) for text, label in SINGLE]
    texts, labels = zip(*rows, strict=True)
    own = TextClassifier(recipe("training.epochs=6", "decision.abstain_below=0.95"))
    own.fit(texts, labels)
    asked = [*texts, "nothing of all that", ""]
    found, probabilities = own.predict(asked), own.predict_proba(asked)
    unsure = probabilities.max(axis=1) < 0.95
    assert unsure.any()
    assert not unsure.all()
    assert [label is None for label in found] == unsure.tolist()
    right = [label == given for label, given in zip(found, labels, strict=False)]
    assert own.score(texts, labels) == np.mean(right)  # no label is not the right one


# --- Predictions in detail -----------------------------------------------------------------------


def test_a_prediction_says_how_well_the_text_could_be_read(several):
    texts = ["parcel please", "zzz qqq parcel vvv", "", " ".join(["please"] * 20)]
    found = several.predict_details(texts)
    assert len(found) == 4
    assert [type(one) for one in found] == [Prediction] * 4
    assert [one.label for one in found] == several.predict(texts).tolist()
    assert [one.unknown_share for one in found] == [0, 0.75, 0, 0]
    assert [one.was_cut for one in found] == [False, False, False, True]
    first, probabilities = found[0], several.predict_proba(texts)[0]
    assert first.probabilities == dict(zip(several.classes_, probabilities.tolist(), strict=True))
    assert first.probability == first.probabilities["배송"]
    assert found.probabilities.dtype == found.probability.dtype == np.float32
    assert len(several.predict_details([])) == 0


def test_the_probability_is_that_of_the_label():
    probabilities = np.float32([[0.2, 0.8], [0.6, 0.4], [0.45, 0.55]])
    own = label_probabilities(probabilities, np.array([1, 1, -1]))
    assert own.tolist() == np.float32([0.8, 0.4, 0.55]).tolist()
    sets = np.array([[True, True], [False, True], [False, False]])
    own = set_probabilities(probabilities, sets)
    assert own.tolist() == np.float32([0.2, 0.4, 1 - np.float32(0.55)]).tolist()
