"""What each token id adds to the weighted sum, as one table, and the gradient back.

One-hot input times a matrix is a row of that matrix; an embedding times a matrix is a row of the
product of the two, which is made once a batch. Either way a token costs one look-up, and one-hot
input is never made. Rows are taken in chunks; which thread takes a chunk changes no sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from unrolled.engine.kernels.compiled import inner
from unrolled.engine.kernels.simple_rnn import count
from unrolled.engine.kernels.vectors import WIDTH, broadcast, fma, load, splat, store
from unrolled.engine.kernels.workspace import CHUNK, Desk, Floats, Gradients, Shape, Weights

_ZERO = np.float32(0.0)


@inner
def own_rows(thread: int, threads: int, shape: Shape) -> tuple[int, int]:
    """First and last (exclusive) of the table rows that belong to a thread: whole chunks."""
    chunks = (shape.rows + CHUNK - 1) // CHUNK
    first = thread * chunks // threads * CHUNK
    last = (thread + 1) * chunks // threads * CHUNK
    return min(first, shape.rows), min(last, shape.rows)


@inner
def project(
    thread: int,
    threads: int,
    shape: Shape,
    units: Any,
    parameters: Floats,
    weights: Weights,
    desk: Desk,
) -> None:
    """Fills this thread's rows of the table; the first thread also pads the recurrent weights."""
    n = count(units)
    width = (n + WIDTH - 1) // WIDTH * WIDTH
    size = shape.embedding
    kernel_at = shape.rows * size if size > 0 else 0
    recurrent_at = kernel_at + (size if size > 0 else shape.rows) * n
    bias_at = recurrent_at + n * n
    kernel = desk.kernel[thread]
    _pad(parameters[kernel_at:], kernel, size, n, width)
    if thread == 0:
        _pad(parameters[recurrent_at:], weights.recurrent, n, n, width)
        _pad_transposed(parameters[recurrent_at:], weights.transposed, n, n, width)
    table, bias = weights.table, desk.row[thread]
    _pad(parameters[bias_at:], bias, 1, n, width)
    first, last = own_rows(thread, threads, shape)
    for token in range(first, last):
        at = token * width
        if size == 0:
            for j in range(n):
                table[at + j] = parameters[token * n + j] + bias[j]
            continue
        for j in range(0, width, WIDTH):
            z = load(bias, j)
            for i in range(size):
                x = broadcast(parameters, token * size + i)
                z = fma(x, load(kernel, i * width + j), z)
            store(table, at + j, z)


@inner
def gather_rows(
    thread: int,
    threads: int,
    tiles: int,
    shape: Shape,
    units: Any,
    parameters: Floats,
    gradients: Gradients,
    desk: Desk,
) -> None:
    """Adds up the tiles' tables, this thread's rows, and goes back to the parameters of each id.

    Leaves each chunk's share of the input weights' gradient in ``gradients.input``.
    """
    n = count(units)
    width = (n + WIDTH - 1) // WIDTH * WIDTH
    size = shape.embedding
    padded_size = (size + WIDTH - 1) // WIDTH * WIDTH
    row, embedding_row = desk.row[thread], desk.embedding_row[thread]
    transposed = desk.transposed_kernel[thread]
    _pad_transposed(parameters[shape.rows * size :], transposed, size, n, padded_size)
    flat = gradients.flat
    zero = splat(_ZERO)
    check = zero
    first, last = own_rows(thread, threads, shape)
    for chunk in range(first // CHUNK, (last + CHUNK - 1) // CHUNK):
        share = gradients.input[chunk]
        share[:] = _ZERO
        for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, shape.rows)):
            for j in range(0, width, WIDTH):
                g = load(gradients.table[0], token * width + j)
                for tile in range(1, tiles):
                    g = g + load(gradients.table[tile], token * width + j)
                store(row, j, g)
                check = fma(g, zero, check)
                store(share, size * width + j, load(share, size * width + j) + g)
                for i in range(size):
                    x = broadcast(parameters, token * size + i)
                    store(share, i * width + j, fma(x, g, load(share, i * width + j)))
            if size == 0:
                for j in range(n):
                    flat[token * n + j] = row[j]
                continue
            for i in range(0, padded_size, WIDTH):
                g = zero
                for k in range(n):
                    g = fma(broadcast(row, k), load(transposed, k * padded_size + i), g)
                check = fma(g, zero, check)
                if size == padded_size:
                    store(flat, token * size + i, g)
                else:
                    store(embedding_row, i, g)
            if size < padded_size:
                for i in range(size):
                    flat[token * size + i] = embedding_row[i]
    store(row, 0, check)
    for j in range(WIDTH):
        if row[j] != _ZERO:
            gradients.finite[thread] = 0


@inner
def gather_weights(tiles: int, shape: Shape, units: Any, gradients: Gradients) -> None:
    """Adds up, in order, the gradients of all parameters that belong to no token id."""
    n = count(units)
    width = (n + WIDTH - 1) // WIDTH * WIDTH
    size = shape.embedding
    kernel_at = shape.rows * size if size > 0 else 0
    recurrent_at = kernel_at + (size if size > 0 else shape.rows) * n
    bias_at = recurrent_at + n * n
    dense_at = bias_at + n
    flat = gradients.flat
    start = kernel_at if size > 0 else recurrent_at
    flat[start:] = _ZERO
    for chunk in range(len(gradients.input)):
        share = gradients.input[chunk]
        for i in range(size):
            for j in range(n):
                flat[kernel_at + i * n + j] += share[i * width + j]
        for j in range(n):
            flat[bias_at + j] += share[size * width + j]
    for tile in range(tiles):
        for k in range(n):
            for j in range(n):
                flat[recurrent_at + k * n + j] += gradients.recurrent[tile, k * width + j]
        for i in range(len(flat) - dense_at):
            flat[dense_at + i] += gradients.dense[tile, i]
    for i in range(start, len(flat)):
        if not np.isfinite(flat[i]):
            gradients.finite[0] = 0


@inner
def _pad(source: Floats, result: Floats, rows: int, columns: int, width: int) -> None:
    """result (row, width) = source (row, column)."""
    for i in range(rows):
        for j in range(columns):
            result[i * width + j] = source[i * columns + j]


@inner
def _pad_transposed(source: Floats, result: Floats, rows: int, columns: int, width: int) -> None:
    """result (column, width) = source (row, column), turned over."""
    for i in range(rows):
        for j in range(columns):
            result[j * width + i] = source[i * columns + j]
