"""The kinds of values that settings have, each with the words that say what is allowed."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field


def _none_word(value: object) -> object:
    """TOML has no null, so the word "none" stands for it."""
    return None if isinstance(value, str) and value.lower() == "none" else value


# The description ends the error message "KEY = VALUE: must be ...".
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
Sampled = Annotated[
    Annotated[int, Field(ge=1, le=2**31 - 1)] | None,
    BeforeValidator(_none_word),
    Field(description='a whole number from 1 to 2147483647, or "none" for all of them'),
]
Patience = Annotated[
    Annotated[int, Field(ge=0)] | None,
    BeforeValidator(_none_word),
    Field(description='a whole number from 0 up, or "none" to never stop early'),
]
Epochs = Annotated[int, Field(ge=0, description="a whole number from 0 up")]
Seed = Annotated[int, Field(ge=0, lt=2**32, description="a whole number from 0 to 4294967295")]
Rate = Annotated[
    float, Field(gt=0, allow_inf_nan=False, description="a finite number greater than 0")
]
Share = Annotated[
    float, Field(ge=0, lt=1, allow_inf_nan=False, description="a number from 0 up to, not with, 1")
]
Fraction = Annotated[
    float, Field(gt=0, lt=1, allow_inf_nan=False, description="a number between 0 and 1")
]
Window = Annotated[int, Field(ge=1, le=2, description="1 or 2")]
Flag = Annotated[bool, Field(description="true or false")]
