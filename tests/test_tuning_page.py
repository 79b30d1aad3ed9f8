"""docs/tuning.md is typed as it stands, behind the part of the tutorial that it goes on from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from unrolled.errors import RecipeError
from unrolled.recipe import load_search

from .documents import blocks, commands, files, shell

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "tuning.md").read_text(encoding="utf-8")
TUTORIAL = (DOCS / "tutorial.md").read_text(encoding="utf-8")


@pytest.fixture
def desk(tmp_path):
    """The tickets, mended, and the recipe that the page asks for."""
    folder = tmp_path / "tickets"
    shutil.copytree(DOCS / "tickets", folder)
    for name, content in files(TUTORIAL) + files(PAGE):
        (folder / name).write_text(content, encoding="utf-8")
    subprocess.run([sys.executable, "fix.py"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_every_command_prints_what_the_page_shows(desk):
    assert len(commands(PAGE)) == 4
    with shell(desk) as typing:
        for command in commands(PAGE):
            typing.enter(command)


@pytest.mark.parametrize(
    "line",
    [
        "network.unit = [8]",
        "network.units = { low = 64, high = 8 }",
        "network.dropout = [1.0]",
    ],
)
def test_the_mistakes_are_told_as_the_page_shows(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("search.toml").write_text(f"[search]\n{line}\n")
    with pytest.raises(RecipeError) as caught:
        load_search("search.toml")
    assert str(caught.value) in "".join(blocks(PAGE, "")).splitlines()
