"""The IMDB reviews of Maas et al. (2011): 25,000 to train on, 25,000 to test with, 50,000 more.

Whatever the source, the reviews, their order and their ids are those of Keras' ``imdb.npz``:
row ``i`` of ``load_split``, ``load_texts`` and ``load_examples`` is the same review. The 50,000
more, those of ``load_unlabelled``, have no labels, and Keras does not have them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.datasets.examples import Examples
from unrolled.datasets.imdb import store
from unrolled.datasets.imdb.encoding import keras_ids, row_order, shorter_than, within
from unrolled.datasets.imdb.reviews import LABELS, SPLITS, Split
from unrolled.datasets.imdb.sources import (
    NpzSource,
    PackageSource,
    TextSource,
    WholeSource,
    find_source,
)
from unrolled.errors import DataError, InputError
from unrolled.ragged import Ragged
from unrolled.text.vocabulary import Vocabulary

KerasSplit = tuple[NDArray[np.object_], NDArray[np.int64]]


def source() -> str:
    """Where the reviews come from on this machine, as a part of a sentence."""
    return find_source().description


def unlabelled_source() -> str:
    """Where the reviews without labels come from; DataError where there are none."""
    return f"the texts without labels of {_unlabelled().description}"


def load_data(
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int | None = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[KerasSplit, KerasSplit]:
    """``(x_train, y_train), (x_test, y_test)`` exactly as ``keras.datasets.imdb`` gives them.

    x: lists of ids; y: 1 for positive. As in Keras, ``maxlen`` leaves out the reviews that are
    that long or longer, and without ``num_words`` the largest id of all becomes ``oov_char``.
    """
    ids, labels = {}, {}
    for split in SPLITS:
        everything, targets = load_split(
            split, seed=seed, start_char=start_char, index_from=index_from
        )
        ids[split], labels[split] = shorter_than(maxlen, everything, targets)
        if maxlen and not len(ids[split]):
            raise InputError(f"maxlen = {maxlen} leaves no {split} review; increase it")
    limit = num_words or max(int(ids[split].ids.max(initial=0)) for split in SPLITS)
    train, test = (
        (
            _lists(within(ids[split], skip_top=skip_top, limit=limit, oov_char=oov_char)),
            labels[split],
        )
        for split in SPLITS
    )
    return train, test


def load_split(
    split: Split = "train",
    *,
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int | None = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[Ragged, NDArray[np.int64]]:
    """Ids and labels (1: positive) of one split, with the arguments of ``load_data``.

    num_words: None keeps all words. seed: None gives the canonical order, unshuffled.
    """
    encoded = store.encoded(find_source(), _checked(split))
    order = row_order(len(encoded.labels), shuffled_before=encoded.shuffled_before, seed=seed)
    ids = keras_ids(encoded.ranks.take(order), start_char=start_char, index_from=index_from)
    ids, labels = shorter_than(maxlen, ids, encoded.labels[order])
    if num_words or skip_top:
        ids = within(ids, skip_top=skip_top, limit=num_words, oov_char=oov_char)
    return ids, labels


def get_word_index() -> dict[str, int]:
    """Rank of each of the 88,584 words of the training reviews, from 1, as in Keras' own index."""
    return store.word_index(_text_source()).ranks


def vocabulary(num_words: int | None = None) -> Vocabulary:
    """Vocabulary whose ids are those of ``load_split``."""
    index = store.word_index(_text_source())
    return Vocabulary(index.words, index.counts, num_words=num_words)


def load_texts(
    split: Split = "train", *, seed: int | None = 113
) -> tuple[list[str], NDArray[np.int64]]:
    """Texts and labels (1: positive) of one split; seed: None gives the canonical order."""
    reviews = store.reviews(_text_source(), _checked(split))
    before = 0 if split == "train" else len(reviews.labels)  # both splits are equally large
    order = row_order(len(reviews.labels), shuffled_before=before, seed=seed)
    return [reviews.texts[row] for row in order], reviews.labels[order]


def load_unlabelled() -> list[str]:
    """Texts of the 50,000 reviews without labels, in the order of their file names as strings.

    Only the archive, or its folder, has them; from elsewhere it is a DataError.
    """
    return store.unlabelled(_unlabelled())


def load_examples(split: Split = "train") -> Examples:
    """Reviews of one split as labelled texts, in the order of ``load_data``."""
    texts, labels = load_texts(split)
    return Examples(
        name="imdb", texts=texts, labels=[LABELS[label] for label in labels], source=source()
    )


def _checked(split: Split) -> Split:
    if split not in SPLITS:
        raise InputError(f"imdb has no split {split!r}; it has train and test")
    return split


def _lists(sequences: Ragged) -> NDArray[np.object_]:
    lists = [sequences[row].tolist() for row in range(len(sequences))]
    return np.array(lists, dtype=object)


def _unlabelled() -> WholeSource:
    found = find_source()
    if isinstance(found, NpzSource | PackageSource):
        raise DataError(
            f"{found.description} has no reviews without labels; run `unrolled data fetch imdb` "
            "and leave UNROLLED_IMDB unset, or set it to aclImdb_v1.tar.gz or to its folder"
        )
    return found


def _text_source() -> TextSource:
    found = find_source()
    if isinstance(found, NpzSource):
        raise DataError(
            f"{found.path} has ids only, no texts; for texts set UNROLLED_IMDB to "
            "aclImdb_v1.tar.gz or to the folder that it unpacks to, or unset it"
        )
    return found
