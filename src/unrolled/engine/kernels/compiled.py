"""How the kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit
from numba.extending import intrinsic

inner = njit(nogil=True, error_model="numpy")
"""For functions that only compiled functions call: IEEE arithmetic, no check in Python's manner."""

entry = njit(nogil=True, error_model="numpy", cache=True)
"""For functions that Python calls: compiled once after installation and kept on disk."""


def instruction(generate: Callable[..., Any]) -> Callable[..., Any]:
    """For a function that emits machine instructions in place of a call of it."""
    made: Callable[..., Any] = intrinsic(generate)
    return made
