"""A file that its reader refuses -> a finding, so that an examination can report it."""

from __future__ import annotations

import re
from pathlib import Path

from unrolled.datasets.doctor.encodings import find_undecodable
from unrolled.datasets.doctor.findings import Finding
from unrolled.errors import DataError

_ADVICE = "mend the file and check it again"


def refusal(path: Path, error: DataError) -> Finding:
    """What a reader said about a file: its message names the place, the fault and what to do."""
    if path.suffix.lower() != ".parquet" and (undecodable := find_undecodable(path)) is not None:
        return undecodable
    return stopped("unreadable", error, path)


def stopped(kind: str, error: DataError, path: Path | None = None) -> Finding:
    """An error, "[path[:line]:] what; what to do", as the finding that stops a run."""
    message, where = str(error), ""
    if path is not None and (place := re.match(rf"{re.escape(str(path))}(:\d+)?: ", message)):
        where = path.name + (place[1] or "")
        message = message[place.end() :]
    what, _, advice = message.partition("; ")
    examples = ((where, ""),) if where else ()
    return Finding(kind, "stops", 1, what, examples, advice or _ADVICE)
