"""The engine's functions compiled by Numba; one file a family, the truth is `engine.reference`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def on_compile(tell: Callable[[], None]) -> None:
    """Calls ``tell`` once, just before the first kernel of this process is compiled.

    Kernels that were compiled before are loaded from disk, and ``tell`` is never called.
    """
    from numba.core import event

    class FirstCompilation(event.Listener):
        told = False

        def on_start(self, _: Any) -> None:
            if not self.told:
                self.told = True
                tell()

        def on_end(self, _: Any) -> None:
            pass

    event.register("numba:compile", FirstCompilation())
