"""Locks: one run at a time in a folder."""

from __future__ import annotations

import os
from pathlib import Path

from unrolled.errors import InputError


class FolderLock:
    """Keeps others out of a folder until it is closed, where the system can do that.

    taken: what InputError says of the folder to who comes second. The lock ends with its process,
    however that ends.
    """

    def __init__(self, folder: Path, *, taken: str) -> None:
        self._file: int | None = None
        if os.name != "posix":
            return
        import fcntl

        file = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise InputError(f"{folder}: {taken}") from None
        self._file = file

    def close(self) -> None:
        """Let others in; once is enough."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
