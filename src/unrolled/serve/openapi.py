"""The OpenAPI document: what each address takes and gives, true to this server's limits."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import Response

from unrolled import __version__
from unrolled.serve import metrics, problems
from unrolled.serve.schemas import json_schemas
from unrolled.serve.settings import Settings

_REFERENCE = "#/components/schemas/{}"
_LABEL = {
    "description": "The label; all that apply where there may be several; null without one.",
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}},
        {"type": "null"},
    ],
}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_OPERATIONS: dict[str, dict[str, Any]] = {
    "/v1/predict": {
        "summary": "Label one text, or several",
        "body": "PredictBody",
        "answer": "PredictAnswer",
        "problems": {404, 422, 429, 503},
    },
    "/v1/explain": {
        "summary": "Read a text step by step, and measure what each word counts",
        "body": "ExplainBody",
        "answer": "Explanation",
        "problems": {404, 422, 429, 503},
    },
    "/v1/explain/step": {
        "summary": "The weighted sums of one unit at one step",
        "body": "StepBody",
        "answer": "Arithmetic",
        "problems": {404, 422, 429, 503},
    },
    "/v1/model": {
        "summary": "A model: its card, labels, metrics, hash",
        "answer": "Model",
        "problems": {400, 404, 429, 503},
        "parameters": [
            {
                "name": "name",
                "in": "query",
                "required": False,
                "schema": {"type": "string"},
                "description": "Which model; the first one if left out.",
            }
        ],
    },
    "/healthz": {"summary": "Whether the process is alive", "answer": "Status"},
    "/readyz": {
        "summary": "Whether requests are welcome",
        "answer": "Status",
        "problems": {503},
    },
    "/metrics": {"summary": "Counters for Prometheus"},
}


def description(path: str, settings: Settings) -> dict[str, Any]:
    """What ``add_api_route`` is told of an address."""
    operation = _OPERATIONS[path]
    needs_token = path.startswith("/v1/") or path == "/metrics"
    has_token = settings.token is not None and needs_token
    faults = set(operation.get("problems", ())) | ({401} if has_token else set())
    extra: dict[str, Any] = {}
    if "parameters" in operation:
        extra["parameters"] = operation["parameters"]
    if has_token:
        extra["security"] = [{"token": []}]
    if "body" in operation:
        faults |= {400, 408, 413, 415}
        schema = {"$ref": _REFERENCE.format(operation["body"])}
        extra["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    if "answer" in operation:
        schema = {"$ref": _REFERENCE.format(operation["answer"])}
        content = {"application/json": {"schema": schema}}
    else:
        content = {metrics.MEDIA_TYPE: {"schema": {"type": "string"}}}
    problem = {problems.MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format("Problem")}}}
    return {
        "summary": operation["summary"],
        "operation_id": path.strip("/").removeprefix("v1/").replace("/", "_"),
        "response_class": Response,
        "response_model": None,
        "openapi_extra": extra,
        "responses": {
            200: {"description": "Done", "content": content},
            **{
                status: {"description": problems.of_status(status).detail, "content": problem}
                for status in sorted(faults)
            },
        },
    }


def document(app: FastAPI, settings: Settings) -> dict[str, Any]:
    """The whole document, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title="unrolled",
            version=__version__,
            summary="Small recurrent networks that read text",
            routes=app.routes,
        )
        components = made.setdefault("components", {})
        components["schemas"] = {**json_schemas(settings), **_answers()}
        if settings.token is not None:
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        app.openapi_schema = made
    return app.openapi_schema


def _answers() -> dict[str, Any]:
    prediction = _object(
        label=_LABEL,
        probability=_SHARE,
        probabilities={"type": "object", "additionalProperties": _SHARE},
        unknown_share=_SHARE,
        was_cut={"type": "boolean"},
    )
    text, anything = {"type": "string"}, {"type": "object"}
    reference = {"$ref": _REFERENCE.format("Prediction")}
    one = _object(model=text, prediction=reference)
    many = _object(model=text, predictions={"type": "array", "items": reference})
    return {
        "Prediction": prediction,
        "PredictAnswer": {"oneOf": [one, many]},
        "Explanation": _object(
            model=text,
            classes=_list(text),
            explained=text,
            tokens=_list(text),
            before=_list(_SHARE),
            after=_list(_list(_SHARE)),
            layers=_list(anything),
        ),
        "Arithmetic": _object(
            model=text, layer=text, step={"type": "integer"}, unit={"type": "integer"},
            sums=_list(anything), combination=_list(anything),
        ),
        "Model": _object(
            name=text, labels=_list(text), parameters={"type": "integer"}, layers=_list(anything),
            metrics=anything, history=anything, recipe=anything, card=text, hash=text,
            models=_list(text), limits=anything,
        ),
        "Status": _object(status=text),
        "Problem": {
            **_object(
                type=text, title=text, status={"type": "integer"}, detail=text, instance=text
            ),
            "description": "RFC 9457",
        },
    }  # fmt: skip


def _object(**properties: Any) -> dict[str, Any]:
    """An object that has these properties, and may have more."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}
