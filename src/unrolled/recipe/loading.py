"""A recipe from a preset's name or a TOML file, with changes on top."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unrolled.errors import RecipeError
from unrolled.recipe.presets import DEFAULT_RECIPE, PRESETS
from unrolled.recipe.sections import SECTIONS, Recipe
from unrolled.recipe.words import flat, nearest, shown, toml_value


def load_recipe(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Find a preset by name or read a TOML file, with ``key=value`` overrides on top.

    A TOML file starts from the preset that it names as ``base`` (the default preset without one)
    and may set any keys. An override's value is read as TOML; a bare word is a string.
    A setting of the preset that nothing reads any more, after the changes, has its default.
    """
    where, origin = str(name_or_path), origin_of(name_or_path)
    settings = origin.settings()
    changes = parsed_changes(overrides)
    place = f'recipe "{where}"' if where in PRESETS else where
    return _changed(settings, changes, origin.named | changes.keys(), place)


@dataclass(frozen=True)
class Origin:
    """Where a recipe begins.

    preset: whose settings it has, but for ``changes``, as the file of the recipe has them. search:
    the file's [search], which is no part of the recipe, as it stands there; None if there is none.
    """

    preset: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    search: Any = None

    @property
    def named(self) -> set[str]:
        """The keys that the file itself names."""
        return set(flat(self.changes))

    def settings(self) -> dict[str, Any]:
        """The preset's settings with the changes, not validated yet."""
        settings = PRESETS[self.preset].to_dict()
        for key, value in self.changes.items():
            if isinstance(settings.get(key), dict) and isinstance(value, dict):
                settings[key].update(value)
            else:
                settings[key] = value
        return settings


def parsed_changes(overrides: Sequence[str]) -> dict[str, Any]:
    """{"training.epochs": 20} of "training.epochs=20"; a value is read as in ``load_recipe``."""
    return dict(_parsed(override) for override in overrides)


def changed_recipe(
    recipe: Recipe, changes: Mapping[str, Any], *, leave_unread: bool = False
) -> Recipe:
    """Give ``recipe`` other settings, as {"network.units": 8}, as overrides would.

    leave_unread: a setting that nothing reads beside the others has its default, changed or not;
    otherwise a change that nothing reads is a RecipeError.
    """
    named = () if leave_unread else changes
    return _changed(recipe.to_dict(), changes, named, f'recipe "{recipe.name}"')


def _changed(
    settings: dict[str, Any], changes: Mapping[str, Any], named: Iterable[str], where: str
) -> Recipe:
    """``settings``, in place, with changes; ``named`` are all keys that someone asked for."""
    known = flat(settings)
    for key, value in changes.items():
        if key not in known:
            raise RecipeError(f'unknown setting "{key}"{nearest(key, known)}')
        section, _, name = key.rpartition(".")
        (settings[section] if section else settings)[name] = value
    _forget_unread(settings, set(named))
    return Recipe.from_dict(settings, where)


def _forget_unread(settings: dict[str, Any], named: set[str]) -> None:
    """Remove what nothing reads and nobody asked for: --set network.cell=gru ends the window."""
    for kind in SECTIONS:
        values = settings.get(kind.section)
        if not isinstance(values, dict):
            continue  # an error that validation will name
        for name, (other, readers) in kind.read_by.items():
            if f"{kind.section}.{name}" not in named and values.get(other) not in readers:
                values.pop(name, None)


def origin_of(name_or_path: str | Path) -> Origin:
    """Where the recipe of a preset's name or of a TOML file begins."""
    where, path = str(name_or_path), Path(name_or_path)
    if where in PRESETS:
        return Origin(where)
    if path.suffix != ".toml" and not path.exists():
        raise RecipeError(
            f'there is no recipe "{where}" (known: {", ".join(PRESETS)}, or a .toml file)'
            f"{nearest(where, PRESETS)}"
        )
    changes = {"name": path.stem, **_parsed_file(path, where)}
    base = changes.pop("base", DEFAULT_RECIPE)
    if not isinstance(base, str) or base not in PRESETS:
        raise RecipeError(
            f"{where}: base = {shown(base)}: must be one of {', '.join(PRESETS)}"
            f"{nearest(str(base), PRESETS)}"
        )
    search = changes.pop("search", None)
    return Origin(base, changes, search)


def _parsed_file(path: Path, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise RecipeError(f"{where}: cannot read the recipe: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"{where}: not UTF-8 text (byte {error.start}); save the recipe as UTF-8"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{where}: not valid TOML: {error}") from None


def _parsed(override: str) -> tuple[str, Any]:
    """Split "training.epochs=20" into the key and the value."""
    key, equals, value = (part.strip() for part in override.partition("="))
    if not equals:
        raise RecipeError(f'"{override}" sets nothing: write key=value, as in training.epochs=20')
    return key, toml_value(value)
