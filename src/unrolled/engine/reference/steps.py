"""The order in which a tile's steps are read, and where there is nothing to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]


def present(starts: IntArray, time: int) -> NDArray[np.bool_]:
    """Where a lane has a token: (time, lane, 1)."""
    return np.asarray(np.arange(time)[:, None, None] >= starts[:, None])


def reading_order(time: int, backwards: bool) -> list[tuple[int, int]]:
    """Pairs of a step and the place, among states (time + 2, ...), of the state before it.

    The state after step t is at place t + 1. The states before the first step of either
    direction, at place 0 and time + 1, are zero.
    """
    if backwards:
        return [(t, t + 2) for t in reversed(range(time))]
    return [(t, t) for t in range(time)]


def back_in_time(time: int, backwards: bool) -> Iterator[tuple[int, int]]:
    """As `reading_order`, from the step that is read last to the first."""
    return reversed(reading_order(time, backwards))


def no_states(
    z: FloatArray, units: int, first: FloatArray | None = None, *, backwards: bool = False
) -> FloatArray:
    """States of zero, (time + 2, lane, units), for the projected inputs z (time, lane, ...).

    first: the state (lane, units) before the step that is read first, instead of zero.
    """
    states = np.zeros((len(z) + 2, z.shape[1], units), dtype=z.dtype)
    if first is not None:
        states[-1 if backwards else 0] = first
    return states


def carried_on(
    carried: tuple[FloatArray, ...] | None, states: FloatArray, count: int = 1
) -> tuple[FloatArray, ...]:
    """The gradients (lane, units) with which the way back begins: zero unless given."""
    if carried is not None:
        return carried
    return tuple(np.zeros_like(states[0]) for _ in range(count))
