"""The arrays that compiled training works on, made once and used for every batch."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels.recurrence import LANES
from unrolled.engine.kernels.vectors import padded

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

CHUNK = 32
"""Table rows that are projected, or gathered, at a time."""


class Shape(NamedTuple):
    """Sizes of a network; embedding is 0 for one-hot input."""

    rows: int
    embedding: int
    outputs: int


def table_parameters(shape: Shape, units: int) -> int:
    """How many parameters, the first ones, belong to a token id each."""
    return shape.rows * (shape.embedding if shape.embedding else units)


class Text(NamedTuple):
    """Sequences: where each lies among the ids, the order to read them in, their classes."""

    ids: Ints
    starts: Longs
    ends: Longs
    order: Longs
    targets: Longs


class Weights(NamedTuple):
    """Parameters in the forms that the recurrence reads; filled by `project`."""

    table: Floats  # (rows + 1, width): what each token id adds to the weighted sum
    recurrent: Floats  # (units, width)
    transposed: Floats  # (units, width)


class Gradients(NamedTuple):
    """What the tiles and chunks of a batch add up, each in its own place."""

    table: Floats  # (tile, (rows + 1) x width)
    recurrent: Floats  # (tile, width x width)
    dense: Floats  # (tile, units x outputs + outputs)
    input: Floats  # (chunk, (embedding + 1) x width): kernel, then bias
    loss: NDArray[np.float64]  # (tile, 2): summed loss, right answers
    flat: Floats  # (parameters,): the gradient of the batch
    finite: NDArray[np.int64]  # (thread,)


class Desk(NamedTuple):
    """Each thread's own working space (thread, ...)."""

    positions: Ints  # (time, lane)
    states: Floats  # (time + 1, lane, width)
    d_inputs: Floats  # (time, lane, width)
    d_hidden: Floats  # (lane, width)
    kernel: Floats  # (embedding, width)
    transposed_kernel: Floats  # (units, padded embedding)
    row: Floats  # (width,) or (outputs,)
    embedding_row: Floats  # (padded embedding,)


class Steps(NamedTuple):
    """How the parameters are changed; see `unrolled.engine.kernels.updates`."""

    kind: int
    constants: Floats  # (step, 4)
    decay: np.float32
    nesterov: bool
    velocity: Floats
    momentum: Floats


def new_weights(shape: Shape, units: int) -> Weights:
    """Space for the table and the padded weights."""
    width = padded(units)
    sizes = (shape.rows + 1, units, units)
    return Weights(*(np.zeros(size * width, dtype=np.float32) for size in sizes))


def new_gradients(shape: Shape, units: int, *, tiles: int, threads: int) -> Gradients:
    """Space for the gradients of one batch of ``tiles`` tiles."""
    width = padded(units)
    chunks = -(-shape.rows // CHUNK)
    dense = (units + 1) * shape.outputs
    parameters = table_parameters(shape, units) + shape.embedding * units

    return Gradients(
        table=_apart(tiles, (shape.rows + 1) * width),
        recurrent=_apart(tiles, width * width),
        dense=_apart(tiles, dense),
        input=_apart(chunks, (shape.embedding + 1) * width),
        loss=_apart(tiles, 2, np.float64),
        flat=np.zeros(parameters + units * units + units + dense, dtype=np.float32),
        finite=np.ones(threads, dtype=np.int64),
    )


def new_desk(shape: Shape, units: int, *, time: int, threads: int) -> Desk:
    """Working space for ``threads`` threads and sequences of up to ``time`` tokens."""
    tile = LANES * padded(units)
    width, embedding = padded(units), padded(shape.embedding)

    return Desk(
        positions=_apart(threads, time * LANES, np.int32),
        states=_apart(threads, (time + 1) * tile),
        d_inputs=_apart(threads, time * tile),
        d_hidden=_apart(threads, tile),
        kernel=_apart(threads, shape.embedding * width),
        transposed_kernel=_apart(threads, units * embedding),
        row=_apart(threads, max(width, shape.outputs)),
        embedding_row=_apart(threads, embedding),
    )


def _apart(rows: int, size: int, kind: type[np.generic] = np.float32) -> NDArray[Any]:
    """Zeros (rows, at least ``size``), no two rows of which share a cache line.

    Threads that write to the same line, each to its own part, take it from each other every time.
    """
    line = 2 * 64 // np.dtype(kind).itemsize  # processors fetch lines in pairs
    return np.zeros((rows, (-(-size // line) + 1) * line), dtype=kind)
