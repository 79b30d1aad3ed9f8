"""Sequences of ids brought to the length that a network reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from unrolled.errors import RecipeError, ShapeError
from unrolled.ragged import Excerpt, Ragged, Sequences
from unrolled.text.vocabulary import PADDING, UNKNOWN

Side = Literal["pre", "post"]
Padding = Literal["keras", "masked"]
Part = Literal["tail", "head", "both"]


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


def prepare(
    sequences: Sequences, maxlen: int | None, padding: Padding, keep: Part = "tail"
) -> Sequences:
    """Cut and fill sequences to what a network reads.

    keep: which ``maxlen`` ids of a longer sequence are kept (None: all), as ``cut`` has it.
    "keras": every sequence gets exactly ``maxlen`` ids (None: as many as the longest has), filled
    with 0 at the front. "masked": only cut; an empty sequence becomes one unknown id, since a
    network must read something.
    """
    if padding not in ("keras", "masked"):
        raise RecipeError(f'padding must be "keras" or "masked", not {padding!r}')
    if isinstance(sequences, Excerpt) and padding == "masked" and keep != "both":
        shorter = _shortened(sequences, maxlen, keep)
        if shorter.lengths.all():
            return shorter
    kept = cut(sequences.packed(), maxlen, keep)
    if padding == "masked":
        return _filled(kept, kept.lengths == 0, UNKNOWN)
    time = int(kept.lengths.max(initial=0)) if maxlen is None else maxlen
    is_read = np.arange(time) >= time - kept.lengths[:, np.newaxis]  # (sequence, time)
    matrix = np.full(is_read.shape, PADDING, dtype=np.int32)
    matrix[is_read] = kept.ids
    return Ragged.from_matrix(matrix)


def cut(sequences: Ragged, maxlen: int | None, keep: Part = "tail") -> Ragged:
    """Keep the last ids of each sequence ("tail"), the first ("head"), or half of either ("both").

    Of an odd ``maxlen``, the larger half is at the end.
    """
    if keep not in ("tail", "head", "both"):
        raise RecipeError(f'keep must be "tail", "head" or "both", not {keep!r}')
    is_long = was_cut(sequences, maxlen)
    if maxlen is None or not is_long.any():
        return sequences
    head = {"tail": 0, "head": maxlen, "both": maxlen // 2}[keep]
    # +1 where a gap starts, -1 behind its end: the running sum is 1 inside of gaps.
    steps = np.zeros(len(sequences.ids) + 1, dtype=np.int8)
    steps[sequences.offsets[:-1][is_long] + head] += 1
    steps[sequences.offsets[1:][is_long] - (maxlen - head)] -= 1
    is_kept = np.cumsum(steps[:-1], dtype=np.int8) == 0
    lengths = np.minimum(sequences.lengths, maxlen)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return Ragged(sequences.ids[is_kept], offsets)


def _shortened(sequences: Excerpt, maxlen: int | None, keep: Part) -> Excerpt:
    """As ``cut`` for one end, without a copy."""
    is_long = was_cut(sequences, maxlen)
    if maxlen is None or not is_long.any():
        return sequences
    starts, ends = sequences.starts, sequences.ends
    if keep == "tail":
        return Excerpt(sequences.whole, np.where(is_long, ends - maxlen, starts), ends)
    return Excerpt(sequences.whole, starts, np.where(is_long, starts + maxlen, ends))


def was_cut(sequences: Sequences, maxlen: int | None) -> NDArray[np.bool_]:
    """Which sequences are longer than ``maxlen`` (sequences,); none for None."""
    if maxlen is None:
        return np.zeros(len(sequences), dtype=np.bool_)
    if maxlen < 1:
        raise RecipeError(f"maxlen must be at least 1 (or None for no limit), not {maxlen}")
    return sequences.lengths > maxlen


def _filled(sequences: Ragged, is_empty: NDArray[np.bool_], only: int) -> Ragged:
    """Replace the empty sequences by a single id."""
    if not is_empty.any():
        return sequences
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
