"""The rows of all parts end to end, each in its group: training, validation or test."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.datasets.doctor.census import Census, Hashes, Rows
from unrolled.datasets.doctor.findings import EXAMPLES

Group = Literal["training", "validation", "test"]
GROUPS: tuple[Group, Group, Group] = ("training", "validation", "test")
PARTS = ("train", "validation", "test")  # the part whose rows are in each group


@dataclass(frozen=True)
class Together:
    """Rows are numbered through all parts, of which "train" is the first.

    held_back: rows of "train" that only validate.
    """

    parts: Sequence[Census]
    held_back: Rows | None = None

    @cached_property
    def exact(self) -> Hashes:
        """Hash of each text."""
        return np.concatenate([part.exact for part in self.parts])

    @cached_property
    def folded(self) -> Hashes:
        """Hash of each text, case and white space making no difference."""
        return np.concatenate([part.folded for part in self.parts])

    @cached_property
    def label_numbers(self) -> Rows:
        """Number of each row's label, or labels: the same in all parts (rows,)."""
        numbering: dict[tuple[str, ...], int] = {}
        return np.concatenate(
            [
                np.array(
                    [numbering.setdefault(names, len(numbering)) for names in part.label_sets],
                    dtype=np.int64,
                )[part.label_numbers]
                for part in self.parts
            ]
        )

    @cached_property
    def groups(self) -> NDArray[np.uint8]:
        """Index into GROUPS of each row (rows,)."""
        groups = [np.full(len(part), PARTS.index(part.part), np.uint8) for part in self.parts]
        if self.held_back is not None:
            groups[0][self.held_back] = GROUPS.index("validation")
        return np.concatenate(groups)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(len(part) for part in self.parts)][:-1]

    def rows(self, group: Group) -> Rows:
        """Rows of one group."""
        return np.flatnonzero(self.groups == GROUPS.index(group))

    def place(self, row: int) -> tuple[Census, int]:
        """The part of a row, and its number there."""
        number = bisect_right(self._starts, row) - 1
        return self.parts[number], row - self._starts[number]

    def where(self, row: int) -> str:
        """Place of a row, for people."""
        part, number = self.place(row)
        return part.where(number)

    def labels_of(self, row: int) -> str:
        """Label or labels of a row, in quotes."""
        part, number = self.place(row)
        return ", ".join(map(repr, part.labels_of(number))) or "no label"

    def places(self, rows: Rows) -> tuple[tuple[str, str], ...]:
        """The first of the rows, as examples of a finding."""
        return tuple((self.where(row), "") for row in rows[:EXAMPLES].tolist())


def first_of_each(hashes: Hashes) -> Rows:
    """For each hash, the place of the first equal one (hashes,)."""
    _, first, same = np.unique(hashes, return_index=True, return_inverse=True)
    places: Rows = first[same.reshape(-1)].astype(np.int64)
    return places
