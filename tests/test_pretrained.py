"""What a network that learned without labels hands over to a classifier."""

from __future__ import annotations

import random
import signal

import numpy as np
import pytest

from unrolled import TextClassifier, TextWriter
from unrolled.engine.layers import WordDropout
from unrolled.errors import ModelError, RecipeError
from unrolled.model.networks import build_network
from unrolled.model.pretrained import HandedOver, Pretrained
from unrolled.recipe import changed_recipe, load_recipe

WORDS = ["film", "story", "end", "actor", "plot", "the", "a"]
OPINIONS = {"good": ["good", "wonderful", "fun"], "bad": ["bad", "boring", "dull"]}
SMALL = {
    "network.units": 6, "network.embedding_size": 6, "text.min_count": 1, "text.num_words": 100,
    "training.epochs": 2, "training.validation_fraction": 0.1,
}  # fmt: skip


def texts_of(opinion, count, seed):
    draw = random.Random(seed)
    return [
        " ".join(draw.choices(WORDS, k=5) + draw.choices(OPINIONS[opinion], k=2))
        for _ in range(count)
    ]


UNLABELLED = texts_of("good", 60, 1) + texts_of("bad", 60, 2)
TEXTS = texts_of("good", 20, 3) + texts_of("bad", 20, 4) + ["an unheard-of film"]
LABELS = ["good"] * 20 + ["bad"] * 20 + ["good"]


def pretrained(folder, task="language-model", **changes):
    base = "language-model" if task == "language-model" else "writer"
    settings = {**SMALL, **{key.replace("__", "."): value for key, value in changes.items()}}
    TextWriter(base, task=task, settings=settings, threads=1).fit(
        UNLABELLED, source="reviews", out=folder
    )
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return pretrained(tmp_path_factory.mktemp("models") / "read-a-lot")


KINDS = {
    "language model": ("language-model", {}, "decoder"),
    "autoencoder": ("autoencoder", {"network__cell": "gru"}, "encoder"),
    "two layers": ("language-model", {"network__layers": 2}, "decoder"),
    "one-hot words": (
        "language-model",
        {"network__input": "onehot", "writing__tied": False, "network__cell": "qrnn"},
        "decoder",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_word_and_layer_is_handed_over(tmp_path, kind):
    task, changes, half = KINDS[kind]
    folder = pretrained(tmp_path / "before", task, **changes)
    classifier = TextClassifier("fine-tune", pretrained=folder)
    recipe = classifier.recipe
    assert recipe.network.cell == changes.get("network__cell", "lstm")
    assert recipe.network.units == 6
    assert recipe.text.num_words == 100
    vocabulary = TextWriter.load(folder).vocabulary_
    network = build_network(recipe, rows=vocabulary.size, classes=2)
    handed = classifier.handed_over.hand_over(network)
    theirs = TextWriter.load(folder).network_.weights
    names = [own.layer for own in handed]
    assert len(names) == recipe.network.layers + (recipe.network.input == "embedding")
    assert [network.names.index(own.layer) for own in handed] == [own.at for own in handed]
    assert handed[0].words == 4 + len(vocabulary.words)
    assert all(own.words is None for own in handed[1:])
    for name, array in network.weights.items():
        if name.partition("/")[0] in names:
            given = theirs[f"{half}/{name}"]
            rows = min(array.shape[-2:-1] + given.shape[-2:-1], default=0)
            both = (array, given) if not rows else (array[..., :rows, :], given[..., :rows, :])
            np.testing.assert_array_equal(*both, err_msg=name)
            assert np.abs(both[0]).sum() > 0


def test_a_layer_that_reads_both_ways_gets_its_forward_half(model):
    recipe = TextClassifier("fine-tune", pretrained=model).recipe
    recipe = changed_recipe(recipe, {"network.bidirectional": "concat", "network.layers": 2})
    network = build_network(recipe, rows=100, classes=3)
    before = network.weights["bidirectional/backward/kernel"].copy()
    given = Pretrained.load(model)
    assert given.hand_over(network) == [
        HandedOver(1, "embedding", 4 + len(given.vocabulary.words)),
        HandedOver(2, "bidirectional"),
    ]
    assert isinstance(network.layers[0], WordDropout)
    kernel = TextWriter.load(model).network_.weights["decoder/lstm/kernel"]
    np.testing.assert_array_equal(network.weights["bidirectional/forward/kernel"], kernel)
    np.testing.assert_array_equal(network.weights["bidirectional/backward/kernel"], before)


def test_a_classifier_that_began_with_it(model, tmp_path):
    classifier = TextClassifier(
        "fine-tune", pretrained=model, settings={"training.epochs": 3}, threads=1
    ).fit(TEXTS, LABELS, out=tmp_path / "after")
    words = TextWriter.load(model).vocabulary_.words
    assert classifier.vocabulary_.words == words
    told = classifier.metrics_["pretrained"]
    assert told == {
        "name": "read-a-lot", "source": "reviews", "texts": 108, "layers": ["embedding", "lstm"],
        "words": 4 + len(words),
    }  # fmt: skip
    card = (tmp_path / "after" / "README.md").read_text()
    assert "`embedding` and `lstm` come from `read-a-lot`" in card
    again = TextClassifier.load(tmp_path / "after")
    np.testing.assert_array_equal(again.predict_proba(TEXTS), classifier.predict_proba(TEXTS))
    assert (
        "pretrained" not in TextClassifier("fine-tune", settings=SMALL).fit(TEXTS, LABELS).metrics_
    )


def test_frozen_layers_keep_still_and_then_learn(model):
    settings = {"transfer.frozen_epochs": 1, "transfer.rate": 0.5, "training.patience": "none"}
    given = TextWriter.load(model).network_.weights
    for epochs, moves in ((1, []), (2, ["lstm"]), (3, ["lstm", "embedding"])):
        classifier = TextClassifier(
            "fine-tune", pretrained=model, settings={**settings, "training.epochs": epochs},
        )  # fmt: skip
        classifier.recipe  # noqa: B018 - the settings are sound
        changes = {"training.restore_best_weights": False}
        classifier.set_params(**{key.replace(".", "__"): value for key, value in changes.items()})
        weights = classifier.fit(TEXTS, LABELS).network_.weights
        for layer, name in (("lstm", "lstm/kernel"), ("embedding", "embedding/embeddings")):
            theirs = given[f"decoder/{name}"]
            is_still = np.array_equal(weights[name][: len(theirs)], theirs)
            assert is_still is (layer not in moves), (epochs, layer)


def test_resumed_and_at_any_thread_count_in_the_same_bits(model, tmp_path):
    settings = {
        "transfer.frozen_epochs": 1, "training.epochs": 4, "training.patience": "none",
        "training.schedule": "linear",
    }  # fmt: skip

    def classifier(threads):
        return TextClassifier("fine-tune", pretrained=model, settings=settings, threads=threads)

    whole = classifier(1).fit(TEXTS, LABELS).predict_proba(TEXTS)
    np.testing.assert_array_equal(classifier(3).fit(TEXTS, LABELS).predict_proba(TEXTS), whole)

    def stop(record):
        if record.epoch == 2:
            signal.raise_signal(signal.SIGINT)

    place = tmp_path / "stopped"
    stopped = classifier(2).fit(TEXTS, LABELS, out=place, on_epoch=stop)
    assert stopped.is_unfinished
    with pytest.raises(ModelError, match="began with the layers of read-a-lot, not with nothing"):
        TextClassifier(stopped.recipe.model_copy()).fit(TEXTS, LABELS, out=place, resume=True)
    resumed = classifier(2).fit(TEXTS, LABELS, out=place, resume=True)
    np.testing.assert_array_equal(resumed.predict_proba(TEXTS), whole)


def test_what_cannot_be_handed_over(model, tmp_path):
    classifier = TextClassifier("fine-tune", pretrained=model, settings={"network.units": 7})
    message = "network.units is 7, but read-a-lot was pretrained with 6: leave it out"
    with pytest.raises(RecipeError, match=message):
        classifier.fit(TEXTS, LABELS)
    backward = pretrained(tmp_path / "backward", writing__direction="backward")
    with pytest.raises(ModelError, match="backward: the model reads texts from their end"):
        TextClassifier("fine-tune", pretrained=backward).fit(TEXTS, LABELS)
    labels = tmp_path / "labels"
    TextClassifier("small", settings={"training.epochs": 1}).fit(TEXTS, LABELS, out=labels)
    with pytest.raises(ModelError, match="is a classifier"):
        TextClassifier("fine-tune", pretrained=labels).fit(TEXTS, LABELS)
    with pytest.raises(ModelError, match="nowhere"):
        TextClassifier("fine-tune", pretrained=tmp_path / "nowhere").fit(TEXTS, LABELS)
    with pytest.raises(RecipeError, match="transfer"):
        changed_recipe(load_recipe("writer"), {"transfer.rate": 0.5})
    with pytest.raises(RecipeError, match=r"transfer.frozen_epochs = -1: must be a whole number"):
        changed_recipe(load_recipe("fine-tune"), {"transfer.frozen_epochs": -1})
