"""What an explanation needs of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.network import Network
from unrolled.evaluation.decision import Decision
from unrolled.ragged import Sequences
from unrolled.recipe import Recipe
from unrolled.text.vocabulary import Vocabulary

Probabilities = NDArray[np.float32]


class Answer(Protocol):
    """What a model says about a text, as `model.Prediction` has it."""

    @property
    def label(self) -> str | tuple[str, ...] | None: ...
    @property
    def probability(self) -> float: ...
    @property
    def probabilities(self) -> Mapping[str, float]: ...
    @property
    def unknown_share(self) -> float: ...
    @property
    def was_cut(self) -> bool: ...


class Answers(Protocol):
    """One `Answer` for each text."""

    def __getitem__(self, row: int, /) -> Answer: ...


class Subject(Protocol):
    """A trained model.

    prepared: encoded texts as the network reads them, cut and filled. probabilities: of encoded
    texts; probabilities_of_prepared: of texts that are cut and filled already; both calibrated
    (texts, classes).
    """

    @property
    def recipe(self) -> Recipe: ...
    @property
    def classes(self) -> list[str]: ...
    @property
    def several(self) -> bool: ...
    @property
    def vocabulary(self) -> Vocabulary: ...
    @property
    def network(self) -> Network: ...
    @property
    def decision(self) -> Decision: ...
    def prepared(self, sequences: Sequences, /) -> Sequences: ...
    def probabilities(self, sequences: Sequences, threads: int | None, /) -> Probabilities: ...
    def probabilities_of_prepared(
        self, prepared: Sequences, threads: int | None, /
    ) -> Probabilities: ...
    def predictions(self, sequences: Sequences, threads: int | None, /) -> Answers: ...
