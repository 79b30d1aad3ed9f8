"""Whether the words that are called important are: what happens when they are taken away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.explain.explanation import IMPORTANCES, Importance, explain
from unrolled.explain.steps import Steps, steps_of
from unrolled.explain.subject import Subject
from unrolled.ragged import Ragged

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Faithfulness:
    """How far a model's probability of its own answer falls on average when words are taken away.

    words: how many are taken. important: by measure, when those that a measure puts first are.
    random: when as many others are, drawn at random. texts: how many were tried.
    """

    words: int
    important: dict[Importance, float]
    random: float
    texts: int


def measure_faithfulness(
    model: Subject,
    texts: Iterable[str],
    *,
    words: int,
    draws: int = 10,
    seed: int = 0,
    threads: int | None = None,
) -> Faithfulness:
    """Take ``words`` words out of each text: the most important, and ``draws`` times random ones.

    A text in which no more words than that are read is passed over. Source: the comprehensiveness
    of DeYoung et al. 2020, "ERASER", section 4, beside that of random words.
    """
    noise = np.random.default_rng(seed)
    falls: list[list[float]] = []
    for text in texts:
        steps = steps_of(model, text)
        candidates = np.flatnonzero(steps.is_word)
        if len(candidates) <= words:
            continue
        explanation = explain(model, text, threads=threads)
        explained = explanation.classes.index(explanation.explained)
        ranked = [
            candidates[np.argsort(-gains[candidates], kind="stable")[:words]]
            for gains in (explanation.deletion, explanation.gradients)
            if gains is not None
        ]
        drawn = [noise.choice(candidates, words, replace=False) for _ in range(draws)]
        without = _without(model, steps, [*ranked, *drawn], threads)[:, explained]
        fallen = float(explanation.answer.probabilities[explanation.explained]) - without
        falls.append([*fallen[: len(ranked)], float(fallen[len(ranked) :].mean())])
    means = np.mean(falls, axis=0) if falls else np.full(len(IMPORTANCES) + 1, np.nan)
    return Faithfulness(
        words=words,
        important=dict(zip(IMPORTANCES, means[:-1].tolist(), strict=True)),
        random=float(means[-1]),
        texts=len(falls),
    )


def _without(
    model: Subject, steps: Steps, taken: list[NDArray[np.int64]], threads: int | None
) -> Doubles:
    """Probabilities (ways, classes) of the text without the words of certain steps, way by way."""
    rest = [np.delete(steps.encoded, steps.places[some]) for some in taken]
    probabilities = model.probabilities(Ragged.from_lists(rest), threads)
    return np.asarray(probabilities, dtype=np.float64)
