"""The innermost loop of a matrix product: a block of results that stays in registers.

A block is four rows of one or two vectors. Each step of the sum loads a row of weights once for
four multiplications, and the eight sums are independent of each other, which is what a processor
with two multipliers and a latency of four needs. The sum runs from the first step to the last,
so that a result's bits depend on its own row and column alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils

from unrolled.engine.kernels.compiled import instruction
from unrolled.engine.kernels.vectors import VECTOR, WIDTH, repeat, vector_at

ROWS = 4
"""Rows of a block; every product here has a multiple of it."""

TALL_ROWS = 8 if get_host_cpu_features().get("avx512vl") else ROWS
"""Rows of a tall block, which wants 32 registers; how many changes no sum."""

COLUMNS = 2 * WIDTH
"""Numbers in a row of the larger block."""


def _block(rows: int, vectors: int) -> Callable[..., Any]:
    """The instruction for blocks of ``rows`` rows of ``vectors`` vectors."""

    @instruction
    def add_product(
        typing_context: Any, a: Any, a_at: Any, a_row: Any, a_step: Any, b: Any, b_at: Any,
        b_step: Any, steps: Any, c: Any, c_at: Any, c_row: Any,
    ) -> Any:  # fmt: skip
        size = types.intp
        signature = types.void(a, size, size, size, b, size, size, size, c, size, size)
        return signature, lambda *given: _emit(rows, vectors, *given)

    return add_product


def _emit(
    height: int, vectors: int, context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any
) -> Any:
    a_at, a_row, a_step, b_at, b_step, steps, c_at, c_row = (
        arguments[place] for place in (1, 2, 3, 5, 6, 7, 9, 10)
    )
    a, b, c = (
        context.make_array(signature.args[place])(context, builder, arguments[place]).data
        for place in (0, 4, 8)
    )
    cells = [(row, column) for row in range(height) for column in range(vectors)]

    def number(value: int) -> Any:
        return ir.Constant(a_at.type, value)

    def row_start(at: Any, stride: Any, row: int) -> Any:
        return builder.add(at, builder.mul(number(row), stride))

    results = {
        (row, column): vector_at(
            builder, c, builder.add(row_start(c_at, c_row, row), number(column * WIDTH))
        )
        for row, column in cells
    }
    rows = [row_start(a_at, a_row, row) for row in range(height)]
    sums = {cell: builder.load(results[cell], align=4) for cell in cells}

    before = builder.block
    head, body, after = (builder.append_basic_block(name) for name in ("head", "body", "after"))
    builder.branch(head)
    builder.position_at_end(head)
    step, a_offset, b_offset = (builder.phi(a_at.type) for _ in range(3))
    for counter, first in ((step, number(0)), (a_offset, number(0)), (b_offset, b_at)):
        counter.add_incoming(first, before)
    running = {cell: builder.phi(VECTOR) for cell in cells}
    for cell in cells:
        running[cell].add_incoming(sums[cell], before)
    builder.cbranch(builder.icmp_signed("<", step, steps), body, after)

    builder.position_at_end(body)
    kind = ir.FunctionType(VECTOR, [VECTOR] * 3)
    multiply_add = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{WIDTH}f32")
    weights = [
        builder.load(vector_at(builder, b, builder.add(b_offset, number(column * WIDTH))), align=4)
        for column in range(vectors)
    ]
    for row, column in cells:
        if column == 0:
            x = repeat(builder, builder.load(builder.gep(a, [builder.add(rows[row], a_offset)])))
        total = builder.call(multiply_add, [x, weights[column], running[row, column]])
        running[row, column].add_incoming(total, body)
    for counter, stride in ((step, number(1)), (a_offset, a_step), (b_offset, b_step)):
        counter.add_incoming(builder.add(counter, stride), body)
    builder.branch(head)

    builder.position_at_end(after)
    for cell in cells:
        builder.store(running[cell], results[cell], align=4)
    return context.get_dummy_value()


add_block = _block(ROWS, 2)
"""c[row, :16] += sum over steps of a[row, step] * b[step, :16], for four rows.

``add_block(a, a_at, a_row, a_step, b, b_at, b_step, steps, c, c_at, c_row)``: flat float32
arrays, where each begins, and how far apart its rows and the steps of the sum are.
"""

add_narrow_block = _block(ROWS, 1)
"""As `add_block` with eight numbers a row."""

add_tall_block = _block(TALL_ROWS, 2)
"""As `add_block` with `TALL_ROWS` rows, for sums whose left factor does not lie in one piece."""
