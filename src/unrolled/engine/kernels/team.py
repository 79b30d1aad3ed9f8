"""How threads inside compiled code wait for each other.

A batch takes a tenth of a millisecond, too little to hand it out to threads from Python. So
each thread stays in compiled code for many batches and meets the others at a gate between the
steps of each. Only to be called from functions compiled by Numba.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from unrolled.engine.kernels.compiled import inner, instruction

_SPINS = 2000
_yield_core = types.ExternalFunction(
    "sched_yield" if os.name == "posix" else "SwitchToThread", types.int32()
)


def new_gate() -> NDArray[np.int64]:
    """A gate that no thread has reached: (arrived, rounds), a cache line apart."""
    return np.zeros(16, dtype=np.int64)


def _element(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
    data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
    return builder.gep(data, [arguments[1]])


@instruction
def _add_one(typing_context: Any, array: Any, index: Any) -> Any:
    """Adds 1 to an element, undivided; returns what it was before."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        element = _element(context, builder, signature, arguments)
        return builder.atomic_rmw("add", element, ir.Constant(ir.IntType(64), 1), "seq_cst")

    return types.int64(array, types.intp), generate


@instruction
def _read(typing_context: Any, array: Any, index: Any) -> Any:
    """An element as the other threads see it now."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        element = _element(context, builder, signature, arguments)
        return builder.load_atomic(element, "seq_cst", 8)

    return types.int64(array, types.intp), generate


@instruction
def _write(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    """Sets an element for all threads to see."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        element = _element(context, builder, signature, arguments[:2])
        builder.store_atomic(arguments[2], element, "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.int64), generate


@inner
def wait_for_all(gate: NDArray[np.int64], threads: int) -> None:
    """Returns when ``threads`` threads have called it; what they wrote before is then visible.

    Waits awake, since the wait is short, and gives its core away when it is not: there may be
    more threads than cores.
    """
    if threads == 1:
        return
    rounds = _read(gate, 8)
    if _add_one(gate, 0) == threads - 1:
        _write(gate, 0, 0)
        _add_one(gate, 8)
        return
    spins = 0
    while _read(gate, 8) == rounds:
        spins += 1
        if spins > _SPINS:
            _yield_core()
