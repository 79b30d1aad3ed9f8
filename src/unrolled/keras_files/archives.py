"""The zip that a ``.keras`` file is, read within limits: nothing is unpacked to a disk."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from unrolled.errors import ModelError

_END = b"PK\x05\x06"
_LONGEST_END = 22 + 65_535
_LONGEST_DIRECTORY = 1 << 20  # bytes; Keras has three members, and its assets
_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)


class Archive:
    """Members by name, each read only as far as its limit."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        names = archive.namelist()
        for name in names:
            path = PurePosixPath(name.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts or names.count(name) > 1:
                raise ModelError(f"the zip has a member {name[:80]!r}, as no file of Keras has it")

    def __contains__(self, name: str) -> bool:
        return name in self._archive.namelist()

    def size(self, name: str) -> int:
        """Bytes of a member, as the zip declares them."""
        return self._member(name).file_size

    def read(self, name: str, longest: int) -> bytes:
        """All of a member; ModelError if it has more than ``longest`` bytes, or is damaged."""
        member = self._member(name)
        if member.file_size > longest:
            raise ModelError(
                f"{name} would be {member.file_size:,} bytes, and this model needs no more than "
                f"{longest:,}"
            )
        try:
            with self._archive.open(member) as file:
                data = file.read(member.file_size + 1)
        except (*_FAULTS, OSError) as error:
            raise ModelError(f"{name} is damaged: {error}") from None
        if len(data) != member.file_size:
            raise ModelError(f"{name} is damaged: it has not the length that the zip declares")
        return data

    def _member(self, name: str) -> zipfile.ZipInfo:
        try:
            member = self._archive.getinfo(name)
        except KeyError:
            raise ModelError(f"there is no {name} in the zip: no file of Keras 3") from None
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ModelError(f"{name} is compressed in a way that Keras does not use")
        return member


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """A zip, closed afterwards. Raises ModelError, OSError."""
    with path.open("rb") as file:
        _check_directory(file)
        try:
            archive = zipfile.ZipFile(file)
        except _FAULTS as error:
            raise ModelError(f"it is no zip, or damaged: {error}") from None
        with archive:
            yield Archive(archive)


def _check_directory(file: BinaryIO) -> None:
    """Refuse a list of members that is itself too long to be read."""
    end = file.seek(0, 2)
    file.seek(max(end - _LONGEST_END, 0))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise ModelError("it is no zip, or cut off")
    if int.from_bytes(tail[at + 12 : at + 16], "little") > _LONGEST_DIRECTORY:
        raise ModelError("the zip has more members than a file of Keras")
    file.seek(0)
