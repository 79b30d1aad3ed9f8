"""Results of slow work, kept on disk between runs.

An entry is a file whose name says what it was made from, and whose first bytes are the SHA-256 of
the rest. The cache is a convenience: an entry that is absent, damaged or unreadable is made anew,
and one that cannot be written is done without.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from unrolled.atomic import write_file
from unrolled.errors import OutputError

_DIGEST_BYTES = hashlib.sha256().digest_size


def folder() -> Path:
    """Folder of the cache: ``UNROLLED_CACHE``, or the user's folder for caches."""
    chosen = os.environ.get("UNROLLED_CACHE")
    if chosen:
        return Path(chosen)
    import platformdirs

    return platformdirs.user_cache_path("unrolled")


def entry_name(kind: str, *made_from: str | int | None) -> str:
    """Name of an entry: its kind, and a hash of everything that it was made from."""
    digest = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()
    return f"{kind}-{digest[:24]}"


def read(name: str) -> bytes | None:
    """Content of an entry, or None where it has to be made (anew)."""
    try:
        data = (folder() / name).read_bytes()
    except OSError:
        return None
    content = data[_DIGEST_BYTES:]
    return content if hashlib.sha256(content).digest() == data[:_DIGEST_BYTES] else None


def write(name: str, content: bytes) -> None:
    """Keep an entry, if the disk lets us."""
    with contextlib.suppress(OutputError):
        write_file(folder() / name, hashlib.sha256(content).digest() + content)
