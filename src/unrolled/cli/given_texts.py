"""The texts that a command is given: as arguments, or on standard input, one a line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from unrolled.cli import console
from unrolled.errors import DataError, InputError

if TYPE_CHECKING:
    from unrolled.datasets.stream import Chunk


def check_once(texts: list[str] | None, input_file: Path | None) -> None:
    """Refuse texts that are given twice."""
    if texts and input_file is not None:
        raise InputError("texts were given both as arguments and with --input; give one of them")


def check_output(output: Path, input_file: Path | None, *, overwrite: bool) -> None:
    """Refuse whatever would lose what is there."""
    if output.is_dir():
        raise InputError(f"{output}: is a folder; name a file in it with --output")
    if input_file is not None and output.exists() and output.samefile(input_file):
        raise InputError(f"{output}: is the input too; choose another --output")
    if output.is_file() and not overwrite:
        raise InputError(
            f"{output}: the file is there; --overwrite replaces it, --output names another"
        )


def chunks_of(
    texts: list[str] | None, input_file: Path | None, column: str | None
) -> Iterator[Chunk]:
    """Those of a file if there is one, some at a time."""
    if input_file is None:
        return given_chunks(texts)
    from unrolled.datasets.stream import open_rows

    return open_rows(input_file, text=column).chunks()


def given_chunks(given: list[str] | None) -> Iterator[Chunk]:
    """Texts that are not in a file, as if they were the rows of one; none, or -: standard input."""
    from unrolled.datasets.stream import Chunk
    from unrolled.datasets.tables import BATCH
    from unrolled.datasets.values import text_of

    texts = iter(given) if given and given != ["-"] else _standard_input()
    row = 1
    while some := [text_of(f"text {row}", one) for one in islice(texts, BATCH)]:
        yield Chunk(range(row, row + len(some)), some, [], 0.0)
        row += len(some)


def _standard_input() -> Iterator[str]:
    """Its lines: LF or CRLF ends one."""
    if sys.stdin.isatty():
        console.note("reading texts from the terminal, one a line; Ctrl-D ends them")
    number = 0
    for number, data in enumerate(sys.stdin.buffer, start=1):
        try:
            line = data.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise DataError(
                f"standard input, line {number}: not UTF-8 text; convert it first"
            ) from None
        yield line.removesuffix("\n").removesuffix("\r")
    if not number:
        raise DataError("standard input is empty; give texts as arguments, or one a line")
