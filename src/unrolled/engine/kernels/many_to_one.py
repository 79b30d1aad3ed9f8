"""Reading many tokens into one answer: ids -> SimpleRNN -> Dense, batches at a time.

The whole training loop is compiled. Every thread runs `train` and meets the others at the gate
between the four steps of a batch:

1. *project*: the input weights, and the embeddings where there are any, become one table with a
   row for each token id: what that token adds to the weighted sum. One-hot input is never made.
2. *read*: each tile of 16 sequences goes forward, to the loss, and backward, into gradients of
   its own.
3. *gather*: the tiles' gradients are added up in tile order.
4. *update*: the optimiser changes the parameters.

Which thread does what changes nothing in any sum, so the thread count changes no bit. The table
has one row more than there are ids, all zeros: sequences shorter than the longest of their tile
begin with it and so keep the zero state until their own first token.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels.compiled import entry, inner
from unrolled.engine.kernels.outputs import loss_and_gradient, probabilities, through_dense
from unrolled.engine.kernels.recurrence import LANES
from unrolled.engine.kernels.simple_rnn import (
    add_rows,
    backward,
    count,
    forward,
    recurrent_gradient,
)
from unrolled.engine.kernels.team import wait_for_all
from unrolled.engine.kernels.token_table import (
    gather_rows,
    gather_weights,
    own_rows,
    project,
)
from unrolled.engine.kernels.updates import update
from unrolled.engine.kernels.vectors import WIDTH, prefetch
from unrolled.engine.kernels.workspace import (
    Desk,
    Floats,
    Gradients,
    Ints,
    Longs,
    Shape,
    Steps,
    Text,
    Weights,
)

IDS_IN_A_LINE = 16
"""Token ids that a processor loads at a time."""

_F = np.float32


@entry
def train(
    thread: int,
    threads: int,
    gate: Longs,
    shape: Shape,
    units: Any,
    activation: int,
    parameters: Floats,
    text: Text,
    batch_size: int,
    steps: Steps,
    weights: Weights,
    gradients: Gradients,
    desk: Desk,
    totals: NDArray[np.float64],  # (2,): summed loss and right answers are added
) -> int:
    """Trains on ``text`` in batches; returns how many were finished.

    Fewer than there are: the loss or gradient of the next one is not finite, and the parameters
    are as they were before it.
    """
    size = len(text.order)
    batches = (size + batch_size - 1) // batch_size
    for batch in range(batches):
        start = batch * batch_size
        stop = min(start + batch_size, size)
        tiles = (stop - start + LANES - 1) // LANES
        share = _F(1.0) / _F(stop - start)
        gradients.finite[thread] = 1
        _read_tiles(
            thread, threads, gate, start, stop, share, shape, units, activation, parameters, text,
            weights, gradients, desk,
        )  # fmt: skip
        wait_for_all(gate, threads)
        if not _learn(
            thread, threads, gate, tiles, shape, units, parameters, steps, batch, gradients, desk
        ):
            return batch
        if thread == 0:
            for tile in range(tiles):
                totals[0] += gradients.loss[tile, 0]
                totals[1] += gradients.loss[tile, 1]
        wait_for_all(gate, threads)
    return batches


@entry
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
    """Steps 1 and 2 alone: the tiles of ``text``, of which a batch may have more elsewhere."""
    _read_tiles(
        thread, threads, gate, 0, len(text.order), share, shape, units, activation, parameters,
        text, weights, gradients, desk,
    )  # fmt: skip


@entry
def learn(
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
    """Steps 3 and 4 alone, from the sum of a batch's tiles, which lies in the first tile.

    False: the gradient is not finite, and the parameters are as before.
    """
    gradients.finite[thread] = 1
    is_finite: bool = _learn(
        thread, threads, gate, 1, shape, units, parameters, steps, 0, gradients, desk
    )
    wait_for_all(gate, threads)
    return is_finite


@entry
def predict(
    thread: int,
    threads: int,
    gate: Longs,
    shape: Shape,
    units: Any,
    activation: int,
    parameters: Floats,
    text: Text,
    weights: Weights,
    desk: Desk,
    answers: Floats,  # (sequences, outputs): filled with probabilities
) -> None:
    """Reads ``text`` and leaves the probabilities of sequence i in ``answers[i]``."""
    n = count(units)
    width = (n + WIDTH - 1) // WIDTH * WIDTH
    dense = parameters[len(parameters) - (n + 1) * shape.outputs :]
    project(thread, threads, shape, units, parameters, weights, desk)
    wait_for_all(gate, threads)
    size = len(text.order)
    states, positions = desk.states[thread], desk.positions[thread]
    for first in range(thread * LANES, size, threads * LANES):
        stop = min(first + LANES, size)
        _bring_near(text, first + threads * LANES)
        time = _place(text, first, stop, shape.rows, positions)
        forward(positions, weights.table, weights.recurrent, states, time, units, activation)
        for lane in range(stop - first):
            hidden = states[(time * LANES + lane) * width :]
            answer = answers[text.order[first + lane]]
            probabilities(hidden, n, dense, shape.outputs, answer)


@inner
def _read_tiles(
    thread: int,
    threads: int,
    gate: Longs,
    start: int,
    stop: int,
    share: np.float32,
    shape: Shape,
    units: Any,
    activation: int,
    parameters: Floats,
    text: Text,
    weights: Weights,
    gradients: Gradients,
    desk: Desk,
) -> None:
    """The tiles of one thread, of the sequences ``start`` to ``stop`` of the order."""
    project(thread, threads, shape, units, parameters, weights, desk)
    wait_for_all(gate, threads)
    tiles = (stop - start + LANES - 1) // LANES
    for tile in range(thread, tiles, threads):
        first = start + tile * LANES
        _bring_near(text, first + threads * LANES)
        _read_tile(
            thread, tile, first, min(first + LANES, stop), share, shape, units, activation,
            parameters, text, weights, gradients, desk,
        )  # fmt: skip


@inner
def _learn(
    thread: int,
    threads: int,
    gate: Longs,
    tiles: int,
    shape: Shape,
    units: Any,
    parameters: Floats,
    steps: Steps,
    batch: int,
    gradients: Gradients,
    desk: Desk,
) -> bool:
    """Gathers ``tiles`` and takes the optimiser's step, or leaves all as it was (False)."""
    gather_rows(thread, threads, tiles, shape, units, parameters, gradients, desk)
    wait_for_all(gate, threads)
    if thread == 0:
        gather_weights(tiles, shape, units, gradients)
    wait_for_all(gate, threads)
    if gradients.finite.min() == 0:
        return False
    _update_own(thread, threads, shape, units, parameters, gradients, steps, batch)
    return True


@inner
def _update_own(
    thread: int,
    threads: int,
    shape: Shape,
    units: Any,
    parameters: Floats,
    gradients: Gradients,
    steps: Steps,
    batch: int,
) -> None:
    """Changes the rows that this thread also projects and gathers, so that they stay in its cache.

    The parameters that belong to no token id are the first thread's.
    """
    size = shape.embedding if shape.embedding > 0 else count(units)
    first, last = own_rows(thread, threads, shape)
    _update_part(slice(first * size, last * size), parameters, gradients, steps, batch)
    if thread == 0:
        part = slice(shape.rows * size, len(parameters))
        _update_part(part, parameters, gradients, steps, batch)


@inner
def _update_part(
    part: Any, parameters: Floats, gradients: Gradients, steps: Steps, batch: int
) -> None:
    update(
        steps.kind, steps.constants[batch], steps.decay, steps.nesterov, parameters[part],
        gradients.flat[part], steps.velocity[part], steps.momentum[part],
    )  # fmt: skip


@inner
def _read_tile(
    thread: int,
    tile: int,
    first: int,
    stop: int,
    share: np.float32,
    shape: Shape,
    units: Any,
    activation: int,
    parameters: Floats,
    text: Text,
    weights: Weights,
    gradients: Gradients,
    desk: Desk,
) -> None:
    """Sequences ``first`` to ``stop`` of the order, forward and backward."""
    n = count(units)
    width = (n + WIDTH - 1) // WIDTH * WIDTH
    outputs = shape.outputs
    positions, states = desk.positions[thread], desk.states[thread]
    d_inputs, d_hidden, row = desk.d_inputs[thread], desk.d_hidden[thread], desk.row[thread]
    d_table, d_dense = gradients.table[tile], gradients.dense[tile]
    dense = parameters[len(parameters) - (n + 1) * outputs :]

    time = _place(text, first, stop, shape.rows, positions)
    forward(positions, weights.table, weights.recurrent, states, time, units, activation)

    loss, right = 0.0, 0
    d_dense[:] = _F(0.0)
    d_hidden[:] = _F(0.0)
    for lane in range(stop - first):
        hidden = states[(time * LANES + lane) * width :]
        probabilities(hidden, n, dense, outputs, row)
        target = text.targets[text.order[first + lane]]
        own_loss, own_right = loss_and_gradient(row, outputs, target, share)
        loss += own_loss
        right += own_right
        through_dense(hidden, n, dense, outputs, row, d_dense, d_hidden[lane * width :])
    gradients.loss[tile, 0], gradients.loss[tile, 1] = loss, right
    if not np.isfinite(loss):
        gradients.finite[thread] = 0

    backward(states, weights.transposed, d_hidden, d_inputs, time, units, activation)
    d_table[:] = _F(0.0)
    add_rows(d_inputs, positions, d_table, time, units)
    recurrent_gradient(states, d_inputs, gradients.recurrent[tile], time, units)


@inner
def _place(text: Text, first: int, stop: int, empty: int, positions: Ints) -> int:
    """Lays sequences side by side, ending together; returns the number of steps.

    positions (time, lane): the token's row of the table, or ``empty`` where there is no token.
    """
    time = 0
    for at in range(first, stop):
        sequence = text.order[at]
        time = max(time, text.ends[sequence] - text.starts[sequence])
    for lane in range(LANES):
        begin, start = 0, time
        if first + lane < stop:
            sequence = text.order[first + lane]
            begin = text.starts[sequence]
            start = time - (text.ends[sequence] - begin)
        for t in range(start):
            positions[t * LANES + lane] = empty
        for t in range(start, time):
            positions[t * LANES + lane] = text.ids[begin + t - start]
    return time


@inner
def _bring_near(text: Text, first: int) -> None:
    """Asks for the ids of the tile from ``first`` on, which shuffling has scattered over memory."""
    for at in range(first, min(first + LANES, len(text.order))):
        sequence = text.order[at]
        for token in range(text.starts[sequence], text.ends[sequence], IDS_IN_A_LINE):
            prefetch(text.ids, token)
