"""Many seeds of one experiment: what is typical, how far runs spread, where the notebook falls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

PLATEAU = "stopped on a plateau before learning began"


@dataclass(frozen=True)
class Run:
    """One seed's outcome; plateau: as ``FitResult`` has it."""

    seed: int
    epochs: int
    best_epoch: int
    val_loss: float
    val_accuracy: float
    seconds: float
    plateau: bool


@dataclass(frozen=True)
class Spread:
    """The middle, the ends and the middle half of some numbers."""

    median: float
    min: float
    max: float
    lower_quartile: float
    upper_quartile: float
    interquartile_range: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Quartiles are interpolated linearly; at least one value is needed."""
        low, lower, middle, upper, high = (
            float(value) for value in np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
        )
        return cls(middle, low, high, lower, upper, upper - lower)


def summarise(runs: Sequence[Run], notebook: dict[str, Any]) -> dict[str, Any]:
    """One experiment's runs as plain values; ``notebook`` is that experiment in figures.json.

    ``learnt`` leaves out the runs that stopped on the plateau, and is None when all did.
    """
    learnt = [run for run in runs if not run.plateau]
    return {
        "runs": [asdict(run) for run in runs],
        "plateaus": len(runs) - len(learnt),
        "all": _spreads(runs, notebook),
        "learnt": _spreads(learnt, notebook) if learnt else None,
    }


def _spreads(runs: Sequence[Run], notebook: dict[str, Any]) -> dict[str, Any]:
    losses = [run.val_loss for run in runs]
    accuracies = [run.val_accuracy for run in runs]
    better_loss = sum(loss < notebook["val_loss"] for loss in losses)
    better_accuracy = sum(accuracy > notebook["val_accuracy"] for accuracy in accuracies)
    return {
        "count": len(runs),
        # The notebook's place among these runs and itself: 1 is the best.
        "val_loss": {**asdict(Spread.of(losses)), "notebook_rank": better_loss + 1},
        "val_accuracy": {**asdict(Spread.of(accuracies)), "notebook_rank": better_accuracy + 1},
    }
