"""``unrolled serve``: a model behind HTTP, with a page that shows it read."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Annotated

import typer

from unrolled.cli import console, options
from unrolled.errors import InputError
from unrolled.serve.settings import LogLevel, Settings

TOKEN = "UNROLLED_TOKEN"  # noqa: S105 - the variable's name
_NEEDED = ("fastapi", "httptools", "prometheus_client", "uvicorn")


def serve(
    model: options.Model,
    beside: Annotated[
        list[Path] | None,
        typer.Option(metavar="MODEL", help="Serve this model too; may be repeated."),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = Settings.host,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Its port; 0 takes any that is free.")
    ] = Settings.port,
    workers: Annotated[
        int, typer.Option(min=1, metavar="N", help="Processes that serve.")
    ] = Settings.workers,
    examples: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Texts to click on in the page, one a line."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Threads of large work in each process (default: the cores among them).",
        ),
    ] = None,
    log_level: Annotated[
        LogLevel, typer.Option(help="The least that is logged.")
    ] = Settings.log_level,
    access_log: Annotated[bool, typer.Option(help="Log each request.")] = Settings.access_log,
    body_bytes: Annotated[
        int, typer.Option(min=1, help="Of a request's body, at most.")
    ] = Settings.body_bytes,
    text_characters: Annotated[
        int, typer.Option(min=1, help="Of a text, at most.")
    ] = Settings.text_characters,
    texts: Annotated[int, typer.Option(min=1, help="In a request, at most.")] = Settings.texts,
    explain_characters: Annotated[
        int, typer.Option(min=1, help="Of a text that is to be explained, at most.")
    ] = Settings.explain_characters,
    body_seconds: Annotated[
        float, typer.Option(min=0.01, help="For a body to come.")
    ] = Settings.body_seconds,
    request_seconds: Annotated[
        float, typer.Option(min=0.01, help="For a whole request.")
    ] = Settings.request_seconds,
    in_flight: Annotated[
        int, typer.Option(min=1, help="Requests at a time, in each process.")
    ] = Settings.in_flight,
    bytes_in_flight: Annotated[
        int, typer.Option(min=1, help="Of their bodies, in each process.")
    ] = Settings.bytes_in_flight,
    connections: Annotated[
        int, typer.Option(min=1, help="Connections at a time, in each process.")
    ] = Settings.connections,
    explanations: Annotated[
        int, typer.Option(min=1, help="Explanations at a time, in each process.")
    ] = Settings.explanations,
    head_seconds: Annotated[
        float, typer.Option(min=0.01, help="For a request's headers to come.")
    ] = Settings.head_seconds,
    idle_seconds: Annotated[
        float, typer.Option(min=0.01, help="That a connection may lie idle.")
    ] = Settings.idle_seconds,
    drain_seconds: Annotated[
        float, typer.Option(min=0.01, help="For the requests in flight when the server ends.")
    ] = Settings.drain_seconds,
    watch_seconds: Annotated[
        float, typer.Option(min=0.01, help="Between two looks whether a model has changed.")
    ] = Settings.watch_seconds,
) -> None:
    """Serve a model over HTTP: labels, explanations, and a page that shows it read.

    POST /v1/predict and /v1/explain, GET /v1/model, /healthz, /readyz, /metrics, /openapi.json;
    the page is at /. With UNROLLED_TOKEN in the environment, clients must send it. SIGTERM ends
    the server when all requests in flight are answered. SIGHUP, or a new model in the old one's
    folder, swaps the model. The log is on standard error, a JSON object a line.
    """
    _check_installed()
    from unrolled.page.examples import read_examples
    from unrolled.serve import run

    settings = Settings.of(
        [model, *(beside or [])],
        host=host,
        port=port,
        workers=workers,
        threads=threads,
        examples=None if examples is None else tuple(read_examples(examples)),
        token=os.environ.get(TOKEN),
        log_level=log_level,
        access_log=access_log,
        body_bytes=body_bytes,
        text_characters=text_characters,
        texts=texts,
        explain_characters=explain_characters,
        body_seconds=body_seconds,
        request_seconds=request_seconds,
        in_flight=in_flight,
        bytes_in_flight=bytes_in_flight,
        connections=connections,
        explanations=explanations,
        head_seconds=head_seconds,
        idle_seconds=idle_seconds,
        drain_seconds=drain_seconds,
        watch_seconds=watch_seconds,
    )
    names = " and ".join(console.one_line(name) for name, _ in settings.models)
    run(settings, lambda address: print(f"serving {names} at {address}", flush=True))


def _check_installed() -> None:
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        raise InputError("the server needs FastAPI and uvicorn: pip install 'unrolled[serve]'")
