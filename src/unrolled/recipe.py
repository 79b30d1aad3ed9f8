"""Recipe: every hyperparameter of a model, validated; the only home of defaults."""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from unrolled.errors import RecipeError


def _none_word(value: object) -> object:
    """TOML has no null, so the word "none" stands for it."""
    return None if isinstance(value, str) and value.lower() == "none" else value


# Each kind of value carries its own words: they end the error message "KEY = VALUE: must be ...".
Name = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", description="a name, in one line")]
Count = Annotated[int, Field(ge=1, le=2**31 - 1, description="a whole number from 1 to 2147483647")]
NumWords = Annotated[
    Annotated[int, Field(ge=5, le=2**31 - 1)] | None,
    BeforeValidator(_none_word),
    Field(description='a whole number from 5 to 2147483647, or "none" for every word'),
]
MaxLen = Annotated[
    Annotated[int, Field(ge=1, le=2**31 - 1)] | None,
    BeforeValidator(_none_word),
    Field(description='a whole number from 1 to 2147483647, or "none" for no limit'),
]
Patience = Annotated[
    Annotated[int, Field(ge=0)] | None,
    BeforeValidator(_none_word),
    Field(description='a whole number from 0 up, or "none" to never stop early'),
]
Seed = Annotated[int, Field(ge=0, lt=2**32, description="a whole number from 0 to 4294967295")]
Rate = Annotated[
    float, Field(gt=0, allow_inf_nan=False, description="a finite number greater than 0")
]
Momentum = Annotated[
    float, Field(ge=0, lt=1, allow_inf_nan=False, description="a number from 0 up to, not with, 1")
]
Fraction = Annotated[
    float, Field(gt=0, lt=1, allow_inf_nan=False, description="a number between 0 and 1")
]
Flag = Annotated[bool, Field(description="true or false")]


class _Section(BaseModel):
    """Frozen settings; unknown keys are errors, and a number in quotes is not a number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TextRecipe(_Section):
    """How a text becomes token ids."""

    tokenizer: Literal["keras"] = "keras"
    num_words: NumWords
    vocabulary_of: Literal["train", "all"]  # texts that words are counted in; all: validation too
    maxlen: MaxLen
    padding: Literal["keras", "masked"]
    start_token: Flag

    @model_validator(mode="after")
    def _fixed_length(self) -> TextRecipe:
        if self.padding == "keras" and self.maxlen is None:
            raise PydanticCustomError(
                "combination", 'text.maxlen must be a number when text.padding is "keras"'
            )
        return self


class NetworkRecipe(_Section):
    """Which layers the network has."""

    input: Literal["onehot", "embedding"]
    embedding_size: Count  # read only when input is "embedding"
    cell: Literal["simple_rnn"]
    units: Count
    activation: Literal["tanh", "relu", "linear"]


class TrainingRecipe(_Section):
    """How the network learns."""

    optimizer: Literal["rmsprop", "adam", "sgd"]
    learning_rate: Rate
    momentum: Momentum = 0.0
    batch_size: Count
    epochs: Count
    patience: Patience
    restore_best_weights: Flag
    validation_fraction: Fraction = 0.2
    split_seed: Seed = 42

    @model_validator(mode="after")
    def _momentum_is_used(self) -> TrainingRecipe:
        if self.momentum and self.optimizer == "adam":
            raise PydanticCustomError(
                "combination",
                'training.momentum must be 0 when training.optimizer is "adam", '
                "which keeps its own moments",
            )
        return self


class Recipe(_Section):
    """Everything that decides, with the data, which model a training run ends in."""

    name: Name
    seed: Seed = 42
    text: TextRecipe
    network: NetworkRecipe
    training: TrainingRecipe

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "recipe") -> Recipe:
        """From plain values, as ``to_dict`` gives them; RecipeError starts with ``where``."""
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            raise RecipeError(f"{where}: {_in_words(error.errors()[0])}") from None

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return self.model_dump()

    def to_toml(self) -> str:
        """Write a complete TOML file that ``load_recipe`` reads back as this same recipe."""
        settings = self.to_dict()
        sections = {key: value for key, value in settings.items() if isinstance(value, dict)}
        lines = [_toml_line(key, settings[key]) for key in settings if key not in sections]
        for section, values in sections.items():
            lines += ["", f"[{section}]", *(_toml_line(key, values[key]) for key in values)]
        return "\n".join(lines) + "\n"

    def differences(self, other: Recipe) -> list[str]:
        """Every setting in which the two differ, as "training.epochs is 30, not 20"."""
        own, others = _flat(self.to_dict()), _flat(other.to_dict())
        return [
            f"{key} is {_shown(value)}, not {_shown(others[key])}"
            for key, value in own.items()
            if value != others[key]
        ]


_NOTEBOOK: dict[str, Any] = {
    "name": "notebook-onehot",
    "text": {
        "num_words": 300,
        "vocabulary_of": "all",
        "maxlen": 100,
        "padding": "keras",
        "start_token": True,
    },
    "network": {
        "input": "onehot",
        "embedding_size": 16,
        "cell": "simple_rnn",
        "units": 8,
        "activation": "tanh",
    },
    "training": {
        "optimizer": "rmsprop",
        "learning_rate": 1e-4,
        "batch_size": 64,
        "epochs": 100,
        "patience": 3,
        "restore_best_weights": True,
    },
}
_SMALL: dict[str, Any] = {
    "name": "small",
    "text": {
        "num_words": 10_000,
        "vocabulary_of": "train",
        "maxlen": 200,
        "padding": "masked",
        "start_token": True,
    },
    "network": {
        "input": "embedding",
        "embedding_size": 16,
        "cell": "simple_rnn",
        "units": 16,
        "activation": "tanh",
    },
    "training": {
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "batch_size": 32,
        "epochs": 30,
        "patience": 3,
        "restore_best_weights": True,
    },
}
_NOTEBOOK_EMBEDDING: dict[str, Any] = {
    **_NOTEBOOK,
    "name": "notebook-embedding",
    "network": {**_NOTEBOOK["network"], "input": "embedding"},
}

DEFAULT_RECIPE = "small"
PRESETS: Mapping[str, Recipe] = MappingProxyType(
    {
        settings["name"]: Recipe.from_dict(settings)
        for settings in (_NOTEBOOK, _NOTEBOOK_EMBEDDING, _SMALL)
    }
)


def load_recipe(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Find a preset by name or read a TOML file, with ``key=value`` overrides on top.

    A TOML file starts from the preset that it names as ``base`` (the default preset without one)
    and may set any keys. An override's value is read as TOML; a bare word is a string.
    """
    where = str(name_or_path)
    preset = PRESETS.get(where)
    settings = preset.to_dict() if preset is not None else _read_file(where)
    for override in overrides:
        _override(settings, override)
    return Recipe.from_dict(settings, where if preset is None else f'recipe "{where}"')


def _read_file(where: str) -> dict[str, Any]:
    path = Path(where)
    if path.suffix != ".toml" and not path.exists():
        raise RecipeError(
            f'there is no recipe "{where}" (known: {", ".join(PRESETS)}, or a .toml file)'
            f"{_nearest(where, PRESETS)}"
        )
    try:
        changes = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise RecipeError(f"{where}: cannot read the recipe: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"{where}: not UTF-8 text (byte {error.start}); save the recipe as UTF-8"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{where}: not valid TOML: {error}") from None
    base = changes.pop("base", DEFAULT_RECIPE)
    if not isinstance(base, str) or base not in PRESETS:
        raise RecipeError(
            f"{where}: base = {_shown(base)}: must be one of {', '.join(PRESETS)}"
            f"{_nearest(str(base), PRESETS)}"
        )
    settings = {**PRESETS[base].to_dict(), "name": path.stem}
    for key, value in changes.items():
        if isinstance(settings.get(key), dict) and isinstance(value, dict):
            settings[key].update(value)
        else:
            settings[key] = value
    return settings


def _override(settings: dict[str, Any], override: str) -> None:
    """Put one "training.epochs=20" into ``settings``, in place."""
    key, equals, value = (part.strip() for part in override.partition("="))
    if not equals:
        raise RecipeError(f'"{override}" sets nothing: write key=value, as in training.epochs=20')
    known = _flat(settings)
    if key not in known:
        raise RecipeError(f'unknown setting "{key}"{_nearest(key, known)}')
    section, _, name = key.rpartition(".")
    (settings[section] if section else settings)[name] = _toml_value(value)


def _toml_value(text: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["value"] if len(parsed) == 1 else text


def _toml_line(key: str, value: object) -> str:
    # JSON writes strings, numbers and booleans as TOML reads them.
    return f"{key} = {json.dumps('none' if value is None else value, ensure_ascii=False)}"


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """{"seed": 1, "text": {"maxlen": 5}} -> {"seed": 1, "text.maxlen": 5}."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}.{name}": inner for name, inner in value.items()}
        else:
            flat[key] = value
    return flat


def _shown(value: object) -> str:
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


def _nearest(word: str, known: Iterable[str]) -> str:
    """'; did you mean "..."?', or nothing when no known name is near."""
    names = list(known)
    found = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if not found:  # a setting named without its section, "learning_rate"
        last = {name.rpartition(".")[2]: name for name in names}
        near = difflib.get_close_matches(word.rpartition(".")[2], last, n=1, cutoff=0.6)
        found = [last[name] for name in near]
    return f'; did you mean "{found[0]}"?' if found else ""


def _in_words(error: ErrorDetails) -> str:
    """One of pydantic's errors as the key, the value and what is allowed."""
    path = [str(part) for part in error["loc"]]
    key = ".".join(path)
    if error["type"] == "combination":
        return error["msg"]
    if error["type"] == "missing":
        return f'the setting "{key}" is missing'
    section: type[BaseModel] = Recipe
    for part in path[:-1]:
        inner = section.model_fields[part].annotation if part in section.model_fields else None
        section = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else section
    if error["type"] == "extra_forbidden":
        settings = PRESETS[DEFAULT_RECIPE].to_dict()
        known = [*settings, *_flat(settings)]
        return f'unknown setting "{key}"{_nearest(key, known)}'
    field = section.model_fields[path[-1]]
    value = error["input"]
    choices = [str(choice) for choice in get_args(field.annotation)]
    if error["type"] == "literal_error":
        allowed = ", ".join(f'"{choice}"' for choice in choices)
        one_of = "one of " if len(choices) > 1 else ""
        return f"{key} = {_shown(value)}: must be {one_of}{allowed}{_nearest(str(value), choices)}"
    return f"{key} = {_shown(value)}: must be {field.description or 'a table of settings'}"
