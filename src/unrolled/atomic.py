"""Files and folders that are replaced whole: a reader sees the old one or the new one, never half.

The new content is written under a temporary name beside its place, synced to the disk and then
renamed. A crash at any moment leaves what was there, or what was to be there.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from unrolled.errors import OutputError

_ATTEMPTS = 100  # another writer can get between two steps; each attempt loses to a finished one
_SYNCS_AT_ONCE = 8
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)
_NO_EXCHANGE = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM, errno.EXDEV)


def write_file(path: Path, data: bytes) -> None:
    """Write one file whole, in place of the one that is there; folders above it are made.

    A link is followed; a device or a pipe is written to directly. Raises OutputError.
    """
    path = Path(os.path.realpath(path))
    temporary = _temporary(path, "partial")
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_bytes(data)
            return
        _check_place(path)
        with temporary.open("xb") as file:
            file.write(data)
        _replace(temporary, path)
    except OSError as error:
        raise _output_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def move_file(finished: Path, path: Path) -> None:
    """Put a file that is finished in place of the one that is there; both are on one file system.

    A link is followed; folders above are made. Raises OutputError.
    """
    path = Path(os.path.realpath(path))
    try:
        _check_place(path)
        _replace(finished, path)
    except OSError as error:
        raise _output_error(path, error) from error


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Let ``fill`` write a new folder, then put it in place of the one that is there.

    Folders above it are made. If ``fill`` raises, nothing changes and its error is passed on, an
    OSError as OutputError. The leftovers of writers that were killed are removed.
    """
    path = Path(os.path.realpath(path))
    temporary = _temporary(path, "partial")
    try:
        if path in (Path.cwd(), *Path.cwd().parents):
            raise OutputError(f"{path}: the current folder cannot be replaced; name one inside it")
        _check_place(path)
        _remove_leftovers(path, "partial")
        temporary.mkdir()
        fill(temporary)
        _sync_tree(temporary)
        if path.is_dir():
            shutil.copymode(path, temporary)
        _put_in_place(temporary, path)
        _sync(path.parent)
        _remove_leftovers(path, "previous")
    except OSError as error:
        raise _output_error(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)  # after an exchange this is the old folder


def _replace(finished: Path, path: Path) -> None:
    """Bring a file to the disk, and then to its place."""
    _sync(finished)
    if path.exists():
        shutil.copymode(path, finished)
    finished.replace(path)
    _sync(path.parent)


def _temporary(path: Path, role: str) -> Path:
    """A name beside ``path`` that says whose it is: ``.NAME.ROLE-PID-random``."""
    return path.with_name(f"{_prefix(path, role)}{os.getpid()}-{secrets.token_hex(4)}")


def _prefix(path: Path, role: str) -> str:
    return f".{path.name[:50]}.{role}-"  # a name may have 255 bytes


def _check_place(path: Path) -> None:
    """Make the folders above; refuse what its owner has made read-only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def _put_in_place(temporary: Path, path: Path) -> None:
    """Rename, or exchange with the folder that is there, whatever other writers do meanwhile."""
    for _ in range(_ATTEMPTS):
        try:
            temporary.rename(path)  # when nothing is there, or an empty folder
            return
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
        try:
            if _exchange(temporary, path) or _rename_twice(temporary, path):
                return
        except FileNotFoundError:
            if not temporary.exists():
                raise
    raise OSError(errno.EBUSY, "other programs keep replacing it", str(path))


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two names in one step; False where the system or the file system cannot."""
    names = os.fsencode(first), os.fsencode(second)
    current_folder, exchange = -100, 2  # AT_FDCWD; RENAME_EXCHANGE, and RENAME_SWAP on macOS
    if sys.platform not in ("linux", "darwin"):
        return False
    library = ctypes.CDLL(None, use_errno=True)
    if hasattr(library, "renameat2"):
        failed = library.renameat2(current_folder, names[0], current_folder, names[1], exchange)
    elif hasattr(library, "renamex_np"):
        failed = library.renamex_np(*names, exchange)
    else:
        return False
    if failed and ctypes.get_errno() not in _NO_EXCHANGE:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(second))
    return not failed


def _rename_twice(temporary: Path, path: Path) -> bool:
    """Move the old folder aside, the new one in; False when another writer was there first.

    Killed between the two, it leaves the old folder as ``.NAME.previous-...``, which is kept until
    a newer one is in place.
    """
    previous = _temporary(path, "previous")
    path.rename(previous)
    try:
        temporary.rename(path)
    except OSError as error:
        if not path.exists():
            previous.rename(path)
        if error.errno in _TAKEN:
            return False
        raise
    shutil.rmtree(previous, ignore_errors=True)
    return True


def _remove_leftovers(path: Path, role: str) -> None:
    """Remove the temporary folders of writers that are no longer alive."""
    prefix = _prefix(path, role)
    for entry in path.parent.iterdir():
        process = entry.name.removeprefix(prefix).partition("-")[0]
        if entry.name.startswith(prefix) and process.isdecimal() and not _is_alive(int(process)):
            shutil.rmtree(entry, ignore_errors=True)


def _is_alive(process: int) -> bool:
    if os.name != "posix":  # there, signal 0 would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _sync_tree(folder: Path) -> None:
    """Bring a folder and everything in it to the disk.

    All at once, so that a journaling file system commits them together: on ext4, eight files take
    a quarter of the time that they take one after the other.
    """
    inside = [entry for entry in folder.rglob("*") if not entry.is_symlink()]
    ours = [folder, *(entry for entry in inside if entry.is_file() or entry.is_dir())]
    with ThreadPoolExecutor(max_workers=_SYNCS_AT_ONCE) as pool:
        for _ in pool.map(_sync, ours):
            pass


def _sync(path: Path) -> None:
    """Bring one file or folder to the disk (Windows cannot sync a folder)."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _output_error(path: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    return OutputError(f"{path}: cannot be written: {reason}; make room or choose another place")
