"""Files with named columns -> Table: csv, tsv, JSON lines, Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unrolled.datasets.decoding import check_file, read_text, split_lines, unreadable
from unrolled.errors import DataError

_LONGEST_FIELD = 2**31 - 1  # the largest limit that the csv module takes on every system


@dataclass(frozen=True)
class Table:
    """Rows under named columns.

    lines: the line (from 1) on which each row starts, or its row (from 1) in a Parquet file;
    header: the place that names the columns, as messages give it;
    values: column index -> its values, None where there is none.
    """

    columns: Sequence[str]
    lines: Sequence[int]
    header: str
    values: Callable[[int], Sequence[Any]]


class _RowError(Exception):
    """A row that cannot be read."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def read_csv(path: Path) -> Table:
    """Comma-separated; semicolons or tabs where the header has those and no comma."""
    text = read_text(path)
    header = text.lstrip().partition("\n")[0]
    delimiter = next((sign for sign in ",;\t" if sign in header), ",")
    try:
        return _fields_table(path, _quoted_records(text, delimiter), delimiter)
    except _RowError as error:
        raise DataError(f"{path}:{error.line}: {error}") from None


def read_tsv(path: Path) -> Table:
    """Tab-separated, with or without quotes, whichever gives each row the header's fields.

    Without, a line is a row, and only the quotes around a whole field are removed; with them,
    fields may hold tabs and new lines. When both readings fit and differ, the file is refused;
    when neither does, the one that gets further tells what is wrong.
    """
    text = read_text(path)
    readings, failures = [], []
    for records in (_plain_records, _quoted_records):
        try:
            readings.append(_fields_table(path, records(text, "\t"), "\t"))
        except _RowError as error:
            failures.append(error)
    if not readings:
        furthest = max(failures, key=lambda failure: failure.line)
        raise DataError(f"{path}:{furthest.line}: {furthest}")
    if disputed := set(readings[0].lines) - set(readings[-1].lines):
        raise DataError(
            f"{path}:{min(disputed)}: the line is a row, or goes on with the quoted field before "
            "it; save the file as CSV or JSON lines"
        )
    return readings[0]


def read_json_lines(path: Path) -> Table:
    """One JSON object a line; blank lines are skipped."""
    rows, lines, columns = [], [], {}
    for line, string in enumerate(split_lines(read_text(path)), start=1):
        if not string.strip():
            continue
        try:
            row = json.loads(string)
        except (ValueError, RecursionError) as error:
            reason = f"{getattr(error, 'msg', error)}, column {getattr(error, 'colno', 1)}"
            raise DataError(f"{path}:{line}: the line is not JSON: {reason}") from None
        if not isinstance(row, dict):
            raise DataError(f"{path}:{line}: the line is not a JSON object such as {{...}}")
        rows.append(row)
        lines.append(line)
        columns.update(dict.fromkeys(row))
    names = list(columns)
    return Table(names, lines, str(path), lambda column: [row.get(names[column]) for row in rows])


def read_parquet(path: Path) -> Table:
    """A Parquet file; only the columns that are asked for are read."""
    import polars

    check_file(path)
    failures = (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError)
    try:
        frame = polars.scan_parquet(path, glob=False)
        columns = frame.collect_schema().names()
        count = int(frame.select(polars.len()).collect().item())
    except failures as error:
        raise DataError(_bad_parquet(path, error)) from None

    def values(column: int) -> Sequence[Any]:
        try:
            return frame.select(columns[column]).collect().to_series().to_list()
        except failures as error:
            raise DataError(_bad_parquet(path, error)) from None

    return Table(columns, range(1, count + 1), str(path), values)


def _bad_parquet(path: Path, error: BaseException) -> str:
    if isinstance(error, PermissionError):
        return unreadable(path, error)
    first_line = (str(error).strip().splitlines() or ["damaged"])[0]
    return f"{path}: not a Parquet file that can be read: {first_line}"


def _fields_table(path: Path, records: list[tuple[int, list[str]]], delimiter: str) -> Table:
    """Records (line, fields), of which the first names the columns."""
    header_line, header = records[0]
    for line, fields in records[1:]:
        if len(fields) != len(header):
            name = "a tab" if delimiter == "\t" else repr(delimiter)
            raise _RowError(
                line,
                f"the row has {len(fields)} fields where the header has {len(header)}; "
                f"a text that holds {name} needs double quotes around it",
            )
    return Table(
        [name.strip() for name in header],
        [line for line, _ in records[1:]],
        f"{path}:{header_line}",
        lambda column: [fields[column] for _, fields in records[1:]],
    )


def _quoted_records(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """The records that are not blank, each with the line on which it starts."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records = []
    line = 1
    limit = csv.field_size_limit(_LONGEST_FIELD)
    try:
        for fields in reader:
            if fields:
                records.append((line, fields))
            line = reader.line_num + 1
    except csv.Error as error:
        raise _RowError(line, _quoting_advice(str(error))) from None
    finally:
        csv.field_size_limit(limit)
    return records


def _quoting_advice(message: str) -> str:
    if "unexpected end of data" in message:
        return "a double quote opens a field in this row and nothing closes it"
    if "expected after" in message:
        return 'a quoted field goes on after its closing quote; write a quote inside it as ""'
    return message


def _plain_records(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """The lines that are not blank, each a record."""
    return [
        (line, [_unquoted(field) for field in string.split(delimiter)])
        for line, string in enumerate(split_lines(text), start=1)
        if string.strip()
    ]


def _unquoted(field: str) -> str:
    """Without the quotes around a whole field; other quotes are part of the text."""
    inside = field[1:-1].replace('""', "")
    if len(field) < 2 or field[0] != '"' or field[-1] != '"' or '"' in inside:
        return field
    return field[1:-1].replace('""', '"')
