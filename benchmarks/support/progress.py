"""What goes on, for the one who waits."""

from __future__ import annotations

import sys


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
