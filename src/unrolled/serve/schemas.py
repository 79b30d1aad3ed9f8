"""What a request may say: parsed from the raw bytes of its body, and as JSON schemas."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError

from unrolled.serve.problems import Problem
from unrolled.serve.settings import Settings

_MOST_PLACES = 1 << 31

Signal = Literal["deletion", "gradients"]
Direction = Literal["forward", "backward"]
Place = Annotated[int, Field(ge=0, lt=_MOST_PLACES)]


class Body(BaseModel):
    """A JSON object with known fields of the right types.

    Unknown fields are taken in, and refused by `parsed` all at once: an error for each of a
    million would take seconds. For the same reason a list is given up at its first error.
    """

    model_config = ConfigDict(
        extra="allow", strict=True, frozen=True, json_schema_extra={"additionalProperties": False}
    )

    model: str | None = Field(None, description="Which model; the first one if left out.")


class PredictBody(Body):
    """One text, or several; `is_one` says which was given."""

    text: str = ""
    texts: Annotated[list[str], FailFast()] = []

    @property
    def is_one(self) -> bool:
        """Whether the answer is that to one text."""
        return "text" in self.model_fields_set


class ExplainBody(Body):
    """A text to be read step by step."""

    text: str
    label: str | None = Field(None, description="The class to explain; else the likeliest.")
    importance: Annotated[list[Signal], FailFast()] = Field(
        ["deletion", "gradients"], description="How to measure what a word counts.", max_length=2
    )


class StepBody(Body):
    """One unit of one step, of which the arithmetic is shown."""

    text: str
    step: Place
    unit: Place
    layer: str | None = Field(None, description="The layer's name; the first recurrent one.")
    direction: Direction = "forward"


B = TypeVar("B", bound=Body)


def parsed(kind: type[B], data: bytes) -> B:
    """The body of a request; Problem 400 when it is not JSON, 422 when it is something else."""
    try:
        body = kind.model_validate_json(data)
    except ValidationError as error:
        raise _problem(error) from None
    if body.model_extra:
        raise unfit("", "there is a field that is not known here")
    return body


def texts_of(body: PredictBody, limits: Settings) -> list[str]:
    """All texts of a request, within the limits."""
    if body.is_one == ("texts" in body.model_fields_set):
        raise unfit("", 'give either "text" (one) or "texts" (several)')
    if body.is_one:
        _check_length("/text", body.text, limits.text_characters)
        return [body.text]
    if not 1 <= len(body.texts) <= limits.texts:
        raise unfit("/texts", f"give 1 to {limits.texts:,} texts; it has {len(body.texts):,}")
    for place, text in enumerate(body.texts):
        _check_length(f"/texts/{place}", text, limits.text_characters)
    return body.texts


def check_explainable(text: str, limits: Settings) -> None:
    """Explaining takes time in proportion to the square of a text's length."""
    _check_length("/text", text, min(limits.explain_characters, limits.text_characters))


def unfit(pointer: str, detail: str) -> Problem:
    """A body that is JSON and cannot be used for one reason, at ``pointer``."""
    return Problem(
        422, "unfit-body", f"the body does not fit: {detail}",
        errors=[{"pointer": pointer, "detail": detail}],
    )  # fmt: skip


def json_schemas(limits: Settings) -> dict[str, Any]:
    """The bodies for OpenAPI, by name, with the limits of this server."""
    schemas = {
        kind.__name__: kind.model_json_schema() for kind in (PredictBody, ExplainBody, StepBody)
    }
    text = {"type": "string", "maxLength": limits.text_characters}
    predict = schemas["PredictBody"]
    predict["properties"]["text"] = text
    predict["properties"]["texts"] = {
        "type": "array", "items": text, "minItems": 1, "maxItems": limits.texts
    }  # fmt: skip
    predict["oneOf"] = [{"required": ["text"]}, {"required": ["texts"]}]
    for name in ("ExplainBody", "StepBody"):
        schemas[name]["properties"]["text"] = {
            "type": "string",
            "maxLength": min(limits.explain_characters, limits.text_characters),
        }
    return schemas


def _check_length(pointer: str, text: str, most: int) -> None:
    if len(text) > most:
        raise unfit(pointer, f"a text has at most {most:,} characters; this has {len(text):,}")


def _problem(error: ValidationError) -> Problem:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    if faults[0]["type"] == "json_invalid":
        return Problem(400, "not-json", "the body is not a JSON document in UTF-8")
    errors = [
        {
            "pointer": "".join(f"/{part}" for part in fault["loc"]),
            "detail": _in_words(fault["type"], fault["msg"]),
        }
        for fault in faults
    ]
    first = errors[0]["detail"]
    return Problem(422, "unfit-body", f"the body does not fit: {first}", errors=errors)


def _in_words(kind: str, message: str) -> str:
    if kind in ("model_type", "model_attributes_type"):
        return "the body must be a JSON object"
    return message[:1].lower() + message[1:]
