"""A lane: the texts of many requests on their way through one model, scored together.

Requests that arrive in the same turn of the event loop, or while a batch is being scored, make up
the next batch; nobody waits for a timer. A batch that takes a moment is scored right in the event
loop, since a hand-over to a thread would take longer; a larger one goes to a thread, in pieces, so
that a small request behind a large one waits for one piece only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

Score = Callable[[list[str], int], list[bytes]]
"""Answers, as bytes, to (texts, threads)."""

PIECES = 4  # a piece for the thread is so many times as large as what the event loop takes
FEWEST = 16  # texts: even empty ones cost something


@dataclass(eq=False)
class Job:
    """The texts of one request; ``taken`` of them are in a batch, or done."""

    texts: list[str]
    future: asyncio.Future[list[bytes]]
    taken: int = 0
    answers: list[bytes] = field(default_factory=list)


Piece = tuple[Job, list[str]]


class Lane:
    """What waits for a model, and the batch that is being scored.

    small: characters that the event loop may score itself. threads: of a piece for the executor.
    on_batch is told how many texts were scored together.
    """

    def __init__(
        self,
        score: Score,
        *,
        small: int,
        threads: int,
        executor: Executor,
        on_batch: Callable[[int], None],
    ) -> None:
        self._score = score
        self._small = small
        self._threads = threads
        self._executor = executor
        self._on_batch = on_batch
        self._waiting: deque[Job] = deque()
        self._is_busy = False

    def submit(self, texts: list[str]) -> asyncio.Future[list[bytes]]:
        """The answers to the texts, in their order; cancel the future to drop what is not done."""
        loop = asyncio.get_running_loop()
        job = Job(texts, loop.create_future())
        self._waiting.append(job)
        if not self._is_busy:
            self._is_busy = True
            loop.call_soon(self._turn)
        return job.future

    def _turn(self) -> None:
        """Score the next batch, and see to it that another turn follows if there is more."""
        loop = asyncio.get_running_loop()
        pieces, characters = self._next_batch()
        if not pieces:
            self._is_busy = False
        elif characters <= self._small:
            self._hand_out(pieces, _scored(self._score, pieces, 1))
            self._is_busy = bool(self._waiting)
            if self._is_busy:
                loop.call_soon(self._turn)
        else:
            work = loop.run_in_executor(self._executor, _scored, self._score, pieces, self._threads)
            work.add_done_callback(lambda done: self._come_back(pieces, done))

    def _next_batch(self) -> tuple[list[Piece], int]:
        """Up to a piece's characters of what waits, a part of each large job in turn."""
        room = self._small * PIECES
        cost = max(1, self._small // FEWEST)  # of any text, however short
        pieces: list[Piece] = []
        used = 0
        for _ in range(len(self._waiting)):
            if used >= room:
                break
            job = self._waiting.popleft()
            if job.future.done():  # its client has given up
                continue
            first = job.taken
            while job.taken < len(job.texts) and used < room:
                used += max(len(job.texts[job.taken]), cost)
                job.taken += 1
            pieces.append((job, job.texts[first : job.taken]))
            if job.taken < len(job.texts):
                self._waiting.append(job)
        return pieces, used

    def _come_back(
        self, pieces: list[Piece], work: asyncio.Future[list[list[bytes] | Exception]]
    ) -> None:
        """The executor is done, or was shut down."""
        if work.cancelled() or work.exception() is not None:
            for job, _ in pieces:
                job.future.cancel()
        else:
            self._hand_out(pieces, work.result())
        self._turn()

    def _hand_out(self, pieces: list[Piece], outcomes: Sequence[list[bytes] | Exception]) -> None:
        self._on_batch(sum(len(texts) for _, texts in pieces))
        for (job, _), outcome in zip(pieces, outcomes, strict=True):
            if job.future.done():
                continue
            if isinstance(outcome, Exception):
                job.future.set_exception(outcome)
                continue
            job.answers += outcome
            if len(job.answers) == len(job.texts):
                job.future.set_result(job.answers)


def _scored(score: Score, pieces: list[Piece], threads: int) -> list[list[bytes] | Exception]:
    """The answers to each piece; of one that fails its error, which no other piece suffers from."""
    together = [text for _, texts in pieces for text in texts]
    try:
        answers = score(together, threads)
    except Exception as error:
        if len(pieces) == 1:
            return [error]
        return [_scored(score, [piece], threads)[0] for piece in pieces]
    outcomes: list[list[bytes] | Exception] = []
    at = 0
    for _, texts in pieces:
        outcomes.append(answers[at : at + len(texts)])
        at += len(texts)
    return outcomes
