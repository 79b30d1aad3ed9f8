"""search: trial after trial, until there are enough of them, or no time or no settings are left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from unrolled.errors import RecipeError
from unrolled.recipe.search_space import Settings
from unrolled.tuning.proposals import next_settings
from unrolled.tuning.running import Runner, Task
from unrolled.tuning.study import Purpose, Study
from unrolled.tuning.trials import Outcome, Trial

Reason = Literal["trials", "time", "settings"]


@dataclass(frozen=True)
class Budget:
    """When a search ends.

    trials: how many the study shall have; seconds: after which no trial begins any more. Either may
    be None: without end.
    """

    trials: int | None = None
    seconds: float | None = None


def search(
    study: Study,
    purpose: Purpose,
    runner: Runner,
    budget: Budget,
    *,
    on_trial: Callable[[Trial], None],
) -> Reason:
    """Run trials until the budget, or the space, is used up; returns which of them it was.

    The seed of the recipe is that of the search too. With a runner of one place the same trials
    come in the same order, with the same scores, interrupted or not; with several, the order in
    which they end decides what is tried next.
    on_trial: told of every trial as it ends. KeyboardInterrupt leaves the study as it is, to go on.
    """
    work = _Work(study, purpose, runner, on_trial)
    deadline = None if budget.seconds is None else time.monotonic() + budget.seconds
    while True:
        reason = work.fill_places(budget.trials, deadline)
        if not study.running:
            assert reason is not None, "a place stays empty for a reason"
            return reason
        work.wait()


class _Work:
    """A search under way."""

    def __init__(
        self,
        study: Study,
        purpose: Purpose,
        runner: Runner,
        on_trial: Callable[[Trial], None],
    ) -> None:
        self.study = study
        self.purpose = purpose
        self.runner = runner
        self.on_trial = on_trial

    def fill_places(self, trials: int | None, deadline: float | None) -> Reason | None:
        """Begin with as many trials as can run at once; why no more begins, if so."""
        while len(self.study.running) < self.runner.places:
            begun = len(self.study.trials) + len(self.study.running)
            if trials is not None and begun >= trials:
                return "trials"
            if deadline is not None and time.monotonic() >= deadline:
                return "time"
            number, settings = self._next()
            if settings is None:
                return "settings"
            self._begin(number, settings)
        return None

    def wait(self) -> None:
        """Take in the next trial that ends."""
        self._end(*self.runner.finished())

    def _next(self) -> tuple[int, Settings | None]:
        """A trial that was cut off comes first."""
        if self.study.cut_off:
            return min(self.study.cut_off.items(), key=lambda numbered: numbered[0])
        number = self.study.next_number
        return number, next_settings(
            self.purpose.space,
            self.purpose.objective,
            number=number,
            seed=self.purpose.space.recipe.seed,
            tried=self.study.trials,
            running=self.study.running.values(),
        )

    def _begin(self, number: int, settings: Settings) -> None:
        self.study.begin(number, settings)
        try:
            recipe = self.purpose.space.recipe_of(settings)
        except RecipeError as error:
            self._end(number, Outcome("refused", note=str(error)))
            return
        objective = self.purpose.objective
        complete = [one.outcome for one in self.study.trials if one.outcome.kind == "complete"]
        rivals = tuple(objective.curve(outcome) for outcome in complete)
        self.runner.start(
            Task(number, recipe, objective, rivals if self.purpose.is_pruned else None)
        )

    def _end(self, number: int, outcome: Outcome) -> None:
        self.on_trial(self.study.end(number, outcome))
