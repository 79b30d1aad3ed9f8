import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from unrolled.datasets.imdb import fetch as module
from unrolled.datasets.imdb.fetch import fetch
from unrolled.errors import DataError, OutputError, UnrolledError

CONTENT = np.random.default_rng(0).bytes(1_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT; its attributes say how badly, its lists what was asked."""

    knows_ranges = True
    says_length = True
    cut_after: int | None = None  # bytes of each answer
    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/reviews.tar.gz"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        asked = self.headers.get("Range")
        server.asked.append(asked)
        if server.status != 200:
            self.send_error(server.status)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if not server.knows_ranges:
            start = 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        body = CONTENT[start:]
        self.send_response(206 if asked and server.knows_ranges else 200)
        if server.says_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if server.cut_after is None else body[: server.cut_after])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_whole_file(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    destination = tmp_path / "new" / "file"
    path = fetch(
        destination,
        url=server.url,
        sha256=SHA256,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert path == destination
    assert path.read_bytes() == CONTENT
    assert names(path.parent) == ["file"]
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert server.asked == [None]


def test_file_that_is_there_is_not_asked_for(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    fetch(tmp_path / "file", url=server.url, sha256=SHA256)
    assert server.asked == []


def test_file_that_is_there_but_wrong_is_replaced(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"other")
    fetch(tmp_path / "file", url=server.url, sha256=SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_goes_on_where_the_last_transfer_was_cut(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:123_456])
    seen: list[tuple[int, int | None]] = []
    fetch(
        tmp_path / "file",
        url=server.url,
        sha256=SHA256,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert server.asked == ["bytes=123456-"]
    assert seen[0][0] > 123_456
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]


def test_cut_transfer_goes_on_by_itself(server: Server, tmp_path: Path) -> None:
    server.cut_after = 400_000
    fetch(tmp_path / "file", url=server.url, sha256=SHA256)
    assert server.asked == [None, "bytes=400000-", "bytes=800000-"]
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_transfer_that_is_cut_again_and_again_keeps_what_arrived(
    server: Server, tmp_path: Path
) -> None:
    server.cut_after = 100_000
    with pytest.raises(UnrolledError, match="500,000 of 1,000,000 bytes; what has arrived is kept"):
        fetch(tmp_path / "file", url=server.url, sha256=SHA256)
    assert names(tmp_path) == ["file.part"]
    server.cut_after = None
    fetch(tmp_path / "file", url=server.url, sha256=SHA256)
    assert server.asked[-1] == "bytes=500000-"
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("says_length", [True, False])
def test_server_without_ranges_starts_again(
    server: Server, tmp_path: Path, says_length: bool
) -> None:
    server.knows_ranges, server.says_length = False, says_length
    (tmp_path / "file.part").write_bytes(CONTENT[:123_456])
    totals = set()
    fetch(
        tmp_path / "file",
        url=server.url,
        sha256=SHA256,
        on_progress=lambda _, total: totals.add(total),
    )
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert totals == {len(CONTENT) if says_length else None}


def test_complete_partial_file_needs_no_more_bytes(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT)
    fetch(tmp_path / "file", url=server.url, sha256=SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("partial", [b"", b"x" * 1_000, CONTENT + b"more"])
def test_wrong_hash_leaves_nothing_behind(server: Server, tmp_path: Path, partial: bytes) -> None:
    expected = SHA256 if partial else "0" * 64
    if partial:
        (tmp_path / "file.part").write_bytes(partial)
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(DataError, match=f"has SHA-256 [0-9a-f]{{64}}, not {expected}.*try again"):
        fetch(tmp_path / "file", url=server.url, sha256=expected)
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_server_that_refuses(server: Server, tmp_path: Path) -> None:
    server.status = 503
    with pytest.raises(UnrolledError, match=r"reviews.tar.gz answers 503 Service Unavailable"):
        fetch(tmp_path / "file", url=server.url, sha256=SHA256)
    assert server.asked == [None]


def test_server_that_is_not_there(server: Server, tmp_path: Path) -> None:
    url = server.url
    server.server_close()
    with pytest.raises(UnrolledError, match="cannot be reached"):
        fetch(tmp_path / "file", url=url, sha256=SHA256)
    with pytest.raises(UnrolledError, match="cannot be reached"):
        fetch(tmp_path / "file", url="ftp://127.0.0.1/file", sha256=SHA256)


def test_place_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="archive cannot be written: "):
        fetch(tmp_path / "file" / "archive", url=server.url, sha256=SHA256)


def test_goes_to_the_cache_by_default(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    assert fetch(url=server.url, sha256=SHA256) == tmp_path / "aclImdb_v1.tar.gz"


def test_the_archive_of_stanford_is_the_default() -> None:
    assert module.URL == "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
    assert module.SHA256 == "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"
