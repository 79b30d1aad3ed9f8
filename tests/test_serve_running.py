"""`unrolled serve` as processes: signals, models that are swapped, workers that die."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from unrolled import TextClassifier
from unrolled.cli import main

from .live_server import LiveServer, running
from .wire import JSON, eventually, post, request, wire

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")

TEXT = "a wonderful film"
LONG = 90.0  # seconds in which a process that has much beside it starts
QUICK = ["--watch-seconds", "0.05"]


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> list[TextClassifier]:
    """Two that differ in their labels."""
    texts = ["a wonderful film", "dull and slow", "warm and lovely", "awful, dull"] * 10
    settings = {"training.epochs": 1, "network.units": 2}
    return [
        TextClassifier("small", settings=settings).fit(texts, labels * 20)
        for labels in (["positive", "negative"], ["glad", "sad"])
    ]


@pytest.fixture
def folder(models, tmp_path) -> Path:
    models[0].save(tmp_path / "model")
    return tmp_path / "model"


def label(live: LiveServer) -> str:
    with wire(live.port) as connection:
        answer = connection.ask(post("/v1/predict", {"text": TEXT}))
    assert answer is not None
    assert answer.status == 200, answer.body
    return str(answer.json()["prediction"]["label"])


def counted(live: LiveServer, name: str) -> float:
    """The sum of a metric's values."""
    with wire(live.port) as connection:
        answer = connection.ask(request("/metrics", method="GET"), "GET")
    assert answer is not None
    lines = answer.body.decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def events(live: LiveServer, event: str) -> list[dict[str, object]]:
    return [line for line in live.events() if line["event"] == event]


def is_loaded(live: LiveServer, times: int) -> bool:
    return len(events(live, "model loaded")) >= times


@contextmanager
def load(live: LiveServer, clients: int = 2) -> Iterator[Counter[int]]:
    """Meanwhile clients ask without a pause; how often each status came, 0 for no answer."""
    statuses: Counter[int] = Counter()
    has_ended = threading.Event()

    def ask() -> None:
        while not has_ended.is_set():
            try:
                with wire(live.port) as connection:
                    for _ in range(50):
                        answer = connection.ask(post("/v1/predict", {"text": TEXT}))
                        statuses[answer.status if answer else 0] += 1
                        if answer is None or has_ended.wait(0.002):
                            break
            except OSError:
                statuses[0] += 1

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        has_ended.set()
        for thread in threads:
            thread.join()


# --- one process


def test_sigterm_lets_a_request_end_and_takes_no_other(folder):
    body = json.dumps({"text": TEXT}).encode()
    with running(folder) as live, wire(live.port) as connection:
        head = request("/v1/predict", b"", *JSON, f"Content-Length: {len(body)}", length=False)
        connection.send(head + body[:5])
        assert eventually(lambda: counted(live, "unrolled_requests_in_flight") == 1)
        live.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: is_refused(live.port))
        assert live.process.poll() is None
        connection.send(body[5:])
        answer = connection.receive()
        assert answer is not None
        assert answer.status == 200
        assert answer.headers["connection"] == "close"
        assert live.process.wait(20) == 0
        assert events(live, "draining")[0]["in_flight"] == 1


def is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_draining_has_an_end(folder):
    with running(folder, "--drain-seconds", "1") as live, wire(live.port) as connection:
        connection.send(request("/v1/predict", b"", *JSON, "Content-Length: 100", length=False))
        assert eventually(lambda: counted(live, "unrolled_requests_in_flight") == 1)
        live.process.send_signal(signal.SIGTERM)
        assert live.process.wait(20) == 0


def test_ctrl_c_ends_it_too(folder):
    process = subprocess.Popen(
        [sys.executable, "-m", "unrolled", "serve", str(folder), "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().startswith("serving model at http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 130
    assert told.endswith("unrolled: error: interrupted\n")
    assert "Traceback" not in told


def test_a_new_model_takes_the_place_without_a_failed_request(folder, models):
    with running(folder, *QUICK) as live:
        assert label(live) in ("positive", "negative")
        with load(live) as statuses:
            for turn in range(1, 9):
                models[turn % 2].save(folder)
                assert eventually(partial(is_loaded, live, turn + 1))
        assert statuses.keys() == {200}
        models[1].save(folder)
        assert eventually(lambda: label(live) in ("glad", "sad"))
        config = json.loads((folder / "config.json").read_text())
        assert live.get("/v1/model")["hash"] == config["sha256"]["config.json"]
        assert live.get("/v1/model")["labels"] == ["glad", "sad"]
        assert counted(live, "unrolled_model_info") == 1


def test_a_model_that_is_broken_changes_nothing(folder, models, tmp_path):
    (tmp_path / "broken").write_bytes(b"?")
    with running(folder, *QUICK) as live:
        before = live.get("/v1/model")
        (tmp_path / "broken").replace(folder / "model.safetensors")
        assert eventually(lambda: bool(events(live, "model kept, the new one is refused")))
        assert live.get("/v1/model") == before
        label(live)
        told = events(live, "model kept, the new one is refused")
        assert str(told[0]["reason"]).startswith("model/model.safetensors: the file is damaged")
        assert str(folder) not in live.log.read_text()
        assert counted(live, 'unrolled_model_loads_total{model="model",result="refused"}') == 1
        folder.rename(tmp_path / "away")
        time.sleep(0.3)
        label(live)
        models[1].save(folder)
        assert eventually(lambda: label(live) in ("glad", "sad"))
        assert len(events(live, "model kept, the new one is refused")) == 1  # not every time


def test_a_model_that_still_learns_waits(folder, models, tmp_path):
    def interrupt(_: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    texts, labels = ["a wonderful film", "dull and slow"] * 10, ["calm", "wild"] * 10
    learning = TextClassifier("small", settings={"training.epochs": 3, "network.units": 2})
    learning.fit(texts, labels, out=tmp_path / "learning", on_epoch=interrupt)
    assert learning.is_unfinished
    with running(folder, *QUICK) as live:
        before = live.get("/v1/model")
        folder.rename(tmp_path / "away")
        (tmp_path / "learning").rename(folder)
        time.sleep(0.5)
        assert live.get("/v1/model") == before
        models[1].save(folder)
        assert eventually(lambda: label(live) in ("glad", "sad"))
        assert not events(live, "model kept, the new one is refused")


def test_sighup_loads_again(folder):
    with running(folder, "--watch-seconds", "1000") as live:
        live.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: len(events(live, "model loaded")) == 2)
        label(live)


def test_a_connection_that_lies_idle_is_closed(folder):
    with running(folder, "--idle-seconds", "0.5") as live, wire(live.port) as connection:
        answer = connection.ask(post("/v1/predict", {"text": TEXT}))
        assert answer is not None
        assert answer.status == 200
        assert connection.socket.recv(1) == b""


# --- several processes


def test_workers_are_replaced_and_told_to_load_again(folder):
    with running(folder, "--workers", "2", "--watch-seconds", "1000") as live:
        first = workers(live)
        assert len(first) == 2
        with load(live) as statuses:
            os.kill(first[0], signal.SIGKILL)
            assert eventually(lambda: bool(events(live, "worker died and is replaced")), LONG)
            assert eventually(lambda: len(events(live, "model loaded")) == 3, LONG)
        assert statuses[200] > 0
        assert statuses.total() - statuses[200] <= 2  # what the dead one had in its hands
        assert workers(live) != first
        with load(live) as statuses:
            live.process.send_signal(signal.SIGHUP)
            assert eventually(lambda: len(events(live, "model loaded")) == 5)
        assert statuses.keys() == {200}
        assert counted(live, "unrolled_model_loads_total") == 5  # of all workers together
        live.process.send_signal(signal.SIGTERM)
        assert live.process.wait(20) == 0


def workers(live: LiveServer) -> list[int]:
    """Those below the first process that serve."""
    return [
        pid
        for pid in live.family()[1:]
        if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


# --- what the command says


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "unrolled", "serve", *arguments],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_a_port_that_is_taken(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for workers in ("1", "2"):
            done = command(str(folder), "--port", str(port), "--workers", workers)
            assert done.returncode == 2
            assert done.stderr == (
                f"unrolled: error: cannot listen at 127.0.0.1, port {port} (Address already in "
                "use); choose another --host or --port\n"
            )


def test_a_host_that_is_none(folder):
    done = command(str(folder), "--host", "no.such.host.invalid")
    assert done.returncode == 2
    assert "cannot listen at no.such.host.invalid, port 8000" in done.stderr
    assert "Unknown error" not in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_model_that_is_damaged(folder, workers):
    (folder / "vocabulary.json").unlink()
    done = command(str(folder), "--port", "0", "--workers", workers)
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    assert "vocabulary.json: the file is damaged: it is missing" in lines[0]


def test_an_empty_token_is_no_open_door(folder):
    done = command(str(folder), "--port", "0", UNROLLED_TOKEN="")
    assert done.returncode == 2
    assert "the token is empty" in done.stderr


def test_what_is_missing_without_the_extra(folder, monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "uvicorn" else find(name)
    )
    assert main(["serve", str(folder)]) == 2
    assert capsys.readouterr().err == (
        "unrolled: error: the server needs FastAPI and uvicorn: pip install 'unrolled[serve]'\n"
    )


def test_help_loads_no_server():
    code = (
        "import sys; from unrolled.cli import main; main(['serve', '--help']); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"fastapi", "uvicorn", "numpy", "numba"} & set(done.stdout.split())
