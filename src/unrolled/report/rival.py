"""The rival of every network: a linear model of word counts, fitted on the same training texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.datasets.examples import Examples
from unrolled.evaluation.baselines import LINEAR, linear, why_no_linear
from unrolled.model import TextClassifier
from unrolled.model.encoding import Encoded

MOST_SCORED = 20_000
"""Of more validation texts this many are drawn, so that a report takes seconds."""
MOST_WORDS = 6_000_000
"""Words that the rival learns from at most (25,000 film reviews); they take about 450 MB."""
_LETTERS = 6  # of a word, with the space behind it

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rival:
    """What the linear model says of the validation texts that are scored.

    probabilities: (scored texts, classes), or None where it was not fitted, and ``reason`` says
    why. fitted_on: training texts that it learned from.
    """

    probabilities: NDArray[np.floating] | None = None
    fitted_on: int = 0
    reason: str = ""


def no_rival(why: str) -> Rival:
    """It was not fitted, for this reason."""
    return Rival(reason=f"{LINEAR} was not fitted ({why})")


def scored_rows(count: int) -> Rows:
    """Which of ``count`` validation texts are scored: all, or a sample (rows,)."""
    return drawn(count, MOST_SCORED, seed=0)


def drawn(count: int, most: int, *, seed: int) -> Rows:
    """All rows, or ``most`` of them drawn at random, in their order (rows,)."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def fit_rival(
    classifier: TextClassifier, examples: Examples, encoded: Encoded, tell: Callable[[str], None]
) -> Rival:
    """Fit it on the network's own training texts, or on a sample where they have too many words.

    tell: is given a line before the work begins. Ctrl-C ends it and nothing else.
    """
    reason = why_no_linear()
    if reason is not None:
        tell(reason)
        return Rival(reason=reason)
    rows = drawn(len(encoded.train_rows), _most_texts(classifier), seed=classifier.recipe.seed)
    scored = scored_rows(len(encoded.validation_rows))
    tell(f"fitting {LINEAR} on {len(rows):,} texts to compare with (Ctrl-C skips it) ...")
    try:
        probabilities = linear(
            examples.take(encoded.train_rows[rows]).texts,
            encoded.train[1][rows],
            examples.take(encoded.validation_rows[scored]).texts,
            seed=classifier.recipe.seed,
            classes=len(encoded.classes),
        )
    except KeyboardInterrupt:
        return no_rival("it was interrupted")
    return Rival(probabilities, len(rows))


def _most_texts(classifier: TextClassifier) -> int:
    """As many texts as have ``MOST_WORDS`` words, about."""
    mean = classifier.metrics_["lengths"]["mean"]
    if classifier.recipe.text.tokenizer == "characters":
        mean /= _LETTERS
    return max(1, int(MOST_WORDS / max(mean, 1.0)))
