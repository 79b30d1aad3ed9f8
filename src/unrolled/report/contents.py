"""What a report shows, as plain values: a run's figures, its texts, what was found in its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.summary import LayerRow
from unrolled.evaluation.decision import Decision
from unrolled.report import plots
from unrolled.report.standing import Standing
from unrolled.text.sequences import Part


@dataclass(frozen=True)
class Lengths:
    """What the histogram of lengths shows; ``counts`` of each bin, ``edges`` around them."""

    mean: float
    median: float
    counts: Sequence[int]
    edges: Sequence[float]

    @classmethod
    def of(cls, statistics: Mapping[str, Any]) -> Lengths:
        """From the fields of ``LengthStatistics``."""
        return cls(
            mean=statistics["mean"],
            median=statistics["median"],
            counts=statistics["histogram_counts"],
            edges=statistics["histogram_edges"],
        )


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A text that was taken for the wrong class.

    probability: what the network gave to ``predicted``; where: the place of the text in its data.
    """

    text: str
    truth: str
    predicted: str
    probability: float
    where: str


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """A fault of the data, as ``doctor.Finding`` has it; ``examples`` are places and details."""

    kind: str
    severity: str
    count: int
    what: str
    advice: str
    examples: Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What was found in the data before the training.

    rows_in = rows_used + the sum of set_aside, which has the number of rows by reason.
    """

    rows_in: int
    rows_used: int
    set_aside: Mapping[str, int]
    flaws: Sequence[Flaw]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Examination:
        """From plain values, as JSON has them."""
        return cls(**{**data, "flaws": [Flaw(**flaw) for flaw in data["flaws"]]})


@dataclass(frozen=True, kw_only=True)
class PartRead:
    """How well the texts of one part of the data could be read.

    unknown: share of its tokens that are unknown; cut: share of its texts that were too long;
    lost: share of its tokens that were cut off.
    """

    part: str
    texts: int
    unknown: float
    cut: float
    lost: float


@dataclass(frozen=True, kw_only=True, eq=False)
class ReportData:
    """All that one training run has to show.

    data, recipe: rows of name and value, shown as they are.
    history: ``History.history``; "seconds" may be missing. best_epoch counts from 1; 0 is none.
    confusion: (true class, predicted class), in the order of ``classes``, on the validation texts;
    where a text may have several labels, (label, truly there or not, predicted or not).
    mistakes: worst first. lengths, maxlen, keep, unit: for the histogram; maxlen None means never
    cut. standing, examination, read: None or empty where a model does not know them.
    reference: the same experiment's history in the notebook. note: one remark that explains the
    run, such as "stopped on a plateau before learning began".
    readings: the address of the page on which texts are read word by word, None without one.
    """

    title: str
    data: Sequence[tuple[str, str]]
    recipe: Sequence[tuple[str, str]]
    layers: Sequence[LayerRow]
    history: Mapping[str, Sequence[float]]
    best_epoch: int
    stop_reason: str
    seconds: float
    classes: Sequence[str]
    confusion: NDArray[np.int64]
    mistakes: Sequence[Mistake]
    lengths: plots.Lengths
    maxlen: int | None = None
    keep: Part = "tail"
    unit: str = "words"
    decision: Decision = field(default_factory=Decision)
    standing: Standing | None = None
    examination: Examination | None = None
    read: Sequence[PartRead] = ()
    peak_memory_mb: float | None = None
    reference: Mapping[str, Sequence[float]] | None = None
    note: str | None = None
    readings: str | None = None

    @property
    def several(self) -> bool:
        """Whether a text may have several labels."""
        return self.confusion.ndim == 3


@dataclass(frozen=True, kw_only=True, eq=False)
class SeedRuns:
    """One experiment over several seeds, and the notebook's single run of it.

    summary: as ``reproduce.seeds.summarise`` gives it.
    """

    title: str
    summary: Mapping[str, Any]
    notebook_loss: float
    notebook_accuracy: float
