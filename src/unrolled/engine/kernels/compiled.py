"""How the kernels are compiled."""

from __future__ import annotations

from numba import njit

inner = njit(nogil=True, error_model="numpy")
"""For functions that only compiled functions call: IEEE arithmetic, no check in Python's manner."""

entry = njit(nogil=True, error_model="numpy", cache=True)
"""For functions that Python calls: compiled once after installation and kept on disk."""
