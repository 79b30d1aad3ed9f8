"""Whether results can be written: found out before the work starts, so that none is lost."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from unrolled.errors import OutputError


def check_writable(folder: Path) -> None:
    """Make sure that files can be made in ``folder``, which is made when it is missing.

    Raises OutputError. Folders that had to be made for the check alone are removed again.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written: {error.strerror or error}; choose another --out"
        ) from None
    finally:
        for place in made:
            with contextlib.suppress(OSError):
                place.rmdir()
