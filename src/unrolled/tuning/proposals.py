"""What a search tries next: a function of what was tried, the seed and the trial's number.

Nothing else has a part in it, so that a search that was interrupted goes on as if it had not been.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from unrolled.errors import RecipeError
from unrolled.recipe import Recipe, SearchSpace
from unrolled.recipe.search_space import Choices, Range, Settings
from unrolled.tuning.quiet import create_study
from unrolled.tuning.trials import Objective, Trial

COUNTED_POINTS = 10_000
"""Of a space with more settings it is not looked after that none is tried twice."""


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """The settings as Optuna names what may be tried."""
    return {key: _distribution(own) for key, own in space.settings.items()}


def next_settings(
    space: SearchSpace,
    objective: Objective,
    *,
    number: int,
    seed: int,
    tried: Sequence[Trial],
    running: Iterable[Settings] = (),
) -> Settings | None:
    """What trial ``number``, from 1, shall try; None when all there is has been tried.

    The first one is the recipe as it stands, if the space has it. The others are drawn by Optuna's
    TPE sampler (Bergstra et al. 2011), which takes those that are running for bad ones, so that it
    looks elsewhere. Settings that were tried already make room for others that were not.
    """
    running = list(running)
    seen = [trial.settings for trial in tried] + running
    own = space.own_settings
    if own is not None and own not in seen:
        return own
    drawn = _drawn(space, objective, tried, running, _seed(seed, number))
    points = space.points
    if points is None or points > COUNTED_POINTS:
        return drawn
    known = [recipe for recipe in (_recipe(space, settings) for settings in seen) if recipe]
    order = np.random.default_rng([seed, number]).permutation(points)
    for settings in (drawn, *(space.point(int(point)) for point in order)):
        recipe = _recipe(space, settings)
        if settings not in seen and recipe is not None and recipe not in known:
            return settings
    return None


def _recipe(space: SearchSpace, settings: Settings) -> Recipe | None:
    """None where the settings do not go together."""
    try:
        return space.recipe_of(settings)
    except RecipeError:
        return None


def _seed(seed: int, number: int) -> int:
    """Another one for each trial."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _drawn(
    space: SearchSpace,
    objective: Objective,
    tried: Sequence[Trial],
    running: Sequence[Settings],
    seed: int,
) -> Settings:
    """By the sampler, which is told of all trials anew."""
    study = create_study(
        direction=objective.direction, sampler=optuna.samplers.TPESampler(seed=seed)
    )
    kinds = distributions(space)
    study.add_trials(_told(trial, objective, kinds) for trial in tried)
    study.add_trials(
        optuna.create_trial(state=TrialState.PRUNED, params=dict(settings), distributions=kinds)
        for settings in running
    )
    drawn = study.ask(fixed_distributions=kinds).params
    return {
        key: own.tidy(drawn[key]) if isinstance(own, Range) else drawn[key]
        for key, own in space.settings.items()
    }


def _told(trial: Trial, objective: Objective, kinds: dict[str, BaseDistribution]) -> FrozenTrial:
    """A trial for the sampler: one without a score is worse than all that have one."""
    outcome = trial.outcome
    is_complete = outcome.kind == "complete"
    has_curve = outcome.kind in ("complete", "pruned")
    curve = objective.curve(outcome) if has_curve else ()
    return optuna.create_trial(
        state=TrialState.COMPLETE if is_complete else TrialState.PRUNED,
        value=objective.score(outcome) if is_complete else None,
        params=dict(trial.settings),
        distributions=kinds,
        intermediate_values=dict(enumerate(curve, start=1)),
    )


def _distribution(own: Choices | Range) -> BaseDistribution:
    if isinstance(own, Choices):
        return CategoricalDistribution(own.values)
    if own.whole:
        return IntDistribution(int(own.low), int(own.high), log=own.log, step=int(own.step or 1))
    return FloatDistribution(own.low, own.high, log=own.log, step=own.step)
