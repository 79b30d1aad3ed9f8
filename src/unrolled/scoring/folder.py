"""A folder with a file of labels for each file of texts, and a mark when it is whole.

As long as it is not, ``_journal.jsonl`` says which files are finished and what they were made from,
so that whatever ends a run, the next one leaves those as they are. ``_SUCCESS`` comes last, with
the sums. Programs that read a folder of files pass over names that begin with an underscore.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unrolled.atomic import write_file
from unrolled.errors import InputError, OutputError
from unrolled.locking import FolderLock
from unrolled.scoring.parts import TAKEN, Entry, errors_name, whole_lines
from unrolled.scoring.run import Tally

JOURNAL = "_journal.jsonl"
MARK = "_SUCCESS"


class OutputFolder:
    """The files of labels that a run writes.

    changes: the names of that because of which finished files are written anew.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        """Take the folder up where an earlier run left it; one is made where there is none.

        Raises InputError: it holds other files, another run is writing there, or it is whole and
        is not to be overwritten.
        """
        self.path = path
        self.changes: dict[str, None] = {}
        self._written: dict[str, Tally] = {}
        self._replaced: set[str] = set()
        self._earlier: dict[str, Entry] = {}
        with errors_name(path):
            path.mkdir(parents=True, exist_ok=True)
            self._lock = FolderLock(path, taken=TAKEN)
        try:
            self._take_up(overwrite=overwrite)
        except BaseException:
            self.close()
            raise

    def finished(self, output: Path, made_from: Mapping[str, Any]) -> Tally | None:
        """What was counted in a file of labels that is there and would be made the same again."""
        entry = self._earlier.get(self._name(output))
        if entry is None or not output.is_file() or output.stat().st_size != entry["bytes"]:
            return None
        earlier = entry["made_from"]
        changed = [name for name, value in made_from.items() if earlier.get(name) != value]
        if changed:
            self.changes |= dict.fromkeys(changed)
            return None
        tally = Tally()
        tally.add(entry["tally"])
        self._written[self._name(output)] = tally
        return tally

    def add(self, output: Path, made_from: Mapping[str, Any], tally: Tally) -> None:
        """A file of labels is in its place."""
        name = self._name(output)
        self._written[name] = tally
        entry = {
            "file": name,
            "bytes": output.stat().st_size,
            "made_from": made_from,
            "tally": tally.entry(),
        }
        with errors_name(self.path), self._journal.open("ab") as journal:
            journal.write(_line(entry))
            journal.flush()
            os.fsync(journal.fileno())

    def complete(self) -> Tally:
        """Remove what earlier runs wrote under other names, and set the mark; the sums of all."""
        total = Tally()
        for tally in self._written.values():
            total.add(tally.entry())
        with errors_name(self.path):
            for name in self._replaced - self._written.keys():
                (self.path / name).unlink(missing_ok=True)
            document = total.entry() | {"files": sorted(self._written)}
            write_file(self.path / MARK, json.dumps(document, indent=1).encode("utf-8"))
            self._journal.unlink()
        return total

    def close(self) -> None:
        """Let other runs write there; a folder in which nothing was begun is removed."""
        with contextlib.suppress(OSError):
            if [entry.name for entry in self.path.iterdir()] == [JOURNAL] and not self._replaced:
                self._journal.unlink()
                self.path.rmdir()
        self._lock.close()

    @property
    def _journal(self) -> Path:
        return self.path / JOURNAL

    def _name(self, output: Path) -> str:
        return output.relative_to(self.path).as_posix()

    def _take_up(self, *, overwrite: bool) -> None:
        mark = self.path / MARK
        lines = whole_lines(self._journal)
        self._replaced = set(lines[0]["replaces"]) if lines else set()
        self._earlier = {entry["file"]: entry for entry in lines[1:]}
        if mark.exists():
            if not overwrite:
                raise InputError(
                    f"{self.path}: the labels are there, whole; --overwrite replaces them, "
                    "--output names another folder"
                )
            self._replaced |= set(_names_in(mark))
            self._earlier = {}
        elif not lines and any(self.path.iterdir()):
            raise InputError(
                f"{self.path}: the folder has files and none of them is ours; "
                "name an empty folder or a new one"
            )
        first = {"replaces": sorted(self._replaced | self._earlier.keys())}
        lines = [first, *self._earlier.values()]
        write_file(self._journal, b"".join(map(_line, lines)))
        mark.unlink(missing_ok=True)


def _line(entry: Mapping[str, Any]) -> bytes:
    return (json.dumps(entry) + "\n").encode("utf-8")


def _names_in(mark: Path) -> list[str]:
    """The files that a whole folder has, by its mark."""
    try:
        return [str(name) for name in json.loads(mark.read_bytes())["files"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"{mark}: is not a mark that predict set; name an empty folder or a new one"
        ) from error
