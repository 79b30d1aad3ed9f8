"""Trial, Outcome: what was tried, and how it went; Objective: which of two is the better one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal

from unrolled.recipe.search_space import Settings

Kind = Literal["complete", "pruned", "diverged", "refused", "failed"]
KINDS: tuple[Kind, ...] = ("complete", "pruned", "diverged", "refused", "failed")


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    kind: "complete"; "pruned", when its curve was worse than most; "diverged", when a loss or a
        gradient was no finite number; "refused", when its settings do not go together; "failed",
        when the work failed otherwise. note: why, of the last three.
    val_loss, val_accuracy: one number for each finished epoch.
    epoch: from 1, whose weights the network held at the end; cut short, the best one so far.
    """

    kind: Kind
    val_loss: tuple[float, ...] = ()
    val_accuracy: tuple[float, ...] = ()
    epoch: int = 0
    seconds: float = 0.0
    note: str = ""

    @property
    def epochs(self) -> int:
        """How many were finished."""
        return len(self.val_loss)

    @property
    def figures(self) -> tuple[float, float] | None:
        """Validation loss and accuracy of ``epoch``; None before any."""
        if not self.epoch:
            return None
        return self.val_loss[self.epoch - 1], self.val_accuracy[self.epoch - 1]

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Outcome:
        """From ``to_dict``'s result."""
        curves = {name: tuple(data[name]) for name in ("val_loss", "val_accuracy")}
        return cls(**{**data, **curves})


@dataclass(frozen=True)
class Trial:
    """One recipe of a search: its number, from 1, what it changed, and how it went."""

    number: int
    settings: Settings
    outcome: Outcome


class Objective(StrEnum):
    """What is to be as good as possible on the validation texts."""

    LOSS = "loss"
    ACCURACY = "accuracy"

    @property
    def figure(self) -> str:
        """What training calls it."""
        return f"val_{self}"

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """Which way is better."""
        return "minimize" if self is Objective.LOSS else "maximize"

    def curve(self, outcome: Outcome) -> tuple[float, ...]:
        """One number for each finished epoch."""
        return outcome.val_loss if self is Objective.LOSS else outcome.val_accuracy

    def score(self, outcome: Outcome) -> float | None:
        """The number that the network at the end of a trial has; None before any epoch."""
        return self.curve(outcome)[outcome.epoch - 1] if outcome.epoch else None

    def ranked(self, trials: Iterable[Trial]) -> list[Trial]:
        """The complete ones, the best first, of equals the earliest."""
        complete = [trial for trial in trials if trial.outcome.kind == "complete"]
        sign = 1 if self is Objective.LOSS else -1
        return sorted(complete, key=lambda trial: (sign * self._known(trial), trial.number))

    def running_best(self, trials: Sequence[Trial]) -> list[float | None]:
        """The best score of the trials up to each, in the order given; None before any."""
        best = [self.ranked(trials[:end]) for end in range(1, len(trials) + 1)]
        return [self.score(ranked[0].outcome) if ranked else None for ranked in best]

    def _known(self, trial: Trial) -> float:
        score = self.score(trial.outcome)
        assert score is not None, "a complete trial has finished an epoch"
        return score
