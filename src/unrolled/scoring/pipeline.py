"""Steps that work at the same time: while one chunk is labelled, the next one is read and encoded.

Reading and encoding are Python and take turns with the writer; the network runs beside them, since
its kernels let go of the interpreter.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable
from queue import Empty, Queue
from threading import Event, Thread
from typing import TypeVar

from unrolled.datasets.stream import Chunk
from unrolled.model.predictions import Predictions
from unrolled.model.trained import TrainedModel
from unrolled.ragged import Ragged

DEPTH = 2  # chunks that wait between two steps

T = TypeVar("T")
R = TypeVar("R")


def label_chunks(
    model: TrainedModel, chunks: Iterable[Chunk], threads: int | None
) -> Generator[tuple[Chunk, Predictions], None, None]:
    """Each chunk with what the model says about its texts, in their order."""
    start = model.recipe.text.start_token

    def encode(chunk: Chunk) -> tuple[Chunk, Ragged]:
        return chunk, model.vocabulary.encode_all(chunk.texts, start=start)

    def label(encoded: tuple[Chunk, Ragged]) -> tuple[Chunk, Predictions]:
        return encoded[0], model.predictions(encoded[1], threads)

    return ahead(_each(label, ahead(_each(encode, chunks))))


def _each(work: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
    """``map`` that closes the items, too, when it is closed or fails."""
    try:
        for item in items:
            yield work(item)
    finally:
        if isinstance(items, Generator):
            items.close()


def ahead(items: Generator[T, None, None], depth: int = DEPTH) -> Generator[T, None, None]:
    """The items, made by a thread of their own, at most ``depth`` before they are asked for.

    An error in the making is raised here, in its place in the order. Closing stops the thread.
    """
    results: Queue[T | _End] = Queue(depth)
    is_closed = Event()
    maker = Thread(target=_make, args=(items, results, is_closed), daemon=True)
    maker.start()
    try:
        while not isinstance(result := results.get(), _End):
            yield result
        if result.error is not None:
            raise result.error
    finally:
        is_closed.set()
        with contextlib.suppress(Empty):  # room, in case that the maker waits for it
            while True:
                results.get_nowait()
        maker.join()


class _End:
    """What comes after the last item: the error that ended the making, if any."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def _make(items: Generator[T, None, None], results: Queue[T | _End], is_closed: Event) -> None:
    end = _End()
    try:
        for item in items:
            results.put(item)
            if is_closed.is_set():
                break
    except BaseException as error:  # raised again where the items are asked for
        end = _End(error)
    finally:
        items.close()
    if not is_closed.is_set():
        results.put(end)
