"""create_app: all parts of the server put together as one FastAPI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from unrolled import __version__, page
from unrolled.serve import openapi, page_files
from unrolled.serve.front import REQUEST_ID, Front
from unrolled.serve.problems import of_status
from unrolled.serve.routes import Endpoints
from unrolled.serve.service import Service
from unrolled.serve.settings import Settings


class Application(FastAPI):
    """FastAPI behind our own front door. service: what all requests share."""

    def __init__(self, service: Service, **settings: Any) -> None:
        super().__init__(**settings)
        self.service = service
        self._front: Front | None = None

    def open(self) -> None:
        """All addresses are there: requests may come."""
        endpoints = {
            (method, route.path): route.endpoint
            for route in self.routes
            if isinstance(route, APIRoute)
            for method in route.methods or ()
        }
        self._front = Front(self.service, endpoints, beyond=super().__call__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._front is not None:
            await self._front(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        return openapi.document(self, self.service.settings)


def create_app(settings: Settings, *, is_replacement: bool = False) -> Application:
    """The application, for any ASGI server; its lifespan loads the models.

    is_replacement: as `Service` takes it.
    """
    service = Service(settings, is_replacement=is_replacement)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        yield
        await service.stop()

    app = Application(
        service,
        title="unrolled",
        version=__version__,
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    Endpoints(service).add_to(app)
    page_files.add_page(app, page.files())
    app.add_exception_handler(HTTPException, _refused)
    app.open()
    return app


async def _refused(request: Request, error: Exception) -> Response:
    """What FastAPI has no endpoint for."""
    assert isinstance(error, HTTPException)
    return of_status(error.status_code, error.headers).response(request.scope[REQUEST_ID])
