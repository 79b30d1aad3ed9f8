"""Texts that are there more than once: in one part, under two labels, in training and in a test."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from unrolled.datasets.doctor.findings import EXAMPLES, Finding, counted
from unrolled.datasets.doctor.together import GROUPS, Group, Together, first_of_each

MANY = 0.1  # share of repeated rows from which repetition warns
LEAK = 0.01  # share of validation texts seen in training from which the score is too good


def find_duplicates(rows: Together) -> Iterator[Finding]:
    """Texts under two labels, texts shared by two groups, and repeated texts."""
    yield from _contradictions(rows)
    yield from _shared(rows, "test")
    yield from _shared(rows, "validation")
    yield from _repeated(rows)


def _contradictions(rows: Together) -> Iterator[Finding]:
    first = first_of_each(rows.folded)
    differs = np.flatnonzero(rows.label_numbers != rows.label_numbers[first])
    if not len(differs):
        return
    texts, places = np.unique(first[differs], return_index=True)
    examples = tuple(
        (
            rows.where(text),
            f"{rows.labels_of(text)}, and {rows.labels_of(other)} at {rows.where(other)}",
        )
        for text, other in zip(
            texts[:EXAMPLES].tolist(), differs[places[:EXAMPLES]].tolist(), strict=True
        )
    )
    have = "text has" if len(texts) == 1 else "texts have"
    yield Finding(
        "contradictions", "warns", len(texts),
        f"{len(texts):,} {have} different labels in different rows", examples,
        "decide which label is right, since a model can learn only one of them",
    )  # fmt: skip


def _shared(rows: Together, group: Group) -> Iterator[Finding]:
    """Texts of ``group`` that are training texts too, but for case and white space."""
    training, others = rows.rows("training"), rows.rows(group)
    known, first = np.unique(rows.folded[training], return_index=True)
    shared = others[np.isin(rows.folded[others], known)]
    if not len(shared):
        return
    twins = training[first[np.searchsorted(known, rows.folded[shared[:EXAMPLES]])]]
    examples = tuple(
        (rows.where(row), f"as {rows.where(twin)}")
        for row, twin in zip(shared[:EXAMPLES].tolist(), twins.tolist(), strict=True)
    )
    share = len(shared) / len(others)
    are = "is a training text" if len(shared) == 1 else "are training texts"
    yield Finding(
        f"shared_with_{group}", "warns" if group == "test" or share >= LEAK else "notes",
        len(shared), f"{len(shared):,} of {counted(len(others), f'{group} text')} {are} too",
        examples,
        f"leave them out of one of the two, or the {group} score is better than the model",
    )  # fmt: skip


def _repeated(rows: Together) -> Iterator[Finding]:
    """Rows beyond the first with their text, of one group."""
    exactly = np.zeros(len(rows.exact), np.bool_)
    nearly = np.zeros(len(rows.exact), np.bool_)
    first = np.arange(len(rows.exact))
    for group in GROUPS:
        members = rows.rows(group)
        exact, folded = first_of_each(rows.exact[members]), first_of_each(rows.folded[members])
        own = np.arange(len(members))
        exactly[members] = exact != own
        nearly[members] = (folded != own) & (exact == own)
        first[members] = members[folded]
    for kind, found, like in (
        ("duplicates", exactly, "repeat the text of a row before them"),
        ("near_duplicates", nearly, "repeat a text but for capital letters or white space"),
    ):
        again = np.flatnonzero(found)
        if len(again):
            verb = (
                like
                if len(again) > 1
                else like.replace("repeat", "repeats", 1).replace("them", "it")
            )
            yield Finding(
                kind, "warns" if len(again) >= MANY * len(found) else "notes", len(again),
                f"{counted(len(again), 'row')} {verb}",
                tuple(
                    (rows.where(row), f"as {rows.where(int(first[row]))}")
                    for row in again[:EXAMPLES].tolist()
                ),
                "keep one of each, unless repeated texts should weigh more",
            )  # fmt: skip
