"""SearchSpace: which settings of a recipe a search changes, and what it may try for each."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from unrolled.errors import RecipeError
from unrolled.recipe.loading import changed_recipe
from unrolled.recipe.sections import SECTIONS, Recipe
from unrolled.recipe.words import flat, nearest, shown

Value = bool | int | float | str
Settings = Mapping[str, Value]
"""What a trial changes of its recipe, as {"network.units": 8}; "none" stands for None."""

_SAME_TEXTS = "every trial must be validated on the same texts"
_AFTERWARDS = "what is decided after the training changes no score of it"
_NEVER = {
    "name": "a name is nothing to search for",
    "seed": "the best of many seeds is luck, not a better recipe",
    "training.split_seed": _SAME_TEXTS,
    "training.validation_fraction": _SAME_TEXTS,
}
_NEVER_SECTIONS = {
    "decision": _AFTERWARDS,
    "transfer": "only a network that begins with the layers of another one reads it",
}
_DIGITS = 3  # of a number between low and high: as a person would write it


@dataclass(frozen=True)
class Choices:
    """One of several values, as they stand in a recipe file."""

    values: tuple[Value, ...]

    @property
    def points(self) -> int:
        """How many there are to try."""
        return len(self.values)

    @property
    def tested(self) -> tuple[Value, ...]:
        """The values that a recipe has to accept."""
        return self.values

    def point(self, number: int) -> Value:
        """One of them, from 0."""
        return self.values[number]

    def holds(self, value: Value) -> bool:
        """Whether it is one of them; a truth is no number."""
        return any(type(value) is type(own) and value == own for own in self.values)

    def to_plain(self) -> list[Value]:
        """As a recipe file has it."""
        return list(self.values)


@dataclass(frozen=True)
class Range:
    """A number from ``low`` to ``high``, both of them included.

    log: each factor is as likely as any other; step: only low, low + step and so on; whole: a whole
    number. Without a step, a number that is not whole is tried to three digits.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    whole: bool = False

    @property
    def points(self) -> int | None:
        """How many numbers there are to try; None: too many to count."""
        step = self.step or (1 if self.whole else None)
        return None if step is None else math.floor((self.high - self.low) / step + 1e-9) + 1

    @property
    def tested(self) -> tuple[Value, ...]:
        """The values that a recipe has to accept."""
        return self.low, self.high

    def point(self, number: int) -> Value:
        """One of the numbers that can be counted, from 0."""
        return self.tidy(self.low + number * (self.step or 1))

    def tidy(self, value: float) -> float:
        """The number that is tried where a sampler draws ``value``."""
        if self.whole:
            return int(value)
        digits = _DIGITS if self.step is None else 10
        return min(max(float(f"{value:.{digits}g}"), self.low), self.high)

    def holds(self, value: Value) -> bool:
        """Whether it lies between, on a step if there are any."""
        if isinstance(value, str | bool) or not self.low <= value <= self.high:
            return False
        steps = 0.0 if self.step is None else (value - self.low) / self.step
        return math.isclose(steps, round(steps), abs_tol=1e-9)

    def to_plain(self) -> dict[str, Value]:
        """As a recipe file has it."""
        named = asdict(self)
        del named["whole"]
        return {
            key: value for key, value in named.items() if value is not None and value is not False
        }


@dataclass(frozen=True)
class SearchSpace:
    """A recipe, and what may be tried for some of its settings.

    recipe: what all trials have in common; its own values of the settings count for the first one.
    """

    recipe: Recipe
    settings: Mapping[str, Choices | Range]

    @classmethod
    def of(
        cls, recipe: Recipe, table: object, where: str, fixed: Collection[str] = ()
    ) -> SearchSpace:
        """From the [search] of a recipe file, less the settings that are ``fixed``.

        Raises RecipeError, which begins with ``where``, if something is wrong with it.
        """
        settings = {
            key: _parsed(recipe, key, value, where) for key, value in _entries(table, where)
        }
        space = cls(recipe, {key: own for key, own in settings.items() if key not in fixed})
        if not space.settings:
            raise RecipeError(f"{where}: no setting is left to search; name some in [search]")
        for key, own in space.settings.items():
            for value in own.tested:
                space._check(key, value, where)
        return space

    def recipe_of(self, settings: Settings) -> Recipe:
        """The recipe of a trial; RecipeError where the settings do not go together.

        What nothing reads beside the other settings has its default: the window of a cell without.
        """
        return changed_recipe(self.recipe, settings, leave_unread=True)

    @property
    def own_settings(self) -> Settings | None:
        """The recipe's own values, if each of them may be tried."""
        values = flat(self.recipe.to_dict())
        own = {key: "none" if values[key] is None else values[key] for key in self.settings}
        is_held = all(self.settings[key].holds(value) for key, value in own.items())
        return own if is_held else None

    @property
    def points(self) -> int | None:
        """How many different settings there are; None: too many to count."""
        counts = [own.points for own in self.settings.values()]
        return None if None in counts else math.prod(count for count in counts if count)

    def point(self, number: int) -> Settings:
        """One of the settings that can be counted, from 0."""
        point = {}
        for key, own in self.settings.items():
            number, place = divmod(number, own.points or 1)
            point[key] = own.point(place)
        return point

    def to_table(self) -> dict[str, Any]:
        """As the [search] of a recipe file."""
        return {key: own.to_plain() for key, own in self.settings.items()}

    def _check(self, key: str, value: Value, where: str) -> None:
        """Raise RecipeError unless the recipe takes a value, alone or beside another choice."""
        fault = None
        for others in ({}, *self._single_changes(key)):
            try:
                changed_recipe(self.recipe, {**others, key: value})
            except RecipeError as error:
                fault = fault or str(error).removeprefix(f'recipe "{self.recipe.name}": ')
            else:
                return
        raise RecipeError(f"{where}: [search] {fault}")

    def _single_changes(self, key: str) -> Iterator[Settings]:
        for other, own in self.settings.items():
            if other != key:
                yield from ({other: value} for value in own.tested)


def _entries(table: object, where: str) -> Iterator[tuple[str, Any]]:
    """Key and value of each setting, written as one word, "network.units", or in tables."""
    if not isinstance(table, Mapping):
        raise RecipeError(f'{where}: search = {shown(table)}: must be a table, as "[search]"')
    sections = {kind.section for kind in SECTIONS}
    for key, value in table.items():
        if key in sections and isinstance(value, Mapping):
            yield from ((f"{key}.{name}", inner) for name, inner in value.items())
        else:
            yield key, value


def _parsed(recipe: Recipe, key: str, value: object, where: str) -> Choices | Range:
    """What may be tried for one setting."""
    values = flat(recipe.to_dict())
    if key not in values:
        raise RecipeError(f'{where}: [search] unknown setting "{key}"{nearest(key, values)}')
    never = _NEVER.get(key) or _NEVER_SECTIONS.get(key.partition(".")[0])

    def fault(what: str) -> RecipeError:
        return RecipeError(f"{where}: [search] {key} = {shown(value)}: {what}")

    if never is not None:
        raise fault(f"{never}; leave it out")
    if isinstance(value, list):
        return _choices(value, fault)
    if isinstance(value, Mapping):
        return _range(value, values[key], fault)
    raise fault("must be a list of values, or { low = ..., high = ... }")


def _choices(values: list[Any], fault: Callable[[str], RecipeError]) -> Choices:
    if not values:
        raise fault("there is no value to try")
    chosen = Choices(())
    for value in values:
        if not isinstance(value, bool | int | float | str):
            raise fault(f"{shown(value)} is no value of a setting")
        if chosen.holds(value):
            raise fault(f"{shown(value)} is there twice")
        chosen = Choices((*chosen.values, value))
    return chosen


def _range(table: Mapping[str, Any], own: object, fault: Callable[[str], RecipeError]) -> Range:
    """own: the recipe's value of the setting, which tells what kind of number it is."""
    if isinstance(own, str | bool):
        raise fault("the setting is no number; list the values to try")
    known = ("low", "high", "log", "step")
    for name in table:
        if name not in known:
            raise fault(f'unknown "{name}"{nearest(name, known)}; known: {", ".join(known)}')
    whole = not isinstance(own, float)
    numbers = {name: table[name] for name in ("low", "high", "step") if name in table}
    if not {"low", "high"} <= numbers.keys():
        raise fault("needs both low and high")
    for name, number in numbers.items():
        _check_number(name, number, whole, fault)
    low, high, step = numbers["low"], numbers["high"], numbers.get("step")
    log = table.get("log", False)
    if not isinstance(log, bool):
        raise fault("log must be true or false")
    if not low < high:
        raise fault("low must be less than high")
    if step is not None and not 0 < step <= high - low:
        raise fault("step must be more than 0, and fit between low and high")
    if log and step is not None:
        raise fault("log and step exclude each other")
    if log and low <= 0:
        raise fault("with log, low must be more than 0")
    number = int if whole else float
    return Range(number(low), number(high), log, None if step is None else number(step), whole)


def _check_number(
    name: str, number: object, whole: bool, fault: Callable[[str], RecipeError]
) -> None:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise fault(f"{name} must be a number")
    if not math.isfinite(number):
        raise fault(f"{name} must be finite")
    if whole and not isinstance(number, int):
        raise fault(f"{name} must be a whole number, as the setting is")
