"""Finished parts of a long file, kept beside it until the whole is there.

A folder ``NAME.parts`` holds a file for each part and a journal. The journal's first line says what
the parts were made from, and each further line that a part is finished; it is written after the
part is on the disk. So whatever ends a run, even the loss of power, the next one goes on behind
the last part of the journal, if it is asked for the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unrolled.atomic import move_file, write_file
from unrolled.errors import InputError, OutputError
from unrolled.locking import FolderLock

JOURNAL = "journal.jsonl"
TAKEN = "another run is writing there; wait for it, or choose another --output"
_WHOLE = "whole"

Entry = dict[str, Any]
"""What the journal says about a part: its ``rows`` and ``bytes``, the ``share`` of the input that
was read when it was finished, and whatever else is to be told at the end."""


class Parts:
    """The finished parts of ``output``, in their order.

    Those of a device or a pipe lie in a temporary folder.

    made_from: whatever decides about the bytes of the parts, by name; None when the same parts
    cannot be made again, so that no other run goes on with them.
    finished: the entry of each part; changes: the names in ``made_from`` because of which parts
    that were there are dropped, and dropped_rows: how many rows they had.
    """

    def __init__(self, output: Path, made_from: Mapping[str, Any] | None) -> None:
        self._is_file = output.is_file() or not output.exists()
        if self._is_file:
            self.output = Path(os.path.realpath(output))
            self.folder = _folder_of(self.output)
        else:
            self.output, self.folder, made_from = output, Path(tempfile.mkdtemp()), None
        self._is_kept = made_from is not None
        self.finished: list[Entry] = []
        self.changes: list[str] = []
        self.dropped_rows = 0
        with errors_name(self.output):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = FolderLock(self.folder, taken=TAKEN)
            self._check_is_ours()
            self._take_up(made_from or {})
            if not self.finished:
                self._clear()
            lines = [made_from or {}, *self.finished]
            write_file(self._journal, "".join(map(_line, lines)).encode("utf-8"))

    @staticmethod
    def are_begun(output: Path) -> bool:
        """Whether an earlier run has left parts of ``output``."""
        return _folder_of(Path(os.path.realpath(output))).is_dir()

    @property
    def rows(self) -> int:
        """The number of rows that are finished."""
        return _rows(self.finished)

    @property
    def share(self) -> float:
        """How much of the input is finished, from 0 to 1."""
        return float(self.finished[-1]["share"]) if self.finished else 0.0

    def add(self, data: bytes, entry: Entry) -> None:
        """Keep one more part; ``entry`` has its ``rows`` and ``share``."""
        entry = {"bytes": len(data), **entry}
        write_file(self._path(len(self.finished)), data)
        with errors_name(self.output), self._journal.open("ab") as journal:
            journal.write(_line(entry).encode("utf-8"))
            journal.flush()
            os.fsync(journal.fileno())
        self.finished.append(entry)

    def finish(self, join: Callable[[Sequence[Path], Path], None]) -> None:
        """Let ``join`` make one file of the parts, put it in its place and remove the parts."""
        whole = self.folder / _WHOLE
        with errors_name(self.output):
            join([self._path(number) for number in range(len(self.finished))], whole)
            if not self._is_file:
                with whole.open("rb") as source, self.output.open("wb") as sink:
                    shutil.copyfileobj(source, sink)
        if self._is_file:
            move_file(whole, self.output)
        self.finished.clear()

    def close(self) -> None:
        """Leave the parts to another run; where it could not use them, the folder goes too."""
        if not self.finished or not self._is_kept:
            with contextlib.suppress(OSError):
                self._clear()
                self._journal.unlink(missing_ok=True)
                self.folder.rmdir()
        self._lock.close()

    @property
    def _journal(self) -> Path:
        return self.folder / JOURNAL

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06}"

    def _check_is_ours(self) -> None:
        names = [entry.name for entry in self.folder.iterdir() if entry.name[0] != "."]
        if names and JOURNAL not in names:
            raise InputError(
                f"{self.folder}: the finished parts would go there, and it holds other files; "
                "move it away, or choose another --output"
            )

    def _take_up(self, made_from: Mapping[str, Any]) -> None:
        """Find out which parts are finished, and whether they can be gone on with."""
        lines = whole_lines(self._journal)
        if not lines:
            return
        there = []
        for number, entry in enumerate(lines[1:]):
            path = self._path(number)
            if not path.exists() or path.stat().st_size != entry["bytes"]:
                break
            there.append(entry)
        self.changes = [name for name, value in made_from.items() if lines[0].get(name) != value]
        if made_from and not self.changes:
            self.finished = there
        else:
            self.dropped_rows = _rows(there)

    def _clear(self) -> None:
        """Remove everything but the journal, which says whose the folder is."""
        for entry in self.folder.iterdir():
            if entry.name != JOURNAL:
                entry.unlink()


def _folder_of(output: Path) -> Path:
    return output.with_name(output.name + ".parts")


def _rows(entries: Sequence[Entry]) -> int:
    return sum(int(entry["rows"]) for entry in entries)


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry) + "\n"


def whole_lines(journal: Path) -> list[Entry]:
    """The journal up to the first line that was cut off."""
    lines = []
    with contextlib.suppress(FileNotFoundError, ValueError):
        for line in journal.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                lines.append(json.loads(line))
    return lines


@contextmanager
def errors_name(output: Path) -> Iterator[None]:
    """Every OSError within is an OutputError that begins with the output's name."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{output}: cannot be written: {error.strerror or error}; "
            "make room or choose another place"
        ) from error
