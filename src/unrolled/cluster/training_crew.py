"""The workers of a training, found places for, set to work, and replaced when one is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from unrolled.cluster.training_messages import GROUP
from unrolled.cluster.training_worker import Worker
from unrolled.errors import TrainingError

_PATIENCE = 60.0  # seconds without a worker until a run gives up
_TURN = 0.5  # seconds between two looks at what the cluster can hold

Check = Callable[[], None]


class WorkerLost(Exception):
    """A worker, or the node that it was on, is gone."""


class Crew:
    """Workers that hold the same network. It ends with ``close``.

    kind, made_of: the network; wanted: how many workers; threads: of each.
    check: called while it waits; what it raises ends the wait.

    Raises TrainingError when no worker has started for a minute.
    """

    def __init__(
        self, kind: str, made_of: Mapping[str, Any], *, wanted: int, threads: int, check: Check
    ) -> None:
        import ray

        remote: Any = ray.remote
        actor = remote(
            num_cpus=threads,
            scheduling_strategy="SPREAD",
            concurrency_groups={GROUP: 1},
            enable_task_events=False,  # two a step, which nobody would read
        )(Worker)
        self._started = [actor.remote(kind, made_of, threads) for _ in range(wanted)]
        self.check = check
        try:
            self.workers = self._present(wanted, threads)
            self.each("meet", self.workers, each=[(at,) for at in range(len(self.workers))])
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self.workers)

    def each(
        self, method: str, *shared: Any, each: Sequence[tuple[Any, ...]] | None = None
    ) -> list[Any]:
        """Call a method of all workers at the same time; their answers in their order.

        shared: what all are given; each: what each is given after that. Raises WorkerLost, and
        whatever a worker raises.
        """
        own = each if each is not None else [()] * len(self.workers)
        return self._answers(
            [
                getattr(worker, method).remote(*shared, *more)
                for worker, more in zip(self.workers, own, strict=True)
            ]
        )

    def first(self, method: str) -> Any:
        """Call a method of the first worker."""
        return self._answers([getattr(self.workers[0], method).remote()])[0]

    def close(self) -> None:
        """End the workers."""
        import ray

        for worker in self._started:
            ray.kill(worker)

    def _answers(self, calls: list[Any]) -> list[Any]:
        """Wait for all, but not for the rest when one fails: they may wait for it for ever."""
        import ray
        from ray.exceptions import RayTaskError

        waiting = calls
        while waiting:
            done, waiting = ray.wait(waiting, num_returns=1, timeout=_TURN)
            try:
                ray.get(done)
            except _losses() as error:
                raise WorkerLost from error
            except RayTaskError as error:
                raise error.cause from None
        answers: list[Any] = ray.get(calls)
        return answers

    def _present(self, wanted: int, threads: int) -> list[Any]:
        """The workers that have started: all, or as many as the cluster can hold now."""
        import ray

        calls = {worker.ready.remote(): worker for worker in self._started}
        waiting, present = list(calls), list[Any]()
        until, why = time.monotonic() + _PATIENCE, ""
        while waiting and len(present) < max(1, min(wanted, _places(threads))):
            done, waiting = ray.wait(waiting, num_returns=1, timeout=_TURN)
            for call in done:
                try:
                    ray.get(call)
                    present.append(calls[call])
                except _losses() as error:
                    why = f" ({' '.join(str(error).split())})"
            if time.monotonic() > until:
                break
            self.check()
        if not present:
            raise TrainingError(
                f"no worker could be started on the cluster{why}: see 'ray status', and go on "
                "with --resume"
            )
        for call in waiting:
            ray.kill(calls[call])
        return present


def _places(threads: int) -> int:
    """How many workers the cluster's nodes can hold."""
    import ray

    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    cores = [node["Resources"].get("CPU", 0) for node in nodes if node["Alive"]]
    return sum(int(own // threads) for own in cores)


def _losses() -> tuple[type[Exception], ...]:
    """What Ray raises when an actor, or what it made, is gone."""
    from ray import exceptions

    return exceptions.RayActorError, exceptions.ObjectLostError, exceptions.NodeDiedError
