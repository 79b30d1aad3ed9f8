"""How many threads work, and the pool that they come from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from unrolled.errors import InputError

T = TypeVar("T")


def thread_count(requested: int | None) -> int:
    """``requested``, or the number of cores that this process may use.

    Raises InputError unless it is a whole number from 1 on.
    """
    if requested is None:
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else os.cpu_count() or 1
    if requested < 1:
        raise InputError(f"threads is {requested}: give a whole number from 1 on")
    return requested


class Team:
    """Threads that are kept for many calls."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="unrolled")

    def together(self, work: Callable[[int], T]) -> list[T]:
        """``work(thread)`` on every thread at the same time; results in thread order.

        Returns only when all have ended, whatever happens meanwhile.
        """
        if self.threads == 1:
            return [work(0)]
        futures = [self._pool.submit(work, thread) for thread in range(self.threads)]
        return self._results(futures)

    def each(self, work: Callable[[int], T], items: Iterable[int]) -> list[T]:
        """``work(item)`` for every item, on whichever thread is free; results in item order."""
        if self.threads == 1:
            return [work(item) for item in items]
        return self._results([self._pool.submit(work, item) for item in items])

    @staticmethod
    def _results(futures: list[Future[T]]) -> list[T]:
        try:
            return [future.result() for future in futures]
        finally:
            wait(futures)
