"""Training on several machines: a network whose epochs and evaluations are those of a cluster.

A step is taken by all workers together (see `training_worker`), and gradients are added up in the
order of a batch's tiles, so that the weights have the bits that one machine would give them. The
state of a run stays here, beside the command: what goes on in `training.fit` does not know where
the work is done.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from unrolled.cluster.connection import connected
from unrolled.cluster.training_crew import Crew, WorkerLost
from unrolled.cluster.training_messages import Meter
from unrolled.cluster.training_worker import Stretch
from unrolled.engine.batches import Floats, NonFiniteBatch, Progress, Totals
from unrolled.engine.encoder_decoder import EncoderDecoder
from unrolled.engine.network import Network
from unrolled.engine.optimizers import Optimizer
from unrolled.engine.sharing import evaluation_rows, sharing
from unrolled.engine.snapshot import Snapshot
from unrolled.ragged import Sequences

Target = TypeVar("Target", bound=NDArray[np.integer] | Sequences)
Tell = Callable[[str], None]

_STRETCH = 0.25  # seconds of work between two words of the workers
_KEEP = 10.0  # seconds of work that a lost worker may cost at most
_FIRST_STRETCH = 8  # batches


class ClusterLearner(Generic[Target]):
    """Trains a network with the workers of the cluster that Ray is connected to.

    network: holds the weights and the optimizer whenever no epoch is under way. workers: how many;
    fewer where the cluster cannot hold them, which changes only the time. threads: of each worker.
    tell: is told, in a sentence, when workers are lost.

    It is a ``Learner``: `training.fit.fit` trains it as it trains the network itself, in the same
    bits. Use it as a context, or call ``close``, which ends the workers.
    """

    def __init__(
        self,
        network: Network | EncoderDecoder,
        *,
        workers: int,
        threads: int = 1,
        tell: Tell = lambda _: None,
    ) -> None:
        self.network = network
        self.workers = workers
        self.threads = threads
        self._tell = tell
        self._shared = sharing(network)
        self._crew: Crew | None = None
        self._sent: list[tuple[Any, Any]] = []
        self._stretch = _FIRST_STRETCH

    @property
    def parameters(self) -> Floats:
        """The network's weights."""
        return self.network.parameters

    @property
    def optimizer(self) -> Optimizer | None:
        """The network's optimizer."""
        return self.network.optimizer

    @property
    def rates(self) -> list[float] | None:
        """What each layer's learning rate is multiplied by."""
        return self.network.rates

    def __enter__(self) -> ClusterLearner[Target]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def train_epoch(
        self,
        sequences: Sequences,
        targets: Target,
        order: NDArray[np.integer],
        *,
        batch_size: int,
        threads: int | None = None,
        on_progress: Progress | None = None,
    ) -> tuple[float, float]:
        """As the network's own, in the same bits; ``threads`` is that of the workers.

        A worker that is lost sends the epoch back to where its state was last kept, ten seconds at
        most, and another takes its place; where the cluster can hold none, the others do its work.
        Raises NonFiniteBatch as the network does, and TrainingError when no worker is left.
        """
        import ray

        rows = self._shared.epoch_rows(sequences, targets, order, batch_size)
        batches = math.ceil(len(rows) / batch_size)
        data = self._put(sequences), self._put(targets), ray.put(rows), batch_size
        now = kept = Stretch(0, Totals(), None)
        state, kept_at = Snapshot.of(self.network), time.monotonic()
        has_begun = False

        def tell_progress() -> None:
            if on_progress is not None:
                on_progress(min(now.done * batch_size, len(rows)))

        with self._ended_by_errors():
            while kept.done < batches and kept.failed is None:
                try:
                    crew = self._crew_with(tell_progress)
                    if not has_begun:
                        crew.each("begin", ray.put(state), *data)
                        has_begun = True
                    now = self._train(crew, now, batches)
                    is_over = now.done == batches or now.failed is not None
                    if is_over or time.monotonic() - kept_at > _KEEP:
                        state, kept, kept_at = crew.first("snapshot"), now, time.monotonic()
                except WorkerLost:
                    now, has_begun = kept, False
                    self._dismiss(f"the epoch goes on after batch {kept.done} of {batches}")
                tell_progress()
        state.put_into(self.network)
        if kept.failed is not None:
            failed = rows[kept.done * batch_size : (kept.done + 1) * batch_size]
            raise NonFiniteBatch(kept.done, failed, kept.failed)
        return kept.totals.means()

    def evaluate(
        self, sequences: Sequences, targets: Target, *, threads: int | None = None
    ) -> tuple[float, float]:
        """As the network's own, in the same bits; ``threads`` is that of the workers."""
        import ray

        self._shared.check(sequences, targets)
        lengths = self._shared.lengths(sequences, targets)
        data = self._put(sequences), self._put(targets)
        with self._ended_by_errors():
            while True:
                try:
                    crew = self._crew_with(lambda: None)
                    rows = evaluation_rows(lengths, len(crew))
                    parts = crew.each(
                        "assess", ray.put(self.parameters), *data, each=[(own,) for own in rows]
                    )
                    return self._shared.evaluation(targets, rows, parts)
                except WorkerLost:
                    self._dismiss("the evaluation begins anew")

    def measured(self) -> list[Meter]:
        """What each worker has done since it started; nothing where none has."""
        return [] if self._crew is None else self._crew.each("measured")

    def close(self) -> None:
        """End the workers; another epoch would start new ones."""
        if self._crew is not None:
            self._crew.close()
            self._crew = None

    def _train(self, crew: Crew, before: Stretch, batches: int) -> Stretch:
        """The next batches, about as many as take a quarter of a second."""
        count = min(self._stretch, batches - before.done)
        started = time.perf_counter()
        stretch: Stretch = crew.each("train", before.done, count, before.totals)[0]
        seconds = max(time.perf_counter() - started, 1e-6)
        self._stretch = max(1, int(count * _STRETCH / seconds))
        return stretch

    def _crew_with(self, check: Callable[[], None]) -> Crew:
        """The workers, started where there are none."""
        if self._crew is None:
            self._crew = Crew(
                type(self.network).__name__,
                self.network.made_of,
                wanted=self.workers,
                threads=self.threads,
                check=check,
            )
            if len(self._crew) < self.workers:
                self._tell(f"the cluster has room for {len(self._crew)} of {self.workers} workers")
        self._crew.check = check
        return self._crew

    def _dismiss(self, what_next: str) -> None:
        self.close()
        self._tell(f"a worker was lost: {what_next}")

    @contextmanager
    def _ended_by_errors(self) -> Iterator[None]:
        """Workers that an error has left in the middle of something are of no use any more."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _put(self, data: Sequences | NDArray[Any]) -> Any:
        """Where the workers find data, which travel to each node once."""
        import ray

        for known, place in self._sent:
            if known is data:
                return place
        place = ray.put(data if isinstance(data, np.ndarray) else data.packed())
        self._sent.append((data, place))
        return place


@contextmanager
def training_on(
    address: str, *, workers: int | None = None, threads: int | None = None, tell: Tell
) -> Iterator[Callable[[Any], Any]]:
    """A way to train any network on the cluster at ``address``, as long as the context lasts.

    workers, threads: of the run, and of each worker; by default one thread, and as many workers as
    the cluster has cores. It is what ``TextClassifier.fit`` takes as ``learner``.

    Raises InputError when the cluster cannot be reached or is too small.
    """
    each = threads or 1
    cores = None if workers is None else workers * each
    with connected(address, workers=cores) as cluster, ExitStack() as learners:

        def learner(network: Network | EncoderDecoder) -> ClusterLearner[Any]:
            count = max(1, cluster.workers // each)
            return learners.enter_context(
                ClusterLearner(network, workers=count, threads=each, tell=tell)
            )

        yield learner
