"""What the recipe made of the texts that are encoded already, for the examination of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from unrolled.datasets.doctor import Reading
from unrolled.model.encoding import Encoded
from unrolled.recipe import Recipe

Number = TypeVar("Number", bound=np.generic)


def reading_of(encoded: Encoded, recipe: Recipe) -> Reading:
    """The texts of both parts in the order in which they were read, as the one part "train"."""
    both = {"train": encoded.train[0], "validation": encoded.validation[0]}
    reading = Reading.of(recipe, encoded.vocabulary, both)
    order = np.argsort(np.concatenate([encoded.train_rows, encoded.validation_rows]))

    def as_read(parts: Mapping[str, NDArray[Number]]) -> dict[str, NDArray[Number]]:
        return {"train": np.concatenate([parts["train"], parts["validation"]])[order]}

    return Reading(
        maxlen=reading.maxlen,
        tokens=as_read(reading.tokens),
        words=as_read(reading.words),
        is_cut=as_read(reading.is_cut),
        unknown=as_read(reading.unknown),
    )
