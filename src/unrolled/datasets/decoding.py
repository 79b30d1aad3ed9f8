"""A file on the disk -> its text, or one line that says why not and where."""

from __future__ import annotations

import difflib
import re
import stat
from pathlib import Path

from unrolled.errors import DataError

_BYTE_ORDER_MARKS = {  # the longer first: UTF-32's begins with UTF-16's
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_OTHER_KINDS = {
    b"\x1f\x8b": "compressed with gzip; unpack it first",
    b"PK\x03\x04": "a zip archive or a spreadsheet; unpack it, or save it as CSV",
    b"PAR1": "a Parquet file; give it the suffix .parquet",
}


def check_file(path: Path) -> None:
    """Raise DataError unless ``path`` is a file; suggest the nearest name when nothing is there."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{path}: there is no such file{nearest_name(path)}") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise DataError(unreadable(path, error)) from error
    if stat.S_ISDIR(mode):
        raise DataError(f"{path}: is a folder; name a file in it")


def read_text(path: Path) -> str:
    """The text of a UTF-8 file (with or without a byte order mark) that is not empty."""
    check_file(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(unreadable(path, error)) from error
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            raise DataError(f"{path}:1: the file is in {encoding}; save it as UTF-8")
    for start, kind in _OTHER_KINDS.items():
        if data.startswith(start):
            raise DataError(f"{path}:1: the file is {kind}")
    if b"\0" in data:
        position = data.index(b"\0")
        raise DataError(
            f"{_place(path, data, position)}: binary data, not text: "
            f"a zero byte at position {position} of the file"
        )
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{_place(path, data, error.start)}: not UTF-8: byte 0x{data[error.start]:02x} "
            f"at position {error.start} of the file; save it as UTF-8"
        ) from None
    if not text.strip():
        raise DataError(f"{path}: the file is empty")
    return text


def split_lines(text: str) -> list[str]:
    """Lines as editors count them: LF or CRLF ends one, and nothing else does."""
    lines = re.split(r"\r?\n", text)
    return lines[:-1] if lines[-1] == "" else lines


def unreadable(path: Path, error: Exception) -> str:
    """One line about a file that the system does not let us read."""
    return f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"


def _place(path: Path, data: bytes, position: int) -> str:
    line = data.count(b"\n", 0, position) + 1
    return f"{path}:{line}"


def nearest_name(path: Path) -> str:
    """End of a message about a path where nothing is: the nearest name beside it, if any."""
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f", and no folder {path.parent}"
    nearest = difflib.get_close_matches(path.name, names, n=1)
    return f"; did you mean {path.parent / nearest[0]}?" if nearest else ""
