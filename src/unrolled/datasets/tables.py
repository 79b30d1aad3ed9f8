"""Files whose rows have named columns -> Table: csv, tsv, JSON lines, Parquet, and plain lines."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from unrolled.datasets.decoding import TextBlocks, check_file, numbered_lines, unreadable
from unrolled.errors import DataError

BATCH = 8192  # rows that are read at once
_LONGEST_FIELD = 2**31 - 1  # the largest limit that the csv module takes on every system
_EXACT, _LONG = 2**53, 2**63  # whole numbers up to which a float and an integer are exact
_RECORDS_AT_ONCE = 256  # read while that limit is set, since all of the process shares it


@dataclass(frozen=True)
class Batch:
    """Some rows of a table.

    lines: the line (from 1) on which each row starts, or its row (from 1) in a Parquet file;
    values: a list of those of each column that was asked for, None where there is none; of a
    Parquet file, a polars Series of them;
    share: how much of the file has been read, from 0 to 1.
    """

    lines: Sequence[int]
    values: Sequence[Any]
    share: float


@dataclass(frozen=True)
class Table:
    """Rows under named columns, read anew from the file for each pass over them.

    types: that of each column, as ``polars.Series`` takes it, or object where values are of several
    types or nested; header: the place that names the columns, as messages give it;
    rows: how many there are, where that is known without reading them all;
    read: (columns by index, rows to leave out at the start, rows in a batch) -> the batches.
    """

    columns: Sequence[str]
    types: Sequence[Any]
    header: str
    rows: int | None
    read: Callable[[Sequence[int], int, int], Iterator[Batch]]


_Row = TypeVar("_Row")

Record = tuple[int, Sequence[str]]
"""The line on which a record starts, and its fields."""

Records = Callable[[Iterable[str], str], Iterator[Record]]
"""(blocks of text, delimiter) -> the records that are not blank."""


class _RowError(Exception):
    """A row that cannot be read."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def read_csv(path: Path) -> Table:
    """Comma-separated; semicolons or tabs where the header has those and no comma."""
    header = ""
    for block in TextBlocks(path):  # the header is the first line that is not blank
        if header := block.lstrip().partition("\n")[0]:
            break
    delimiter = next((sign for sign in ",;\t" if sign in header), ",")
    return _fields_table(path, _quoted_records, delimiter)


def read_tsv(path: Path) -> Table:
    """Tab-separated, with or without quotes, whichever gives each row the header's fields.

    Without, a line is a row, and only the quotes around a whole field are removed; with them,
    fields may hold tabs and new lines. When both readings fit and differ, the file is refused;
    when neither does, the one that gets further tells what is wrong.
    """
    if not any('"' in block for block in TextBlocks(path)):  # then the readings are the same
        return _fields_table(path, _plain_records, "\t")
    readings, failures = [], []
    for records in (_plain_records, _quoted_records):
        try:
            for _ in _checked(records(TextBlocks(path), "\t"), "\t"):
                pass
            readings.append(records)
        except _RowError as error:
            failures.append(error)
    if not readings:
        furthest = max(failures, key=lambda failure: failure.line)
        raise DataError(f"{path}:{furthest.line}: {furthest}")
    if len(readings) > 1 and (disputed := _first_difference(path)) is not None:
        raise DataError(
            f"{path}:{disputed}: the line is a row, or goes on with the quoted field before "
            "it; save the file as CSV or JSON lines"
        )
    return _fields_table(path, readings[0], "\t")


def _first_difference(path: Path) -> int | None:
    """The first line that is a row of its own only when quotes mean nothing."""
    plain = (line for line, _ in _plain_records(TextBlocks(path), "\t"))
    quoted = (line for line, _ in _quoted_records(TextBlocks(path), "\t"))
    other = 0
    for line in plain:
        while other < line:
            other = next(quoted, sys.maxsize)
        if other > line:
            return line
    return None


def read_json_lines(path: Path) -> Table:
    """One JSON object a line; blank lines are skipped. Any row may bring new columns."""
    kinds: dict[str, set[Any]] = {}
    count = 0
    for _, row in _json_rows(path, TextBlocks(path)):
        for name, value in row.items():
            kinds.setdefault(name, set()).add(_kind(value))
        count += 1
    names = list(kinds)

    def read(chosen: Sequence[int], start: int, size: int) -> Iterator[Batch]:
        blocks = TextBlocks(path)
        for batch in _batches(_json_rows(path, blocks), start, size):
            values = [[row.get(names[column]) for _, row in batch] for column in chosen]
            yield Batch([line for line, _ in batch], values, blocks.share)

    return Table(names, [_type(kinds[name]) for name in names], str(path), count, read)


def _kind(value: Any) -> Any:
    """The type of a JSON value; of a whole number, also whether 53 bits hold it, or 64."""
    if type(value) is not int or -_EXACT <= value <= _EXACT:
        return type(value)
    return "long" if -_LONG <= value < _LONG else object


def _type(kinds: set[Any]) -> type:
    """That of all values of a column, as each of them can have it without loss."""
    kinds = kinds - {type(None)}
    for found, type_ in (({str}, str), ({bool}, bool), ({int, "long"}, int), ({int, float}, float)):
        if kinds <= found:
            return type_
    return object


def _json_rows(path: Path, blocks: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, string in numbered_lines(blocks):
        if not string.strip():
            continue
        try:
            row = json.loads(string)
        except (ValueError, RecursionError) as error:
            reason = f"{getattr(error, 'msg', error)}, column {getattr(error, 'colno', 1)}"
            raise DataError(f"{path}:{line}: the line is not JSON: {reason}") from None
        if not isinstance(row, dict):
            raise DataError(f"{path}:{line}: the line is not a JSON object such as {{...}}")
        yield line, row


def read_lines(path: Path, *, skip_blank: bool = False) -> Table:
    """Plain text: every line is a row, with itself in the only column."""

    def read(chosen: Sequence[int], start: int, size: int) -> Iterator[Batch]:
        blocks = TextBlocks(path)
        rows = numbered_lines(blocks)
        wanted = (row for row in rows if row[1].strip()) if skip_blank else rows
        for batch in _batches(wanted, start, size):
            lines, strings = zip(*batch, strict=True)
            yield Batch(lines, [strings for _ in chosen], blocks.share)

    return Table(["line"], [str], str(path), None, read)


def read_parquet(path: Path) -> Table:
    """A Parquet file; only the columns that are asked for are read."""
    import polars

    check_file(path)
    failures = (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError)
    try:
        frame = polars.scan_parquet(path, glob=False)
        schema = frame.collect_schema()
        count = int(frame.select(polars.len()).collect().item())
    except failures as error:
        raise DataError(_bad_parquet(path, error)) from None

    def read(chosen: Sequence[int], start: int, size: int) -> Iterator[Batch]:
        # Slice after slice, since an engine that streams decodes whole row groups ahead.
        # By index, since some names have a meaning for polars.
        places = {column: place for place, column in enumerate(dict.fromkeys(chosen))}
        wanted = frame.select(polars.selectors.by_index(*places))
        for first in range(start, count, size):
            try:
                part = wanted.slice(first, size).collect()
            except failures as error:
                raise DataError(_bad_parquet(path, error)) from None
            end = first + len(part)
            values = [part.to_series(places[column]) for column in chosen]
            yield Batch(range(first + 1, end + 1), values, end / count)

    return Table(schema.names(), schema.dtypes(), str(path), count, read)


def _bad_parquet(path: Path, error: BaseException) -> str:
    if isinstance(error, PermissionError):
        return unreadable(path, error)
    first_line = (str(error).strip().splitlines() or ["damaged"])[0]
    return f"{path}: not a Parquet file that can be read: {first_line}"


READERS: Mapping[str, Callable[[Path], Table]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".parquet": read_parquet,
    ".txt": read_lines,
}


def _fields_table(path: Path, records: Records, delimiter: str) -> Table:
    """Records of which the first names the columns."""

    def checked(blocks: TextBlocks) -> Iterator[Record]:
        try:
            yield from _checked(records(blocks, delimiter), delimiter)
        except _RowError as error:
            raise DataError(f"{path}:{error.line}: {error}") from None

    def read(chosen: Sequence[int], start: int, size: int) -> Iterator[Batch]:
        blocks = TextBlocks(path)
        for batch in _batches(checked(blocks), start + 1, size):
            values = [[fields[column] for _, fields in batch] for column in chosen]
            yield Batch([line for line, _ in batch], values, blocks.share)

    line, header = next(checked(TextBlocks(path)))
    names = [name.strip() for name in header]
    return Table(names, [str] * len(names), f"{path}:{line}", None, read)


def _batches(rows: Iterator[_Row], start: int, size: int) -> Iterator[list[_Row]]:
    wanted = islice(rows, start, None)
    return iter(lambda: list(islice(wanted, size)), [])


def _checked(records: Iterator[Record], delimiter: str) -> Iterator[Record]:
    """The records, each of which must have as many fields as the first, the header."""
    width = None
    for line, fields in records:
        if len(fields) != (width := width or len(fields)):
            name = "a tab" if delimiter == "\t" else repr(delimiter)
            raise _RowError(
                line,
                f"the row has {len(fields)} fields where the header has {width}; "
                f"a text that holds {name} needs double quotes around it",
            )
        yield line, fields


def _quoted_records(blocks: Iterable[str], delimiter: str) -> Iterator[Record]:
    """The records that are not blank, each with the line on which it starts."""
    lines = chain.from_iterable(map(partial(io.StringIO, newline=""), blocks))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    line = 1
    is_open = True
    while is_open:
        records = []
        limit = csv.field_size_limit(_LONGEST_FIELD)
        try:
            for fields in islice(reader, _RECORDS_AT_ONCE):
                records.append((line, fields))
                line = reader.line_num + 1
        except csv.Error as error:
            raise _RowError(line, _quoting_advice(str(error))) from None
        finally:
            csv.field_size_limit(limit)
        yield from (record for record in records if record[1])
        is_open = len(records) == _RECORDS_AT_ONCE


def _quoting_advice(message: str) -> str:
    if "unexpected end of data" in message:
        return "a double quote opens a field in this row and nothing closes it"
    if "expected after" in message:
        return 'a quoted field goes on after its closing quote; write a quote inside it as ""'
    return message


def _plain_records(blocks: Iterable[str], delimiter: str) -> Iterator[Record]:
    """The lines that are not blank, each a record."""
    for line, string in numbered_lines(blocks):
        if string.strip():
            yield line, [_unquoted(field) for field in string.split(delimiter)]


def _unquoted(field: str) -> str:
    """Without the quotes around a whole field; other quotes are part of the text."""
    inside = field[1:-1].replace('""', "")
    if len(field) < 2 or field[0] != '"' or field[-1] != '"' or '"' in inside:
        return field
    return field[1:-1].replace('""', '"')
