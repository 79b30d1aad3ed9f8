"""Texts: rows set aside, damaged characters, and lengths that no text has by intention."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from unrolled.datasets.doctor.census import Census
from unrolled.datasets.doctor.damage import CONTROL, MISREAD, REPLACED, WINDOWS
from unrolled.datasets.doctor.findings import EXAMPLES, Finding, Severity, counted
from unrolled.datasets.doctor.together import Together

LONG, LONG_TIMES = 10_000, 20  # characters, and times the median, from which a text is endless
_REASONS = {  # reason of the reader: kind and advice of the finding
    "the text is empty": ("empty_texts", "write the text, or leave the row out"),
    "the label is missing": ("missing_labels", "label the row, or leave it out"),
}
_DAMAGES: tuple[tuple[int, str, Severity, str, str], ...] = (
    (
        REPLACED, "replaced_characters", "warns",
        "with U+FFFD, which stands for characters that were lost",
        "read the original again in its own encoding",
    ),
    (
        MISREAD, "misread_characters", "warns",
        "with signs such as 'Ã©' or 'â€™': UTF-8 that was read as Latin-1",
        "read the original as UTF-8, or repair the texts (Python: ftfy.fix_text)",
    ),
    (
        CONTROL, "control_characters", "warns", "with control characters, which no one can see",
        "remove them, unless they mean something",
    ),
    (
        WINDOWS, "windows_characters", "notes",
        "with U+0080 to U+009F, Windows-1252 that was read as Latin-1: U+0096 was a dash",
        "read the original as Windows-1252, or replace them",
    ),
)  # fmt: skip


def find_text_faults(rows: Together) -> Iterator[Finding]:
    """Everything that is wrong with the texts, whatever reads them."""
    for part in rows.parts:
        yield from _set_aside(part)
    for flag, kind, severity, what, advice in _DAMAGES:
        count = sum(part.damaged[flag] for part in rows.parts)
        if count:
            examples = [(p.where(row), place) for p in rows.parts for row, place in p.damages[flag]]
            said = f"{counted(count, 'text')} {what}"
            yield Finding(kind, severity, count, said, tuple(examples[:EXAMPLES]), advice)
    yield from _endless(rows)


def _set_aside(part: Census) -> Iterator[Finding]:
    """One finding for each reason."""
    for reason, count in part.set_aside.items():
        kind, advice = _REASONS.get(reason, ("set_aside", "mend the row, or leave it out"))
        lines = [line for line, why in part.examples.set_aside if why == reason][:EXAMPLES]
        yield Finding(
            kind, "warns", count,
            f"{counted(count, 'row')} of {part.examples.name} {'is' if count == 1 else 'are'} "
            f"not used: {reason}",
            tuple((part.where_line(line), "") for line in lines), advice,
        )  # fmt: skip


def _endless(rows: Together) -> Iterator[Finding]:
    characters = np.concatenate([part.characters for part in rows.parts])
    if not len(characters):
        return
    median = float(np.median(characters))
    found = np.flatnonzero((characters >= LONG) & (characters >= LONG_TIMES * median))
    if len(found):
        found = found[np.argsort(-characters[found], kind="stable")]
        are = "text is" if len(found) == 1 else "texts are"
        yield Finding(
            "endless_texts", "notes", len(found),
            f"{len(found):,} {are} more than {LONG_TIMES} times as long as half of all are",
            tuple(
                (rows.where(row), f"{counted(int(characters[row]), 'character')}")
                for row in found[:EXAMPLES].tolist()
            ),
            "look whether a quote that nothing closes, or a missing new line, joins several texts",
        )  # fmt: skip
