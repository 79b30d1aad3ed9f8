"""From a recipe to the untrained encoder-decoder that it describes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unrolled.engine import layers
from unrolled.engine.encoder_decoder import EncoderDecoder
from unrolled.engine.optimizers import optimizer_named
from unrolled.model.networks import cell_of, input_layers
from unrolled.recipe import NetworkRecipe, Recipe, writing_of
from unrolled.text.vocabulary import FIRST_WORD, PADDING, START, Vocabulary

NEVER = -30.0
"""Bias, in nats, of the ids that no target has: a sample has them too seldom to unlearn them."""


def build_writer(
    recipe: Recipe,
    *,
    reads: int,
    writes: int,
    word_counts: Sequence[int] | None = None,
) -> EncoderDecoder:
    """Build the untrained network of a recipe; a language model has no encoder.

    reads, writes: how many ids there are of the words that it reads, and that it writes.
    word_counts: how often each id is to be written (ids,). The network begins with its frequency
    as the probability of each, which it would otherwise have to learn first.
    """
    writing, training, network = writing_of(recipe), recipe.training, recipe.network
    decoder = _half(network, writes)
    if network.dropout:
        decoder.append(layers.Dropout(network.dropout))
    built = EncoderDecoder(
        encoder=[] if writing.task == "language-model" else _half(network, reads),
        decoder=decoder,
        seed=recipe.seed,
        start=START,
        optimizer=optimizer_named(
            training.optimizer, learning_rate=training.learning_rate, momentum=training.momentum
        ),
        tied=writing.tied,
        sampled=writing.sampled,
        word_counts=word_counts,
        sparse=training.embedding_updates == "sparse",
    )
    if word_counts is not None:
        built.output["bias"][:, 0] = log_frequencies(word_counts)
    built.output["bias"][[PADDING, START]] = NEVER
    return built


def log_frequencies(counts: Sequence[int]) -> NDArray[np.float64]:
    """Logarithm of the share of each (ids,), as if each had been counted once more."""
    smoothed = np.asarray(counts, dtype=np.float64) + 1.0
    return np.asarray(np.log(smoothed / smoothed.sum()))


def rows_of(vocabulary: Vocabulary) -> int:
    """Ids that there are; none beyond the words, as each row more is one more to choose from."""
    return FIRST_WORD + len(vocabulary.words)


def _half(settings: NetworkRecipe, rows: int) -> list[layers.Layer]:
    cells = [cell_of(settings, return_sequences=True) for _ in range(settings.layers)]
    return [*input_layers(settings, rows), *cells]
