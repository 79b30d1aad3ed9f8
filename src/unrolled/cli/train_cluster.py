"""``unrolled train --on``: where a network is trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from unrolled.cli import console
from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.training.learner import MakeLearner


def check_workers(on: str | None, workers: int | None) -> None:
    """Raise InputError for workers that would be nowhere."""
    if workers is not None and on is None:
        raise InputError("--workers is for --on, which says where they are")


@contextmanager
def learner_on(
    on: str | None, *, workers: int | None, threads: int | None
) -> Iterator[MakeLearner | None]:
    """What trains a network on a cluster, as long as the context lasts; None: here."""
    if on is None:
        yield None
        return
    from unrolled.cluster.training import training_on

    with training_on(on, workers=workers, threads=threads, tell=console.note) as learner:
        yield learner
