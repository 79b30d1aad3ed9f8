"""Which files are read, and what the file of labels of each is called."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unrolled.datasets.decoding import nearest_name
from unrolled.datasets.tables import READERS
from unrolled.errors import DataError, InputError


@dataclass(frozen=True)
class Job:
    """A file of texts, and the file of their labels."""

    source: Path
    output: Path


def names_several(given: Path) -> bool:
    """Whether files are named by a pattern or by their folder, and not one by its own name."""
    return not given.is_file() and (given.is_dir() or glob.has_magic(str(given)))


def files_of(given: Path) -> list[Path]:
    """The files that are meant, by their whole names and in the order of these.

    given: one file; a folder, of which those with a suffix that is known are meant; or a pattern:
    ``part-*.parquet``, and ``**`` for any folders. What begins with a dot or an underscore is
    not meant, as is usual where files are parts of something. Raises DataError when none is there.
    """
    if not names_several(given):
        return [given.absolute()]
    if given.is_dir():
        found = [path for path in given.iterdir() if path.suffix.lower() in READERS]
    else:
        # Path.glob takes no pattern that is absolute.
        found = [Path(name) for name in glob.glob(str(given), recursive=True)]  # noqa: PTH207
    files = [path for path in found if path.name[0] not in "._" and path.is_file()]
    if not files:
        hint = "" if given.is_dir() else nearest_name(given)
        raise DataError(f"{given}: there are no such files{hint}")
    return sorted(path.absolute() for path in files)


def jobs_in(folder: Path, files: Sequence[Path]) -> list[Job]:
    """A file of labels in ``folder`` for each file of texts.

    It has the name and the kind of the file of texts, below the same folders if there are several.
    """
    above = os.path.commonpath([file.parent for file in files])
    jobs = [Job(file, folder / file.relative_to(above)) for file in files]
    for job in jobs:
        if job.output.exists() and job.output.samefile(job.source):
            raise InputError(f"{folder}: has the input; choose another --output")
    return jobs
