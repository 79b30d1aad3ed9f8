"""The two linear models that a text classifier has to be measured with, as their users train them.

Each function trains from texts in memory and returns what labels a list of texts.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from support.process import PeerError
from support.reviews import Reviews

Labeller = Callable[[Sequence[str]], Sequence[str]]

_MARKS = re.compile(r"([^\w\s'])")
_PREFIX = "__label__"


def fasttext_bigrams(train: Reviews, threads: int) -> Labeller:
    """fastText with bigrams; rate, epochs and size are the best of a few that were tried."""
    try:
        import fasttext
    except ImportError:
        raise PeerError("fasttext is not installed (pip install fasttext-numpy2)") from None
    with tempfile.TemporaryDirectory() as name:
        file = Path(name, "train.txt")
        with file.open("w", encoding="utf-8") as lines:
            for text, own in zip(train.texts, train.labels, strict=True):
                lines.write(f"{_PREFIX}{own} {_one_line(text)}\n")
        model = fasttext.train_supervised(
            str(file), wordNgrams=2, lr=0.3, epoch=10, dim=10, bucket=1_000_000, thread=threads,
            verbose=0,
        )  # fmt: skip

    def label(texts: Sequence[str]) -> list[str]:
        answers, _ = model.predict([_one_line(text) for text in texts])
        return [answer[0].removeprefix(_PREFIX) for answer in answers]

    return label


def svm_bigrams(train: Reviews, threads: int) -> Labeller:
    """TF-IDF of words and bigrams, and a linear support vector machine; it has one thread."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_pipeline
        from sklearn.svm import LinearSVC
    except ImportError:
        raise PeerError("scikit-learn is not installed (pip install scikit-learn)") from None
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2), LinearSVC(random_state=0)
    )
    model.fit(train.texts, train.labels)
    return lambda texts: [str(label) for label in model.predict(texts)]


def _one_line(text: str) -> str:
    """Lower case, marks as words of their own, HTML's breaks dropped: as fastText's authors do."""
    spaced = _MARKS.sub(r" \1 ", text.lower().replace("<br />", " "))
    return " ".join(spaced.split())
