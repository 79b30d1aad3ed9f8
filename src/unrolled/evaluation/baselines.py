"""Baselines: what a network has to beat to be worth its trouble.

Each gives probabilities (texts, classes), as a network does, to be scored in the same way.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import InputError
from unrolled.text.tokenizer import TOKENIZERS

MAJORITY = "the majority guess"
LINEAR = "TF-IDF + logistic regression"
_ITERATIONS = 1000

Floats = NDArray[np.float64]


def why_no_linear() -> str | None:
    """Say in a sentence why ``linear`` cannot run here; None when it can."""
    if importlib.util.find_spec("sklearn") is not None:
        return None
    return f"{LINEAR} needs scikit-learn, which is not installed: pip install 'unrolled[baselines]'"


def majority(train_targets: ArrayLike, targets: ArrayLike, classes: int) -> NDArray[np.float32]:
    """Give every text the shares of the training data, so that its most frequent class wins.

    train_targets: class numbers (texts,), or 0 and 1 (texts, classes) of several labels a text;
    targets: of the texts to be scored, for their number alone.
    """
    known = np.asarray(train_targets)
    shares = known.mean(axis=0) if known.ndim == 2 else _shares(known, classes)
    return np.tile(shares.astype(np.float32), (len(np.asarray(targets)), 1))


def linear(
    train_texts: Sequence[str],
    train_targets: ArrayLike,
    texts: Sequence[str],
    *,
    seed: int,
    classes: int | None = None,
) -> NDArray[np.float32]:
    """Probabilities of a logistic regression on the TF-IDF of words and pairs of neighbours.

    Words are those of the tokenizer "words", and count when two training texts have them; the
    frequency in a text counts by its logarithm. Several labels a text: one regression a label.
    classes: how many there are, when the training data may lack the last ones.
    """
    reason = why_no_linear()
    if reason is not None:
        raise InputError(reason)
    known = np.asarray(train_targets)
    if known.ndim == 2:
        columns, count = [known[:, one] for one in range(known.shape[1])], known.shape[1]
    else:
        columns, count = [known], classes or int(known.max()) + 1
    features = _tf_idf(train_texts, texts)
    if features is None:  # not one word occurs in the training texts
        return majority(known, np.zeros(len(texts)), count)
    fitted = [_regression(*features, column, seed) for column in columns]
    if known.ndim == 2:
        return np.stack([_column(numbers, found, 1) for numbers, found in fitted], axis=1)
    numbers, found = fitted[0]
    return np.stack([_column(numbers, found, one) for one in range(count)], axis=1)


def _shares(targets: NDArray[Any], classes: int) -> Floats:
    return np.bincount(targets, minlength=classes) / len(targets)


def _tf_idf(train_texts: Sequence[str], texts: Sequence[str]) -> tuple[Any, Any] | None:
    """Sparse features of both (texts, words and pairs); None when there is no word to count."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TOKENIZERS["words"].tokens
    if not any(map(words, train_texts)):
        return None
    vectorizer = TfidfVectorizer(
        tokenizer=words,
        token_pattern=None,
        lowercase=False,  # the tokenizer does it
        ngram_range=(1, 2),
        min_df=2 if _any_recurs(map(words, train_texts)) else 1,
        sublinear_tf=True,
        dtype=np.float32,
    )
    return vectorizer.fit_transform(train_texts), vectorizer.transform(texts)


def _any_recurs(texts: Iterable[Sequence[str]]) -> bool:
    """Whether two texts share a word; in a few short ones none may."""
    seen: set[str] = set()
    for words in texts:
        if not seen.isdisjoint(words):
            return True
        seen.update(words)
    return False


def _regression(
    train: Any, given: Any, targets: NDArray[Any], seed: int
) -> tuple[list[int], NDArray[np.float32]]:
    """The classes that the training data have, and their probabilities (texts, these classes)."""
    from sklearn.linear_model import LogisticRegression

    numbers = np.unique(targets).tolist()
    if len(numbers) == 1:  # nothing to tell apart
        return numbers, np.ones((given.shape[0], 1), dtype=np.float32)
    model = LogisticRegression(max_iter=_ITERATIONS, random_state=seed).fit(train, targets)
    return numbers, model.predict_proba(given).astype(np.float32)


def _column(numbers: list[int], found: NDArray[np.float32], one: int) -> NDArray[np.float32]:
    """Probabilities of class ``one`` (texts,): zero where the training data do not have it."""
    if one not in numbers:
        return np.zeros(len(found), dtype=np.float32)
    return found[:, numbers.index(one)]
