"""A file on the disk -> its text, or one line that says why not and where."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from unrolled.errors import DataError

BLOCK = 1 << 20  # bytes that are read at once

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
    if not stat.S_ISREG(mode):  # a pipe can be read only once, and often a file is read twice
        raise DataError(f"{path}: is a pipe or a device; save what it gives as a file")


class TextBlocks:
    """The text of a UTF-8 file, some whole lines at a time, so that it is never held whole.

    Iterating reads the file from its start, with or without a byte order mark; DataError names the
    line that is not UTF-8 text. share: how much of the file has been read, from 0 to 1.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.share = 0.0

    def __iter__(self) -> Iterator[str]:
        check_file(self.path)
        position, lines, is_blank = 0, 0, True  # of the bytes before the block
        try:
            for block in self._whole_lines():
                text = _decoded(self.path, block, position, lines)
                if position == 0:
                    text = text.removeprefix("\ufeff")
                is_blank = is_blank and not text.strip()
                yield text
                position += len(block)
                lines += block.count(b"\n")
        except OSError as error:
            raise DataError(unreadable(self.path, error)) from error
        if is_blank:
            raise DataError(f"{self.path}: the file is empty")

    def _whole_lines(self) -> Iterator[bytes]:
        """Blocks of bytes that end where a line ends, since no character goes across that."""
        done, unfinished = 0, list[bytes]()
        with self.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            while block := file.read(BLOCK):
                if not done:
                    _check_kind(self.path, block)
                done += len(block)
                self.share = min(1.0, done / max(1, size))
                end = block.rfind(b"\n") + 1 if done < size else len(block)
                if end:
                    yield b"".join([*unfinished, block[:end]])
                    unfinished.clear()
                unfinished.append(block[end:])
        if rest := b"".join(unfinished):
            yield rest


def _check_kind(path: Path, start: bytes) -> None:
    """Raise DataError when a file starts as one of something else than UTF-8 text."""
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            raise DataError(f"{path}:1: the file is in {encoding}; save it as UTF-8")
    for sign, kind in _OTHER_KINDS.items():
        if start.startswith(sign):
            raise DataError(f"{path}:1: the file is {kind}")


def _decoded(path: Path, block: bytes, position: int, lines: int) -> str:
    """The text of a block before which the file has ``position`` bytes and ``lines`` lines."""
    if b"\0" in block:
        zero = block.index(b"\0")
        raise DataError(
            f"{_place(path, block, zero, lines)}: binary data, not text: "
            f"a zero byte at position {position + zero} of the file"
        )
    try:
        return block.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{_place(path, block, error.start, lines)}: not UTF-8: byte "
            f"0x{block[error.start]:02x} at position {position + error.start} of the file; "
            "save it as UTF-8"
        ) from None


def numbered_lines(blocks: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Lines as editors count them (from 1): LF or CRLF ends one, and nothing else does."""
    first = 1
    for block in blocks:
        lines = block.replace("\r\n", "\n").split("\n")
        if lines[-1] == "":  # after the end of the block's last line, which a file's may lack
            lines.pop()
        yield from enumerate(lines, start=first)
        first += len(lines)


def unreadable(path: Path, error: Exception) -> str:
    """One line about a file that the system does not let us read."""
    return f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"


def _place(path: Path, block: bytes, position: int, lines: int) -> str:
    before = block.count(b"\n", 0, position)
    return f"{path}:{lines + before + 1}"


def nearest_name(path: Path) -> str:
    """End of a message about a path where nothing is: the nearest name beside it, if any."""
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f", and no folder {path.parent}"
    nearest = difflib.get_close_matches(path.name, names, n=1)
    return f"; did you mean {path.parent / nearest[0]}?" if nearest else ""
