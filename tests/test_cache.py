import os
from pathlib import Path

import platformdirs
import pytest

from unrolled.datasets import cache


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_keeps_what_was_written(folder: Path) -> None:
    name = cache.entry_name("kind", "file", 17, None)
    assert cache.read(name) is None
    cache.write(name, b"content")
    assert cache.read(name) == b"content"
    assert [path.name for path in folder.iterdir()] == [name]


def test_name_depends_on_everything_that_it_is_made_from() -> None:
    parts = [("kind", "a", "b"), ("other", "a", "b"), ("kind", "ab"), ("kind", "a", 1), ("kind",)]
    assert len({cache.entry_name(*part) for part in parts}) == len(parts)
    assert cache.entry_name("kind", "a") == cache.entry_name("kind", "a")


@pytest.mark.parametrize("length", [0, 10, 32, 38])
def test_cut_entry_counts_as_absent(folder: Path, length: int) -> None:
    cache.write("name", b"content")
    data = (folder / "name").read_bytes()
    (folder / "name").write_bytes(data[:length])
    assert cache.read("name") is None


def test_entry_with_one_wrong_bit_counts_as_absent(folder: Path) -> None:
    cache.write("name", b"content")
    data = bytearray((folder / "name").read_bytes())
    data[-1] ^= 1
    (folder / "name").write_bytes(data)
    assert cache.read("name") is None
    cache.write("name", b"content")
    assert cache.read("name") == b"content"


def test_folder_that_cannot_be_made_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "file" / "cache"))
    cache.write("name", b"content")
    assert cache.read("name") is None


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0, reason="needs a user who cannot write everywhere"
)
def test_read_only_folder_is_done_without(folder: Path) -> None:
    cache.write("old", b"content")
    folder.chmod(0o500)
    try:
        cache.write("new", b"content")
        assert cache.read("new") is None
        assert cache.read("old") == b"content"
    finally:
        folder.chmod(0o700)


def test_folder_of_the_user_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNROLLED_CACHE", raising=False)
    assert cache.folder() == platformdirs.user_cache_path("unrolled")
