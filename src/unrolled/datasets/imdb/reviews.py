"""Labelled reviews in the canonical order, which is that of Keras' ``imdb.npz``.

The positive reviews come first, then the negative ones, each class in the order of its file names
as strings ("0_9.txt", "10000_8.txt", "10001_10.txt", ...). Every source can be brought to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import DataError

Split = Literal["train", "test"]
SPLITS: tuple[Split, Split] = ("train", "test")
CLASSES = ("pos", "neg")  # the folders of the data set, in canonical order
LABELS = ("negative", "positive")  # the label at index 0 and 1
REVIEWS_PER_CLASS = 12_500


@dataclass(frozen=True)
class Reviews:
    """The reviews of one split in canonical order; label 1 is positive."""

    texts: list[str]
    labels: NDArray[np.int64]


def canonical(named: dict[str, list[tuple[str, str]]], place: str) -> Reviews:
    """Reviews from the (file name, text) pairs of each class.

    place: the archive or folder and the split, for the error when reviews are missing.
    """
    for name in CLASSES:
        if len(named[name]) != REVIEWS_PER_CLASS:
            raise DataError(
                f"{place}/{name} has {len(named[name]):,} reviews, not {REVIEWS_PER_CLASS:,}; "
                "download or unpack the archive again (`unrolled data fetch imdb`)"
            )
    texts = [text for name in CLASSES for _, text in sorted(named[name])]
    return Reviews(texts, np.repeat(np.array([1, 0], dtype=np.int64), REVIEWS_PER_CLASS))


def decoded(data: bytes, place: str) -> str:
    """Text of a review's file."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{place} is not UTF-8 (byte {error.start + 1}); "
            "download the archive again (`unrolled data fetch imdb`)"
        ) from error
