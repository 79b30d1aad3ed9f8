"""Trials of a search on a cluster: as many at once as there are places, each a Ray task."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from unrolled.datasets.examples import Examples
from unrolled.tuning.running import Task, run
from unrolled.tuning.texts import Texts
from unrolled.tuning.trials import Outcome

ATTEMPTS = 3
"""So often a trial is run again when its worker or its node dies."""


class OnCluster:
    """Runs trials on the cluster that this process is connected to; the study stays here.

    examples: sent once, and kept by each worker as it encodes them. places: trials at a time, each
    of which claims a core. threads: of each trial, by default one; they change only the time.
    """

    def __init__(self, examples: Examples, *, places: int, threads: int | None = None) -> None:
        self.places = places
        self._threads = threads or 1
        self._examples = ray.put(examples)
        self._numbers: dict[Any, int] = {}
        self._run = ray.remote(_run_there).options(
            num_cpus=1, max_retries=ATTEMPTS, retry_exceptions=False
        )

    def start(self, task: Task) -> None:
        """Send a trial away."""
        future = self._run.remote(task, [self._examples], self._threads)
        self._numbers[future] = task.number

    def finished(self) -> tuple[int, Outcome]:
        """Wait for the next trial that ends; one whose workers keep dying has failed."""
        (future, *_), _ = ray.wait(list(self._numbers), num_returns=1)
        number = self._numbers.pop(future)
        try:
            return number, ray.get(future)
        except RayTaskError:
            raise
        except RayError as error:
            return number, Outcome("failed", note=f"its workers died {ATTEMPTS + 1} times: {error}")


def _run_there(task: Task, examples: list[Any], threads: int) -> Outcome:
    """On a worker. examples: a list with their reference, which so stays one until it is read."""
    return run(task, _texts(examples[0]), threads=threads)


@lru_cache(maxsize=1)
def _texts(examples: Any) -> Texts:
    """What this worker has encoded already, for the trials to come."""
    return Texts(ray.get(examples))
