"""Rows of floats as kernels take them: flat, and padded with zeros to whole vectors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels.recurrence import LANES
from unrolled.engine.kernels.vectors import padded

Floats = NDArray[np.float32]
State = tuple[Floats, ...]
"""What a recurrence hands from step to step (lane, units), one array or two."""

_NOTHING = np.zeros(0, dtype=np.float32)


def new_states(time: int, units: int) -> Floats:
    """Room for the states of a tile and for those at its ends."""
    return np.empty((time + 2, LANES, padded(units)), dtype=np.float32)


def firsts(first: State | None, count: int) -> list[Floats]:
    """The states to start from, flat; empty where they are zero."""
    return [_NOTHING] * count if first is None else [flattened(own) for own in first]


@contextmanager
def carrying(carried: State | None, count: int, units: int) -> Iterator[list[Floats]]:
    """Flat gradients that a kernel reads and leaves its own in; ``carried`` becomes those."""
    if carried is None:
        yield [np.zeros(LANES * padded(units), dtype=np.float32) for _ in range(count)]
        return
    flat = [widened(own).ravel() for own in carried]
    yield flat
    for own, changed in zip(carried, flat, strict=True):
        own[...] = changed.reshape(LANES, -1)[:, : own.shape[-1]]


def masks_of(mask: Floats | None) -> Floats:
    """A mask, flat; empty for none."""
    return _NOTHING if mask is None else widened(mask).reshape(-1)


def flattened(rows: Floats) -> Floats:
    """Padded rows in one piece."""
    return widened(rows).reshape(-1)


def widened(rows: Floats) -> Floats:
    """Rows padded with zeros to whole vectors; as they are where they are padded already."""
    size = rows.shape[-1]
    width = padded(size)
    if width == size:
        return rows
    wide = np.zeros((*rows.shape[:-1], width), dtype=np.float32)
    wide[..., :size] = rows
    return wide


def narrowed(wide: Floats, gates: int, units: int) -> Floats:
    """Rows of padded gates (..., gates x width) without the padding (..., gates x units)."""
    width = padded(units)
    if width == units:
        return wide
    parts = wide.reshape(*wide.shape[:-1], gates, width)[..., :units]
    return parts.reshape(*wide.shape[:-1], gates * units)


def kernel_sizes(kernel: Floats, gates: int) -> tuple[int, int, int]:
    """Window, size of the inputs, units."""
    window = kernel.shape[0] if kernel.ndim == 3 else 1
    return window, kernel.shape[-2], kernel.shape[-1] // gates
