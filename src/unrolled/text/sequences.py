"""Sequences of ids brought to the length that a network reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from unrolled.errors import RecipeError, ShapeError
from unrolled.ragged import Ragged
from unrolled.text.vocabulary import PADDING, UNKNOWN

Side = Literal["pre", "post"]


def pad_sequences(
    sequences: Iterable[ArrayLike],
    maxlen: int | None = None,
    dtype: DTypeLike = "int32",
    padding: Side = "pre",
    truncating: Side = "pre",
    value: float | str = 0.0,
) -> NDArray[Any]:
    """One array (sequences, maxlen, ...) of sequences of different lengths, as Keras makes it.

    Longer sequences lose their beginning (``truncating="pre"``) or end ("post"), shorter ones get
    ``value`` in front (``padding="pre"``) or behind ("post"). maxlen: None for the longest one.
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise ShapeError(f'{name} must be "pre" or "post", not {side!r}')
    if maxlen is not None and maxlen < 1:
        raise ShapeError(f"maxlen must be at least 1 (or None for the longest), not {maxlen}")
    if isinstance(value, str) and np.dtype(dtype).kind not in "OSU":
        raise ShapeError(f"the value {value!r} does not fit dtype {dtype}; use dtype=object")

    arrays = [_as_array(sequence, index, dtype) for index, sequence in enumerate(sequences)]
    time = max(map(len, arrays), default=0) if maxlen is None else maxlen
    step_shape = next((array.shape[1:] for array in arrays if len(array)), ())
    padded = np.full((len(arrays), time, *step_shape), value, dtype=dtype)
    for index, array in enumerate(arrays):
        if not len(array):
            continue
        if array.shape[1:] != step_shape:
            raise ShapeError(
                f"sequence {index} has steps of shape {array.shape[1:]}, not {step_shape} "
                "as the ones before it"
            )
        kept = array[-time:] if truncating == "pre" else array[:time]
        if padding == "pre":
            padded[index, time - len(kept) :] = kept
        else:
            padded[index, : len(kept)] = kept
    return padded


def prepare(sequences: Ragged, maxlen: int | None, padding: Literal["keras", "masked"]) -> Ragged:
    """Cut and fill sequences to what a network reads.

    "keras": every sequence has exactly ``maxlen`` ids (None: as many as the longest has), cut and
    filled with 0 at the front. "masked": only cut at the front; an empty sequence becomes one
    unknown id, since a network must read something.
    """
    if maxlen is not None and maxlen < 1:
        raise RecipeError(f"maxlen must be at least 1 (or None for no limit), not {maxlen}")
    longest = int(sequences.lengths.max(initial=0))
    ends = last_ids(sequences, longest if maxlen is None else maxlen)
    if padding == "masked":
        return _filled(ends, ends.lengths == 0, UNKNOWN)
    if padding != "keras":
        raise RecipeError(f'padding must be "keras" or "masked", not {padding!r}')
    time = longest if maxlen is None else maxlen
    is_read = np.arange(time) >= time - ends.lengths[:, np.newaxis]  # (sequence, time)
    matrix = np.full(is_read.shape, PADDING, dtype=np.int32)
    matrix[is_read] = ends.ids
    return Ragged.from_matrix(matrix)


def last_ids(sequences: Ragged, limit: int) -> Ragged:
    """Keep the last ``limit`` ids of each sequence."""
    lengths = np.minimum(sequences.lengths, limit)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    shifts = np.repeat(sequences.offsets[1:] - offsets[1:], lengths)
    return Ragged(sequences.ids[np.arange(offsets[-1]) + shifts], offsets)


def _filled(sequences: Ragged, is_empty: NDArray[np.bool_], only: int) -> Ragged:
    """Replace the empty sequences by a single id."""
    places = sequences.offsets[:-1][is_empty]
    ids = np.insert(sequences.ids, places, only)
    added = np.concatenate([np.zeros(1, np.int64), np.cumsum(is_empty)])
    return Ragged(ids, sequences.offsets + added)


def _as_array(sequence: ArrayLike, index: int, dtype: DTypeLike) -> NDArray[Any]:
    try:
        array = np.asarray(sequence, dtype=dtype)
    except ValueError as error:
        raise ShapeError(f"sequence {index} does not fit an array of {dtype}: {error}") from error
    if array.ndim == 0:
        raise ShapeError(f"sequence {index} is not a sequence: {sequence!r}")
    return array
