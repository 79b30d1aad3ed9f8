"""The way to a cluster: one of this machine leaves nothing behind; where none is, that is said."""

from __future__ import annotations

import builtins
import json
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from ray.exceptions import AuthenticationError

from unrolled.cluster import connection
from unrolled.cluster.connection import Cluster, connected
from unrolled.errors import InputError

# What a run on a local cluster sees, as JSON; the second part is for after its end.
LOCAL = """
import json, os, pathlib, signal, sys
from unrolled.cluster.connection import connected

def listening():
    places = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in pathlib.Path(table).read_text().splitlines()[1:]:
            local, state, inode = (line.split()[column] for column in (1, 3, 9))
            if state == "0A":
                places.add((local, inode))
    return places

def owned(pids):
    sockets = set()
    for pid in pids:
        for link in pathlib.Path(f"/proc/{pid}/fd").glob("*"):
            try:
                target = os.readlink(link)
            except OSError:
                continue
            if target.startswith("socket:["):
                sockets.add(target[8:-1])
    return sockets

def descendants(pid):
    found = [pid]
    for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found += descendants(int(child))
    return found

handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
with connected("local-cluster", workers=3) as cluster:
    import ray
    pid = ray.get(ray.remote(lambda: os.getpid()).remote())
    pids = descendants(os.getpid())
    mine = owned(pids)
    places = sorted({local for local, inode in listening() if inode in mine})
    told = {
        "workers": cluster.workers, "client": cluster.is_client, "inside": pid in pids,
        "places": places, "pids": pids[1:],
        "folder": str(pathlib.Path(ray._private.worker._global_node.get_session_dir_path()).parent),
        "usage": os.environ["RAY_USAGE_STATS_ENABLED"],
    }
told["handlers"] = handlers == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
print(json.dumps(told))
"""


def test_a_local_cluster_is_of_this_machine_alone_and_ends_with_its_context():
    run = subprocess.run([sys.executable, "-c", LOCAL], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    told = json.loads(run.stdout)
    assert told["workers"] == 3
    assert not told["client"]
    assert told["inside"]
    assert told["usage"] == "0"
    assert told["handlers"]
    assert len(told["places"]) > 3
    loopback = (
        "0100007F:",
        "0000000000000000FFFF00000100007F:",
        "00000000000000000000000001000000:",
    )
    assert all(place.startswith(loopback) for place in told["places"])
    assert not Path(told["folder"]).exists()
    assert not [pid for pid in told["pids"] if is_alive(pid)]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # an orphan that has ended waits for the system to take notice


# --- what is said


def refused(address: str, **options: int) -> str:
    with pytest.raises(InputError) as caught, connected(address, **options):
        pass
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("address", ["nowhere", "ray://", "ray://host", "host:port", "a/b:1", ":1"])
def test_what_is_no_address(address):
    assert f"--on {address}: not the address of a cluster; known are ray://" in refused(address)


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_nobody_answers(form):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    message = refused(form.format(port))
    assert "no cluster answers there" in message
    assert "ray start --head" in message


def test_ray_is_not_installed(monkeypatch):
    real = builtins.__import__

    def without_ray(name, *arguments, **options):
        if name == "ray":
            raise ModuleNotFoundError("No module named 'ray'", name="ray")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_ray)
    assert "pip install 'unrolled[ray]'" in refused("local-cluster")


class FakeRay:
    """A Ray that refuses, or whose nodes have what they have."""

    def __init__(self, failure: Exception | None = None, version: str = "") -> None:
        self.failure = failure
        self.version = version
        self.was_shut_down = False

    def init(self, **_) -> None:
        if self.failure is not None:
            raise self.failure

    def is_initialized(self) -> bool:
        return False

    def shutdown(self) -> None:
        self.was_shut_down = True

    def nodes(self):
        return [{"Alive": True, "NodeID": "a" * 56, "NodeManagerAddress": "10.0.0.7"}]

    def remote(self, _):
        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=lambda: self.version))

    def get(self, values):
        return values

    def cluster_resources(self):
        return {"CPU": 2.0}


def refused_by(monkeypatch, ray: FakeRay, **options: int) -> str:
    monkeypatch.setattr(connection, "_import_ray", lambda: ray)
    message = refused("auto", **options)
    assert ray.was_shut_down
    return message


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (ConnectionError("Could not find any running Ray instance. Please"), "no cluster runs on"),
        (RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 2.40.0\n  Py"),
         "Ray or Python has another version there: Version mismatch: The cluster was started"),
        (RuntimeError("This node has an IP address of 10.0.0.9, but we cannot find a local Raylet"),
         "this machine is no node of that cluster: join it with 'ray start --address'"),
        (AuthenticationError("Invalid or missing authentication token"),
         "the cluster wants its token: set RAY_AUTH_MODE=token here, and copy the head's ~/.ray"),
        (ConnectionError("what\never"), "Ray could not connect: what ever"),
    ],
)  # fmt: skip
def test_why_ray_refuses(monkeypatch, failure, words):
    assert words in refused_by(monkeypatch, FakeRay(failure))


def test_nodes_without_the_same_unrolled(monkeypatch):
    message = refused_by(monkeypatch, FakeRay(version=""))
    assert "the node 10.0.0.7 has no unrolled, and this is " in message
    assert "pip install 'unrolled[ray]==" in message
    assert "has unrolled 0.0.9, and" in refused_by(monkeypatch, FakeRay(version="0.0.9"))


def test_more_workers_than_cores(monkeypatch):
    from unrolled import __version__

    message = refused_by(monkeypatch, FakeRay(version=__version__), workers=3)
    assert "--workers 3: the cluster has 2 cores" in message
    monkeypatch.setattr(connection, "_import_ray", lambda: FakeRay(version=__version__))
    with connected("auto") as cluster:
        assert cluster == Cluster("auto", workers=2, is_client=False)
