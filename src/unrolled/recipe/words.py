"""Settings as people read and write them: values, keys, near misses and errors in words."""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails


def toml_value(text: str) -> Any:
    """Read a value as TOML; what is not TOML is a bare word, a string."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["value"] if len(parsed) == 1 else text


def toml_line(key: str, value: object) -> str:
    """One line of a TOML file; JSON writes strings, numbers and booleans as TOML reads them."""
    return f"{key} = {json.dumps('none' if value is None else value, ensure_ascii=False)}"


def flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """{"seed": 1, "text": {"maxlen": 5}} -> {"seed": 1, "text.maxlen": 5}."""
    flat_settings: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat_settings |= {f"{key}.{name}": inner for name, inner in value.items()}
        else:
            flat_settings[key] = value
    return flat_settings


def shown(value: object) -> str:
    """Show a value as a recipe file would have it, cut when it is long."""
    if value is None:
        return "none"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def nearest(word: str, known: Iterable[str]) -> str:
    """'; did you mean "..."?', or nothing when no known name is near."""
    names = list(known)
    found = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if not found:  # a setting named without its section, "learning_rate"
        last = {name.rpartition(".")[2]: name for name in names}
        near = difflib.get_close_matches(word.rpartition(".")[2], last, n=1, cutoff=0.6)
        found = [last[name] for name in near]
    return f'; did you mean "{found[0]}"?' if found else ""


def in_words(error: ErrorDetails, recipe: type[BaseModel]) -> str:
    """One of pydantic's errors as the key, the value and what is allowed."""
    path = [str(part) for part in error["loc"]]
    key = ".".join(path)
    if error["type"] == "combination":
        return error["msg"]
    if error["type"] == "missing":
        return f'the setting "{key}" is missing'
    if error["type"] == "extra_forbidden":
        return f'unknown setting "{key}"{nearest(key, _keys(recipe))}'
    section = recipe
    for part in path[:-1]:
        section = _sections(section).get(part, section)
    field = section.model_fields[path[-1]]
    value = error["input"]
    choices = get_args(field.annotation)
    if error["type"] == "literal_error":
        allowed = ", ".join(shown(choice) for choice in choices)
        names = [str(choice) for choice in choices]
        return f"{key} = {shown(value)}: must be one of {allowed}{nearest(str(value), names)}"
    return f"{key} = {shown(value)}: must be {field.description or 'a table of settings'}"


def _keys(recipe: type[BaseModel]) -> list[str]:
    """Every section and every setting, as "training" and "training.epochs"."""
    inner = [f"{name}.{key}" for name, part in _sections(recipe).items() for key in _keys(part)]
    return [*recipe.model_fields, *inner]


def _sections(recipe: type[BaseModel]) -> dict[str, type[BaseModel]]:
    return {
        name: kind
        for name, field in recipe.model_fields.items()
        for kind in (field.annotation, *get_args(field.annotation))  # a section may be left out
        if isinstance(kind, type) and issubclass(kind, BaseModel)
    }
