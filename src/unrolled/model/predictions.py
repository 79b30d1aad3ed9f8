"""What a model says about texts: labels, how sure of them, and how well it could read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Label = str | tuple[str, ...] | None
"""The label of a text; of a model with several a text, all that apply; None where it abstains."""


@dataclass(frozen=True)
class Prediction:
    """What a model says about one text.

    probability: of its label; where it abstains, of the likeliest label. With several labels a
    text, of the least likely one that it gets; where it gets none, of being without the likeliest.
    unknown_share: part of its tokens that the model does not know. was_cut: it was too long to be
    read whole.
    """

    label: Label
    probability: float
    probabilities: dict[str, float]
    unknown_share: float
    was_cut: bool


@dataclass(frozen=True, eq=False)
class Predictions:
    """A `Prediction` for each text, kept by column: arrays (texts,).

    labels: each a `Label`. probabilities: float32 (texts, classes), calibrated where the recipe
    says so.
    """

    classes: Sequence[str]
    labels: NDArray[np.object_]
    probability: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    unknown_share: NDArray[np.float32]
    was_cut: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> Prediction:
        return Prediction(
            label=self.labels[row],
            probability=float(self.probability[row]),
            probabilities=dict(zip(self.classes, self.probabilities[row].tolist(), strict=True)),
            unknown_share=float(self.unknown_share[row]),
            was_cut=bool(self.was_cut[row]),
        )

    def __iter__(self) -> Iterator[Prediction]:
        return (self[row] for row in range(len(self)))


def label_probabilities(
    probabilities: NDArray[np.floating], chosen: NDArray[Any]
) -> NDArray[np.float32]:
    """How probable each text's own label is (texts,), by ``Prediction``; ``chosen`` -1 abstains."""
    likeliest = probabilities.argmax(axis=1)
    columns = np.where(chosen < 0, likeliest, chosen)
    own = np.take_along_axis(probabilities, columns[:, np.newaxis], axis=1)
    return np.asarray(own[:, 0], dtype=np.float32)


def set_probabilities(
    probabilities: NDArray[np.floating], chosen: NDArray[Any]
) -> NDArray[np.float32]:
    """How probable the least likely label of each text's set is (texts,), by ``Prediction``."""
    least = np.where(chosen, probabilities, np.inf).min(axis=1)
    none = 1 - probabilities.max(axis=1)
    return np.asarray(np.where(chosen.any(axis=1), least, none), dtype=np.float32)
