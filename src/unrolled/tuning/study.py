"""Study: the trials of a search in a SQLite file, as Optuna keeps them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import OptunaError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from unrolled.errors import InputError, OutputError
from unrolled.locking import FolderLock
from unrolled.recipe import Recipe, SearchSpace
from unrolled.recipe.search_space import Settings
from unrolled.recipe.words import shown
from unrolled.tuning.proposals import distributions
from unrolled.tuning.quiet import create_study
from unrolled.tuning.trials import Objective, Outcome, Trial

FILE = "study.db"
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
_TAKEN = "another search is at work there; wait for it, or choose another --out"
_NAME = "unrolled"
_MADE_FOR = "made for"  # attributes of the study and of each trial, as Optuna keeps them
_NUMBER, _SETTINGS, _OUTCOME = "trial", "settings", "outcome"


@dataclass(frozen=True)
class Purpose:
    """What a study was made for: it goes on with nothing else.

    data, fingerprint: the name and the content of the texts. is_pruned: hopeless trials are ended.
    """

    data: str
    fingerprint: str
    space: SearchSpace
    objective: Objective
    is_pruned: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return {
            "data": self.data,
            "fingerprint": self.fingerprint,
            "recipe": self.space.recipe.to_dict(),
            "search": self.space.to_table(),
            "objective": str(self.objective),
            "pruning": self.is_pruned,
        }

    def check(self, stored: Mapping[str, Any], path: Path) -> None:
        """Raise InputError unless a study that is there was made for the same."""
        own = json.loads(json.dumps(self.to_dict()))
        recipe = Recipe.from_dict(stored["recipe"])
        if own["fingerprint"] != stored["fingerprint"]:
            fault = f"was made for other data, from {stored['data']}"
        elif own["recipe"] != stored["recipe"]:
            differences = recipe.differences(self.space.recipe)
            fault = f"was made with another recipe: in it {'; '.join(differences)}"
        elif own["search"] != stored["search"]:
            fault = f"was made with another search: {_difference(own['search'], stored['search'])}"
        elif own["objective"] != stored["objective"]:
            fault = f"was made with --objective {stored['objective']}"
        elif own["pruning"] != stored["pruning"]:
            fault = f"was made with {'--prune' if stored['pruning'] else '--no-prune'}"
        else:
            return
        raise InputError(f"{path}: the study {fault}; go on with that, or choose another --out")


class Study:
    """The trials of one search, which outlive the process.

    A trial is written down when it begins and when it ends. One that was cut off in between is
    marked as failed when the study is opened again, and its settings wait to be tried again.
    The curve is in one attribute of the trial: a write for every epoch would take longer than many
    an epoch does.
    """

    def __init__(self, study: optuna.Study, purpose: Purpose) -> None:
        self._study = study
        self._kinds: dict[str, BaseDistribution] = distributions(purpose.space)
        self._objective = purpose.objective
        self._running: dict[int, optuna.Trial] = {}
        self._trials = {trial.number: trial for trial in map(_as_trial, self._kept(*_ENDED))}
        self.cut_off: dict[int, Settings] = self._marked()

    @property
    def trials(self) -> list[Trial]:
        """Those that have ended, by their numbers."""
        return [self._trials[number] for number in sorted(self._trials)]

    @property
    def running(self) -> dict[int, Settings]:
        """The settings of those that have begun."""
        return {number: trial.params for number, trial in self._running.items()}

    @property
    def next_number(self) -> int:
        """That of a trial which is neither there nor was cut off."""
        return max([0, *self._trials, *self._running, *self.cut_off]) + 1

    def begin(self, number: int, settings: Settings) -> None:
        """Write down what a trial tries."""
        settings = dict(settings)
        self._study.enqueue_trial(settings, user_attrs={_NUMBER: number, _SETTINGS: settings})
        self._running[number] = self._study.ask(fixed_distributions=self._kinds)
        self.cut_off.pop(number, None)

    def end(self, number: int, outcome: Outcome) -> Trial:
        """Write down how it went."""
        kept = self._running[number]
        ended = Trial(number, kept.params, outcome)
        kept.set_user_attr(_OUTCOME, outcome.to_dict())
        score = self._objective.score(outcome)
        if outcome.kind == "complete":
            self._study.tell(kept, score)
        else:
            if score is not None:
                kept.report(score, outcome.epoch)
            self._study.tell(kept, state=TrialState.PRUNED)
        del self._running[number]
        self._trials[number] = ended
        return ended

    def _marked(self) -> dict[int, Settings]:
        """By number the settings of trials that did not end, which are marked as failed."""
        for _ in self._kept(TrialState.WAITING):
            self._study.ask()
        for kept in self._kept(TrialState.RUNNING):
            self._study.tell(kept.number, state=TrialState.FAIL)
        return {
            kept.user_attrs[_NUMBER]: kept.user_attrs[_SETTINGS]
            for kept in self._kept(TrialState.FAIL)
            if kept.user_attrs[_NUMBER] not in self._trials
        }

    def _kept(self, *states: TrialState) -> list[FrozenTrial]:
        """Our trials in any of these states; others may have been added by hand."""
        kept = self._study.get_trials(deepcopy=False, states=states)
        return [one for one in kept if _NUMBER in one.user_attrs]


@contextmanager
def opened(folder: Path, purpose: Purpose, *, resume: bool) -> Iterator[Study]:
    """The study in a folder: a new one in place of any that is there, or (``resume``) that one.

    Raises InputError when it is none, was made for something else, or is in use, and OutputError
    when it cannot be written.
    """
    path = folder / FILE
    with closing(FolderLock(folder, taken=_TAKEN)), _errors_name(path), ExitStack() as stack:
        if not resume:
            _remove(path)
        url = URL.create("sqlite", database=str(path.resolve()))
        storage = optuna.storages.RDBStorage(url.render_as_string())
        stack.callback(storage.engine.dispose)
        stack.callback(storage.remove_session)
        kept = create_study(
            storage=storage,
            study_name=_NAME,
            direction=purpose.objective.direction,
            load_if_exists=True,
        )
        if _MADE_FOR in kept.user_attrs:
            purpose.check(kept.user_attrs[_MADE_FOR], path)
        else:
            kept.set_user_attr(_MADE_FOR, purpose.to_dict())
        yield Study(kept, purpose)


def _as_trial(kept: FrozenTrial) -> Trial:
    outcome = Outcome.from_dict(kept.user_attrs[_OUTCOME])
    return Trial(kept.user_attrs[_NUMBER], kept.params, outcome)


def _difference(own: Mapping[str, Any], stored: Mapping[str, Any]) -> str:
    """The first setting that is not searched alike."""
    for key in [*stored, *own]:
        if key not in own:
            return f"in it {key} is searched"
        if key not in stored:
            return f"in it {key} is not searched"
        if own[key] != stored[key]:
            return f"in it {key} is {shown(stored[key])}, not {shown(own[key])}"
    return "in it the settings have another order"


def _remove(path: Path) -> None:
    """A study that is not gone on with, and what SQLite may have left beside it."""
    for beside in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)


@contextmanager
def _errors_name(path: Path) -> Iterator[None]:
    """Errors of SQLite and of Optuna in one line that begins with the file."""
    try:
        yield
    except SQLAlchemyError as error:
        reason = getattr(error, "orig", None) or error
        raise OutputError(
            f"{path}: the study cannot be read or written: {reason}; choose another --out"
        ) from error
    except OptunaError as error:
        raise InputError(
            f"{path}: the study cannot be read: {error}; choose another --out"
        ) from error
