"""Rows gone through once, in their order; of each, only a few numbers are kept.

A text is kept as two hashes of 64 bits: of itself, and of what is left of it when capital letters,
white space and the Unicode form of its characters make no difference. That two different texts
among ten million share one has a probability of 3 in a million.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from unrolled.datasets.doctor.damage import FLAGS, around, flags_of
from unrolled.datasets.doctor.findings import EXAMPLES
from unrolled.datasets.examples import Examples, Label

Hashes = NDArray[np.uint64]
Rows = NDArray[np.int64]

_BYTES = 8


@dataclass(frozen=True)
class Census:
    """What is kept of the rows of one part, in their order.

    mark: after the places of a part whose name another part has too, such as " (test)".
    exact, folded: hashes of the texts (rows,). characters: lengths (rows,). damaged: number of
    texts with each kind of damage; damages: of the first ones, the row and the place in the text.
    label_sets: the different labels, or tuples of labels; label_numbers: which one each row has
    (rows,).
    """

    part: str
    mark: str
    examples: Examples
    exact: Hashes
    folded: Hashes
    characters: Rows
    damaged: Mapping[int, int]
    damages: Mapping[int, Sequence[tuple[int, str]]]
    label_sets: tuple[tuple[str, ...], ...]
    label_numbers: Rows

    def __len__(self) -> int:
        return len(self.exact)

    def where(self, row: int) -> str:
        """Place of a row, for people."""
        return self.examples.where(row) + self.mark

    def where_line(self, line: int) -> str:
        """Place of a line of the file, for people."""
        return f"{self.examples.name}:{line}{self.mark}"

    @cached_property
    def set_aside(self) -> dict[str, int]:
        """Rows that are left out, by reason."""
        return dict(Counter(reason for _, reason in self.examples.set_aside))

    def labels_of(self, row: int) -> tuple[str, ...]:
        """Labels of a row."""
        return self.label_sets[self.label_numbers[row]]

    def counts(self, rows: NDArray[np.bool_] | None = None) -> dict[str, int]:
        """Number of rows with each label, of all rows or of those marked (rows,)."""
        numbers = self.label_numbers if rows is None else self.label_numbers[rows]
        of_sets = np.bincount(numbers, minlength=len(self.label_sets)).tolist()
        counts = dict.fromkeys(sorted({name for names in self.label_sets for name in names}), 0)
        for names, count in zip(self.label_sets, of_sets, strict=True):
            for name in names:
                counts[name] += count
        return counts

    @cached_property
    def first_rows(self) -> dict[str, int]:
        """The first row with each label."""
        numbers, rows = np.unique(self.label_numbers, return_index=True)
        first: dict[str, int] = {}
        for row, number in sorted(zip(rows.tolist(), numbers.tolist(), strict=True)):
            for name in self.label_sets[number]:
                first.setdefault(name, row)
        return first


def take_census(part: str, examples: Examples, mark: str = "") -> Census:
    """Go through texts and labels once."""
    exact, folded = bytearray(), bytearray()
    characters, numbers = array("q"), array("q")
    numbering: dict[Label, int] = {}
    damaged = dict.fromkeys(FLAGS, 0)
    damages: dict[int, list[tuple[int, str]]] = {flag: [] for flag in FLAGS}
    for row, (text, label) in enumerate(zip(examples.texts, examples.labels, strict=True)):
        data = text.encode("utf-8", "surrogatepass")
        exact += blake2b(data, digest_size=_BYTES).digest()
        folded += blake2b(fold(text), digest_size=_BYTES).digest()
        characters.append(len(text))
        numbers.append(numbering.setdefault(label, len(numbering)))
        if flags := flags_of(text, data):
            for flag in (flag for flag in FLAGS if flags & flag):
                damaged[flag] += 1
                if len(damages[flag]) < EXAMPLES:
                    damages[flag].append((row, around(text, flag)))
    return Census(
        part=part,
        mark=mark,
        examples=examples,
        exact=np.frombuffer(exact, dtype=np.uint64),
        folded=np.frombuffer(folded, dtype=np.uint64),
        characters=np.frombuffer(characters, dtype=np.int64),
        damaged=damaged,
        damages=damages,
        label_sets=tuple((one,) if isinstance(one, str) else one for one in numbering),
        label_numbers=np.frombuffer(numbers, dtype=np.int64),
    )


def fold(text: str) -> bytes:
    """What is left of a text when case, white space and Unicode's form make no difference."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split()).encode("utf-8", "surrogatepass")
