"""Whatever the recipe: any string gets a label, the same twice, in any company, after a save."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from unrolled import TextClassifier, load_recipe

TEXTS = [
    "정말 재미있는 영화였어요", "너무 지루해서 잠들었다",
    "とても面白かった！", "つまらない映画でした。",
    "a wonderful film 😀", "boring, and far too long 😴",
    "don't miss it!", "I want my money back...",
] * 6  # fmt: skip
LABELS = ["good", "bad"] * 24
RECIPES = {
    "small": [],
    "lstm": ["network.cell=lstm", "network.input=embedding", "text.keep=both", "text.maxlen=6"],
    "gru both ways": ["network.cell=gru", "network.bidirectional=sum", "network.pooling=last"],
    "min_gru of characters": ["network.cell=min_gru", "text.tokenizer=characters"],
    "stack of subwords": [
        "text.tokenizer=subwords", "text.num_words=300", "network.layers=2", "text.keep=head",
    ],
    "simple_rnn, Keras' way": [
        "network.cell=simple_rnn", "text.tokenizer=keras", "text.padding=keras", "text.maxlen=9",
        "network.pooling=last",
    ],
}  # fmt: skip
ANY = st.lists(st.text(st.characters(categories=None), max_size=60), min_size=1, max_size=20)


@pytest.fixture(scope="module", params=RECIPES)
def trained(request, tmp_path_factory) -> tuple[TextClassifier, Path]:
    quick = ["training.epochs=2", "network.units=5", "text.num_words=400", "text.min_count=1"]
    recipe = load_recipe("small", [*quick, *RECIPES[request.param]])
    classifier = TextClassifier(recipe, threads=2).fit(TEXTS, LABELS)
    folder = tmp_path_factory.mktemp("any") / "model"
    classifier.save(folder)
    return classifier, folder


@given(texts=ANY)
@example(texts=["", " ", "\0", "\ud800", "<br />", "ㅋㅋㅋ", "👩‍👩‍👧‍👦🇰🇷", "a" * 3000])
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_string_gets_the_same_label_twice_and_in_any_company(trained, texts):
    classifier, _ = trained
    together = classifier.predict_proba(texts)
    assert together.shape == (len(texts), 2)
    assert np.isfinite(together).all()
    assert set(classifier.predict(texts)) <= {"good", "bad"}
    np.testing.assert_array_equal(classifier.predict_proba(texts), together)
    np.testing.assert_array_equal(classifier.predict_proba(texts[::-1])[::-1], together)
    crowd = classifier.predict_proba([*TEXTS, *texts])[len(TEXTS) :]
    np.testing.assert_array_equal(crowd, together)
    np.testing.assert_array_equal(classifier.predict_proba(texts[-1:])[0], together[-1])


def test_saving_and_loading_changes_no_bit(trained):
    classifier, folder = trained
    again = TextClassifier.load(folder)
    for name, weights in classifier._model.network.weights.items():
        np.testing.assert_array_equal(again._model.network.weights[name], weights)
    odd = ["", "\ud800\0", "처음 보는 말", "a wonderful film 😀"]
    np.testing.assert_array_equal(
        again.predict_proba([*odd, *TEXTS]), classifier.predict_proba([*odd, *TEXTS])
    )
