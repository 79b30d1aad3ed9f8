"""Downloads the archive of IMDB reviews: resumable, verified, atomic.

The bytes go to a file ``NAME.part``, which stays when the transfer is cut, so that the next one
goes on from there. Only a complete file with the right hash gets the real name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib import request
from urllib.error import HTTPError

from unrolled.datasets import cache
from unrolled.datasets.imdb.sources import ARCHIVE_NAME
from unrolled.errors import DataError, OutputError, UnrolledError

URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
SHA256 = "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"
_CHUNK = 1 << 18  # bytes
_ATTEMPTS = 5
_TIMEOUT = 30.0  # seconds without a byte

Progress = Callable[[int, int | None], None]


def fetch(
    destination: Path | None = None,
    *,
    url: str = URL,
    sha256: str = SHA256,
    on_progress: Progress | None = None,
) -> Path:
    """Download the archive, unless it is there, and return its path.

    destination: None puts it into the cache, where the reviews are looked for.
    on_progress: called with the bytes that are here and their number in all (None: unknown).
    Raises UnrolledError when the network fails, DataError on a wrong hash, OutputError on the disk.
    """
    destination = destination or cache.folder() / ARCHIVE_NAME
    partial = destination.with_name(f"{destination.name}.part")
    try:
        if destination.is_file() and _sha256(destination) == sha256:
            return destination
        destination.parent.mkdir(parents=True, exist_ok=True)
        _transfer(url, partial, on_progress)
        found = _sha256(partial)
        if found != sha256:
            partial.unlink()
            raise DataError(
                f"{url}: what arrived has SHA-256 {found}, not {sha256}; it was thrown away; "
                "try again, and if that does not help, the file there has changed"
            )
        partial.replace(destination)
    except OSError as error:
        raise OutputError(f"{destination} cannot be written: {error.strerror or error}") from error
    return destination


def _transfer(url: str, partial: Path, on_progress: Progress | None) -> None:
    """Fill ``partial``, going on where it ends; a cut transfer is taken up again a few times."""
    reason = ""
    for _ in range(_ATTEMPTS):
        try:
            _receive(url, partial, on_progress)
        except _CutError as error:
            reason = str(error)
        else:
            return
    raise UnrolledError(
        f"{url}: {reason}; what has arrived is kept, run the same command again to go on from there"
    )


class _CutError(Exception):
    """The network failed before the last byte; another attempt may help."""


def _receive(url: str, partial: Path, on_progress: Progress | None) -> None:
    """One request for the rest of the file (or for all of it where the server knows no ranges)."""
    start = partial.stat().st_size if partial.exists() else 0
    response = _open(url, start)
    if response is None:
        return
    with response:
        done = start if response.status == 206 else 0  # 206: the rest, as asked for
        length = response.headers.get("Content-Length")
        total = done + int(length) if length else None
        with partial.open("ab" if done else "wb") as file:
            while chunk := _read(response):
                file.write(chunk)
                done += len(chunk)
                if on_progress is not None:
                    on_progress(done, total)
    if total is not None and done < total:
        raise _CutError(f"the transfer was cut after {done:,} of {total:,} bytes")


def _open(url: str, start: int) -> HTTPResponse | None:
    """Ask the server; None when there is nothing after ``start``."""
    opener = request.OpenerDirector()  # http and https only
    for handler in (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPRedirectHandler,
        request.HTTPDefaultErrorHandler,
        request.HTTPErrorProcessor,
        request.UnknownHandler,
    ):
        opener.add_handler(handler())
    opener.addheaders = [("User-Agent", "unrolled")]
    if start:
        opener.addheaders.append(("Range", f"bytes={start}-"))
    try:
        response: HTTPResponse = opener.open(url, timeout=_TIMEOUT)
    except HTTPError as error:
        error.close()
        if start and error.code == 416:  # the range is empty
            return None
        raise UnrolledError(
            f"{url} answers {error.code} {error.reason}; try again later"
        ) from error
    except (OSError, HTTPException) as error:
        raise _CutError(f"the server cannot be reached ({error})") from error
    return response


def _read(response: HTTPResponse) -> bytes:
    try:
        return response.read(_CHUNK)
    except (OSError, HTTPException) as error:
        raise _CutError(f"the transfer was cut ({error})") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
