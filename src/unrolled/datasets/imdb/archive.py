"""The reviews of ``aclImdb_v1.tar.gz``, packed or unpacked.

The archive is read once from front to back, without a list of its 100,000 files, and only the
labelled reviews are kept.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from unrolled.datasets.imdb.reviews import CLASSES, SPLITS, Reviews, Split, canonical, decoded
from unrolled.errors import DataError

_REVIEW = re.compile(r"(?:^|/)(train|test)/(pos|neg)/(\d+_\d+\.txt)$")
_BLOCK = 512  # bytes; a tar file is a sequence of these
_BUFFER = 1 << 20
_REGULAR_FILE = (b"0", b"\0")


def read_archive(path: Path) -> dict[Split, Reviews]:
    """Read every split that the archive holds."""
    found: dict[Split, dict[str, list[tuple[str, str]]]] = {
        split: {name: [] for name in CLASSES} for split in SPLITS
    }
    try:
        with gzip.open(path) as unpacked:
            stream = io.BufferedReader(cast(io.RawIOBase, unpacked), _BUFFER)
            for member, data in _members(stream):
                match = _REVIEW.search(member)
                if match:
                    text = decoded(data, f"{path}: {member}")
                    found[cast(Split, match[1])][match[2]].append((match[3], text))
    except EOFError as error:
        raise _damaged(path, "it ends too early") from error
    except (zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise _damaged(path, str(error)) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    return {
        split: canonical(named, f"{path}: {split}")
        for split, named in found.items()
        if any(named.values())
    }


def _members(stream: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each regular file of a tar stream (the format is POSIX ustar)."""
    while any(header := _exactly(stream, _BLOCK)):
        if sum(header[:148]) + 8 * ord(" ") + sum(header[156:]) != _octal(header[148:156]):
            raise ValueError("a file header has a wrong checksum")
        size = _octal(header[124:136])
        content = _exactly(stream, -(-size // _BLOCK) * _BLOCK)
        if header[156:157] in _REGULAR_FILE:
            name = header[:100].partition(b"\0")[0]
            yield name.decode("utf-8", "replace"), content[:size]
    while stream.read(_BUFFER):  # to the end, where gzip compares its checksum
        pass


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data


def _octal(field: bytes) -> int:
    return int(field.strip(b" \0"), 8)


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(
        f"{path} is damaged ({reason}); download it again (`unrolled data fetch imdb`)"
    )


def find_folder(path: Path) -> Path:
    """Find the folder that holds ``train`` or ``test``: the path itself or ``aclImdb`` in it."""
    for folder in (path, path / "aclImdb"):
        if any((folder / split).is_dir() for split in SPLITS):
            return folder
    raise DataError(
        f"{path} has no folder train or test; name the folder that aclImdb_v1.tar.gz unpacks to"
    )


def read_folder(folder: Path, split: Split) -> Reviews | None:
    """One split of the unpacked archive, or None where it is not there."""
    if not (folder / split).is_dir():
        return None
    named: dict[str, list[tuple[str, str]]] = {}
    for name in CLASSES:
        named[name] = []
        for entry in _files(folder / split / name):
            try:
                data = Path(entry.path).read_bytes()
            except OSError as error:
                raise DataError(f"{entry.path} cannot be read: {error.strerror}") from error
            named[name].append((entry.name, decoded(data, entry.path)))
    return canonical(named, str(folder / split))


def folder_state(folder: Path, split: Split) -> str:
    """Names, sizes and times of a split's files: any change of them is a change of this."""
    return "\n".join(
        f"{name}/{entry.name} {entry.stat().st_size} {entry.stat().st_mtime_ns}"
        for name in CLASSES
        for entry in _files(folder / split / name)
    )


def _files(folder: Path) -> list[os.DirEntry[str]]:
    """List the reviews' files in the order of their names."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (entry for entry in entries if re.fullmatch(r"\d+_\d+\.txt", entry.name)),
                key=lambda entry: entry.name,
            )
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from error
