"""The last line of defence: how a command ends, whatever happens inside it."""

from __future__ import annotations

import errno
import functools
import os
import sys
import traceback
from collections.abc import Callable
from typing import ParamSpec

import typer

from unrolled.cli import console
from unrolled.errors import UnrolledError

FAILED = 1
INTERRUPTED = 130

P = ParamSpec("P")


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """``command``, which now ends with one clear line and the right exit code.

    A command that finishes with a code of its own raises ``typer.Exit``, which passes through.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
            sys.stdout.flush()
        except typer.Exit:
            raise
        except KeyboardInterrupt:
            console.error("interrupted")
            code = INTERRUPTED
        except Exception as failure:
            if console.settings.debug:
                traceback.print_exc()
            code = _explained(failure)
        else:
            return
        raise typer.Exit(code)

    return run


def _explained(failure: Exception) -> int:
    """Say on one line what ``failure`` means; return the exit code."""
    if isinstance(failure, UnrolledError):
        console.error(str(failure))
        return failure.exit_code
    if isinstance(failure, OSError) and _about_standard_output(failure):
        return FAILED
    if isinstance(failure, MemoryError):
        console.error("not enough memory; use a smaller batch, a shorter maxlen or fewer texts")
        return FAILED
    about = console.one_line(f"{type(failure).__name__}: {failure}")
    remedy = "" if console.settings.debug else "; run 'unrolled --debug ...' to see where"
    console.error(f"{about} (this is a bug of unrolled, not of what you did{remedy})")
    return FAILED


def _about_standard_output(failure: OSError) -> bool:
    """Whether standard output is what failed: its reader has gone, or its disk is full.

    A reader that has gone (``| head``) has what it wanted, so nothing is said.
    """
    if failure.filename is not None:
        return False
    if not isinstance(failure, BrokenPipeError):
        if failure.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
            return False
        console.error(f"cannot write to standard output: {os.strerror(failure.errno)}")
    # The interpreter flushes once more when it exits, and must find a place that takes it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True
