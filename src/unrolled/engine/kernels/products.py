"""Matrix products on padded rows: the arithmetic that recurrent layers are made of.

Arrays are flat. A row of `units` numbers is padded with zeros to `padded(units)`, a multiple of
eight; a row of several gates has one padded part for each. Weights are packed first, so that a
block's part of them lies in one piece: panels of sixteen columns one after another, each
(steps of the sum, 16), and at the end one of eight if eight are left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels import vectors
from unrolled.engine.kernels.blocks import (
    COLUMNS,
    ROWS,
    TALL_ROWS,
    add_block,
    add_narrow_block,
    add_tall_block,
)
from unrolled.engine.kernels.compiled import inner
from unrolled.engine.kernels.vectors import WIDTH, load, prefetch, store

Floats = NDArray[np.float32]

_LINE = 16  # numbers that come from memory together
padded = inner(vectors.padded)
_NEAR = 32  # rows of the left factor that stay near the processor while panels pass by
_NEAR_STEPS = 64  # steps of a long sum that stay near while the results pass by


@inner
def pack(
    kernel: Floats,  # (depth, gates x units), Keras' layout, from ``at`` on
    at: int,
    stride: int,  # from one row of it to the next
    depth: int,
    gates: int,
    units: int,
    packed: Floats,  # (depth x gates x width,): filled
) -> None:
    """Packs the weights that a product reads from above: steps of the sum are rows."""
    width = padded(units)
    columns = gates * width
    for column in range(columns):
        gate, unit = column // width, column % width
        place, step = _place(column, columns, depth)
        for row in range(depth):
            number = kernel[at + row * stride + gate * units + unit] if unit < units else 0.0
            packed[place + row * step] = number


@inner
def pack_transposed(
    kernel: Floats,  # (size, gates x units), from ``at`` on
    at: int,
    stride: int,
    size: int,
    gates: int,
    units: int,
    packed: Floats,  # (gates x width x padded(size),): filled
) -> None:
    """Packs the weights of the way back: steps of the sum are the padded units of the gates."""
    width = padded(units)
    depth, columns = gates * width, padded(size)
    for column in range(columns):
        place, step = _place(column, columns, depth)
        for row in range(depth):
            gate, unit = row // width, row % width
            is_there = unit < units and column < size
            number = kernel[at + column * stride + gate * units + unit] if is_there else 0.0
            packed[place + row * step] = number


@inner
def _place(column: int, columns: int, depth: int) -> tuple[int, int]:
    """Where a column of a packed matrix begins, and how far apart its numbers are."""
    panel = column // COLUMNS
    step = COLUMNS if (panel + 1) * COLUMNS <= columns else WIDTH
    return panel * COLUMNS * depth + column % COLUMNS, step


@inner
def add_product(
    a: Floats,  # (rows, depth) from a_at on, a_row apart
    a_at: int,
    a_row: int,
    rows: int,  # a multiple of four
    packed: Floats,  # (depth, columns), packed, from packed_at on
    packed_at: int,
    depth: int,
    columns: int,  # a multiple of eight
    c: Floats,  # (rows, columns) from c_at on, c_row apart: added to
    c_at: int,
    c_row: int,
) -> None:
    """c += a · b."""
    whole = columns // COLUMNS * COLUMNS
    for first in range(0, rows, _NEAR):
        last = min(first + _NEAR, rows)
        for column in range(0, whole, COLUMNS):
            panel = packed_at + column * depth
            for row in range(first, last, ROWS):
                add_block(
                    a, a_at + row * a_row, a_row, 1, packed, panel, COLUMNS, depth,
                    c, c_at + row * c_row + column, c_row,
                )  # fmt: skip
        if whole < columns:
            panel = packed_at + whole * depth
            for row in range(first, last, ROWS):
                add_narrow_block(
                    a, a_at + row * a_row, a_row, 1, packed, panel, WIDTH, depth,
                    c, c_at + row * c_row + whole, c_row,
                )  # fmt: skip


@inner
def add_transposed_product(
    a: Floats,  # (steps, height) from a_at on, a_row apart
    a_at: int,
    a_row: int,
    height: int,  # a multiple of eight
    b: Floats,  # (steps, columns) from b_at on, b_row apart
    b_at: int,
    b_row: int,
    columns: int,  # a multiple of eight
    steps: int,
    c: Floats,  # (height, columns) from c_at on, c_row apart: added to
    c_at: int,
    c_row: int,
) -> None:
    """c += aᵀ · b: how a gradient of weights is added up over steps and lanes."""
    whole = columns // COLUMNS * COLUMNS
    for first in range(0, steps, _NEAR_STEPS):
        count = min(_NEAR_STEPS, steps - first)
        a_first, b_first = a_at + first * a_row, b_at + first * b_row
        for step in range(first + count, min(first + 2 * count, steps)):
            bring_near(b, b_at + step * b_row, columns)
        for column in range(0, whole, COLUMNS):
            for row in range(0, height, TALL_ROWS):
                add_tall_block(
                    a, a_first + row, 1, a_row, b, b_first + column, b_row, count,
                    c, c_at + row * c_row + column, c_row,
                )  # fmt: skip
        if whole < columns:
            for row in range(0, height, ROWS):
                add_narrow_block(
                    a, a_first + row, 1, a_row, b, b_first + whole, b_row, count,
                    c, c_at + row * c_row + whole, c_row,
                )  # fmt: skip


@inner
def bring_near(a: Floats, at: int, size: int) -> None:
    """Asks for ``size`` numbers from ``at`` on to be brought from memory; changes nothing."""
    for j in range(at, at + size, _LINE):
        prefetch(a, j)


@inner
def add_rows(
    a: Floats, a_at: int, a_row: int, rows: int, columns: int, c: Floats, c_at: int
) -> None:
    """c[:columns] += the sum of the rows of a."""
    for column in range(0, columns, WIDTH):
        total = load(c, c_at + column)
        for row in range(rows):
            total = total + load(a, a_at + row * a_row + column)
        store(c, c_at + column, total)


@inner
def fill(a: Floats, at: int, size: int, value: np.float32) -> None:
    """Sets ``size`` numbers from ``at`` on."""
    for place in range(at, at + size):
        a[place] = value
