"""Models to be exported: every layer with weights drawn at random, and texts beside each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest

from unrolled import Vocabulary, load_recipe
from unrolled.evaluation.decision import Decision
from unrolled.model.networks import build_network
from unrolled.model.trained import TrainedModel
from unrolled.ragged import Ragged

TOLERANCE = 1e-5
FEW = 8  # texts that are scored alone too
WORDS = ["good", "bad", "film", "actor", "plot", "dull", "great", "end", "long", "short"]
CELLS = {
    "simple_rnn": ["cell=simple_rnn"],
    "relu": ["cell=simple_rnn", "activation=relu"],
    "linear": ["cell=simple_rnn", "activation=linear"],
    "lstm": ["cell=lstm"],
    "gru": ["cell=gru"],
    "gru-before": ["cell=gru", "reset_after=false"],
    "min_gru": ["cell=min_gru"],
    "qrnn-1": ["cell=qrnn", "window=1"],
    "qrnn-2": ["cell=qrnn", "window=2"],
}
DIRECTIONS = ("none", "concat", "sum", "average")
POOLINGS = ("last", "max", "mean", "max_mean")
LABELS = {2: ["negative", "positive"], 3: ["bad", "middling", "good"]}

HOSTILE = ["line\nbreak", "😀 정말", "</script>", "\"quotes\" 'and' \\", "\ud800", "{x}", "\u202e"]


def random_model(
    settings: Sequence[str],
    *,
    classes: Sequence[str] = LABELS[2],
    several: bool = False,
    decision: Decision | None = None,
    words: Sequence[str] = WORDS,
) -> TrainedModel:
    """A model of the recipe "notebook-onehot" with some settings, that learned nothing."""
    small = ["network.units=5", "network.embedding_size=4", "text.padding=masked"]
    recipe = load_recipe("notebook-onehot", [*small, *settings])
    vocabulary = Vocabulary(words, [1] * len(words), tokenizer=recipe.text.tokenizer)
    network = build_network(recipe, rows=vocabulary.size, classes=len(classes), several=several)
    rng = np.random.default_rng(len("".join(settings)))
    for name, array in network.weights.items():
        if name.endswith("recurrent_kernel"):
            array *= 0.8  # a state forgets where it started, so that rounding does not grow
        else:
            array[:] = rng.normal(0, 0.7, array.shape)
    return TrainedModel(
        recipe=recipe, classes=list(classes), several=several, vocabulary=vocabulary,
        network=network, source="none", decision=decision or Decision(),
    )  # fmt: skip


def every_layer() -> list[Any]:
    """Settings of each cell with each input and each way of reading, all poolings among them."""
    cases = []
    for number, (cell, first, direction) in enumerate(
        product(CELLS, ("onehot", "embedding"), DIRECTIONS)
    ):
        pooling, layers = POOLINGS[(number + number // 4) % 4], 1 + number % 3 // 2
        settings = [*CELLS[cell], f"input={first}", f"bidirectional={direction}",
                    f"pooling={pooling}", f"layers={layers}"]  # fmt: skip
        named = f"{cell}-{first}-{direction}-{pooling}-{layers}"
        cases.append(pytest.param([f"network.{setting}" for setting in settings], id=named))
    return cases


def ragged_ids(model: TrainedModel, lengths: Sequence[int] = (7, 1, 12, 3, 1, 30)) -> Ragged:
    """Any ids, as they come from no tokenizer."""
    rng = np.random.default_rng(1)
    return Ragged.from_lists([rng.integers(0, model.vocabulary.size, n) for n in lengths])


def filled(sequences: Ragged, behind: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """ids (texts, steps), with ``behind`` after the end of each, and lengths (texts,)."""
    ids = np.full((len(sequences), sequences.lengths.max()), behind, dtype=np.int64)
    for row, length in enumerate(sequences.lengths):
        ids[row, :length] = sequences[row]
    return ids, sequences.lengths


def check_agreement(model: TrainedModel, run: Callable[..., np.ndarray], sequences: Ragged) -> None:
    """``run(ids, lengths)`` must give the model's probabilities, together and one by one."""
    expected = model.probabilities_of_prepared(sequences, 1)
    assert np.ptp(expected, axis=0).max() > 10 * TOLERANCE or len(expected) == 1
    ids, lengths = filled(sequences)
    together = run(ids, lengths)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, expected, rtol=0, atol=TOLERANCE)
    few = range(min(len(expected), FEW))
    alone = [run(ids[row : row + 1, : lengths[row]], lengths[row : row + 1]) for row in few]
    np.testing.assert_allclose(np.concatenate(alone), expected[: len(few)], rtol=0, atol=TOLERANCE)
    other, _ = filled(sequences, behind=model.vocabulary.size - 1)
    np.testing.assert_allclose(run(other, lengths), expected, rtol=0, atol=TOLERANCE)
