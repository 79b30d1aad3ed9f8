"""The reviews of ``aclImdb_v1.tar.gz``, packed or unpacked.

The archive is read once from front to back, without a list of its 100,000 files, and only what is
asked for is kept: the labelled reviews, or those without labels.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

from unrolled.datasets.imdb.reviews import (
    CLASSES,
    SPLITS,
    UNLABELLED,
    Named,
    Part,
    Reviews,
    Split,
    canonical,
    canonical_unlabelled,
    decoded,
)
from unrolled.errors import DataError

_REVIEW = re.compile(r"(?:^|/)(train|test)/(pos|neg|unsup)/(\d+_\d+\.txt)$")
_BLOCK = 512  # bytes; a tar file is a sequence of these
_BUFFER = 1 << 20
_REGULAR_FILE = (b"0", b"\0")


def read_archive(path: Path) -> dict[Split, Reviews]:
    """Read every labelled split that the archive holds."""
    found = _read(path, CLASSES)
    return {
        split: canonical(found[split], f"{path}: {split}") for split in SPLITS if split in found
    }


def read_archive_unlabelled(path: Path) -> list[str]:
    """Read the reviews without labels."""
    return canonical_unlabelled(_read(path, UNLABELLED)["train"], f"{path}: train")


def _read(path: Path, folders: Sequence[str]) -> defaultdict[str, dict[str, Named]]:
    """Reviews in folders of these names, by ``train`` or ``test`` and by folder."""
    found = defaultdict[str, dict[str, Named]](lambda: {name: [] for name in folders})
    try:
        with gzip.open(path) as unpacked:
            stream = io.BufferedReader(cast(io.RawIOBase, unpacked), _BUFFER)
            for member, data in _members(stream):
                match = _REVIEW.search(member)
                if match and match[2] in folders:
                    text = decoded(data, f"{path}: {member}")
                    found[match[1]][match[2]].append((match[3], text))
    except EOFError as error:
        raise _damaged(path, "it ends too early") from error
    except (zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise _damaged(path, str(error)) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    return found


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
    named = {name: _texts(folder / split / name) for name in CLASSES}
    return canonical(named, str(folder / split))


def read_folder_unlabelled(folder: Path) -> list[str]:
    """The reviews without labels of the unpacked archive."""
    named = {name: _texts(folder / "train" / name) for name in UNLABELLED}
    return canonical_unlabelled(named, str(folder / "train"))


def folder_state(folder: Path, part: Part) -> str:
    """Names, sizes and times of a part's files: any change of them is a change of this."""
    split, names = ("train", UNLABELLED) if part == "unlabelled" else (part, CLASSES)
    return "\n".join(
        f"{name}/{entry.name} {entry.stat().st_size} {entry.stat().st_mtime_ns}"
        for name in names
        for entry in _files(folder / split / name)
    )


def _texts(folder: Path) -> Named:
    named: Named = []
    for entry in _files(folder):
        try:
            data = Path(entry.path).read_bytes()
        except OSError as error:
            raise DataError(f"{entry.path} cannot be read: {error.strerror}") from error
        named.append((entry.name, decoded(data, entry.path)))
    return named


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
