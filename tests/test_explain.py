"""Explanations: what was read, what each word did, and sums that add up, for every model."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled import TextClassifier, load_recipe
from unrolled.engine.kernels.recurrence import LANES
from unrolled.errors import InputError
from unrolled.explain import passes, steps
from unrolled.explain.explanation import _slope_of
from unrolled.explain.faithfulness import measure_faithfulness
from unrolled.model.networks import build_network
from unrolled.model.trained import TrainedModel
from unrolled.ragged import Ragged
from unrolled.text.vocabulary import Vocabulary

SENTENCE = "a good warm film but the slow dull story was far too long for me and you"
WORDS = SENTENCE.split()
TEXT = "the story was good , but a strange film far too long"
RECIPES = {
    "one-hot": ["network.input=onehot"],
    "embedding": [],
    "Keras' padding": ["text.padding=keras", "text.maxlen=20", "text.tokenizer=keras"],
    "Keras' padding, cut": ["text.padding=keras", "text.maxlen=7", "text.tokenizer=keras"],
    "tail": ["text.maxlen=6"],
    "head": ["text.maxlen=6", "text.keep=head"],
    "both": ["text.maxlen=7", "text.keep=both"],
    "no start": ["text.start_token=false"],
    "characters": ["text.tokenizer=characters", "network.cell=qrnn"],
    "relu": ["network.activation=relu", "network.layers=2"],
    "lstm": ["network.cell=lstm", "network.pooling=max_mean"],
    "lstm both ways": ["network.cell=lstm", "network.bidirectional=concat"],
    "gru": ["network.cell=gru", "network.input=onehot"],
    "gru, reset before": ["network.cell=gru", "network.reset_after=false", "network.layers=2"],
    "gru both ways": ["network.cell=gru", "network.bidirectional=sum", "network.input=onehot"],
    "min_gru": ["network.cell=min_gru", "network.bidirectional=average", "network.pooling=mean"],
    "qrnn": ["network.cell=qrnn", "network.window=2", "network.pooling=max"],
    "qrnn, one-hot": [
        "network.cell=qrnn", "network.window=2", "network.bidirectional=concat",
        "network.input=onehot", "network.dropout=0.5", "network.word_dropout=0.5",
    ],
}  # fmt: skip
_BASE = [
    "text.num_words=20", "text.min_count=1", "text.tokenizer=words", "text.maxlen=none",
    "network.input=embedding", "network.cell=simple_rnn", "network.embedding_size=6",
    "network.units=5", "network.window=1", "network.pooling=last", "network.word_dropout=0",
]  # fmt: skip


def model_of(recipe: list[str], classes: int = 2, *, several: bool = False) -> TextClassifier:
    """An untrained model with weights that are large enough for every word to matter."""
    changed = dict(setting.split("=") for setting in [*_BASE, *recipe])
    settings_ = [f"{key}={value}" for key, value in changed.items()]
    full = load_recipe("small", [text for text in settings_ if not text.endswith("=none")])
    tokens = [*WORDS, *"abcdefghijklm"]
    vocabulary = Vocabulary.fit(tokens, tokenizer=full.text.tokenizer, num_words=20)[0]
    network = build_network(full, rows=vocabulary.size, classes=classes, several=several)
    noise = np.random.default_rng(5)
    network.parameters[:] = noise.uniform(-0.9, 0.9, len(network.parameters))
    classifier = TextClassifier(full, threads=1)
    classifier._model = TrainedModel(
        recipe=full, classes=[f"class {number}" for number in range(classes)], several=several,
        vocabulary=vocabulary, network=network, source="nothing",
    )  # fmt: skip
    return classifier


@pytest.fixture(params=RECIPES)
def model(request) -> TextClassifier:
    return model_of(RECIPES[request.param])


# --- What is read --------------------------------------------------------------------------------


def test_steps_are_what_the_network_reads(model):
    trained = model._model
    text = model.recipe.text
    found = steps.steps_of(trained, TEXT)
    tokens = model.vocabulary_.split(TEXT)
    assert len(found.tokens) == len(found.kinds) == len(found.read) == len(found.places)
    for token, kind, place, number in zip(
        found.tokens, found.kinds, found.places, found.read, strict=True
    ):
        if kind == "padding":
            assert (token, place, number) == ("[padding]", -1, 0)
        elif kind == "start":
            assert (token, place, number) == ("[start]", 0, 1)
        else:
            assert found.encoded[place] == number
            assert token == tokens[place - text.start_token]
            assert (kind == "unknown") == (number == 2)
    assert len(set(found.kinds)) > 1
    assert list(model.explain(TEXT).places) == [
        place - text.start_token if kind in ("word", "unknown") else -1
        for place, kind in zip(found.places, found.kinds, strict=True)
    ]


def test_the_parts_of_a_long_text_that_are_read():
    def places(keep):
        explanation = model_of(["text.maxlen=5", f"text.keep={keep}"]).explain(" ".join(WORDS))
        return explanation.places.tolist()

    last = len(WORDS) - 1
    assert places("head") == [-1, 0, 1, 2, 3]
    assert places("tail") == [last - 4, last - 3, last - 2, last - 1, last]
    assert places("both") == [-1, 0, last - 2, last - 1, last]


@given(text=st.text(st.characters(categories=None), max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_text_is_explained(any_model, text):
    explanation = any_model.explain(text)
    document = explanation.to_dict()
    json.dumps(document, allow_nan=False)
    count = len(explanation.tokens)
    assert count == len(document["after"]) == len(document["gradients"])
    probabilities = any_model.predict_proba([text])[0]
    assert list(document["probabilities"].values()) == probabilities.tolist()
    if count:
        np.testing.assert_array_equal(explanation.after[-1], probabilities)
    assert np.isnan(explanation.deletion).sum() == sum(
        kind in ("padding", "start") or place is None
        for kind, place in zip(document["kinds"], document["places"], strict=True)
    )


@pytest.fixture(scope="module", params=["embedding", "characters", "Keras' padding, cut", "both"])
def any_model(request) -> TextClassifier:
    return model_of(RECIPES[request.param])


def test_an_empty_text():
    masked = model_of(["text.start_token=false"]).explain("")
    assert (masked.tokens, masked.kinds) == (["[unknown]"], ["unknown"])
    assert np.isnan(masked.deletion).all()
    assert model_of([]).explain("").tokens == ["[start]"]
    padded = ["text.padding=keras", "text.maxlen=3", "text.start_token=false"]
    assert model_of(padded).explain("").kinds == ["padding"] * 3


def test_a_very_long_text_is_refused(monkeypatch):
    monkeypatch.setattr(steps, "MOST_STEPS", 5)
    with pytest.raises(InputError, match=r"the text has 12 tokens, and an explanation at most 5"):
        model_of([]).explain(TEXT)
    assert len(model_of(["text.maxlen=5"]).explain(TEXT).tokens) == 5


# --- Word by word --------------------------------------------------------------------------------


def test_the_probability_after_a_step_is_that_of_the_text_up_to_it(model):
    explanation = model.explain(TEXT)
    network = model.network_
    read = steps.steps_of(model._model, TEXT).read
    for step in range(len(read)):
        positive = network.predict(Ragged.from_lists([read[: step + 1]]))[0, 0]
        np.testing.assert_array_equal(explanation.after[step, 1], positive)
    empty = network.predict(Ragged.from_lists([read[:0]]))[0, 0]
    np.testing.assert_array_equal(explanation.before[1], empty)


def test_deletion_is_what_the_model_says_of_the_text_without_the_word(model):
    explanation = model.explain(TEXT, label="class 1", importance=["deletion"])
    assert explanation.gradients is None
    tokens = model.vocabulary_.split(TEXT)
    join = ("" if model.recipe.text.tokenizer == "characters" else " ").join
    whole = model.predict_proba([TEXT])[0, 1]
    assert (explanation.places >= 0).any()
    for place, gain in zip(explanation.places, explanation.deletion, strict=True):
        if place < 0:
            assert np.isnan(gain)
            continue
        without = model.predict_proba([join(tokens[:place] + tokens[place + 1 :])])[0, 1]
        assert gain == np.float64(whole) - np.float64(without)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
def test_gradients_add_up_to_what_the_words_gain_together(model, classes, several):
    model = model_of(_settings_of(model), classes, several=several)
    decision = type(model.decision_)(temperature=1.7, multi_label=several)
    model._model.decision = decision
    label = f"class {classes - 1}"
    explanation = model.explain(TEXT, label=label, importance=["gradients"])
    assert explanation.deletion is None
    parameters = model.network_.parameters.copy()
    for at, weights in enumerate(model.network_.layer_weights):
        for name, weight in weights.items():
            if passes._has_words(model.network_, at, name):
                weight[...] = 0
    nothing = model.predict_proba([TEXT])[0, -1]
    model.network_.parameters[:] = parameters
    gained = model.predict_proba([TEXT])[0, -1] - nothing
    # Where the largest state of a number changes on the way, midpoints miss the bend.
    bends = "max" in model.recipe.network.pooling or model.recipe.network.activation == "relu"
    assert abs(explanation.gradients.sum() - gained) < (0.01 if bends else 5e-4)
    assert np.abs(explanation.gradients).max() > 1e-3


def _settings_of(model: TextClassifier) -> list[str]:
    full = model.recipe.to_dict()
    return [
        f"{section}.{key}={json.dumps(value) if isinstance(value, bool) else value}"
        for section in ("text", "network")
        for key, value in full[section].items()
        if value is not None
    ]


def test_a_gradient_is_the_slope_of_making_a_word_longer(model):
    trained = model._model
    read = steps.steps_of(trained, TEXT).read
    ones = np.ones(LANES, dtype=np.float32)
    slope = _slope_of(trained, 1)
    gains = passes._gains(trained.network, read, ones, slope) / LANES
    once = [number for number in np.unique(read) if (read == number).sum() == 1 and number > 2]
    assert len(once) > 3 or model.recipe.text.tokenizer == "characters"
    for number in once:
        up, down = (_scaled(model, number, scale) for scale in (1.01, 0.99))
        step = int(np.flatnonzero(read == number)[0])
        assert abs((up - down) / 0.02 - gains[step]) < 3e-3 * max(1, abs(gains).max())


def _scaled(model: TextClassifier, number: int, scale: float) -> float:
    """The probability where one word's vectors are longer or shorter."""
    network = model.network_
    parameters = network.parameters.copy()
    for at, weights in enumerate(network.layer_weights):
        for name, weight in weights.items():
            if passes._has_words(network, at, name):
                weight[..., number, :] *= np.float32(scale)
    probability = float(model.predict_proba([TEXT])[0, 1])
    network.parameters[:] = parameters
    return probability


def test_threads_change_no_bit(model):
    alone = model.explain(TEXT)
    model.threads = 3
    together = model.explain(TEXT)
    np.testing.assert_array_equal(alone.deletion, together.deletion)
    np.testing.assert_array_equal(alone.gradients, together.gradients)
    np.testing.assert_array_equal(alone.after, together.after)


# --- The states, and the sums that they come from ------------------------------------------------


def test_the_states_of_a_plain_recurrence():
    model = model_of([])
    weights = model.network_.weights
    state = np.zeros(5)
    read = steps.steps_of(model._model, TEXT).read
    for number, found in zip(read, model.explain(TEXT).layers[0].states, strict=True):
        vector = weights["embedding/embeddings"][number]
        state = np.tanh(
            vector @ weights["simple_rnn/kernel"]
            + state @ weights["simple_rnn/recurrent_kernel"]
            + weights["simple_rnn/bias"]
        )
        np.testing.assert_allclose(found, state, atol=1e-5)


def test_the_arithmetic_of_every_unit_adds_up(model):
    explanation = model.explain(TEXT, importance=[])
    count = len(explanation.tokens)
    for layer in explanation.layers:
        directions = {"forward": layer.states, "backward": layer.backward_states}
        for direction, states in directions.items():
            if states is None:
                with pytest.raises(InputError, match="does not read 'backward'; it reads forward"):
                    model.explain_step(TEXT, step=0, unit=0, layer=layer.name, direction=direction)
                continue
            for step in (0, 1, count - 2, count - 1):
                for unit in range(layer.units):
                    arithmetic = model.explain_step(
                        TEXT, step=step, unit=unit, layer=layer.name, direction=direction
                    )
                    assert arithmetic.token == explanation.tokens[step]
                    _check(arithmetic, states, step, unit, direction)


def _check(arithmetic, states, step, unit, direction):
    before = step + 1 if direction == "backward" else step - 1
    earlier = states[before, unit] if 0 <= before < len(states) else 0
    assert arithmetic.state_before == pytest.approx(earlier, abs=1e-6)
    assert arithmetic.state_after == states[step, unit]
    for one in arithmetic.sums:
        for terms, total in ((one.input, one.input_total), (one.recurrent, one.recurrent_total)):
            assert all(term.product == term.value * term.weight for term in terms)
            assert total == pytest.approx(sum(term.product for term in terms), abs=1e-9)
        scale = 1 if one.recurrent_scale is None else one.recurrent_scale
        recurrent = scale * (one.recurrent_total + (one.recurrent_bias or 0))
        assert one.total == pytest.approx(one.input_total + one.bias + recurrent, abs=1e-9)
    values = arithmetic.combination or [arithmetic.sums[0]]
    ends_in = values[-1].value if arithmetic.combination else values[-1].result
    assert ends_in == pytest.approx(arithmetic.state_after, abs=2e-5)
    if arithmetic.kind in ("LSTM", "QRNN"):
        given = {one.name: one.result for one in arithmetic.sums}
        given["i"] = given.get("i", 1 - given["f"])
        c_before, c, _ = (one.value for one in arithmetic.combination)
        assert c == pytest.approx(given["f"] * c_before + given["i"] * given["g"], abs=1e-9)
        assert (c_before == 0) == (not 0 <= before < len(states))
    json.dumps(arithmetic.to_dict(), allow_nan=False)


def test_names_of_terms():
    one_hot = model_of(["network.input=onehot", "network.cell=qrnn", "network.window=2"])
    sums = one_hot.explain_step("good film", step=2, unit=0).sums
    assert [[term.of for term in one.input] for one in sums] == [["film", "before: good"]] * 3
    embedded = model_of(["network.cell=gru", "network.reset_after=false"])
    sums = embedded.explain_step("good film", step=2, unit=0).sums
    assert [one.name for one in sums] == ["u", "r", "g"]
    assert sums[2].recurrent[1].of == "r[1] · h[1]"
    assert sums[0].input[5].of == "x[5]"


# --- Wishes that cannot be granted ---------------------------------------------------------------


def test_what_is_not_there():
    model = model_of([])
    with pytest.raises(InputError, match=r"no label 'class_1'; did you mean 'class 1'\?"):
        model.explain(TEXT, label="class_1")
    with pytest.raises(InputError, match="no label 'x'; there are: class 0, class 1"):
        model.explain(TEXT, label="x")
    with pytest.raises(InputError, match="no importance 'shap'; there are: deletion, gradients"):
        model.explain(TEXT, importance=["shap"])
    with pytest.raises(InputError, match="no recurrent layer 'gru'; there are: simple_rnn"):
        model.explain_step(TEXT, step=0, unit=0, layer="gru")
    with pytest.raises(InputError, match="there is no step 12: they go from 0 to 11"):
        model.explain_step(TEXT, step=12, unit=0)
    with pytest.raises(InputError, match="there is no unit -1: they go from 0 to 4"):
        model.explain_step(TEXT, step=0, unit=-1)


@pytest.mark.parametrize("text", [["good", "film"], None, b"good"])
def test_what_is_no_text(text):
    with pytest.raises(InputError, match=f"one text, a string; not a {type(text).__name__}"):
        model_of([]).explain(text)


@pytest.mark.parametrize("step", ["not", 1.5, True, None])
def test_what_is_no_step(step):
    with pytest.raises(InputError, match=f"there is no step {step}: they go from 0 to 11"):
        model_of([]).explain_step(TEXT, step=step, unit=0)


def test_wishes_in_other_forms():
    model = model_of([])
    alone = model.explain(TEXT, importance="deletion")
    assert alone.deletion is not None
    assert alone.gradients is None
    json.dumps(model.explain_step(TEXT, step=np.int64(3), unit=np.int32(1)).to_dict())
    model._model.classes = ["0", "1"]
    assert model.explain(TEXT, label=1).explained == "1"
    assert model.explain(TEXT, label=np.int64(0)).explained == "0"
    with pytest.raises(InputError, match="no label '2'; there are: 0, 1"):
        model.explain(TEXT, label=2)


def test_an_explanation_is_shown_in_a_line():
    shown = repr(model_of([]).explain("good film"))
    assert shown.startswith("Explanation('class ")
    assert shown.endswith(", steps=3)")


def test_the_class_explained_is_the_likeliest_unless_named():
    model = model_of([], classes=3)
    explanation = model.explain(TEXT)
    likeliest = model.classes_[model.predict_proba([TEXT])[0].argmax()]
    assert explanation.explained == likeliest
    other = next(name for name in model.classes_ if name != likeliest)
    assert model.explain(TEXT, label=other).explained == other


# --- Faithfulness --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["one-hot", "embedding", "lstm", "min_gru", "qrnn, one-hot"])
def test_taking_important_words_away_moves_the_answer_more_than_random_ones(name):
    model = model_of(RECIPES[name])
    draw = np.random.default_rng(1)
    texts = [" ".join(draw.choice(WORDS, 15)) for _ in range(20)]
    found = measure_faithfulness(model._model, [*texts, "a"], words=2)
    assert (found.words, found.texts) == (2, 20)
    assert found.important["deletion"] > found.random + 0.005
    assert found.important["gradients"] > found.random
    again = measure_faithfulness(model._model, texts, words=2)
    assert again == found


def test_a_fall_is_that_of_the_text_without_the_words():
    model = model_of([])
    found = measure_faithfulness(model._model, [TEXT], words=1, draws=1)
    explanation = model.explain(TEXT)
    assert found.important["deletion"] == pytest.approx(np.nanmax(explanation.deletion), abs=1e-7)
    assert np.isnan(measure_faithfulness(model._model, ["good"], words=1).random)
