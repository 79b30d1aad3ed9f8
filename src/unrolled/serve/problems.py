"""Every answer that is an error: a problem document (RFC 9457), and nothing of the user's in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A request that is not done.

    kind: the last part of the document's type; detail: a sentence for people, made of our own
    words only. errors: where in the body it is wrong, as {"pointer": "/texts/3", "detail": ...}.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = headers

    def body(self, request_id: str) -> bytes:
        """The document's bytes."""
        document: dict[str, Any] = {
            "type": f"urn:unrolled:problem:{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": f"urn:unrolled:request:{request_id}",
        }
        if self.errors:
            document["errors"] = self.errors
        return to_json(document)

    def response(self, request_id: str) -> Response:
        """The answer to the request of this id."""
        return Response(
            self.body(request_id), self.status, headers=self.headers, media_type=MEDIA_TYPE
        )


def of_status(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """What the framework refuses by a status alone."""
    details = {
        404: "there is nothing at this address; see /openapi.json",
        405: "this address does not take this method",
    }
    phrase = HTTPStatus(status).phrase
    kind = phrase.lower().replace(" ", "-")
    return Problem(status, kind, details.get(status, phrase.lower()), headers=headers)


def busy(status: int, kind: str, detail: str) -> Problem:
    """A request that may come again in a second."""
    return Problem(status, kind, detail, headers={"Retry-After": "1"})


def internal_error() -> Problem:
    """What nobody foresaw; the log says where it was."""
    return Problem(500, "internal-error", "the server failed on this request; its log says where")
