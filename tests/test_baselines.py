import sys

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from unrolled.errors import InputError
from unrolled.evaluation import baselines
from unrolled.evaluation.baselines import linear, majority, why_no_linear
from unrolled.evaluation.metrics import log_loss, score
from unrolled.text.tokenizer import TOKENIZERS

GOOD, BAD, MIXED = "good warm film", "dull slow film", "fair usual film"
TEXTS = [GOOD, "warm and good", BAD, "slow and dull", MIXED, "usual and fair"]
TARGETS = np.array([0, 0, 1, 1, 2, 2])


def test_majority_gives_everyone_the_shares_of_the_training_data() -> None:
    found = majority([2, 2, 0, 2], [0, 1], 3)
    np.testing.assert_array_equal(found, np.float32([[0.25, 0, 0.75]] * 2))
    assert found.dtype == np.float32
    assert score(found, [2, 1]).accuracy == 0.5
    # No other constant has a lower loss on data with the same shares.
    shares = majority([0, 0, 1], [0, 0, 1], 2)
    assert log_loss(shares, [0, 0, 1]) < log_loss([[0.6, 0.4]] * 3, [0, 0, 1])


def test_majority_of_several_labels_is_each_label_alone() -> None:
    found = majority([[1, 0], [1, 0], [0, 1]], [[0, 0]], 2)
    np.testing.assert_allclose(found, [[2 / 3, 1 / 3]], rtol=1e-6)


def test_linear_learns_words_and_pairs_of_words() -> None:
    found = linear(TEXTS, TARGETS, ["a good warm day", "dull", "fair and usual"], seed=0)
    assert found.shape == (3, 3)
    assert found.dtype == np.float32
    assert found.argmax(axis=1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    # Only the order of words tells these apart.
    pairs = ["not good but bad"] * 2 + ["not bad but good"] * 2
    found = linear(pairs, np.array([0, 0, 1, 1]), ["not good", "not bad"], seed=0)
    assert found.argmax(axis=1).tolist() == [0, 1]


def test_linear_is_what_scikit_learn_makes_of_these_settings() -> None:
    texts = ["good good good bad", "bad bad good", *TEXTS, "good film", "Slow, dull"]
    targets = np.array([0, 1, *TARGETS, 0, 1])
    vectorizer = TfidfVectorizer(
        tokenizer=TOKENIZERS["words"],
        token_pattern=None,
        ngram_range=(1, 2),
        min_df=2,
        sublinear_tf=True,
    )
    peer = make_pipeline(vectorizer, LogisticRegression(max_iter=1000)).fit(texts, targets)
    asked = ["good good good", "bad", "slow dull slow", "nothing known"]
    found = linear(texts, targets, asked, seed=3)
    np.testing.assert_allclose(found, peer.predict_proba(asked), atol=1e-4)


def test_linear_is_the_same_every_time() -> None:
    again = [linear(TEXTS, TARGETS, TEXTS, seed=4) for _ in range(2)]
    np.testing.assert_array_equal(again[0], again[1])


def test_linear_of_several_labels() -> None:
    targets = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 0], [1, 1, 0]])
    texts = ["cheap tea", "cheap tea", "late post", "late post", "hello", "cheap tea late post"]
    found = linear(texts, targets, ["cheap tea", "late post", "tea late"], seed=0)
    assert found.shape == (3, 3)
    assert found[0, 0] > found[1, 0]
    assert found[1, 1] > found[0, 1]
    assert (found[:, 2] == 0).all()  # a label that no training text has


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (
            ["재미있어요 최고", "최고 재미있어요", "지루해요 별로", "별로 지루해요"],
            ["최고", "별로"],
        ),
        (["とても良い映画でした", "良い映画", "退屈な話でした", "退屈な話"], ["良い", "退屈"]),
        (["好 看", "好 书", "坏 看", "坏 书"], ["好", "坏"]),  # words of one sign
        (["yes 😀", "ok 😀", "yes 😡", "ok 😡"], ["😀", "😡"]),
    ],
)
def test_linear_reads_every_script(texts, words) -> None:
    found = linear(texts, np.array([0, 0, 1, 1]), words, seed=0)
    assert found.argmax(axis=1).tolist() == [0, 1]
    assert np.abs(found - 0.5).min() > 0.01


def test_a_class_without_training_texts_has_no_chance() -> None:
    found = linear(TEXTS[:4], TARGETS[:4], ["good"], seed=0, classes=3)
    assert found.shape == (1, 3)
    assert found[0, 2] == 0
    only_one = linear(TEXTS[2:4], TARGETS[2:4], ["good", "dull"], seed=0, classes=3)
    np.testing.assert_array_equal(only_one, [[0, 1, 0]] * 2)


def test_texts_without_words_leave_the_majority() -> None:
    found = linear(["", " "], np.array([1, 1]), ["good"], seed=0)
    np.testing.assert_array_equal(found, [[0, 1]])
    alone = linear(["one", "two"], np.array([0, 1]), ["one", ""], seed=0)  # no word recurs
    assert alone[0, 0] > 0.5


def test_without_scikit_learn_one_sentence_says_so(monkeypatch) -> None:
    assert why_no_linear() is None
    monkeypatch.setattr(baselines.importlib.util, "find_spec", lambda name: None)
    sentence = (
        "TF-IDF + logistic regression needs scikit-learn, which is not installed: "
        "pip install 'unrolled[baselines]'"
    )
    assert why_no_linear() == sentence
    with pytest.raises(InputError) as caught:
        linear(TEXTS, TARGETS, TEXTS, seed=0)
    assert str(caught.value) == sentence
    assert "sklearn" in sys.modules  # it was there all the time
