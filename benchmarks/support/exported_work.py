"""Texts to be scored by the notebook's two models, as ids, in batches: the same for every peer.

The folder with the models and the ids is in the environment, for peers are processes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unrolled.model.trained import TrainedModel
from unrolled.ragged import Ragged
from unrolled.text.sequences import prepare

MODELS = ("onehot", "embedding")
BATCHES = (1, 64, 256, 1024)
TEXTS = 1024  # that a step scores, in batches
READINGS = ("padded", "ragged", "sorted")
_FOLDER, _IDS = "UNROLLED_EXPORTED_WORK", "ids.npz"


@dataclass(frozen=True)
class Case:
    """One way of scoring all texts.

    reading: "padded" to 100 ids, as the notebook does; "ragged", at most 100 ids each, in any
    order; "sorted", the same with the shortest first. batch: texts that are scored at a time.
    """

    model: str
    reading: str
    batch: int

    @property
    def name(self) -> str:
        return f"{self.model}, {self.reading}, {self.batch:,} at a time"


CASES = {
    case.name: case
    for case in (Case(*each) for each in product(MODELS, READINGS, BATCHES))
    if case.reading == "padded" or case.batch > 1  # one text alone is never beside another
}


def environment(folder: Path) -> Mapping[str, str]:
    """What tells a peer where the work is."""
    return {_FOLDER: str(folder)}


def write_ids(folder: Path, ids: Ragged) -> None:
    """Put the encoded texts where the models are."""
    np.savez(folder / _IDS, ids=ids.ids, offsets=ids.offsets)


def model_folder(case: Case) -> Path:
    """Where the case's model is."""
    return Path(os.environ[_FOLDER]) / case.model


def model_of(case: Case) -> TrainedModel:
    return TrainedModel.load(model_folder(case))


def batches_of(case: Case, model: TrainedModel) -> list[Ragged]:
    """The texts as the network reads them."""
    with np.load(Path(os.environ[_FOLDER]) / _IDS) as arrays:
        encoded = Ragged(arrays["ids"], arrays["offsets"])
    text = model.recipe.text
    padding = "keras" if case.reading == "padded" else "masked"
    prepared = prepare(encoded, text.maxlen, padding, text.keep).packed()
    order = np.arange(len(prepared))
    if case.reading == "sorted":
        order = np.argsort(prepared.lengths, kind="stable")
    return [
        prepared.take(order[first : first + case.batch]) for first in range(0, TEXTS, case.batch)
    ]


def filled(batch: Ragged) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """ids (texts, steps), with zeros behind the end of each, and lengths (texts,)."""
    is_own = np.arange(batch.lengths.max()) < batch.lengths[:, np.newaxis]
    ids = np.zeros(is_own.shape, dtype=np.int64)
    ids[is_own] = batch.ids
    return ids, batch.lengths
