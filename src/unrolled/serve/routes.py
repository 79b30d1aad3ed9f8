"""The endpoints: a request in, bytes out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from starlette.responses import Response

from unrolled.errors import ModelError
from unrolled.serve import metrics, openapi
from unrolled.serve.bodies import Disconnected, checked_size, client_gone, read_body
from unrolled.serve.front import TEXTS
from unrolled.serve.problems import Problem, busy
from unrolled.serve.schemas import (
    ExplainBody,
    PredictBody,
    StepBody,
    check_explainable,
    parsed,
    texts_of,
)
from unrolled.serve.served import no_bound
from unrolled.serve.service import Service

JSON = "application/json"
Work = Callable[[Request, bytes], Awaitable[bytes]]


class Endpoints:
    """What is served at each address, all by one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._settings = service.settings

    def add_to(self, app: FastAPI) -> None:
        """Make the addresses known to ``app``; those with the most requests first."""
        for path, method, endpoint in (
            ("/v1/predict", "POST", self.predict),
            ("/v1/explain", "POST", self.explain),
            ("/v1/explain/step", "POST", self.explain_step),
            ("/v1/model", "GET", self.model),
            ("/healthz", "GET", self.alive),
            ("/readyz", "GET", self.ready),
            ("/metrics", "GET", self.metrics),
        ):
            app.add_api_route(
                path, endpoint, methods=[method], **openapi.description(path, self._settings)
            )

    async def predict(self, request: Request) -> Response:
        return await self._answered(request, self._predict)

    async def explain(self, request: Request) -> Response:
        return await self._answered(request, self._explain)

    async def explain_step(self, request: Request) -> Response:
        return await self._answered(request, self._explain_step)

    async def model(self, request: Request) -> Response:
        try:
            names = parse_qs(request.scope["query_string"].decode("ascii"), errors="strict")
        except (UnicodeError, ValueError):
            raise Problem(400, "bad-query", "the query of the address is not UTF-8") from None
        name = names.get("name", [None])[0]
        return Response(self._service.models.get(name).document, media_type=JSON)

    async def alive(self, request: Request) -> Response:
        return Response(b'{"status":"alive"}', media_type=JSON)

    async def ready(self, request: Request) -> Response:
        if not self._service.is_ready:
            raise busy(503, "not-ready", "the server is starting or ending")
        return Response(b'{"status":"ready"}', media_type=JSON)

    async def metrics(self, request: Request) -> Response:
        return Response(self._service.metrics.render(), media_type=metrics.MEDIA_TYPE)

    # --- What takes a body ---------------------------------------------------------------------

    async def _answered(self, request: Request, work: Work) -> Response:
        """What ``work`` makes of the body, in time."""
        settings = self._settings
        size = checked_size(request.scope["headers"], settings.body_bytes)
        began = asyncio.get_running_loop().time()
        is_whole = False
        self._service.take_bytes(size)
        try:
            async with asyncio.timeout(settings.body_seconds) as limit:
                body = await read_body(request.receive, settings.body_bytes)
                is_whole = True
                limit.reschedule(began + settings.request_seconds)
                return Response(await work(request, body), media_type=JSON)
        except TimeoutError:
            if is_whole:
                raise busy(503, "too-slow", "this took longer than this server allows") from None
            raise Problem(
                408, "body-too-slow", "the body did not come in time",
                headers={"Connection": "close"},
            ) from None  # fmt: skip
        finally:
            self._service.bytes_in_flight -= size

    async def _predict(self, request: Request, data: bytes) -> bytes:
        body = parsed(PredictBody, data)
        texts = texts_of(body, self._settings)
        place = self._service.models.get(body.model)
        request.scope[TEXTS] = len(texts)
        try:
            answers = await place.lane.submit(texts)
        except ModelError:
            raise no_bound() from None
        if body.is_one:
            return b"".join((place.opening, b',"prediction":', answers[0], b"}"))
        return b"".join((place.opening, b',"predictions":[', b",".join(answers), b"]}"))

    async def _explain(self, request: Request, data: bytes) -> bytes:
        body = parsed(ExplainBody, data)
        check_explainable(body.text, self._settings)
        served = self._service.models.get(body.model).served
        request.scope[TEXTS] = 1
        work = partial(served.explain, body, self._settings.large_work_threads)
        return await self._in_thread(request, work)

    async def _explain_step(self, request: Request, data: bytes) -> bytes:
        body = parsed(StepBody, data)
        check_explainable(body.text, self._settings)
        served = self._service.models.get(body.model).served
        request.scope[TEXTS] = 1
        return await self._in_thread(request, partial(served.explain_step, body))

    async def _in_thread(self, request: Request, work: Callable[[], bytes]) -> bytes:
        """A few at a time; the others wait for their turn as long as their request may take.

        Raises Disconnected when the client goes away: who types asks anew at every pause, and
        nobody should wait behind answers that nobody waits for.
        """
        answer = asyncio.get_running_loop().run_in_executor(self._service.explainer, work)
        gone = asyncio.ensure_future(client_gone(request.receive))
        try:
            await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise Disconnected
            return answer.result()
        finally:
            answer.cancel()
            gone.cancel()
