"""Tasks whose right answers are known: digits to reverse or to copy, dates to write anew.

Everything is generated. What a network is tested on is never among what it has learned from, except
for copies so short that there are only a few.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from unrolled.ragged import Ragged
from unrolled.text.vocabulary import STOP

DIGITS = range(STOP + 1, STOP + 11)
"""Ids of the digits: those before are padding, start, unknown and stop."""


@dataclass(frozen=True)
class Pairs:
    """Inputs, and what is to be written for each, the stop token included."""

    inputs: Ragged
    targets: Ragged

    @classmethod
    def of(cls, inputs: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]) -> Pairs:
        return cls(
            Ragged.from_lists(inputs), Ragged.from_lists([[*answer, STOP] for answer in answers])
        )


# --- Digits --------------------------------------------------------------------------------------

Numbers = tuple[int, ...]


def digits(
    rng: np.random.Generator,
    count: int,
    lengths: Sequence[int],
    *,
    unlike: Collection[Numbers] = (),
) -> list[Numbers]:
    """Random digits of random lengths, none of which is in ``unlike``."""
    found = list[Numbers]()
    while len(found) < count:
        drawn = rng.integers(DIGITS.start, DIGITS.stop, rng.choice(lengths))
        if (numbers := tuple(drawn.tolist())) not in unlike:
            found.append(numbers)
    return found


def reversals(numbers: Sequence[Numbers]) -> Pairs:
    return Pairs.of(numbers, [own[::-1] for own in numbers])


def copies(numbers: Sequence[Numbers]) -> Pairs:
    return Pairs.of(numbers, numbers)


# --- Dates ---------------------------------------------------------------------------------------

FIRST_DAY, DAYS = date(1950, 1, 1), 100 * 365 + 25
"""A hundred years, so that two digits say which year it is."""


def _ordinal(day: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{day}{endings.get(day % 10 if day // 10 != 1 else 0, 'th')}"


FORMATS: tuple[Callable[[date], str], ...] = (
    lambda day: f"{day.day} {day:%B %Y}",  # 3 March 2019
    lambda day: f"{day:%B} {day.day}, {day.year}",  # March 3, 2019
    lambda day: f"{day:%d/%m/%y}",  # 03/03/19, the day first
    lambda day: f"{day.day}.{day.month}.{day.year}",  # 3.3.2019
    lambda day: f"{day.day} {day:%b %Y}",  # 3 Mar 2019
    lambda day: f"{day:%A}, {_ordinal(day.day)} of {day:%B %Y}",  # Sunday, 3rd of March 2019
    lambda day: f"{day:%Y%m%d}",  # 20190303
)
"""Ways to write a day, of which no two can be read as different days."""


def _alphabet(texts: Sequence[str]) -> dict[str, int]:
    return {letter: STOP + 1 + at for at, letter in enumerate(sorted(set("".join(texts))))}


def _every_text() -> list[str]:
    """Enough days to see each letter and digit."""
    return [form(FIRST_DAY + timedelta(31 * at)) for at in range(1000) for form in FORMATS]


READ = _alphabet(_every_text())
"""Ids of the letters that a date is written in."""

WRITTEN = _alphabet(["0123456789-"])
"""Ids of those that it is to be written in."""


def split_days(rng: np.random.Generator, unseen: int) -> tuple[list[date], list[date]]:
    """Days to learn from, and others to be tested on."""
    days = [FIRST_DAY + timedelta(int(number)) for number in rng.permutation(DAYS)]
    return days[unseen:], days[:unseen]


def dates(rng: np.random.Generator, days: Sequence[date]) -> Pairs:
    """Each day, written in a way that is drawn, and as ISO 8601 has it."""
    forms = rng.integers(0, len(FORMATS), len(days))
    texts = [FORMATS[form](day) for form, day in zip(forms, days, strict=True)]
    return Pairs.of(
        [[READ[letter] for letter in text] for text in texts],
        [[WRITTEN[letter] for letter in day.isoformat()] for day in days],
    )
