"""The reviews as texts and as ranks of words: from the cache, or read from the source and kept."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.datasets import cache
from unrolled.datasets.imdb.encoding import Encoded, WordIndex, encode_test, encode_training
from unrolled.datasets.imdb.reviews import Part, Reviews, Split
from unrolled.datasets.imdb.sources import NpzSource, PackageSource, TextSource, WholeSource
from unrolled.errors import DataError
from unrolled.ragged import Ragged

if TYPE_CHECKING:
    import polars as pl

_FORMAT = 1  # to be raised when the entries, the order or the encoding of the reviews change


def reviews(source: TextSource, split: Split) -> Reviews:
    """Texts and labels of one split; raises DataError where the source does not have it."""
    kept = cache.read(_entry("imdb-texts", source, split))
    if kept is not None:
        return _reviews_from_bytes(kept)
    found = source.read(split)
    for name, content in found.items():
        cache.write(_entry("imdb-texts", source, name), _reviews_to_bytes(content))
    if split not in found:
        lacks = (
            "has the training reviews only"
            if isinstance(source, PackageSource)
            else (f"has no {split} reviews")
        )
        raise DataError(
            f"{source.description} {lacks}; run `unrolled data fetch imdb`, or set UNROLLED_IMDB "
            "to the whole aclImdb_v1.tar.gz"
        )
    return found[split]


def unlabelled(source: WholeSource) -> list[str]:
    """Texts of the reviews without labels."""
    entry = _entry("imdb-texts", source, "unlabelled")
    kept = cache.read(entry)
    if kept is not None:
        return _table_from_bytes(kept)["text"].to_list()
    texts = source.read_unlabelled()
    cache.write(entry, _table_to_bytes(text=texts))
    return texts


def encoded(source: TextSource | NpzSource, split: Split) -> Encoded:
    """One split in ranks."""
    kept = cache.read(_entry("imdb-ranks", source, split))
    if kept is not None:
        return _encoded_from_bytes(kept)
    if isinstance(source, NpzSource):
        both = source.read_encoded()
        for name, content in both.items():
            cache.write(_entry("imdb-ranks", source, name), _encoded_to_bytes(content))
        return both[split]
    if split == "train":
        return _encode_training(source)[0]
    index = word_index(source)
    test = reviews(source, "test")
    result = encode_test(test, index, shuffled_before=len(test.labels))  # as many as in training
    cache.write(_entry("imdb-ranks", source, "test"), _encoded_to_bytes(result))
    return result


def word_index(source: TextSource) -> WordIndex:
    """Keras' own index of the words of the training reviews."""
    kept = cache.read(_entry("imdb-words", source, "train"))
    return _encode_training(source)[1] if kept is None else _index_from_bytes(kept)


def _encode_training(source: TextSource) -> tuple[Encoded, WordIndex]:
    ranks, index = encode_training(reviews(source, "train"))
    cache.write(_entry("imdb-ranks", source, "train"), _encoded_to_bytes(ranks))
    cache.write(_entry("imdb-words", source, "train"), _index_to_bytes(index))
    return ranks, index


def _entry(kind: str, source: TextSource | NpzSource, part: Part) -> str:
    """Name of an entry; the test split's ranks depend on the training reviews as well."""
    parts: Sequence[Part] = ("train", "test") if part == "test" else (part,)
    states = map(source.state, parts)
    return cache.entry_name(kind, _FORMAT, type(source).__name__, str(source.path), part, *states)


def _reviews_to_bytes(content: Reviews) -> bytes:
    return _table_to_bytes(text=content.texts, label=content.labels)


def _reviews_from_bytes(data: bytes) -> Reviews:
    table = _table_from_bytes(data)
    return Reviews(table["text"].to_list(), table["label"].to_numpy())


def _table_to_bytes(**columns: list[str] | NDArray[np.int64]) -> bytes:
    import polars as pl

    file = io.BytesIO()
    pl.DataFrame(columns).write_parquet(file, compression="lz4")
    return file.getvalue()


def _table_from_bytes(data: bytes) -> pl.DataFrame:
    import polars as pl

    return pl.read_parquet(io.BytesIO(data))


def _encoded_to_bytes(content: Encoded) -> bytes:
    return _to_bytes(
        ids=content.ranks.ids,
        offsets=content.ranks.offsets,
        labels=content.labels,
        shuffled_before=np.array([content.shuffled_before]),
    )


def _encoded_from_bytes(data: bytes) -> Encoded:
    arrays = _from_bytes(data)
    ranks = Ragged(arrays["ids"], arrays["offsets"])
    return Encoded(ranks, arrays["labels"], int(arrays["shuffled_before"][0]))


def _index_to_bytes(content: WordIndex) -> bytes:
    words = "\n".join(content.words).encode("utf-8")  # no word has a newline
    return _to_bytes(words=np.frombuffer(words, dtype=np.uint8), counts=content.counts)


def _index_from_bytes(data: bytes) -> WordIndex:
    arrays = _from_bytes(data)
    return WordIndex(arrays["words"].tobytes().decode("utf-8").split("\n"), arrays["counts"])


def _to_bytes(**arrays: NDArray[Any]) -> bytes:
    from safetensors.numpy import save

    content: bytes = save(arrays)
    return content


def _from_bytes(data: bytes) -> dict[str, NDArray[Any]]:
    from safetensors.numpy import load

    arrays: dict[str, NDArray[Any]] = load(data)
    return arrays
