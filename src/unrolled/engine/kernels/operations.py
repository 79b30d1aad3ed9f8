"""The functions of `engine.reference`, same names and signatures, compiled.

Rows of floats are padded with zeros to a multiple of eight, a row of several gates gate by gate;
what comes in may be as wide as its numbers or padded, what goes out is padded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels import dense, parallel, plain_rnn, projection
from unrolled.engine.kernels import gru as gru_kernels
from unrolled.engine.kernels import lstm as lstm_kernels
from unrolled.engine.kernels.activations import ACTIVATIONS
from unrolled.engine.kernels.arrays import (
    State,
    carrying,
    firsts,
    flattened,
    kernel_sizes,
    masks_of,
    narrowed,
    new_states,
    widened,
)
from unrolled.engine.kernels.recurrence import LANES
from unrolled.engine.kernels.tokens import sampled_losses as sampled_losses
from unrolled.engine.kernels.tokens import token_logits as token_logits
from unrolled.engine.kernels.tokens import token_losses as token_losses
from unrolled.engine.kernels.tokens import token_table as token_table
from unrolled.engine.kernels.vectors import padded
from unrolled.engine.rows import Rows

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]


def affine(inputs: Floats, kernel: Floats, bias: Floats) -> Floats:
    """As `reference.affine`."""
    outputs = np.empty((len(inputs), kernel.shape[1]), dtype=np.float32)
    dense.affine(inputs, kernel, bias, outputs)
    return outputs


def affine_backward(
    inputs: Floats, kernel: Floats, d_outputs: Floats
) -> tuple[Floats, Floats, Floats]:
    """As `reference.affine_backward`."""
    d_inputs, d_kernel = np.zeros_like(inputs), np.zeros_like(kernel)
    d_bias = np.zeros(kernel.shape[1], dtype=np.float32)
    dense.affine_backward(inputs, kernel, d_outputs, d_inputs, d_kernel, d_bias)
    return d_inputs, d_kernel, d_bias


def project(
    x: NDArray[Any], starts: Longs, kernel: Floats, bias: Floats, gates: int, backwards: bool
) -> Floats:
    """As `reference.project`."""
    time = len(x)
    window, size, units = kernel_sizes(kernel, gates)
    z = np.empty((time, LANES, gates * padded(units)), dtype=np.float32)
    wide_bias = widened(bias.reshape(gates, units)).ravel()
    shape = (time, window, size, gates, units, backwards)
    flat = np.ravel(kernel)
    if x.ndim == 2:
        projection.project_ids(np.ravel(x), starts, flat, wide_bias, z.reshape(-1), *shape)
    else:
        x = widened(x)
        projection.project(np.ravel(x), x.shape[-1], flat, wide_bias, z.reshape(-1), *shape)
    return z


def project_backward(
    x: NDArray[Any], starts: Longs, kernel: Floats, d_z: Floats, gates: int, backwards: bool
) -> tuple[Floats | None, Floats | Rows, Floats]:
    """As `reference.project_backward`."""
    time = len(x)
    window, size, units = kernel_sizes(kernel, gates)
    row = gates * padded(units)
    d_bias = np.zeros(row, dtype=np.float32)
    flat = d_z.reshape(-1)
    if x.ndim == 2:
        numbers, values = _rows(x, starts, flat, size, window, gates, units, backwards)
        projection.sum_rows(flat, d_bias)
        rows = Rows(numbers, values if kernel.ndim == 3 else values[:, 0])
        return None, rows, narrowed(d_bias, gates, units)
    x = widened(x)
    x_row = x.shape[-1]
    d_x = np.zeros(x.shape, dtype=np.float32)
    d_kernel = np.zeros((window, x_row, row), dtype=np.float32)
    projection.project_backward(
        np.ravel(x), x_row, np.ravel(kernel), flat, d_x.reshape(-1), d_kernel.reshape(-1), d_bias,
        time, window, size, gates, units, backwards,
    )  # fmt: skip
    if window > 1:
        projection.clear_absent(d_x.reshape(-1), starts, x_row)
    cut = narrowed(d_kernel[:, :size], gates, units).reshape(kernel.shape)
    return d_x, cut, narrowed(d_bias, gates, units)


def embed(x: Ints, starts: Longs, table: Floats) -> Floats:
    """As `reference.embed`."""
    size = table.shape[1]
    values = np.empty((*x.shape, padded(size)), dtype=np.float32)
    projection.embed(np.ravel(x), starts, np.ravel(table), size, values.reshape(-1), len(x))
    return values


def embed_backward(x: Ints, starts: Longs, d_values: Floats, size: int) -> Rows:
    """As `reference.embed_backward`."""
    numbers, values = _rows(
        x, starts, flattened(d_values), int(x.max(initial=0)) + 1, 1, 1, size, False
    )
    return Rows(numbers, values[:, 0])


def total_rows(parts: Sequence[Rows]) -> Rows:
    """As `reference.total_rows`."""
    words = 1 + max(int(part.numbers[-1]) if len(part.numbers) else 0 for part in parts)
    used = np.zeros(words, dtype=np.uint8)
    for part in parts:
        used[part.numbers] = 1
    numbers = np.flatnonzero(used)
    places = np.empty(words, dtype=np.int32)
    places[numbers] = np.arange(len(numbers))
    shape = parts[0].values.shape[1:]
    total = np.zeros((len(numbers), *shape), dtype=np.float32)
    for part in parts:
        columns = part.values[0].size if len(part.values) else 0
        projection.add_to_rows(
            part.values.reshape(-1), places[part.numbers], total.reshape(-1), columns
        )
    return Rows(numbers, total)


def simple_rnn(
    z: Floats,
    starts: Longs,
    recurrent: Floats,
    mask: Floats | None,
    activation: str,
    backwards: bool,
    first: State | None = None,
) -> Floats:
    """As `reference.simple_rnn`."""
    time, units = len(z), len(recurrent)
    states = new_states(time, units)
    plain_rnn.forward(
        z.reshape(-1), starts, np.ravel(recurrent), masks_of(mask), states.reshape(-1),
        *firsts(first, 1), time, units, ACTIVATIONS[activation], backwards,
    )  # fmt: skip
    return states


def simple_rnn_backward(
    states: Floats,
    starts: Longs,
    recurrent: Floats,
    mask: Floats | None,
    activation: str,
    backwards: bool,
    d_states: Floats,
    carried: State | None = None,
) -> tuple[Floats, Floats]:
    """As `reference.simple_rnn_backward`."""
    time, units = len(d_states), len(recurrent)
    d_z = np.empty((time, LANES, padded(units)), dtype=np.float32)
    with carrying(carried, 1, units) as gradients:
        plain_rnn.backward(
            states.reshape(-1), starts, np.ravel(recurrent), masks_of(mask), flattened(d_states),
            d_z.reshape(-1), *gradients, time, units, ACTIVATIONS[activation], backwards,
        )  # fmt: skip
    return d_z, _recurrent_gradient(states, [(d_z, 0, 1)], mask, units, backwards)


def lstm(
    z: Floats,
    starts: Longs,
    recurrent: Floats,
    mask: Floats | None,
    backwards: bool,
    first: State | None = None,
) -> tuple[Floats, Floats, Floats]:
    """As `reference.lstm`."""
    time, units = len(z), len(recurrent)
    states, cells = new_states(time, units), new_states(time, units)
    lstm_kernels.forward(
        z.reshape(-1), starts, np.ravel(recurrent), masks_of(mask), states.reshape(-1),
        cells.reshape(-1), *firsts(first, 2), time, units, backwards,
    )  # fmt: skip
    return states, cells, z


def lstm_backward(
    states: Floats,
    cells: Floats,
    gates: Floats,
    starts: Longs,
    recurrent: Floats,
    mask: Floats | None,
    backwards: bool,
    d_states: Floats,
    carried: State | None = None,
) -> tuple[Floats, Floats]:
    """As `reference.lstm_backward`."""
    time, units = len(gates), len(recurrent)
    with carrying(carried, 2, units) as gradients:
        lstm_kernels.backward(
            states.reshape(-1), cells.reshape(-1), gates.reshape(-1), np.ravel(recurrent),
            masks_of(mask), flattened(d_states), *gradients, time, units, backwards,
        )  # fmt: skip
    return gates, _recurrent_gradient(states, [(gates, 0, 4)], mask, units, backwards)


def gru(
    z: Floats,
    starts: Longs,
    recurrent: Floats,
    recurrent_bias: Floats | None,
    mask: Floats | None,
    reset_after: bool,
    backwards: bool,
    first: State | None = None,
) -> tuple[Floats, Floats, Floats]:
    """As `reference.gru`."""
    time, units = len(z), len(recurrent)
    states = new_states(time, units)
    inside = np.empty((time, LANES, padded(units)), dtype=np.float32)
    bias = np.zeros(3 * units, np.float32) if recurrent_bias is None else recurrent_bias
    gru_kernels.forward(
        z.reshape(-1), starts, np.ravel(recurrent), widened(bias.reshape(3, units)).ravel(),
        masks_of(mask), states.reshape(-1), inside.reshape(-1), *firsts(first, 1), time, units,
        reset_after, backwards,
    )  # fmt: skip
    return states, z, inside


def gru_backward(
    states: Floats,
    gates: Floats,
    inner: Floats,
    starts: Longs,
    recurrent: Floats,
    mask: Floats | None,
    reset_after: bool,
    backwards: bool,
    d_states: Floats,
    carried: State | None = None,
) -> tuple[Floats, Floats, Floats | None]:
    """As `reference.gru_backward`."""
    time, units = len(gates), len(recurrent)
    width = padded(units)
    with carrying(carried, 1, units) as gradients:
        gru_kernels.backward(
            states.reshape(-1), gates.reshape(-1), inner.reshape(-1), np.ravel(recurrent),
            masks_of(mask), flattened(d_states), *gradients, time, units, reset_after, backwards,
        )  # fmt: skip
    if reset_after:
        parts = [(gates, 0, 2), (inner, 0, 1)]
        d_recurrent = _recurrent_gradient(states, parts, mask, units, backwards)
        d_bias = np.zeros(3 * width, dtype=np.float32)
        both = np.zeros(3 * width, dtype=np.float32)
        projection.sum_rows(gates.reshape(-1), both)
        d_bias[: 2 * width] = both[: 2 * width]
        projection.sum_rows(inner.reshape(-1), d_bias[2 * width :])
        return gates, d_recurrent, narrowed(d_bias, 3, units)
    d_recurrent = np.empty((units, 3 * units), dtype=np.float32)
    d_recurrent[:, : 2 * units] = _recurrent_gradient(
        states, [(gates, 0, 2)], mask, units, backwards
    )
    square = np.zeros((width, width), dtype=np.float32)
    # r · h lies at its own step, which is where a state read backwards from the one before lies
    projection.add_outer_states(
        inner.reshape(-1), gates.reshape(-1), 2 * width, 3 * width, width, square.reshape(-1), 0,
        width, time, units, False,
    )  # fmt: skip
    d_recurrent[:, 2 * units :] = square[:units, :units]
    return gates, d_recurrent, None


def min_gru(
    z: Floats, starts: Longs, backwards: bool, first: State | None = None
) -> tuple[Floats, Floats]:
    """As `reference.min_gru`."""
    states = np.empty((len(z) + 2, LANES, z.shape[-1] // 2), dtype=np.float32)
    parallel.min_gru_forward(
        z.reshape(-1), starts, states.reshape(-1), *firsts(first, 1), len(z), states.shape[-1],
        backwards,
    )  # fmt: skip
    return states, z


def min_gru_backward(
    states: Floats,
    gates: Floats,
    starts: Longs,
    backwards: bool,
    d_states: Floats,
    carried: State | None = None,
) -> Floats:
    """As `reference.min_gru_backward`."""
    with carrying(carried, 1, states.shape[-1]) as gradients:
        parallel.min_gru_backward(
            states.reshape(-1), gates.reshape(-1), flattened(d_states), *gradients, len(gates),
            states.shape[-1], backwards,
        )  # fmt: skip
    return gates


def qrnn(
    z: Floats, starts: Longs, backwards: bool, first: State | None = None
) -> tuple[Floats, Floats, Floats]:
    """As `reference.qrnn`."""
    shape = (len(z) + 2, LANES, z.shape[-1] // 3)
    states, cells = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
    parallel.qrnn_forward(
        z.reshape(-1), starts, states.reshape(-1), cells.reshape(-1), *firsts(first, 1), len(z),
        shape[-1], backwards,
    )  # fmt: skip
    return states, cells, z


def qrnn_backward(
    states: Floats,
    cells: Floats,
    gates: Floats,
    starts: Longs,
    backwards: bool,
    d_states: Floats,
    carried: State | None = None,
) -> Floats:
    """As `reference.qrnn_backward`."""
    with carrying(carried, 1, cells.shape[-1]) as gradients:
        parallel.qrnn_backward(
            cells.reshape(-1), gates.reshape(-1), flattened(d_states), *gradients, len(gates),
            cells.shape[-1], backwards,
        )  # fmt: skip
    return gates


def _rows(
    ids: Ints,
    starts: Longs,
    d_z: Floats,
    words: int,
    window: int,
    gates: int,
    units: int,
    backwards: bool,
) -> tuple[Longs, Floats]:
    """Which rows of a table were read, and their gradients (k, window, gates x units)."""
    time, flat = len(ids), np.ravel(ids)
    used = np.zeros(words, dtype=np.uint8)
    count = projection.mark_ids(flat, starts, used, time)
    numbers, places = np.empty(count, dtype=np.int64), np.empty(words, dtype=np.int32)
    projection.number_ids(used, numbers, places)
    values = np.zeros((count, window, gates * units), dtype=np.float32)
    projection.gather_ids(
        flat, starts, places, d_z, values.reshape(-1), time, window, gates, units, backwards
    )
    return numbers, values


def _recurrent_gradient(
    states: Floats,
    parts: list[tuple[Floats, int, int]],
    mask: Floats | None,
    units: int,
    backwards: bool,
) -> Floats:
    """Gradient of the recurrent kernel (units, gates x units).

    parts: arrays (time, lane, gates x width) with their first gate and the number of gates.
    """
    width = padded(units)
    gates = sum(count for _, _, count in parts)
    wide = np.zeros((width, gates * width), dtype=np.float32)
    done = 0
    for d_z, first, count in parts:
        for gate, number in _together(mask, count):
            own = states if mask is None else states * widened(mask)[done + gate]
            projection.add_outer_states(
                own.reshape(-1), d_z.reshape(-1), (first + gate) * width, d_z.shape[-1],
                number * width, wide.reshape(-1), (done + gate) * width, gates * width,
                len(d_z), units, backwards,
            )  # fmt: skip
        done += count
    return narrowed(wide[:units], gates, units)


def _together(mask: Floats | None, count: int) -> list[tuple[int, int]]:
    """Gates, as first and number, whose products are done in one: all, or each by itself."""
    return [(0, count)] if mask is None else [(gate, 1) for gate in range(count)]
