"""A real Chromium for the tests of the page, driven by Playwright.

``from .browser import chromium, fresh_page``: give a module one browser by a fixture of its own,
``@pytest.fixture(scope="module") def browser(): with chromium() as running: yield running``, and
each test a page that notes what goes wrong in it, ``with fresh_page(browser) as watched:``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDTH, HEIGHT = 1280, 900
TIMEOUT = 60_000  # milliseconds: ends what hangs, and waits for a machine that has much to do


def missing(what: str) -> NoReturn:
    """Skip, or fail where a browser is required (UNROLLED_BROWSER=required)."""
    if os.environ.get("UNROLLED_BROWSER") == "required":
        pytest.fail(f"{what}, and UNROLLED_BROWSER=required")
    pytest.skip(what)


@contextmanager
def chromium() -> Iterator[Any]:
    """A running headless Chromium: a Playwright Browser."""
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        missing("Playwright is not installed")
    executable = os.environ.get("UNROLLED_CHROMIUM") or shutil.which("chromium")
    if executable is None:
        missing("no chromium: install it, or name it in UNROLLED_CHROMIUM")
    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        try:
            yield running
        finally:
            running.close()


@dataclass
class Watched:
    """A page, and all that a careful reader of its console would complain about."""

    page: Any
    complaints: list[str] = field(default_factory=list)  # console errors and warnings, exceptions
    requests: list[str] = field(default_factory=list)  # the address of everything it asked for

    def watch(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")


@contextmanager
def fresh_page(
    browser: Any, *, width: int = WIDTH, height: int = HEIGHT, scheme: str = "light"
) -> Iterator[Watched]:
    """A page in a context of its own: no cache, cookies or storage of another test."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.set_default_timeout(TIMEOUT)
    watched = Watched(context.new_page())
    watched.watch()
    try:
        yield watched
    finally:
        context.close()
