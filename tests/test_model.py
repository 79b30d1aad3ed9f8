"""TextClassifier: from labelled texts to a folder and back."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import strategies as st

from unrolled.datasets.examples import Examples
from unrolled.datasets.split import train_validation_split
from unrolled.errors import DataError, InputError, ModelError, NonFiniteError
from unrolled.evaluation.decision import Decision
from unrolled.model import TextClassifier
from unrolled.model.networks import build_network
from unrolled.recipe import PRESETS, DecisionRecipe, Recipe, load_recipe
from unrolled.text.vocabulary import Vocabulary
from unrolled.training.fit import fit

WORDS = {
    "negative": ["bad", "awful", "dull", "poor"],
    "positive": ["good", "great", "fine", "superb"],
    "neutral": ["so-so", "fair", "plain", "usual"],
}
FILLERS = ["the", "a", "film", "of", "and", "it", "was", "in", "this"]


def reviews(count: int, *, labels=("positive", "negative"), seed: int = 1):
    """Texts of 2 to 12 words, a third of which tell the label."""
    rng = np.random.default_rng(seed)
    texts, chosen = [], []
    for _ in range(count):
        label = str(rng.choice(labels))
        words = [
            str(rng.choice(WORDS[label] if rng.random() < 0.4 else FILLERS))
            for _ in range(rng.integers(2, 13))
        ]
        texts.append(" ".join(words))
        chosen.append(label)
    return texts, chosen


def recipe(*overrides: str, base: str = "small") -> Recipe:
    quick = ["text.num_words=40", "text.maxlen=8", "training.epochs=4", "training.batch_size=8"]
    quick += ["text.min_count=1", "network.units=8", "network.embedding_size=8"]
    quick += ["network.word_dropout=0.0", "network.dropout=0.0", "training.patience=3"]
    return load_recipe(base, [*quick, "training.learning_rate=0.01", *overrides])


TEXTS, LABELS = reviews(60)


@pytest.fixture(scope="module")
def trained() -> TextClassifier:
    return TextClassifier(recipe("training.epochs=12")).fit(TEXTS, LABELS)


def parameters(classifier: TextClassifier) -> bytes:
    return classifier.network_.parameters.tobytes()


def figures(classifier: TextClassifier) -> dict[str, list[float]]:
    return {key: row for key, row in classifier.history_.history.items() if key != "seconds"}


# --- Learning ------------------------------------------------------------------------------------


def test_it_learns_what_the_words_mean(trained):
    assert trained.classes_.tolist() == ["negative", "positive"]
    assert trained.predict(["a good film", "a bad film"]).tolist() == ["positive", "negative"]
    assert trained.score(TEXTS, LABELS) > 0.8
    probabilities = trained.predict_proba(TEXTS)
    assert probabilities.shape == (60, 2)
    assert probabilities.dtype == np.float32
    assert np.allclose(probabilities.sum(axis=1), 1)


def test_three_classes_have_a_softmax():
    texts, labels = reviews(90, labels=("positive", "negative", "neutral"))
    classifier = TextClassifier(recipe("training.epochs=20")).fit(texts, labels)
    assert classifier.classes_.tolist() == ["negative", "neutral", "positive"]
    assert classifier.predict_proba(texts[:5]).shape == (5, 3)
    assert classifier.predict(["plain usual fair"]).tolist() == ["neutral"]
    assert classifier.score(texts, labels) > 0.7


@pytest.mark.parametrize("base", ["notebook-onehot", "notebook-embedding"])
def test_the_notebook_presets_have_the_notebook_s_networks(base):
    parameters = {"notebook-onehot": 2481, "notebook-embedding": 5009}[base]
    network = build_network(PRESETS[base], rows=300, classes=2)
    assert network.parameter_count == parameters
    assert f"{parameters:,}" in TextClassifier(base).summary()


@pytest.mark.parametrize("base", ["small", "notebook-onehot", "notebook-embedding"])
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(base):
    def run(*overrides: str) -> TextClassifier:
        return TextClassifier(recipe("training.epochs=2", *overrides, base=base)).fit(TEXTS, LABELS)

    first, second, other = run(), run(), run("seed=1")
    assert parameters(first) == parameters(second)
    assert figures(first) == figures(second)
    assert parameters(first) != parameters(other)


def test_the_thread_count_changes_no_bit():
    one, two, eight = (
        TextClassifier(recipe(), threads=threads).fit(TEXTS, LABELS) for threads in (1, 2, 8)
    )
    assert parameters(one) == parameters(two) == parameters(eight)
    assert figures(one) == figures(two) == figures(eight)
    assert one.predict_proba(TEXTS).tobytes() == eight.predict_proba(TEXTS).tobytes()


def test_validation_is_split_off_as_the_recipe_says():
    settings = recipe("training.validation_fraction=0.3", "training.split_seed=5")
    classifier = TextClassifier(settings).fit(TEXTS, LABELS)
    train, held_back = train_validation_split(60, 0.3, 5)
    assert (classifier.metrics_["train_count"], classifier.metrics_["validation_count"]) == (42, 18)
    given = TextClassifier(settings).fit(
        [TEXTS[row] for row in train],
        [LABELS[row] for row in train],
        ([TEXTS[row] for row in held_back], [LABELS[row] for row in held_back]),
    )
    assert parameters(given) == parameters(classifier)
    assert figures(given) == figures(classifier)
    assert [rows.tolist() for rows in classifier.split(60)] == [train.tolist(), held_back.tolist()]


@pytest.mark.parametrize(("of", "known"), [("train", False), ("all", True)])
def test_words_of_validation_texts_count_only_if_the_recipe_says_so(of, known):
    classifier = TextClassifier(recipe(f"text.vocabulary_of={of}")).fit(
        TEXTS, LABELS, (["zebra film", "zebra"], ["positive", "negative"])
    )
    assert ("zebra" in classifier.vocabulary_.words) is known


def test_encoded_texts_train_the_same_model_as_texts():
    by_texts = TextClassifier(recipe()).fit(TEXTS, LABELS)
    rows = by_texts.split(60)
    learned_from = [TEXTS[row] for row in rows[0]]
    vocabulary = Vocabulary.from_texts(learned_from, tokenizer="words", num_words=40)
    parts = [
        (
            vocabulary.encode_all([TEXTS[row] for row in part]),
            np.array([LABELS[row] == "positive" for row in part], np.int64),
        )
        for part in rows
    ]
    by_ids = TextClassifier(recipe()).fit_sequences(
        *parts, vocabulary=vocabulary, classes=["negative", "positive"], source="a test"
    )
    assert parameters(by_ids) == parameters(by_texts)
    assert figures(by_ids) == figures(by_texts)


def test_metrics_are_those_of_the_epoch_whose_weights_are_kept(trained):
    history, metrics = trained.history_.history, trained.metrics_
    best = trained.history_.best_epoch
    assert metrics["best_epoch"] == metrics["epoch"] == best
    for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert metrics[key] == history[key][best - 1]
    assert metrics["seconds"] == sum(history["seconds"])
    assert metrics["stop_reason"] in ("epochs", "early stopping")
    assert metrics["parameters"] == trained.network_.parameter_count
    train_rows, _ = trained.split(60)
    lengths = [len(TEXTS[row].replace("-", " ").split()) + 1 for row in train_rows]
    assert metrics["lengths"]["mean"] == np.mean(lengths)
    assert sum(metrics["lengths"]["histogram_counts"]) == 48
    last = TextClassifier(
        recipe("training.restore_best_weights=false", "training.patience=none", "training.epochs=9")
    ).fit(TEXTS, LABELS)
    assert last.metrics_["epoch"] == 9
    assert last.metrics_["val_loss"] == last.history_.history["val_loss"][8]


# --- Predicting ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "changes"),
    [
        ("small", []),
        ("notebook-onehot", []),
        ("accurate", ["text.keep=both", "decision.temperature=true"]),
        ("small", ["network.cell=lstm", "network.layers=2", "network.recurrent_dropout=0.2"]),
        ("small", ["network.cell=gru", "network.bidirectional=average", "network.pooling=last"]),
        ("small", ["network.cell=min_gru", "network.pooling=mean", "network.word_dropout=0.2"]),
        ("small", ["text.tokenizer=characters", "text.maxlen=30", "network.input=onehot"]),
    ],
)
def test_a_prediction_does_not_depend_on_its_company(base, changes, tmp_path):
    classifier = TextClassifier(recipe(*changes, base=base)).fit(TEXTS, LABELS)
    texts = [*TEXTS, "", "good", "unheard-of words only", " ".join(TEXTS)]
    together = classifier.predict_proba(texts)
    classifier.save(tmp_path / "model")
    loaded = TextClassifier.load(tmp_path / "model", threads=2)
    order = np.random.default_rng(0).permutation(len(texts))
    shuffled = [texts[row] for row in order]
    assert loaded.predict_proba(texts).tobytes() == together.tobytes()
    assert loaded.predict_proba(shuffled).tobytes() == together[order].tobytes()
    for row, text in enumerate(texts):
        assert classifier.predict_proba([text]).tobytes() == together[row].tobytes()
    assert np.isfinite(together).all()


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(texts=st.lists(st.text(), max_size=20))
def test_any_unicode_text_is_classified_and_twice_the_same(trained, texts):
    first = trained.predict_proba(texts)
    assert trained.predict_proba(texts).tobytes() == first.tobytes()
    assert set(trained.predict(texts)) <= {"negative", "positive"}
    for row, text in enumerate(texts):
        assert trained.predict_proba([text]).tobytes() == first[row].tobytes()


def test_no_texts_have_no_predictions(trained):
    assert trained.predict([]).tolist() == []
    assert trained.predict_proba([]).shape == (0, 2)


def test_targets_are_class_numbers_and_strange_labels_are_named(trained):
    file = Path("new.csv")
    examples = Examples("new", ["a", "b"], ["positive", "negative"], "a test", [2, 5], file)
    assert trained.targets(examples).tolist() == [1, 0]
    strange = Examples("new", ["a", "b"], ["positive", "negativ"], "a test", [2, 5], file)
    with pytest.raises(DataError) as caught:
        trained.targets(strange)
    assert str(caught.value) == (
        'new.csv:5: the label "negativ" is none of negative, positive; did you mean "negative"?'
    )


# --- What cannot be learned ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "labels", "said"),
    [
        ([], [], "there are no training texts"),
        (["a"] * 9, ["x"] * 9, r"labels are \['x'\]; two different ones are needed"),
        ([""] * 9, ["x", "y", "x"] * 3, "the texts hold no word"),
        (["a"], ["x"], "1 rows cannot be split"),
    ],
)
def test_texts_that_teach_nothing_are_refused(texts, labels, said):
    with pytest.raises(DataError, match=said):
        TextClassifier(recipe()).fit(texts, labels)


def test_a_validation_label_that_training_has_not_is_named():
    with pytest.raises(DataError, match='validation row 1: the label "odd" is none of negative'):
        TextClassifier(recipe()).fit(TEXTS, LABELS, (["a", "b"], ["positive", "odd"]))


def test_an_untrained_classifier_says_so():
    for use in (
        lambda new: new.predict(["a"]),
        lambda new: new.save("nowhere"),
        lambda new: new.classes_,
    ):
        with pytest.raises(InputError, match="has not learned anything yet"):
            use(TextClassifier())
    with pytest.raises(InputError, match=r"text\.num_words is none"):
        TextClassifier(load_recipe("small", ["text.num_words=none"])).summary()


def test_numbers_that_are_not_finite_name_the_users_rows(tmp_path):
    out = tmp_path / "model"
    settings = recipe(
        "network.cell=simple_rnn",
        "network.pooling=last",
        "network.activation=linear",
        "training.optimizer=sgd",
        "training.learning_rate=1e30",
    )
    with pytest.raises(
        NonFiniteError, match=r"epoch 1, batch \d+, rows [\d, ]+.*not finite"
    ) as hit:
        TextClassifier(settings).fit(TEXTS, LABELS, out=out)
    named = [int(row) for row in str(hit.value).split("rows ")[1].split(":")[0].split(", ")[:5]]
    assert set(named) <= set(TextClassifier(settings).split(60)[0].tolist())
    assert not out.exists()


# --- Keeping -------------------------------------------------------------------------------------


def test_a_saved_model_comes_back_whole(trained, tmp_path):
    folder = tmp_path / "model"
    trained.save(folder, report="<p>report</p>")
    loaded = TextClassifier.load(folder)
    assert loaded.recipe == trained.recipe
    assert loaded.classes_.tolist() == trained.classes_.tolist()
    assert loaded.history_ == trained.history_
    assert loaded.metrics_ == trained.metrics_
    assert loaded.vocabulary_ == trained.vocabulary_
    assert parameters(loaded) == parameters(trained)
    assert not loaded.is_unfinished
    loaded.metrics_["more"] = [1, 2]
    loaded.save(folder)
    assert TextClassifier.load(folder).metrics_["more"] == [1, 2]
    assert (folder / "report.html").read_text() == "<p>report</p>"
    assert (folder / "README.md").read_text().startswith("---\nlibrary_name: unrolled\n")


def test_a_model_of_the_first_format_says_what_it_said():
    """Written by version 0.1.0, whose recipes had fewer settings and whose models no decision."""
    loaded = TextClassifier.load(Path(__file__).parent / "format_1" / "tickets")
    assert loaded.recipe.network.pooling == "last"
    assert loaded.recipe.decision == DecisionRecipe()
    assert loaded.decision_ == Decision()
    assert not loaded.multi_label_
    texts = ["my parcel is not here", "refund please", "thank you", ""]
    assert loaded.predict(texts).tolist() == ["delivery", "praise", "delivery", "refund"]
    then = [
        [0.63115507, 0.21702719, 0.15181772],
        [0.22144824, 0.76301628, 0.01553547],
        [0.46273851, 0.09221313, 0.44504839],
        [0.26900756, 0.16239297, 0.56859946],
    ]
    assert np.allclose(loaded.predict_proba(texts), then, atol=1e-6)


def test_a_stored_recipe_that_cannot_be_is_named_by_file(trained, tmp_path, monkeypatch):
    folder = tmp_path / "model"
    with monkeypatch.context() as patch:
        settings = trained.recipe.to_dict()
        settings["network"]["cell"] = "grx"
        patch.setattr(Recipe, "to_dict", lambda self: settings)
        trained.save(folder)
    with pytest.raises(ModelError, match=r'config\.json: .*network\.cell = "grx": must be one of'):
        TextClassifier.load(folder)


def test_weights_of_another_shape_are_named(trained, tmp_path):
    folder = tmp_path / "model"
    wider = TextClassifier(recipe("network.units=5")).fit(TEXTS, LABELS)
    wider._model.recipe = trained.recipe
    wider.save(folder)
    with pytest.raises(ModelError, match=r"model\.safetensors: .* has shape"):
        TextClassifier.load(folder)


# --- Stopping and going on -----------------------------------------------------------------------


def interrupted(settings: Recipe, out: Path, *, epoch: int) -> TextClassifier:
    def interrupt(record) -> None:
        if record.epoch == epoch:
            os.kill(os.getpid(), signal.SIGTERM)

    return TextClassifier(settings).fit(TEXTS, LABELS, out=out, on_epoch=interrupt)


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam", "sgd"])
def test_an_interrupted_run_goes_on_to_the_same_bits(optimizer, tmp_path):
    settings = recipe(f"training.optimizer={optimizer}", "training.epochs=6")
    whole = TextClassifier(settings).fit(TEXTS, LABELS, out=tmp_path / "whole")
    for epoch in range(1, whole.history_.epochs):
        out = tmp_path / f"stopped-{epoch}"
        stopped = interrupted(settings, out, epoch=epoch)
        assert stopped.is_unfinished
        assert stopped.metrics_["stop_reason"] == "interrupted"
        loaded = TextClassifier.load(out)
        assert loaded.is_unfinished
        assert loaded.history_.epochs == epoch
        assert parameters(loaded) == parameters(stopped)
        loaded.save(out, report="<p>kept</p>")  # writing a report does not lose the run
        assert (out / "training.safetensors").exists()

        records = []
        resumed = TextClassifier(settings).fit(
            TEXTS, LABELS, out=out, resume=True, on_epoch=records.append
        )
        trained = [record.epoch for record in records]
        assert trained == list(range(epoch + 1, whole.history_.epochs + 1))
        assert not resumed.is_unfinished
        assert not (out / "training.safetensors").exists()
        assert figures(resumed) == figures(whole)
        assert parameters(resumed) == parameters(whole)
        stored = [
            safetensors.numpy.load_file(tmp_path / name / "model.safetensors")
            for name in ("whole", out.name)
        ]
        assert all(np.array_equal(stored[0][name], stored[1][name]) for name in stored[0])


def test_an_unfinished_folder_holds_the_best_model_so_far(tmp_path, monkeypatch):
    """Every checkpoint is a whole model, with the weights of the best epoch up to then."""
    out = tmp_path / "model"
    chosen = ["training.learning_rate=0.3", "training.epochs=6", "training.patience=none"]
    settings = recipe(*chosen, base="notebook-embedding")
    seen = []
    monkeypatch.setattr("unrolled.model.keeping.fit", partial(fit, checkpoint_every=0))

    def look(record) -> None:
        if record.epoch > 1:
            loaded = TextClassifier.load(out)
            losses = loaded.history_.history["val_loss"]
            validation = [TEXTS[row] for row in loaded.split(60)[1]]
            labels = [LABELS[row] for row in loaded.split(60)[1]]
            assert loaded.metrics_["stop_reason"] == "unfinished"
            assert loaded.metrics_["val_loss"] == min(losses)
            assert loaded.score(validation, labels) == loaded.metrics_["val_accuracy"]
            seen.append(losses.index(min(losses)) < len(losses) - 1)

    kept = TextClassifier(settings).fit(TEXTS, LABELS, out=out, on_epoch=look)
    assert len(seen) == 5
    assert any(seen)
    alone = TextClassifier(settings).fit(TEXTS, LABELS)  # keeping a model changes no training
    assert figures(kept) == figures(alone)
    assert parameters(kept) == parameters(alone)


def test_stopping_before_there_is_a_model_raises(tmp_path):
    def interrupt(rows: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    classifier = TextClassifier(recipe())
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(TEXTS, LABELS, out=tmp_path / "model", on_progress=interrupt)
    assert not (tmp_path / "model").exists()
    with pytest.raises(InputError, match="has not learned"):
        _ = classifier.classes_


def test_resuming_a_finished_run_changes_nothing_and_without_a_run_begins_one(tmp_path):
    out = tmp_path / "model"
    first = TextClassifier(recipe()).fit(TEXTS, LABELS, out=out, resume=True)
    before = json.loads((out / "metrics.json").read_text())
    again = TextClassifier(recipe()).fit(
        TEXTS, LABELS, out=out, resume=True, on_epoch=lambda record: pytest.fail("trained again")
    )
    assert parameters(again) == parameters(first)
    assert json.loads((out / "metrics.json").read_text()) == before


def test_a_run_is_not_resumed_with_anything_else(tmp_path):
    out = tmp_path / "model"
    interrupted(recipe(), out, epoch=2)

    def resume(settings: Recipe, texts, labels) -> str:
        with pytest.raises(ModelError) as caught:
            TextClassifier(settings).fit(texts, labels, out=out, resume=True)
        assert str(caught.value).startswith(f"{out}: this is another run's model: ")
        return str(caught.value)

    assert "seed is 1, not 42" in resume(recipe("seed=1"), TEXTS, LABELS)
    said = resume(recipe("training.epochs=9", "network.units=4"), TEXTS, LABELS)
    assert "network.units is 4, not 8; training.epochs is 9, not 4" in said
    assert "the data are not those" in resume(recipe(), TEXTS[::-1], LABELS[::-1])
    swapped = [*LABELS]
    first, second = LABELS.index("positive"), LABELS.index("negative")
    swapped[first], swapped[second] = swapped[second], swapped[first]
    assert "the data are not those" in resume(recipe(), TEXTS, swapped)
    other_labels = [label.replace("positive", "yes") for label in LABELS]
    assert "the data are not those" in resume(recipe(), TEXTS, other_labels)
    other_words = [text.replace("film", "movie") for text in TEXTS]
    assert "the data are not those" in resume(recipe(), other_words, LABELS)
    renamed = recipe("name=other")
    assert not TextClassifier(renamed).fit(TEXTS, LABELS, out=out, resume=True).is_unfinished


def test_resume_needs_a_folder():
    with pytest.raises(InputError, match="resume needs out"):
        TextClassifier(recipe()).fit(TEXTS, LABELS, resume=True)
