"""The way to a cluster: one that runs already, or one of this machine's cores for a single run."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unrolled import __version__
from unrolled.errors import InputError

LOCAL = "local-cluster"
CLIENT = "ray://"
_LOOPBACK = "127.0.0.1"
_PATIENCE = 5.0  # seconds until a host that does not answer counts as absent
_KINDS = f"{CLIENT}HOST:PORT, HOST:PORT, auto or {LOCAL}"


@dataclass(frozen=True)
class Cluster:
    """A cluster that this process is connected to.

    workers: how many workers a run is to have; is_client: this process is no part of the cluster
    and reaches it through its head, so that it shares no memory with it.
    """

    address: str
    workers: int
    is_client: bool


@contextmanager
def connected(address: str, *, workers: int | None = None) -> Iterator[Cluster]:
    """Ray, ready for use: inside, ``ray.remote`` and all else runs on the cluster at ``address``.

    address: ``ray://HOST:PORT`` from outside a cluster; ``HOST:PORT`` or ``auto`` on one of its
    nodes; ``local-cluster`` starts a Ray of this machine, which ends with the context and is
    reached from nowhere else. workers: how many workers the run is to have, by default as many
    as there are cores.

    Raises InputError: Ray is not installed, no cluster is there, its Ray or its Python has another
    version, a node has no unrolled or another version, or it has fewer cores than ``workers``.
    """
    with ExitStack() as stack:
        if address == LOCAL:
            workers = workers or _cores_here()
            folder = tempfile.TemporaryDirectory(prefix="unrolled-", ignore_cleanup_errors=True)
            settings = _local_settings(workers, stack.enter_context(folder))
        else:
            _check_somebody_answers(address)
            settings = {"address": address}
        ray = _import_ray()
        if ray.is_initialized():
            raise InputError("Ray is connected in this process already: call ray.shutdown() first")
        stack.enter_context(_own_signals())
        stack.enter_context(_silent())
        stack.callback(ray.shutdown)
        if address == LOCAL:
            with _loopback_alone():
                _connect(ray, address, settings)
        else:
            _connect(ray, address, settings)
            _check_nodes(ray, address)
        cores = int(ray.cluster_resources().get("CPU", 0))
        if workers is not None and workers > cores:
            raise InputError(f"{address}: --workers {workers}: the cluster has {cores} cores")
        yield Cluster(address, workers or cores, address.startswith(CLIENT))


def _import_ray() -> Any:
    """Ray, which sends no figures of its use to anyone."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else it warns of a change
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # a lost node is no news on a terminal
    try:
        import ray
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise InputError(
            "a cluster needs Ray, which is not installed: pip install 'unrolled[ray]'"
        ) from None
    return ray


def _cores_here() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _local_settings(workers: int, folder: str) -> dict[str, Any]:
    """Of a Ray that this machine alone can reach, and that leaves nothing behind."""
    return {
        "address": "local",
        "num_cpus": workers,
        "include_dashboard": False,
        "_node_ip_address": _LOOPBACK,
        "_temp_dir": folder,
    }


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray ends this process in order when it is terminated; later that is ours to do again."""
    ours = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, ours)


@contextmanager
def _silent() -> Iterator[None]:
    """Ray tells of a lost node on standard output, which is the place of results."""
    from ray._private import worker

    usual = worker._worker_logs_enabled
    worker._worker_logs_enabled = False
    try:
        yield
    finally:
        worker._worker_logs_enabled = usual


@contextmanager
def _loopback_alone() -> Iterator[None]:
    """Let the servers of a Ray that is started listen on the loopback address and nowhere else.

    That is what Ray does on systems without clusters; elsewhere it puts the address of the network
    in the place of the loopback address, even where that was asked for.
    """
    from ray._private import ray_constants

    usual = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = usual


def _check_somebody_answers(address: str) -> None:
    """A host that is not there is found out in seconds, where Ray would try for a minute."""
    if address == "auto":
        return
    host, colon, port = address.removeprefix(CLIENT).rpartition(":")
    if not colon or not host or not port.isdecimal() or "/" in host:
        raise InputError(f"--on {address}: not the address of a cluster; known are {_KINDS}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise InputError(
            f"--on {address}: no cluster answers there: {error}; start one with "
            "'ray start --head', or see its address with 'ray status'"
        ) from None


def _connect(ray: Any, address: str, settings: dict[str, Any]) -> None:
    from ray.exceptions import RayError

    settings = {**settings, "log_to_driver": False, "logging_level": logging.ERROR}
    try:
        with _first_words_unheard():
            ray.init(**settings, namespace="unrolled")
    except (OSError, ImportError, RuntimeError, ValueError, AssertionError, RayError) as error:
        raise InputError(f"--on {address}: {_reason(str(error))}") from error


@contextmanager
def _first_words_unheard() -> Iterator[None]:
    """Drop what Ray's native code writes to standard error when it begins: how loud it will be."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _reason(message: str) -> str:
    """Why Ray refused, in one line."""
    one_line = " ".join(message.split())
    if "token" in one_line.lower():
        return (
            "the cluster wants its token: set RAY_AUTH_MODE=token here, and copy the head's "
            "~/.ray/auth_token"
        )
    if "mismatch" in one_line or "incompatible" in one_line or "versions differ" in one_line:
        return f"Ray or Python has another version there: {one_line}"
    if "raylet" in one_line.lower() or "node_ip_address" in one_line:
        return (
            f"this machine is no node of that cluster: join it with 'ray start --address', or use "
            f"{CLIENT}HOST:PORT ({one_line})"
        )
    if "not find any running Ray" in one_line:
        return "no cluster runs on this machine; start one with 'ray start --head'"
    return f"Ray could not connect: {one_line}"


def _check_nodes(ray: Any, address: str) -> None:
    """Raise InputError unless every node has this version of unrolled."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    def version_here() -> str:  # it travels as its code: the nodes may not have this module
        try:
            from unrolled import __version__ as version
        except ImportError:
            return ""
        return version

    probe = ray.remote(version_here)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    places = [NodeAffinitySchedulingStrategy(node["NodeID"], soft=True) for node in nodes]
    answers = [probe.options(num_cpus=0, scheduling_strategy=place).remote() for place in places]
    for node, version in zip(nodes, ray.get(answers), strict=True):
        if version != __version__:
            there = f"unrolled {version}" if version else "no unrolled"
            raise InputError(
                f"--on {address}: the node {node['NodeManagerAddress']} has {there}, and this is "
                f"{__version__}: pip install 'unrolled[ray]=={__version__}' there"
            )
