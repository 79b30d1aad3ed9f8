"""Files of texts as the nodes of a cluster see them: which there are, and who has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from unrolled import errors
from unrolled.cluster.connection import Cluster
from unrolled.errors import DataError, UnrolledError
from unrolled.scoring.jobs import Job, files_of
from unrolled.scoring.run import Columns, Source, open_texts, source_of

Answer = tuple[Any, tuple[str, str] | None]
"""What a function returned, or the class and the message of the UnrolledError that it raised."""


def files_there(cluster: Cluster, given: Path) -> list[Path]:
    """As ``files_of``; from outside the cluster, those that its nodes see."""
    if not cluster.is_client:
        return files_of(given)
    (answer,) = _asked([_ask(files_of, given)])
    return list(_value(answer))


def sources_there(
    cluster: Cluster, jobs: Sequence[Job], columns: Columns
) -> Iterator[tuple[Job, Source]]:
    """Each job with what is to be known of its file of texts; the nodes read the files."""
    place = readers_place(cluster, [job.source for job in jobs])
    answers = _asked([_ask(_source, job.source, columns, **place) for job in jobs])
    return ((job, _value(answer)) for job, answer in zip(jobs, answers, strict=True))


def readers_place(cluster: Cluster, files: Sequence[Path]) -> dict[str, Any]:
    """Options of the tasks that read files: that any node will do, or this one alone.

    Raises DataError where this machine is no node and not every node has the files.
    """
    import ray

    nodes: list[Any] = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    if len(nodes) == 1:
        return {}
    places = [_on_node(node["NodeID"]) for node in nodes]
    seen = _asked([_ask(_sizes, files, num_cpus=0, **place) for place in places])
    sizes = _sizes(files) if not cluster.is_client else _value(seen[0])
    for node, answer in zip(nodes, seen, strict=True):
        for file, expected, size in zip(files, sizes, _value(answer), strict=True):
            if size is not None and size == expected:
                continue
            if not cluster.is_client:
                return _on_node(ray.get_runtime_context().get_node_id())
            raise DataError(
                f"{file}: the node {node['NodeManagerAddress']} has no such file, or another one; "
                "put the files where every node sees them, or run this on a node that has them"
            )
    return {}


def _on_node(node: str) -> dict[str, Any]:
    return {"label_selector": {"ray.io/node-id": node}}


def _ask(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Let a node call a function; a reference to its `Answer`."""
    import ray

    return ray.remote(_attempt).options(**options).remote(function, *arguments)


def _asked(references: Sequence[Any]) -> list[Answer]:
    import ray

    return list(ray.get(references))


def _attempt(function: Callable[..., Any], *arguments: Any) -> Answer:
    try:
        return function(*arguments), None
    except UnrolledError as error:
        return None, (type(error).__name__, str(error))


def _value(answer: Answer) -> Any:
    value, error = answer
    if error is not None:
        kind, message = error
        raise getattr(errors, kind)(message)
    return value


def _source(path: Path, columns: Columns) -> Source:
    return source_of(open_texts(path, columns))


def _sizes(files: Sequence[Path]) -> list[int | None]:
    """The bytes of each file; None where there is none."""
    return [file.stat().st_size if file.is_file() else None for file in files]
