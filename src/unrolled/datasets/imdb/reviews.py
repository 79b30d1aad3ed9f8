"""Reviews in the canonical order, which is that of Keras' ``imdb.npz``.

The positive reviews come first, then the negative ones, each class in the order of its file names
as strings ("0_9.txt", "10000_8.txt", "10001_10.txt", ...). Every source can be brought to it.
Those without labels, which Keras does not have, are in the order of their file names too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import DataError

Split = Literal["train", "test"]
Part = Literal["train", "test", "unlabelled"]
SPLITS: tuple[Split, Split] = ("train", "test")
CLASSES = ("pos", "neg")  # the folders of the data set, in canonical order
UNLABELLED = ("unsup",)  # the folder beside those of the training reviews
LABELS = ("negative", "positive")  # the label at index 0 and 1
REVIEWS_PER_CLASS = 12_500
UNLABELLED_REVIEWS = 50_000

Named = list[tuple[str, str]]
"""The file name and the text of each review of a folder."""


@dataclass(frozen=True)
class Reviews:
    """The reviews of one split in canonical order; label 1 is positive."""

    texts: list[str]
    labels: NDArray[np.int64]


def canonical(named: Mapping[str, Named], place: str) -> Reviews:
    """Reviews from those of each class.

    place: the archive or folder and the split, for the error when reviews are missing.
    """
    texts = _in_order(named, CLASSES, REVIEWS_PER_CLASS, place)
    return Reviews(texts, np.repeat(np.array([1, 0], dtype=np.int64), REVIEWS_PER_CLASS))


def canonical_unlabelled(named: Mapping[str, Named], place: str) -> list[str]:
    """Texts of the reviews without labels; place: as for ``canonical``."""
    return _in_order(named, UNLABELLED, UNLABELLED_REVIEWS, place)


def _in_order(
    named: Mapping[str, Named], folders: Sequence[str], count: int, place: str
) -> list[str]:
    for name in folders:
        if len(named[name]) != count:
            raise DataError(
                f"{place}/{name} has {len(named[name]):,} reviews, not {count:,}; "
                "download or unpack the archive again (`unrolled data fetch imdb`)"
            )
    return [text for name in folders for _, text in sorted(named[name])]


def decoded(data: bytes, place: str) -> str:
    """Text of a review's file."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{place} is not UTF-8 (byte {error.start + 1}); "
            "download the archive again (`unrolled data fetch imdb`)"
        ) from error
