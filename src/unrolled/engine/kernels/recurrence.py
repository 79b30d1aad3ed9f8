"""What the recurrent layers have in common: their tile, and the state's product with weights.

States are (time + 2, lane, width): the state after step t lies at t + 1. At both ends lie zeros, or
the state that reading starts from, so that the one before t is a row away in either direction.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels.compiled import inner
from unrolled.engine.kernels.products import add_product, fill, pack, pack_transposed, padded
from unrolled.engine.kernels.vectors import WIDTH, load, store

Floats = NDArray[np.float32]
Longs = NDArray[np.int64]

LANES = 16
"""Sequences in a tile."""

_ZERO = np.float32(0.0)


@inner
def step_at(place: int, time: int, backwards: bool) -> int:
    """The step that is read at ``place`` in the order of reading."""
    return time - 1 - place if backwards else place


@inner
def state_before(step: int, width: int, backwards: bool) -> int:
    """Where the tile's state before ``step`` begins."""
    return (step + 2 if backwards else step) * LANES * width


@inner
def set_ends(states: Floats, first: Floats, time: int, width: int, backwards: bool) -> None:
    """Sets the states at both ends: ``first`` (lane, width) where reading begins; empty: zero."""
    size = LANES * width
    fill(states, 0, size, _ZERO)
    fill(states, (time + 1) * size, size, _ZERO)
    begin = (time + 1) * size if backwards else 0
    for place in range(0, len(first), WIDTH):
        store(states, begin + place, load(first, place))


@inner
def add_state_product(
    states: Floats,
    before: int,  # where the tile's previous state begins
    masks: Floats,  # (gate, lane, width) from ``mask_at`` on, or empty
    mask_at: int,
    masked: Floats,  # (lane, width): scratch
    packed: Floats,  # all gates in one, or gate by gate where there are masks
    packed_at: int,
    units: int,
    width: int,
    gates: int,
    z: Floats,
    z_at: int,
    z_row: int,
) -> None:
    """z += previous state · recurrent weights, with a gate's own mask on the state."""
    if len(masks) == 0:
        columns = gates * width
        add_product(states, before, width, LANES, packed, packed_at, units, columns, z, z_at, z_row)
        return
    for gate in range(gates):
        mask = mask_at + gate * LANES * width
        for place in range(0, LANES * width, WIDTH):
            store(masked, place, load(states, before + place) * load(masks, mask + place))
        add_product(
            masked, 0, width, LANES, packed, packed_at + gate * units * width, units, width,
            z, z_at + gate * width, z_row,
        )  # fmt: skip


@inner
def add_state_gradient(
    d_z: Floats,
    z_at: int,
    z_row: int,
    masks: Floats,
    mask_at: int,
    masked: Floats,
    packed: Floats,  # transposed; all gates in one, or gate by gate where there are masks
    packed_at: int,
    width: int,
    gates: int,
    d_hidden: Floats,  # (lane, width): added to
) -> None:
    """The way back of `add_state_product`: d_hidden += d_z · recurrent weightsᵀ."""
    if len(masks) == 0:
        depth = gates * width
        add_product(d_z, z_at, z_row, LANES, packed, packed_at, depth, width, d_hidden, 0, width)
        return
    for gate in range(gates):
        fill(masked, 0, LANES * width, _ZERO)
        add_product(
            d_z, z_at + gate * width, z_row, LANES, packed, packed_at + gate * width * width,
            width, width, masked, 0, width,
        )  # fmt: skip
        mask = mask_at + gate * LANES * width
        for place in range(0, LANES * width, WIDTH):
            own = load(masked, place) * load(masks, mask + place)
            store(d_hidden, place, load(d_hidden, place) + own)


@inner
def pack_recurrent(
    kernel: Floats, first: int, gates: int, of: int, units: int, apart: bool, packed: Floats
) -> None:
    """Packs gates ``first`` to ``first + gates`` of a (units, of x units) recurrent kernel."""
    stride = of * units
    if not apart:
        pack(kernel, first * units, stride, units, gates, units, packed)
        return
    for gate in range(gates):
        at = gate * units * padded(units)
        pack(kernel, (first + gate) * units, stride, units, 1, units, packed[at:])


@inner
def pack_recurrent_transposed(
    kernel: Floats, first: int, gates: int, of: int, units: int, apart: bool, packed: Floats
) -> None:
    """The same weights for the way back."""
    stride, width = of * units, padded(units)
    if not apart:
        pack_transposed(kernel, first * units, stride, units, gates, units, packed)
        return
    for gate in range(gates):
        at = gate * width * width
        pack_transposed(kernel, (first + gate) * units, stride, units, 1, units, packed[at:])
