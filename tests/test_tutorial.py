"""docs/tutorial.md is typed as it stands, command by command, and prints what it shows."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from .documents import commands, files, first_missing, shell

DOCS = Path(__file__).parent.parent / "docs"
TUTORIAL = (DOCS / "tutorial.md").read_text(encoding="utf-8")

# These count and compute nothing that another processor could round in another way.
EXACT = ("python fix.py", "unrolled check", "unrolled summary")


@pytest.fixture
def desk(tmp_path):
    """The tickets, and the files to write."""
    folder = tmp_path / "tickets"
    shutil.copytree(DOCS / "tickets", folder)
    for name, content in files(TUTORIAL):
        (folder / name).write_text(content, encoding="utf-8")
    return folder


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_every_command_prints_what_the_tutorial_shows(desk):
    with shell(desk) as typing:
        for command in commands(TUTORIAL):
            typing.enter(command, exact=command.typed.startswith(EXACT))


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
