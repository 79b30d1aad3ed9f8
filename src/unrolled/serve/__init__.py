"""The HTTP server: trained models behind FastAPI and uvicorn, with limits, metrics and a page."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unrolled.serve.app import create_app
    from unrolled.serve.running import run
    from unrolled.serve.settings import Settings

__all__ = ["Settings", "create_app", "run"]

_HOME = {
    "Settings": "unrolled.serve.settings",
    "create_app": "unrolled.serve.app",
    "run": "unrolled.serve.running",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for: the settings alone need neither FastAPI nor uvicorn."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
