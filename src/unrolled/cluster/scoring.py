"""Files of texts labelled by the workers of a cluster; what comes back is written as ever.

Ray Data streams: tasks read the files and put the texts into shared memory, a chunk a block; one
actor a worker, which holds the model, makes of each chunk its part of a file of labels; this
process takes the parts in the order of the texts and writes them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from unrolled import bundle, errors
from unrolled.cluster.connection import Cluster
from unrolled.cluster.scoring_files import files_there, readers_place, sources_there
from unrolled.cluster.scoring_stream import Answers, Conductor, Order, streamed
from unrolled.cluster.scoring_tasks import Answer, Piece
from unrolled.errors import UnrolledError
from unrolled.scoring.files import Made, Plan
from unrolled.scoring.jobs import Job
from unrolled.scoring.run import Columns, Source

ATTEMPTS = 3  # without an answer between them, until a run gives up


class There:
    """Lets the workers of a cluster label texts.

    model: a folder on this machine.
    """

    def __init__(self, cluster: Cluster, model: Path, columns: Columns) -> None:
        self._cluster = cluster
        self._model = model
        self._columns = columns

    def files(self, given: Path) -> list[Path]:
        """The files of texts that are meant; from outside the cluster, as its nodes see them."""
        return files_there(self._cluster, given)

    def sources(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Source]]:
        """Each job with what is to be known of its file of texts, which the nodes find out."""
        return sources_there(self._cluster, jobs, self._columns)

    def parts(self, plans: Iterable[Plan]) -> Iterator[tuple[Plan, Made]]:
        """Each plan with the parts of its file that are not finished."""
        known = list(plans)
        place = readers_place(self._cluster, [plan.job.source for plan in known])
        order = Order(self._model.name, _files_of(self._model), self._cluster.workers, place)
        stream = partial(_conducted if self._cluster.is_client else streamed, order)
        pieces = [
            Piece(
                str(plan.job.source),
                self._columns.text,
                plan.job.output.name,
                plan.rows,
                self._columns.keep,
            )
            for plan in known
        ]
        with closing(_persistent(stream, pieces)) as answers:
            for plan in known:
                yield plan, _of_one_piece(answers)


def _files_of(model: Path) -> dict[str, bytes]:
    """A model's folder as bytes, without what only people or a training need."""
    stored = bundle.read(model)
    return bundle.to_files(dataclasses.replace(stored, training=None, report=None))


def _of_one_piece(answers: Answers) -> Made:
    for answer in answers:
        if answer.error is not None:
            kind, message = answer.error
            raise getattr(errors, kind)(message)
        if answer.part is not None:
            yield answer.part
        if answer.is_last:
            return


def _persistent(stream: Callable[[Sequence[Piece]], Answers], pieces: Sequence[Piece]) -> Answers:
    """The answers to all pieces in their order, whatever befalls the cluster meanwhile.

    Ray itself makes anew what is lost with a node or an actor. When it gives up all the same, a
    new stream begins behind the last answer.
    """
    import ray

    rest, attempts = list(pieces), 0
    while rest:
        try:
            with closing(stream(rest)) as answers:
                for answer in answers:
                    attempts = 0
                    rest = _behind(answer, rest)
                    yield answer
        except ray.exceptions.RayError as error:
            attempts += 1
            if attempts == ATTEMPTS:
                raise UnrolledError(
                    f"the cluster failed {ATTEMPTS} times at the same place: {_brief(error)}; the "
                    "finished parts are kept, and the same command goes on from there"
                ) from error


def _behind(answer: Answer, pieces: list[Piece]) -> list[Piece]:
    """What is left to be read when an answer has come."""
    if answer.is_last:
        return pieces[1:]
    assert answer.part is not None
    first = pieces[0]
    return [dataclasses.replace(first, start=first.start + answer.part.entry["rows"]), *pieces[1:]]


def _brief(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


def _conducted(order: Order, pieces: Sequence[Piece]) -> Answers:
    """As ``streamed``, for a process that is no part of the cluster: an actor there takes part."""
    import ray

    conductor: Any = ray.remote(num_cpus=0)(Conductor)
    actor = conductor.remote(order, pieces)
    try:
        coming = actor.next.remote()
        while (answer := ray.get(coming)) is not None:
            coming = actor.next.remote()
            yield answer
    finally:
        ray.kill(actor)
