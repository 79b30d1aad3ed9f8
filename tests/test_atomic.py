"""Files and folders are replaced whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from unrolled import atomic
from unrolled.atomic import write_file, write_folder
from unrolled.errors import OutputError

needs_posix = pytest.mark.skipif(os.name != "posix", reason="the system has no such thing")


def filled(content: bytes):
    def fill(folder: Path) -> None:
        (folder / "one").write_bytes(content)
        (folder / "inner").mkdir()
        (folder / "inner" / "two").write_bytes(content)

    return fill


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


OLD = {"one": b"old", "inner/two": b"old"}
NEW = {"one": b"new", "inner/two": b"new"}


class Full:
    """Stands in for a function of the system on a disk that is full."""

    def __init__(self, after: int = 0) -> None:
        self.calls_left = after

    def __call__(self, *arguments: object) -> None:
        self.calls_left -= 1
        if self.calls_left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_is_written_and_replaced_and_folders_are_made(tmp_path):
    path = tmp_path / "a" / "b" / "file.txt"
    write_file(path, b"first")
    write_file(path, b"second")
    assert path.read_bytes() == b"second"
    assert names(path.parent) == ["file.txt"]


def test_the_old_file_survives_a_full_disk(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    write_file(path, b"old")
    monkeypatch.setattr(atomic.os, "fsync", Full())
    with pytest.raises(OutputError, match=r"file\.txt: cannot be written: No space left") as caught:
        write_file(path, b"new")
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file.txt"]


def test_a_folder_in_place_of_a_file_and_a_file_in_place_of_a_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(OutputError, match="folder: cannot be written"):
        write_file(tmp_path / "folder", b"new")
    with pytest.raises(OutputError, match="file: cannot be written"):
        write_folder(tmp_path / "file", filled(b"new"))
    for write in (lambda path: write_file(path, b"new"), lambda p: write_folder(p, filled(b"new"))):
        with pytest.raises(OutputError, match="inside: cannot be written"):
            write(tmp_path / "file" / "inside")
    assert (tmp_path / "file").read_bytes() == b"mine"
    assert names(tmp_path) == ["file", "folder"]


def test_a_name_that_is_too_long_is_an_output_error(tmp_path):
    for write in (lambda path: write_file(path, b"new"), lambda p: write_folder(p, filled(b"new"))):
        with pytest.raises(OutputError, match="cannot be written"):
            write(tmp_path / ("n" * 300))
        write(tmp_path / ("길" * 80))  # 240 of the 255 bytes that a name may have
        assert names(tmp_path) == ["길" * 80]
        (tmp_path / ("길" * 80)).rename(tmp_path.parent / f"{tmp_path.name}-done-{id(write)}")


@needs_posix
def test_a_link_is_followed_and_a_device_stays_one(tmp_path):
    write_file(tmp_path / "real", b"old")
    (tmp_path / "link").symlink_to("real")
    write_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    write_folder(tmp_path / "real_folder", filled(b"old"))
    (tmp_path / "folder_link").symlink_to("real_folder")
    write_folder(tmp_path / "folder_link", filled(b"new"))
    assert (tmp_path / "folder_link").is_symlink()
    assert contents(tmp_path / "real_folder") == NEW
    write_file(Path(os.devnull), b"gone")
    assert not Path(os.devnull).is_file()


@needs_posix
def test_what_is_read_only_stays_as_it_is(tmp_path, monkeypatch):
    write_file(tmp_path / "file", b"old")
    write_folder(tmp_path / "folder", filled(b"old"))
    monkeypatch.setattr(atomic.os, "access", lambda path, mode: False)  # root may do everything
    with pytest.raises(OutputError, match="Permission denied"):
        write_file(tmp_path / "file", b"new")
    with pytest.raises(OutputError, match="Permission denied"):
        write_folder(tmp_path / "folder", filled(b"new"))
    assert (tmp_path / "file").read_bytes() == b"old"
    assert contents(tmp_path / "folder") == OLD


@needs_posix
def test_permissions_are_kept(tmp_path):
    write_file(tmp_path / "file", b"old")
    write_folder(tmp_path / "folder", filled(b"old"))
    (tmp_path / "file").chmod(0o640)
    (tmp_path / "folder").chmod(0o700)
    write_file(tmp_path / "file", b"new")
    write_folder(tmp_path / "folder", filled(b"new"))
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("exchange", [True, False], ids=["exchange", "two renames"])
def test_a_folder_is_written_and_replaced(tmp_path, monkeypatch, exchange):
    exchanged = []
    real = atomic._exchange

    def watched(first: Path, second: Path) -> bool:
        exchanged.append(exchange and real(first, second))
        return exchanged[-1]

    monkeypatch.setattr(atomic, "_exchange", watched)
    path = tmp_path / "a" / "folder"
    write_folder(path, filled(b"old"))
    assert contents(path) == OLD
    write_folder(path, lambda folder: (folder / "three").write_bytes(b"3"))
    assert contents(path) == {"three": b"3"}
    assert names(path.parent) == ["folder"]
    assert exchanged == [exchange]  # the way that was asked for is the way that was taken


@pytest.mark.skipif(sys.platform != "linux", reason="macOS and Linux can exchange, not all disks")
def test_linux_exchanges_in_one_step(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert atomic._exchange(tmp_path / "a", tmp_path / "b")
    assert names(tmp_path / "a") == ["b"]
    with pytest.raises(FileNotFoundError):
        atomic._exchange(tmp_path / "a", tmp_path / "missing")


def test_a_fill_that_fails_changes_nothing(tmp_path):
    path = tmp_path / "folder"
    write_folder(path, filled(b"old"))
    for failure in (ValueError("mine"), KeyboardInterrupt()):

        def fill(folder: Path, failure: BaseException = failure) -> None:
            (folder / "half").write_bytes(b"half")
            raise failure

        with pytest.raises(type(failure)) as caught:
            write_folder(path, fill)
        assert caught.value is failure
        assert contents(path) == OLD
        assert names(tmp_path) == ["folder"]


@pytest.mark.parametrize("calls", range(5))
def test_a_disk_that_fills_up_while_syncing_leaves_the_old_folder(tmp_path, monkeypatch, calls):
    path = tmp_path / "folder"
    write_folder(path, filled(b"old"))
    # two files and two folders are synced; the fifth sync, of the parent, comes after the renaming
    monkeypatch.setattr(atomic.os, "fsync", Full(after=calls))
    with pytest.raises(OutputError, match="folder: cannot be written: No space left"):
        write_folder(path, filled(b"new"))
    assert contents(path) == (OLD if calls < 4 else NEW)
    assert names(tmp_path) == ["folder"]


def test_two_renames_put_the_old_folder_back_when_the_second_fails(tmp_path, monkeypatch):
    path = tmp_path / "folder"
    write_folder(path, filled(b"old"))
    monkeypatch.setattr(atomic, "_exchange", lambda first, second: False)
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if ".partial-" in self.name and not path.exists():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OutputError):
        write_folder(path, filled(b"new"))
    assert contents(path) == OLD
    assert names(tmp_path) == ["folder"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "folder").mkdir()
    write_folder(tmp_path / "folder", filled(b"new"))
    assert contents(tmp_path / "folder") == NEW


def test_the_current_folder_is_not_pulled_away(tmp_path, monkeypatch):
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    for place in (Path(), tmp_path):
        with pytest.raises(OutputError, match="current folder"):
            write_folder(place, filled(b"new"))
    assert names(tmp_path) == ["inner"]


@needs_posix
def test_leftovers_of_dead_writers_are_removed_and_those_of_others_stay(tmp_path):
    finished = subprocess.Popen([sys.executable, "-c", ""])
    finished.wait()
    dead, alive = finished.pid, os.getppid()
    not_ours = [".model.partial-notes", "model.partial-1"]
    for name in (
        f".model.partial-{dead}-00", f".model.previous-{dead}-00", f".model.partial-{alive}-00",
        f".other.partial-{dead}-00", *not_ours,
    ):  # fmt: skip
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    write_folder(tmp_path / "model", filled(b"new"))
    assert names(tmp_path) == sorted(
        ["model", f".model.partial-{alive}-00", f".other.partial-{dead}-00", *not_ours]
    )


@needs_posix
def test_the_folder_set_aside_by_a_dead_writer_stays_when_nothing_new_is_written(tmp_path):
    finished = subprocess.Popen([sys.executable, "-c", ""])
    finished.wait()
    left = tmp_path / f".model.previous-{finished.pid}-00"
    left.mkdir()
    with pytest.raises(ZeroDivisionError):
        write_folder(tmp_path / "model", lambda folder: 1 / 0)
    assert left.exists()


WRITER = """
import sys
from pathlib import Path
from unrolled.atomic import write_folder
mark = sys.argv[2].encode()
for _ in range(60):
    write_folder(Path(sys.argv[1]), lambda f: [(f / n).write_bytes(mark * 9999) for n in "abc"])
"""


@needs_posix
def test_two_writers_at_once_leave_one_whole_folder(tmp_path):
    path = tmp_path / "folder"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path, mark]) for mark in "xy"]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    assert names(path) == ["a", "b", "c"]
    assert len(set(contents(path).values())) == 1
    assert names(tmp_path) == ["folder"]
