"""The stream of Ray Data: pieces of files in, answers out, in the same order."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from unrolled.cluster.scoring_tasks import Answer, Labeller, Piece, answers_in, read

_CHUNKS_AHEAD = 2  # that wait at each actor
_BYTES_OF_A_WORKER = 96 * 2**20  # of shared memory, for its chunks and for its parts
_CORES_OF_A_WORKER = 0.5  # that are reserved; it uses one, but has to find room when a node is lost
_WORKERS_OF_A_READER = 8  # a text is read in a small part of the time that labelling it takes

Answers = Generator[Answer, None, None]


@dataclasses.dataclass(frozen=True)
class Order:
    """What a stream is made of besides its pieces.

    name and files: of the model's folder, and the bytes of its files by their names;
    place: where the files of texts can be read, by the options of Ray's tasks.
    """

    name: str
    files: Mapping[str, bytes]
    workers: int
    place: Mapping[str, Any]


def streamed(order: Order, pieces: Sequence[Piece]) -> Answers:
    """The answers to all chunks of all pieces, in their order."""
    import ray

    rows = [dataclasses.asdict(piece) for piece in pieces]
    dataset = ray.data.from_items(rows, override_num_blocks=len(rows))
    _settle(dataset.context, order.workers)
    chunks = dataset.map_batches(
        read,
        batch_size=1,
        batch_format="pyarrow",
        compute=ray.data.TaskPoolStrategy(size=-(-order.workers // _WORKERS_OF_A_READER)),
        num_cpus=0,  # the actors have the cores, and readers mostly wait for them
        **order.place,
    )
    labelled = chunks.map_batches(
        Labeller,
        fn_constructor_args=[order.name, ray.put(order.files)],
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(
            size=order.workers, max_tasks_in_flight_per_actor=_CHUNKS_AHEAD
        ),
        num_cpus=_CORES_OF_A_WORKER,
    )
    for table in labelled.iter_batches(batch_size=None, batch_format="pyarrow"):
        yield from answers_in(table)


class Conductor:
    """An actor that takes the answers of a stream inside the cluster, and gives them outside."""

    def __init__(self, order: Order, pieces: Sequence[Piece]) -> None:
        self._answers = streamed(order, pieces)

    def next(self) -> Answer | None:
        """The next answer; None behind the last one."""
        return next(self._answers, None)


def _settle(context: Any, workers: int) -> None:
    """Let Ray Data keep the order and the bounds of memory, and print nothing."""
    from ray.data import ExecutionResources

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context.execution_options.preserve_order = True
    context.execution_options.resource_limits = ExecutionResources.for_limits(
        object_store_memory=workers * _BYTES_OF_A_WORKER
    )
    context.target_max_block_size = 1  # byte: a block then has one row, which is never cut
    context.enable_progress_bars = False
    context.print_on_execution_start = False
