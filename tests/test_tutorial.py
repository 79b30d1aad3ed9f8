"""docs/tutorial.md is typed as it stands, command by command, and prints what it shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
TUTORIAL = (DOCS / "tutorial.md").read_text(encoding="utf-8")

# These count and compute nothing that another processor could round in another way.
EXACT = ("python fix.py", "unrolled check", "unrolled summary")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
TIME = re.compile(r"\d+\.\d+s\b")


def commands(text):
    """Every "$ command" of the console blocks, with the lines that are shown below it."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line.removeprefix("$ "), []))
            else:
                found[-1][1].append(line)
    return found


def files(text):
    """Name and content of each file that the reader is asked to write: "`fix.py`:" and a block."""
    return re.findall(r"`([\w.]+)`:\n\n```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def agree(shown, printed, *, exact):
    """Whether two lines have the same words, and nearly (or exactly) the same numbers."""
    shown, printed = (" ".join(TIME.sub("", line).split()) for line in (shown, printed))
    if exact or shown == printed:
        return shown == printed
    if NUMBER.sub("#", shown) != NUMBER.sub("#", printed):
        return False
    return all(map(near, NUMBER.findall(shown), NUMBER.findall(printed)))


def near(shown, printed):
    """Whether two numbers are as near as two processors may end up."""
    ours, theirs = (float(number.replace(",", "")) for number in (shown, printed))
    return abs(ours - theirs) <= (max(0.05, 0.05 * ours) if "." in shown else 3)


def first_missing(shown, printed, *, exact):
    """The first shown line that was not printed behind the one before it; "..." is any lines."""
    rest = iter(printed)
    for line in shown:
        if line.strip() not in ("", "...") and not any(
            agree(line, other, exact=exact) for other in rest
        ):
            return line
    return None


@pytest.fixture
def desk(tmp_path):
    """The tickets, the files to write, and a shell that knows ``unrolled`` and ``python``."""
    folder = tmp_path / "tickets"
    shutil.copytree(DOCS / "tickets", folder)
    for name, content in files(TUTORIAL):
        (folder / name).write_text(content, encoding="utf-8")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, arguments in (("python", ""), ("unrolled", " -m unrolled")):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n')
        tool.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    return folder, {**environment, "PYTHONIOENCODING": "utf-8"}


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_every_command_prints_what_the_tutorial_shows(desk):
    folder, environment = desk
    for command, shown in commands(TUTORIAL):
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=folder, env=environment, capture_output=True,
            encoding="utf-8", timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        printed = [*done.stderr.splitlines(), *done.stdout.splitlines()]
        missing = first_missing(shown, printed, exact=command.startswith(EXACT))
        assert missing is None, f"{command}\nshown: {missing}\nprinted:\n" + "\n".join(printed)


def test_it_is_ten_commands():
    steps = re.split(r"^## ", TUTORIAL, flags=re.MULTILINE)[1:]
    numbered = [step for step in steps if re.match(r"\d+\. ", step)]
    assert [step.split(".")[0] for step in numbered] == [str(n) for n in range(1, 11)]
    assert all(len(commands(step)) == 1 for step in numbered)
    assert len(commands(TUTORIAL)) > 10
    assert {name for name, _ in files(TUTORIAL)} == {"fix.py", "tickets.toml", "label.py"}


def test_the_tickets_are_small_enough_to_be_in_a_repository():
    sizes = [path.stat().st_size for path in (DOCS / "tickets").iterdir()]
    assert len(sizes) == 5
    assert max(sizes) < 100_000


@pytest.mark.parametrize(
    ("shown", "missing"),
    [
        (["480 rows", "accuracy 0.85"], None),
        (["480 rows", "...", "accuracy 0.88  0.03s"], None),
        (["480 rows", "accuracy 0.93"], "accuracy 0.93"),
        (["484 rows"], "484 rows"),
        (["accuracy 0.85", "480 rows"], "480 rows"),  # the other way round
        (["the network loses"], "the network loses"),
    ],
)
def test_a_line_that_is_not_printed_is_found(shown, missing):
    printed = ["480 rows", "accuracy 0.86 1.25s", "the network wins"]
    assert first_missing(shown, printed, exact=False) == missing


def test_exact_lines_allow_no_other_number():
    assert first_missing(["480 rows"], ["481 rows"], exact=False) is None
    assert first_missing(["480 rows"], ["481 rows"], exact=True) == "480 rows"
