"""A vector of eight float32 numbers inside compiled code.

Loops over arrays leave it to the compiler whether they become vector instructions; the kernels
say it instead, so that their speed and their bits do not depend on what a compiler guesses.
Arithmetic is IEEE's, nothing is reordered, and `fma` rounds once: the same kernel gives the same
bits on every machine. Only to be called from functions compiled by Numba.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import models, overload, register_model

from unrolled.engine.kernels.compiled import instruction

WIDTH = 8
"""Numbers in a vector; rows of units are padded to a multiple of it."""


def padded(size: int) -> int:
    """``size`` rounded up to a whole number of vectors."""
    return (size + WIDTH - 1) // WIDTH * WIDTH


_FLOAT = ir.FloatType()
VECTOR = ir.VectorType(_FLOAT, WIDTH)
"""LLVM's type of a vector."""

_INDEX = ir.IntType(32)


class VectorType(types.Type):
    """Numba's type of a vector of `WIDTH` float32 numbers."""

    def __init__(self) -> None:
        super().__init__(name=f"float32x{WIDTH}")


vector = VectorType()


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: VectorType) -> None:
        super().__init__(manager, fe_type, VECTOR)  # type: ignore[no-untyped-call]


def vector_at(builder: ir.IRBuilder, data: Any, index: Any) -> Any:
    """LLVM's pointer to the vector that starts at a number of an array's data."""
    return builder.bitcast(builder.gep(data, [index]), VECTOR.as_pointer())


def _address(context: Any, builder: ir.IRBuilder, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return vector_at(builder, data, index)


def repeat(builder: ir.IRBuilder, number: Any) -> Any:
    """LLVM's vector with the same number in all eight places."""
    nothing = ir.Constant(VECTOR, ir.Undefined)
    first = builder.insert_element(nothing, number, ir.Constant(_INDEX, 0))
    places = ir.Constant(ir.VectorType(_INDEX, WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, nothing, places)


@instruction
def load(typing_context: Any, array: Any, index: Any) -> Any:
    """The eight numbers of a flat float32 array that start at ``index``."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], *arguments)
        return builder.load(address, align=4)

    return vector(array, types.intp), generate


@instruction
def store(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    """Writes a vector to a flat float32 array from ``index`` on."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], address, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


@instruction
def prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    """Asks for the part of a flat array around ``index`` to be brought near; changes nothing."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        address = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        read, near, of_data = (ir.Constant(flag, number) for number in (0, 2, 1))
        builder.call(function, [address, read, near, of_data])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@instruction
def splat(typing_context: Any, number: Any) -> Any:
    """The same number in all eight places."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return repeat(builder, arguments[0])

    return vector(types.float32), generate


@instruction
def broadcast(typing_context: Any, array: Any, index: Any) -> Any:
    """One number of a flat float32 array in all eight places."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return repeat(builder, builder.load(builder.gep(data, [arguments[1]])))

    return vector(array, types.intp), generate


@instruction
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(VECTOR, [VECTOR] * 3)
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{WIDTH}f32")
        return builder.call(function, arguments)

    return vector(vector, vector, vector), generate


@instruction
def clamp(typing_context: Any, value: Any, low: Any, high: Any) -> Any:
    """``value`` kept between ``low`` and ``high``; NaN stays NaN."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        value, low, high = arguments
        value = builder.select(builder.fcmp_ordered("<", value, low), low, value)
        return builder.select(builder.fcmp_ordered(">", value, high), high, value)

    return vector(vector, vector, vector), generate


@instruction
def larger(typing_context: Any, a: Any, b: Any) -> Any:
    """The larger of two numbers, place by place; ``b`` where one of them is NaN."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        a, b = arguments
        return builder.select(builder.fcmp_ordered(">", a, b), a, b)

    return vector(vector, vector), generate


@instruction
def power_of_two(typing_context: Any, shifted: Any) -> Any:
    """2 ** n of whole numbers n from -126 to 127, given as n + 1.5 · 2 ** 23.

    Such a sum has n in its lowest bits, from where it is moved to the exponent.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        whole = ir.VectorType(_INDEX, WIDTH)
        bits = builder.bitcast(arguments[0], whole)
        exponent = builder.add(
            builder.shl(bits, ir.Constant(whole, [23] * WIDTH)),
            ir.Constant(whole, [127 << 23] * WIDTH),
        )
        return builder.bitcast(exponent, VECTOR)

    return vector(vector), generate


@instruction
def positive(typing_context: Any, condition: Any, value: Any) -> Any:
    """``value`` where ``condition`` is above zero or NaN, 0 elsewhere."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        zero = ir.Constant(VECTOR, [0.0] * WIDTH)
        above = builder.fcmp_unordered(">", arguments[0], zero)
        return builder.select(above, arguments[1], zero)

    return vector(vector, vector), generate


def _define(symbol: Any, emit: Callable[[ir.IRBuilder, Any, Any], Any]) -> None:
    """Gives two vectors the Python operator ``symbol``."""

    @instruction
    def combine(typing_context: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            return emit(builder, *arguments)

        return vector(vector, vector), generate

    @overload(symbol)
    def choose(a: Any, b: Any) -> Any:
        def implementation(a: Any, b: Any) -> Any:
            return combine(a, b)

        return implementation if isinstance(a, VectorType) and isinstance(b, VectorType) else None


_define(operator.add, ir.IRBuilder.fadd)
_define(operator.sub, ir.IRBuilder.fsub)
_define(operator.mul, ir.IRBuilder.fmul)
_define(operator.truediv, ir.IRBuilder.fdiv)
