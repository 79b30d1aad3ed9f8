"""Inputs times input weights for every step of a tile at once, and the gradients back.

Inputs are numbers, (step x lane, width), or token ids: one-hot vectors times a matrix are rows of
that matrix. A window of two also meets the step read before, as Keras' causal Conv1D does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels.compiled import entry, inner
from unrolled.engine.kernels.products import (
    add_product,
    add_rows,
    add_transposed_product,
    bring_near,
    fill,
    pack,
    pack_transposed,
    padded,
)
from unrolled.engine.kernels.recurrence import LANES
from unrolled.engine.kernels.vectors import WIDTH, load, store

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

_ZERO = np.float32(0.0)
_AHEAD = 2  # steps before its use that a row of the table is asked for
_STEPS = 4  # steps of a tile whose products and sums are done while they are near


@inner
def _distance(window: int, tap: int, backwards: bool) -> int:
    """How many steps before its sum a tap's input lies: the last tap 0, the one before it 1."""
    away = window - 1 - tap
    return -away if backwards else away


@entry
def project(
    x: Floats,  # (step x lane, x_row)
    x_row: int,
    kernel: Floats,  # (window, size, gates x units)
    bias: Floats,  # (gates x width,)
    z: Floats,  # (step x lane, gates x width): filled
    time: int,
    window: int,
    size: int,
    gates: int,
    units: int,
    backwards: bool,
) -> None:
    """z = bias + sum over the window of x · kernel."""
    row = gates * padded(units)
    packed = np.empty(window * size * row, dtype=np.float32)
    for tap in range(window):
        at, own = tap * size * gates * units, packed[tap * size * row :]
        pack(kernel, at, gates * units, size, gates, units, own)
    for first in range(0, time, _STEPS):
        last = min(first + _STEPS, time)
        for place in range(first * LANES, last * LANES):
            for j in range(0, row, WIDTH):
                store(z, place * row + j, load(bias, j))
        for tap in range(window):
            away = _distance(window, tap, backwards)
            begin, end = max(first, away), min(last, time + away)
            add_product(
                x, (begin - away) * LANES * x_row, x_row, (end - begin) * LANES,
                packed, tap * size * row, size, row, z, begin * LANES * row, row,
            )  # fmt: skip


@entry
def project_backward(
    x: Floats,
    x_row: int,
    kernel: Floats,
    d_z: Floats,
    d_x: Floats,  # (step x lane, x_row): zeros; added to
    d_kernel: Floats,  # (window, x_row, gates x width): zeros; added to
    d_bias: Floats,  # (gates x width,): zeros; added to
    time: int,
    window: int,
    size: int,
    gates: int,
    units: int,
    backwards: bool,
) -> None:
    """d_kernel += xᵀ · d_z, d_x += d_z · kernelᵀ, d_bias += sum of d_z."""
    row = gates * padded(units)
    packed = np.empty(row * x_row, dtype=np.float32)
    for tap in range(window):
        at = tap * size * gates * units
        pack_transposed(kernel, at, gates * units, size, gates, units, packed)
        away = _distance(window, tap, backwards)
        for begin in range(max(0, away), min(time, time + away), _STEPS):
            rows = (min(begin + _STEPS, time, time + away) - begin) * LANES
            x_at, z_at = (begin - away) * LANES * x_row, begin * LANES * row
            add_transposed_product(
                x, x_at, x_row, x_row, d_z, z_at, row, row, rows, d_kernel, tap * x_row * row, row
            )
            add_product(d_z, z_at, row, rows, packed, 0, row, x_row, d_x, x_at, x_row)
            if tap == window - 1:
                add_rows(d_z, z_at, row, rows, row, d_bias, 0)


@entry
def clear_absent(d_x: Floats, starts: Longs, row: int) -> None:
    """No gradient where there is no token: (step x lane, row), steps before a lane's start."""
    for lane in range(LANES):
        for step in range(starts[lane]):
            fill(d_x, (step * LANES + lane) * row, row, _ZERO)


@entry
def project_ids(
    ids: Ints,  # (step x lane,)
    starts: Longs,
    kernel: Floats,  # (window, words, gates x units)
    bias: Floats,  # (gates x width,)
    z: Floats,  # (step x lane, gates x width): filled
    time: int,
    window: int,
    words: int,
    gates: int,
    units: int,
    backwards: bool,
) -> None:
    """z = bias + the kernel's rows of the window's ids."""
    row, width = gates * padded(units), padded(units)
    for step in range(time):
        for lane in range(LANES):
            at = (step * LANES + lane) * row
            if step + _AHEAD < time:
                word = ids[(step + _AHEAD) * LANES + lane]
                for tap in range(window):
                    bring_near(kernel, (tap * words + word) * gates * units, gates * units)
            for j in range(0, row, WIDTH):
                store(z, at + j, load(bias, j))
            for tap in range(window):
                away = window - 1 - tap
                read = step + away if backwards else step - away
                if read < starts[lane] or read >= time:
                    continue
                own = (tap * words + ids[read * LANES + lane]) * gates * units
                for gate in range(gates):
                    _add_row(kernel, own + gate * units, units, z, at + gate * width)


@inner
def _add_row(a: Floats, a_at: int, size: int, c: Floats, c_at: int) -> None:
    """c[:size] += a[:size], in vectors as far as whole ones go."""
    whole = size // WIDTH * WIDTH
    for j in range(0, whole, WIDTH):
        store(c, c_at + j, load(c, c_at + j) + load(a, a_at + j))
    for j in range(whole, size):
        c[c_at + j] += a[a_at + j]


@entry
def mark_ids(ids: Ints, starts: Longs, used: Bytes, time: int) -> int:
    """Marks the ids that a tile has in ``used`` (words,), zeros; returns how many there are."""
    for step in range(time):
        for lane in range(LANES):
            if step >= starts[lane]:
                used[ids[step * LANES + lane]] = 1
    count = 0
    for word in range(len(used)):
        count += used[word]
    return count


@entry
def number_ids(used: Bytes, numbers: Longs, places: Ints) -> None:
    """The marked ids, ascending, into ``numbers`` (count,); the place of each into ``places``."""
    place = 0
    for word in range(len(used)):
        if used[word]:
            numbers[place] = word
            places[word] = place
            place += 1


@entry
def gather_ids(
    ids: Ints,
    starts: Longs,
    places: Ints,  # (words,): the row of `values` that belongs to an id
    d_z: Floats,  # (step x lane, gates x width)
    values: Floats,  # (count, window, gates x units): zeros; added to
    time: int,
    window: int,
    gates: int,
    units: int,
    backwards: bool,
) -> None:
    """Adds up the gradient of each row of a table that the tile reads, in the order of steps."""
    row, width = gates * padded(units), padded(units)
    for step in range(time):
        for lane in range(LANES):
            if step < starts[lane]:
                continue
            at = (step * LANES + lane) * row
            for tap in range(window):
                away = window - 1 - tap
                read = step + away if backwards else step - away
                if read < starts[lane] or read >= time:
                    continue
                own = (places[ids[read * LANES + lane]] * window + tap) * gates * units
                for gate in range(gates):
                    _add_row(d_z, at + gate * width, units, values, own + gate * units)


@entry
def add_to_rows(values: Floats, places: Ints, total: Floats, columns: int) -> None:
    """total[places[row]] += values[row], rows of ``columns`` numbers."""
    for row in range(len(places)):
        _add_row(values, row * columns, columns, total, places[row] * columns)


@entry
def sum_rows(d_z: Floats, total: Floats) -> None:
    """total += the sum of the rows of d_z (rows, len(total))."""
    add_rows(d_z, 0, len(total), len(d_z) // len(total), len(total), total, 0)


@entry
def embed(ids: Ints, starts: Longs, table: Floats, size: int, values: Floats, time: int) -> None:
    """values (step x lane, width) = rows of a table (words, size), zero without a token."""
    width = padded(size)
    for step in range(time):
        for lane in range(LANES):
            at = (step * LANES + lane) * width
            fill(values, at, width, _ZERO)
            if step >= starts[lane]:
                _add_row(table, ids[step * LANES + lane] * size, size, values, at)


@entry
def add_outer_states(
    states: Floats,  # (time + 2, lane, width)
    d_z: Floats,  # (step x lane, z_row)
    z_at: int,
    z_row: int,
    columns: int,
    d_recurrent: Floats,  # (width, d_row) from d_at on: added to
    d_at: int,
    d_row: int,
    time: int,
    units: int,
    backwards: bool,
) -> None:
    """d_recurrent += sum over steps and lanes of the state before, outer d_z."""
    width = padded(units)
    before = 2 * LANES * width if backwards else 0
    add_transposed_product(
        states, before, width, width, d_z, z_at, z_row, columns, time * LANES,
        d_recurrent, d_at, d_row,
    )  # fmt: skip
