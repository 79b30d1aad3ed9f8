"""The steps of `kernels.many_to_one`, each alone, so that others can read some of a batch's tiles.

The compiled functions are made of the same parts as the loop that does all of it, and so give the
same bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.engine.kernels import many_to_one
from unrolled.engine.kernels.compiled import entry
from unrolled.engine.kernels.recurrence import LANES
from unrolled.engine.kernels.team import wait_for_all
from unrolled.engine.kernels.token_table import gather_rows, gather_weights, project
from unrolled.engine.kernels.workspace import (
    Desk,
    Floats,
    Gradients,
    Longs,
    Shape,
    Steps,
    Text,
    Weights,
)

_read_tile = many_to_one._read_tile
_update_own = many_to_one._update_own


def _kept(function: Callable[..., Any]) -> Any:
    """As `entry`; what is kept on disk also counts as old when this file changes."""
    made = entry(function)
    own = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    made._cache._cache_file._source_stamp += own
    return made


@_kept
def read(
    thread: int,
    threads: int,
    gate: Longs,
    shape: Shape,
    units: Any,
    activation: int,
    parameters: Floats,
    text: Text,
    share: np.float32,  # what each example counts in the mean loss of its batch
    weights: Weights,
    gradients: Gradients,
    desk: Desk,
) -> None:
    """Reads the tiles of ``text`` forward and backward, into gradients of their own."""
    size = len(text.order)
    tiles = (size + LANES - 1) // LANES
    project(thread, threads, shape, units, parameters, weights, desk)
    wait_for_all(gate, threads)
    for tile in range(thread, tiles, threads):
        first = tile * LANES
        _read_tile(
            thread, tile, first, min(first + LANES, size), share, shape, units, activation,
            parameters, text, weights, gradients, desk,
        )  # fmt: skip


@_kept
def step(
    thread: int,
    threads: int,
    gate: Longs,
    shape: Shape,
    units: Any,
    parameters: Floats,
    steps: Steps,
    gradients: Gradients,
    desk: Desk,
) -> bool:
    """Takes the optimiser's step from the sum of a batch's tiles, which lies in the first tile.

    False: the gradient is not finite, and the parameters are as before.
    """
    gradients.finite[thread] = 1
    gather_rows(thread, threads, 1, shape, units, parameters, gradients, desk)
    wait_for_all(gate, threads)
    if thread == 0:
        gather_weights(1, shape, units, gradients)
    wait_for_all(gate, threads)
    if gradients.finite.min() == 0:
        return False
    _update_own(thread, threads, shape, units, parameters, gradients, steps, 0)
    wait_for_all(gate, threads)
    return True
