"""The examination itself: one pass over the rows, then questions to what was kept of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from unrolled.datasets.doctor.census import Rows, take_census
from unrolled.datasets.doctor.duplicates import find_duplicates
from unrolled.datasets.doctor.findings import Diagnosis, Finding, PartSummary, in_order
from unrolled.datasets.doctor.labels import find_label_faults
from unrolled.datasets.doctor.lengths import Lengths
from unrolled.datasets.doctor.reading import Reading, find_reading_faults
from unrolled.datasets.doctor.texts import find_text_faults
from unrolled.datasets.doctor.together import PARTS, Together
from unrolled.datasets.examples import Examples
from unrolled.errors import InputError


def examine(
    parts: Mapping[str, Examples],
    *,
    held_back: Rows | None = None,
    reading: Reading | None = None,
    also: Iterable[Finding] = (),
) -> Diagnosis:
    """Find what is wrong with data: texts and labels are gone through once, in their order.

    parts: "train", and perhaps "validation" and "test". held_back: the rows of "train" that are
    held back for validation (a split of it, as ``TextClassifier.split`` makes one). reading: what
    a recipe makes of the same texts, for lengths and unknown words. also: findings made before.
    """
    unknown = [part for part in parts if part not in PARTS]
    if unknown or "train" not in parts:
        raise InputError(f"parts must be train and perhaps validation and test, not {list(parts)}")
    name = parts["train"].name
    rows = Together(
        [
            take_census(part, parts[part], _mark(part, parts[part].name == name))
            for part in PARTS
            if part in parts
        ],
        held_back,
    )
    findings = [*also, *find_text_faults(rows), *find_label_faults(rows), *find_duplicates(rows)]
    lengths = None
    if reading is not None:
        findings += find_reading_faults(rows, reading)
        lengths = Lengths.of(np.concatenate([reading.words[part.part] for part in rows.parts]))
    return Diagnosis(
        [
            PartSummary(
                part=census.part,
                name=census.examples.name,
                source=census.examples.source,
                rows_in=len(census.examples) + len(census.examples.set_aside),
                rows_used=len(census),
                set_aside=census.set_aside,
                labels=census.counts(),
            )
            for census in rows.parts
        ],
        in_order(findings),
        lengths,
    )


def _mark(part: str, is_named_alike: bool) -> str:
    return f" ({part})" if is_named_alike and part != "train" else ""
