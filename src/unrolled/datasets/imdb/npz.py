"""The encoded reviews of Keras' ``imdb.npz``.

Its arrays of lists are stored as pickles, which can run any code when they are read carelessly.
The unpickler here puts harmless stand-ins in place of NumPy's own classes and refuses the rest.
"""

from __future__ import annotations

import pickle
import zipfile
import zlib
from array import array
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from unrolled.datasets.imdb.encoding import Encoded
from unrolled.datasets.imdb.reviews import Split
from unrolled.errors import DataError
from unrolled.ragged import Ragged

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_npz(path: Path) -> dict[Split, Encoded]:
    """Both splits, as ranks of words, in the order in which they are stored."""
    try:
        with zipfile.ZipFile(path) as archive:
            train = _read_split(archive, "train", shuffled_before=0)
            test = _read_split(archive, "test", shuffled_before=len(train.labels))
    except KeyError as error:
        raise DataError(f"{path} is not Keras' imdb.npz: {error.args[0]}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{path} is damaged ({error}); download it again") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except (
        pickle.UnpicklingError,
        ArithmeticError,
        AttributeError,
        IndexError,
        TypeError,
        ValueError,
    ) as error:
        raise DataError(f"{path} is not Keras' imdb.npz: {error}") from error
    return {"train": train, "test": test}


def _read_split(archive: zipfile.ZipFile, split: Split, *, shuffled_before: int) -> Encoded:
    ids, ends = array("i"), array("q", [0])
    for sequence in _read_lists(archive, f"x_{split}"):
        ids.extend(sequence)  # refuses anything but whole numbers of 32 bits
        ends.append(len(ids))
    labels = _read_numbers(archive, f"y_{split}")
    if labels.shape != (len(ends) - 1,) or not np.isin(labels, (0, 1)).all():
        raise ValueError(f"y_{split} must have a 0 or 1 for each of {len(ends) - 1} reviews")
    ranks = Ragged(np.array(ids, dtype=np.int32), np.array(ends, dtype=np.int64))
    return Encoded(ranks, labels.astype(np.int64), shuffled_before)


def _read_numbers(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as file:
        shape, dtype = _read_header(file, name)
        if dtype.kind not in "iu":
            raise ValueError(f"{name} must hold whole numbers, not {dtype}")
        return np.frombuffer(file.read(), dtype=dtype).reshape(shape)


def _read_lists(archive: zipfile.ZipFile, name: str) -> list[list[int]]:
    with archive.open(f"{name}.npy") as file:
        shape, dtype = _read_header(file, name)
        if dtype != np.dtype(object) or len(shape) != 1:
            raise ValueError(f"{name} must be a row of lists, not {dtype} of shape {shape}")
        pickled = _ListUnpickler(file).load()
    if not isinstance(pickled, _Array) or len(pickled.items) != shape[0]:
        raise ValueError(f"{name} must be a row of {shape[0]} lists")
    return pickled.items


def _read_header(file: IO[bytes], name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = npy.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"{name} has version {version} of the npy format")
    shape, _, dtype = _HEADERS[version](file)
    return shape, dtype


class _Array:
    """Stands for a NumPy array and for its type; keeps the items of a pickled row of objects."""

    items: list[list[int]]

    def __setstate__(self, state: tuple[object, ...]) -> None:
        items = state[-1]
        if not isinstance(items, list):
            raise ValueError("an array holds something other than lists")
        self.items = items


class _Dtype:
    """Stands for NumPy's dtype, of which nothing is needed."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: tuple[object, ...]) -> None:
        pass


def _new_array(*_: object) -> _Array:
    return _Array()


def _as_bytes(text: str, _: str) -> bytes:
    return text.encode("latin-1")  # how protocol 2 writes bytes


_STAND_INS = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _new_array,
    ("numpy._core.multiarray", "_reconstruct"): _new_array,
    ("_codecs", "encode"): _as_bytes,
}


class _ListUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _STAND_INS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it wants to load {module}.{name}, which no array of numbers needs"
            ) from None
