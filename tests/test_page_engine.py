"""The engine of the page, in a real browser: it answers as Python does, whatever the text."""

from __future__ import annotations

import json

import numpy as np
import pytest

from unrolled.errors import ModelError
from unrolled.export.model_file import model_file
from unrolled.page import files

from .browser import chromium, fresh_page
from .tiny_models import RECIPES, known_characters, many_texts, tiny

HOME = "http://page.test/"  # answered by the test itself
TEXTS = many_texts(500)
TO_EXPLAIN = [
    "",
    "a wonderful film 😀 don't miss it! 정말 재미있는 영화",
    "映画 \ud800 <b>boring</b> " * 6,
]
KINDS = {".js": "text/javascript", ".html": "text/html", ".css": "text/css"}


@pytest.fixture(scope="module")
def engine():
    """A page with a function `open` that makes a model of a model file."""
    with chromium() as browser, fresh_page(browser) as watched:
        page = watched.page
        page.route("**/*", give_file)
        page.goto(HOME + "blank.html")
        page.evaluate(
            """async () => {
                const { openModel } = await import("/scripts/engine/model.js");
                const { LocalReader } = await import("/scripts/readers/local.js");
                self.open = (json) => {
                    self.file = JSON.parse(json);
                    self.model = openModel(self.file.models[0], self.file.characters);
                    self.reader = new LocalReader(self.file);
                };
            }"""
        )
        yield page
        assert not watched.complaints


def give_file(route):
    path = route.request.url.removeprefix(HOME)
    if path == "blank.html":
        route.fulfill(body="<!doctype html>", content_type="text/html")
    else:
        route.fulfill(body=files()[path], content_type=KINDS[path[path.rindex(".") :]])


def load(page, model, name="model"):
    page.evaluate("(json) => self.open(json)", model_file({name: model}, examples=[]))


def asked(page, code: str, **arguments):
    """What a function of the browser returns. JSON in ASCII brings half characters both ways."""
    call = f"async (given) => JSON.stringify(await ({code})(JSON.parse(given)))"
    return json.loads(page.evaluate(call, json.dumps(arguments)))


@pytest.mark.parametrize("name", RECIPES)
def test_500_texts_get_the_answers_of_python(engine, name):
    model = tiny(name)
    load(engine, model)
    found = asked(
        engine,
        "({ texts }) => texts.map((text) => self.model.predict(text))",
        texts=TEXTS,
    )
    encoded = model.vocabulary.encode_all(TEXTS, start=model.recipe.text.start_token)
    expected = model.predictions(encoded, 1)
    probabilities = [
        [answer["probabilities"][label] for label in model.classes] for answer in found
    ]
    assert np.abs(np.array(probabilities) - expected.probabilities).max() <= 1e-5
    assert np.ptp(expected.probabilities, axis=0).max() > 0.3  # texts do differ
    for answer, own in zip(found, expected, strict=True):
        label = own.label if own.label is None or isinstance(own.label, str) else list(own.label)
        assert answer["label"] == label
        assert answer["probability"] == pytest.approx(own.probability, abs=1e-5)
        assert answer["unknown_share"] == own.unknown_share
        assert answer["was_cut"] == own.was_cut


@pytest.mark.parametrize("tokenizer", ["keras", "words", "characters", "subwords"])
def test_every_character_is_read_as_python_reads_it(engine, tokenizer):
    name = {"keras": "notebook's onehot", "words": "lstm, both ends", "subwords": "bpe"}
    model = tiny(name.get(tokenizer, "min_gru of characters"))
    assert model.vocabulary.tokenizer == tokenizer
    load(engine, model)
    characters = known_characters()
    texts = [*TEXTS, " ".join(characters), " ".join(f"a{one}B" for one in characters)]
    found = asked(
        engine,
        "({ texts }) => texts.map((text) => self.model.vocabulary.tokens(text))",
        texts=texts,
    )
    for text, tokens in zip(texts, found, strict=True):
        assert tokens == model.vocabulary.split(text)


@pytest.mark.parametrize("name", RECIPES)
def test_explanations_are_those_of_python(engine, name):
    model = tiny(name)
    load(engine, model)
    for text in TO_EXPLAIN:
        label = model.classes[0]
        found = asked(
            engine,
            "({ text, label }) => self.model.explain(text, { label })",
            text=text,
            label=label,
        )
        expected = model.explain(text, label=label).to_dict()
        # Where two steps share the largest number, rounding decides which gets its gradient.
        near = 5e-3 if "max" in model.recipe.network.pooling else 1e-5
        gradients, own = found.pop("gradients"), expected.pop("gradients")
        assert gradients == pytest.approx(own, abs=near)
        assert sum(gradients) == pytest.approx(sum(own), abs=1e-5)
        assert_same(found, expected)


@pytest.mark.parametrize("name", RECIPES)
def test_arithmetic_is_that_of_python(engine, name):
    model = tiny(name)
    load(engine, model)
    text = TO_EXPLAIN[1]
    shown = model.explain(text, importance=()).to_dict()
    places = [
        {"layer": layer["name"], "direction": direction, "step": step, "unit": unit}
        for layer in shown["layers"]
        for direction in layer["directions"]
        for step, unit in [(0, 0), (len(shown["tokens"]) - 1, 4), (len(shown["tokens"]) // 2, 2)]
    ]
    found = asked(
        engine,
        "({ text, places }) => places.map((place) => self.model.explainStep(text, place))",
        text=text,
        places=places,
    )
    for place, document in zip(places, found, strict=True):
        assert_same(document, model.explain_step(text, **place).to_dict())


def assert_same(found, expected, where="document"):
    """Equal, numbers to 1e-5."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for key, value in expected.items():
            assert_same(found[key], value, f"{where}.{key}")
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected), where
        for place, value in enumerate(expected):
            assert_same(found[place], value, f"{where}[{place}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-5), where
    else:
        assert found == expected, where


def refusal(page, code: str, **arguments):
    """The error that a reader's answer ends with."""
    return asked(
        page,
        f"""async (given) => {{
            try {{
                await ({code})(given);
            }} catch ({{ name, status, detail }}) {{
                return {{ name, status, detail }};
            }}
        }}""",
        **arguments,
    )


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "() => self.reader.explain('model', 'a b', { label: 'fine' })",
            'the model has no label "fine"; there are: bad, good, so <b>so</b>',
        ),
        (
            "() => self.reader.explain('model', 'word '.repeat(2001))",
            "the text has 2001 tokens, and an explanation at most 2000: give a part of it",
        ),
        (
            "() => self.reader.explainStep('model', 'a b', { step: 2, unit: 0 })",
            "there is no step 2: they go from 0 to 1",
        ),
        (
            "() => self.reader.explainStep('model', 'a b', { step: 0, unit: 5 })",
            "there is no unit 5: they go from 0 to 4",
        ),
        (
            "() => self.reader.explainStep('model', 'a', { step: 0, unit: 0, layer: 'gru' })",
            'the model has no recurrent layer "gru"; there are: qrnn',
        ),
        (
            "() => self.reader.explainStep('model', 'a',"
            " { step: 0, unit: 0, direction: 'backward' })",
            'layer "qrnn" does not read "backward"; it reads forward',
        ),
    ],
)
def test_what_is_not_there_is_refused_in_words(engine, code, message):
    load(engine, tiny("everything a text has"))
    found = refusal(engine, code)
    assert found == {"name": "ReaderError", "status": 422, "detail": message}


def test_numbers_without_bound_are_refused_as_python_refuses_them(engine):
    model = tiny.__wrapped__("two linear layers")  # one that no other test has
    for name, array in model.network.weights.items():
        if name.endswith("recurrent_kernel"):
            array *= 1e20
    with pytest.raises(ModelError, match="have no bound"):
        model.explain("a film")
    load(engine, model)
    found = refusal(engine, "() => self.reader.explain('model', 'a film')")
    assert found["detail"] == "the network's numbers have no bound on this text"


def test_work_that_nobody_waits_for_ends(engine):
    load(engine, tiny("everything a text has"))
    code = """() => {
        const given_up = new AbortController();
        setTimeout(() => given_up.abort());
        return self.reader.explain('model', 'word '.repeat(1999), { signal: given_up.signal });
    }"""
    assert refusal(engine, code)["name"] == "AbortError"


def test_the_reader_knows_its_models(engine):
    model = tiny("lstm, both ends")
    load(engine, model, name="my model")
    assert asked(engine, "() => self.reader.models") == ["my model"]
    described = asked(engine, "() => self.reader.describe('my model')")
    assert described["name"] == "my model"
    assert described["parameters"] == model.network.parameter_count
    assert not {"weights", "vocabulary", "network"} & described.keys()
