"""Labelled texts, each knowing where it came from."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import SupportsIndex

from unrolled.errors import DataError


@dataclass(frozen=True)
class Examples:
    """Texts and their labels, row by row.

    name: what the data set is called; source: where it came from, as a part of a sentence.
    lines: the line (from 1) on which each row starts in the file at ``path``; for a Parquet file,
    which has no lines, its row (from 1).
    set_aside: the line of each row that was left out, and why.
    """

    name: str
    texts: Sequence[str]
    labels: Sequence[str]
    source: str
    lines: Sequence[int] | None = None
    path: Path | None = None
    set_aside: Sequence[tuple[int, str]] = ()

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.labels):
            raise DataError(
                f"{self.name}: {len(self.texts)} texts and {len(self.labels)} labels; "
                "each text needs one label"
            )
        if self.lines is not None and len(self.lines) != len(self.texts):
            raise DataError(
                f"{self.name}: {len(self.texts)} texts and {len(self.lines)} line numbers"
            )

    def __len__(self) -> int:
        return len(self.texts)

    def where(self, index: int) -> str:
        """Place of a row, for people: ``reviews.csv:17``, or ``imdb row 17`` without a file."""
        index = range(len(self))[index]
        if self.path is None or self.lines is None:
            return f"{self.name} row {index + 1}"
        return f"{self.path.name}:{self.lines[index]}"

    @cached_property
    def label_counts(self) -> dict[str, int]:
        """Number of rows of each label, labels in sorted order."""
        return dict(sorted(Counter(self.labels).items()))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the texts and labels in their order; the file's name has no part in it.

        Every string is preceded by its length, so that no two data sets share the hashed bytes.
        """
        digest = hashlib.sha256()
        for pair in zip(self.texts, self.labels, strict=True):
            for string in pair:
                data = string.encode("utf-8", errors="surrogatepass")
                digest.update(len(data).to_bytes(8, "little"))
                digest.update(data)
        return digest.hexdigest()

    def take(self, indices: Iterable[SupportsIndex]) -> Examples:
        """The rows at ``indices``, in that order; nothing is set aside in them."""
        chosen = [range(len(self))[index] for index in indices]
        return Examples(
            name=self.name,
            texts=[self.texts[index] for index in chosen],
            labels=[self.labels[index] for index in chosen],
            source=self.source,
            lines=None if self.lines is None else [self.lines[index] for index in chosen],
            path=self.path,
        )
