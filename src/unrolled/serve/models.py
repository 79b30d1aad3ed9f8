"""The models of one process: loaded, watched, and swapped while requests go on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from pydantic_core import to_json

from unrolled.bundle import TRAINING
from unrolled.errors import UnrolledError
from unrolled.serve.lane import Lane
from unrolled.serve.logs import Log, where
from unrolled.serve.metrics import Metrics
from unrolled.serve.problems import Problem, busy
from unrolled.serve.served import ServedModel
from unrolled.serve.settings import Settings

Identity = tuple[tuple[str, int, int, int], ...]

T = TypeVar("T")


class Place:
    """A model that is served and what belongs to it: its lane, its description as JSON.

    opening: how each answer of it begins.
    """

    def __init__(self, served: ServedModel, lane: Lane, document: bytes) -> None:
        self.served = served
        self.lane = lane
        self.document = document
        self.opening = b'{"model":' + to_json(served.name)


class Models:
    """Every model by name. A request takes its `Place` once and ends with that model."""

    def __init__(self, settings: Settings, log: Log, metrics: Metrics) -> None:
        self._settings = settings
        self._log = log
        self._metrics = metrics
        self._folders = dict(settings.models)
        self._default = settings.models[0][0]
        self._places: dict[str, Place] = {}
        self._seen: dict[str, Identity] = {}
        self._loading = asyncio.Lock()
        self._scorer = ThreadPoolExecutor(1, "unrolled-score")
        self._loader = ThreadPoolExecutor(1, "unrolled-load")

    @property
    def is_ready(self) -> bool:
        """Whether every model can be asked."""
        return self._places.keys() == self._folders.keys()

    def get(self, name: str | None) -> Place:
        """The model of this name, or the default; Problem 404 or 503 when there is none."""
        place = self._places.get(self._default if name is None else name)
        if place is not None:
            return place
        if name is None or name in self._folders:
            raise busy(503, "not-ready", "the model is being loaded")
        raise Problem(404, "no-such-model", "there is no model of this name; see GET /v1/model")

    async def load(self) -> None:
        """Load all models; UnrolledError when one cannot be used."""
        for name in self._folders:
            await self._take_in(name)

    async def load_when_possible(self) -> None:
        """The same for a worker that takes another's place: wait for models that can be used."""
        for name in self._folders:
            while name not in self._places:
                try:
                    await self._take_in(name)
                except UnrolledError as error:
                    reason = self._in_words(name, error)
                    self._log("error", "model cannot be loaded yet", model=name, reason=reason)
                    await asyncio.sleep(self._settings.watch_seconds)

    async def watch(self) -> None:
        """Take in whatever changes in the models' folders, until cancelled."""
        while True:
            await asyncio.sleep(self._settings.watch_seconds)
            await self.reload(changed_only=True)

    async def reload(self, *, changed_only: bool = False) -> None:
        """Load the models again, those with another folder or all; a broken one changes nothing."""
        for name in self._folders:
            try:
                if not (changed_only and await self._is_seen(name)):
                    await self._take_in(name)
            except Exception as error:
                self._metrics.not_loaded(name)
                reason = self._in_words(name, error)
                self._log("error", "model kept, the new one is refused", model=name, reason=reason)

    def close(self) -> None:
        """Give the threads back."""
        for executor in (self._scorer, self._loader):
            executor.shutdown(wait=False, cancel_futures=True)

    async def _is_seen(self, name: str) -> bool:
        now = await self._in_thread(lambda: identity(self._folders[name]))
        return now == () or now == self._seen.get(name) or _is_learning(now)

    async def _take_in(self, name: str) -> None:
        """Load a model and put it in the place of the one before, which ends its requests."""
        threads = self._settings.large_work_threads
        async with self._loading:
            folder = self._folders[name]
            self._seen[name] = await self._in_thread(lambda: identity(folder))

            def load() -> tuple[ServedModel, bytes]:
                served = ServedModel(name, folder)
                served.warm_up(threads)
                return served, self._document(served)

            served, document = await self._in_thread(load)
            lane = Lane(
                served.score,
                small=served.small,
                threads=threads,
                executor=self._scorer,
                on_batch=lambda texts: self._metrics.batch(name, texts),
            )
            before = self._places.get(name)
            self._places[name] = Place(served, lane, document)
            self._metrics.loaded(name, served.hash, before.served.hash if before else None)
            self._log("info", "model loaded", model=name, hash=served.hash)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._loader, work)

    def _document(self, served: ServedModel) -> bytes:
        settings = self._settings
        document = served.document(list(self._folders), _examples(settings, served.model.classes))
        limits = {
            "text_characters": settings.text_characters,
            "explain_characters": settings.explain_characters,
            "texts": settings.texts,
            "body_bytes": settings.body_bytes,
        }
        return to_json({**document, "limits": limits}, inf_nan_mode="null")

    def _in_words(self, name: str, error: Exception) -> str:
        """Why a model is refused, with its name for its folder."""
        if isinstance(error, UnrolledError):
            return str(error).replace(str(self._folders[name]), name)
        return f"{type(error).__name__} at {where(error)}"


def identity(folder: Path) -> Identity:
    """What tells a folder's files from others that take their place; () while there is none."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat()) for entry in entries if entry.is_file()]
    except OSError:
        return ()
    return tuple(
        sorted((name, status.st_ino, status.st_mtime_ns, status.st_size) for name, status in found)
    )


def _is_learning(files: Identity) -> bool:
    """Whether the training that writes these files has not ended: its best so far may be poor."""
    return any(name == TRAINING for name, *_ in files)


def _examples(settings: Settings, classes: list[str]) -> tuple[str, ...]:
    """What the page offers to click on."""
    if settings.examples is not None:
        return settings.examples
    from unrolled.page.examples import examples_for

    return tuple(examples_for(classes))
