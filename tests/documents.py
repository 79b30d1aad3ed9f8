"""Documents typed as a reader types them, in one shell, and what they show held against it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e-\d+)?")
TIME = re.compile(r"\d+\.\d+s\b")
CURVE = re.compile("[▁▂▃▄▅▆▇█]")
ANSWER_SECONDS = 300.0


@dataclass(frozen=True)
class Command:
    """What stands behind a "$ ", and the lines that are shown below it."""

    typed: str
    shown: list[str]

    @property
    def stays(self) -> bool:
        """Whether it goes on in the background, as a shell understands it."""
        return self.typed.endswith("&")


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    return [block for named, block in fenced if named == language]


def commands(document: str) -> list[Command]:
    """Every command of the console blocks, in order."""
    found: list[Command] = []
    for block in blocks(document, "console"):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Command(line.removeprefix("$ "), []))
            else:
                found[-1].shown.append(line)
    return found


def files(document: str) -> list[tuple[str, str]]:
    """Name and content of each file that the reader is asked to write: "`fix.py`:" and a block."""
    return re.findall(r"`([\w.]+)`:\n\n```\w+\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)


def agree(shown: str, printed: str, *, exact: bool) -> bool:
    """Whether two lines have the same words, and nearly (or exactly) the same numbers."""
    shown, printed = (" ".join(TIME.sub("", line).split()) for line in (shown, printed))
    if exact or shown == printed:
        return shown == printed
    if _without_numbers(shown) != _without_numbers(printed):
        return False
    return all(map(_near, NUMBER.findall(shown), NUMBER.findall(printed)))


def first_missing(shown: Iterable[str], printed: Iterable[str], *, exact: bool) -> str | None:
    """The first shown line that was not printed behind the one before it; "..." is any lines."""
    rest = iter(printed)
    for line in shown:
        if line.strip() not in ("", "...") and not any(
            agree(line, other, exact=exact) for other in rest
        ):
            return line
    return None


def _without_numbers(line: str) -> str:
    return CURVE.sub("▄", NUMBER.sub("#", line))


def _near(shown: str, printed: str) -> bool:
    """Whether two numbers are as near as two processors may end up."""
    ours, theirs = (float(number.replace(",", "")) for number in (shown, printed))
    return abs(ours - theirs) <= (max(0.05, 0.05 * ours) if "." in shown else 3)


class Shell:
    """A shell that keeps what was set in it and what runs in its background."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self._process = process
        self._output = output
        self._at = 0
        self._number = 0

    def enter(self, command: Command, *, exact: bool = False) -> None:
        """Type a command; AssertionError unless it succeeds and prints what is shown."""
        self._number += 1
        end = f"--- {self._number} ended with "
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command.typed}\nprintf '\\n{end}%s\\n' $?\n".encode())
        self._process.stdin.flush()
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            printed = self._printed()
            missing = first_missing(command.shown, printed, exact=exact)
            is_over = any(line.startswith(end) for line in printed)
            if is_over and not (command.stays and missing is not None):
                break
            said = "\n".join([command.typed, *printed])
            assert time.monotonic() < deadline, f"it takes too long: {said}"
            assert self._process.poll() is None, f"it ended the shell: {said}"
            time.sleep(0.02)
        self._at += sum(len(line) + 1 for line in map(str.encode, printed))
        said = "\n".join(printed)
        assert f"{end}0" in printed, f"{command.typed}\n{said}"
        assert missing is None, f"{command.typed}\nshown: {missing}\nprinted:\n{said}"

    def _printed(self) -> list[str]:
        """The whole lines since the command before."""
        with self._output.open("rb") as file:
            file.seek(self._at)
            return [line.decode() for line in file.read().split(b"\n")[:-1]]


@contextmanager
def shell(folder: Path) -> Iterator[Shell]:
    """A shell at ``folder`` that knows ``unrolled`` and ``python``, of somebody who set nothing.

    What runs in its background ends with it.
    """
    tools = folder.parent / f"{folder.name}-tools"
    tools.mkdir()
    for name, arguments in (("python", ""), ("unrolled", " -m unrolled")):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n', encoding="utf-8")
        tool.chmod(0o755)
    unset = ("UNROLLED_IMDB", "UNROLLED_TOKEN", "COLUMNS")
    kept = {key: value for key, value in os.environ.items() if key not in unset}
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    output = tools / "output"
    with (
        output.open("wb") as file,
        subprocess.Popen(
            ["/bin/sh"], cwd=folder, stdin=subprocess.PIPE, stdout=file, stderr=file,
            env={**kept, "PATH": path, "PYTHONIOENCODING": "utf-8"}, start_new_session=True,
        ) as process,
    ):  # fmt: skip
        try:
            yield Shell(process, output)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
