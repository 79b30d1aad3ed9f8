"""The page's files over HTTP: each with its media type, an ETag, and a strict policy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from fastapi import FastAPI, Request
from starlette.responses import Response

INDEX = "index.html"
MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def addresses(files: Mapping[str, bytes]) -> dict[str, str]:
    """The file at each address."""
    return {"/" if name == INDEX else f"/{name}": name for name in files}


def add_page(app: FastAPI, files: Mapping[str, bytes]) -> None:
    """Serve the files; a browser asks each time whether it has the newest."""
    for address, name in addresses(files).items():
        app.add_api_route(
            address, _File(name, files[name]).answer, methods=["GET", "HEAD"],
            include_in_schema=False, response_model=None,
        )  # fmt: skip


class _File:
    def __init__(self, name: str, content: bytes) -> None:
        self._content = content
        self._tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        self._headers = {
            "Content-Type": MEDIA_TYPES[name.rpartition(".")[2]],
            "Content-Security-Policy": POLICY,
            "Cache-Control": "no-cache",
            "ETag": self._tag,
        }

    async def answer(self, request: Request) -> Response:
        if self._tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=self._headers)
        return Response(self._content, headers=self._headers)
