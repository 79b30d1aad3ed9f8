"""How many threads work, and the pool that they come from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Lock
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
    """Threads that are kept for many calls; the calling thread is the first of them.

    One that only waited would take a core from another at the start of each call.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._at_work = Lock()
        self._pool = ThreadPoolExecutor(max(1, threads - 1), thread_name_prefix="unrolled")

    def together(self, work: Callable[[int], T]) -> list[T]:
        """``work(thread)`` on every thread at the same time; results in thread order.

        Returns only when all have ended, whatever happens meanwhile. One call goes on at a time:
        two that had half of the threads each would wait for the others for ever.
        """
        with self._at_work:
            if self.threads == 1:
                return [work(0)]
            others = [self._pool.submit(work, thread) for thread in range(1, self.threads)]
            try:
                own = work(0)
                return [own, *(other.result() for other in others)]
            finally:
                wait(others)

    def each(self, work: Callable[[int], T], items: Iterable[int]) -> list[T]:
        """``work(item)`` for every item, on whichever thread is free; results in item order."""
        waiting = iter(enumerate(items))
        taking = Lock()
        results: dict[int, T] = {}

        def take_turns(_: int) -> None:
            while True:
                with taking:
                    turn = next(waiting, None)
                if turn is None:
                    return
                results[turn[0]] = work(turn[1])

        self.together(take_turns)
        return [results[place] for place in sorted(results)]
