"""How the kernels are compiled, and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit
from numba.extending import intrinsic

from unrolled.errors import OutputError

inner = njit(nogil=True, error_model="numpy")
"""For functions that only compiled functions call: IEEE arithmetic, no check in Python's manner."""


def entry(function: Callable[..., Any]) -> Any:
    """For functions that Python calls: compiled once after installation and kept on disk.

    Numba compiles anew when the function's own file changes; these are made of many files, and a
    change of any of them must count. Raises OutputError where no folder takes what is compiled.
    """
    try:
        made: Any = njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # which is all that Numba says
        raise OutputError(
            "compiled kernels cannot be kept: neither the folder of the installation nor a cache "
            "folder of this user can be written; set NUMBA_CACHE_DIR to one that can"
        ) from None
    made._cache._cache_file._source_stamp = sources()
    return made


def instruction(generate: Callable[..., Any]) -> Callable[..., Any]:
    """For a function that emits machine instructions in place of a call of it."""
    made: Callable[..., Any] = intrinsic(generate)
    return made


@cache
def sources() -> str:
    """SHA-256 of everything that kernels are compiled from: this folder, and a loss's clipping."""
    content, folder = hashlib.sha256(), Path(__file__).parent
    for path in [*sorted(folder.rglob("*.py")), folder.parent / "losses.py"]:
        content.update(path.read_bytes())
    return content.hexdigest()
