"""The pages in docs/: what they say to type is typed, all are in the menu, the site is built."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import unrolled
from unrolled.cli.app import app
from unrolled.recipe import PRESETS
from unrolled.recipe.sections import SECTIONS

from .documents import Command, blocks, commands, files, first_missing, shell

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = {path.relative_to(DOCS).as_posix(): path for path in DOCS.rglob("*.md")}
TYPED_HERE = (
    "index.md",
    "installing.md",
    "own-texts.md",
    "unlabelled.md",
    "exporting.md",
    "tracking.md",
    "ko/index.md",
    "ko/chapter-9.md",
)
TYPED_ELSEWHERE = {"tutorial.md", "explaining.md", "serving.md", "tuning.md", "cluster.md"}
SET_UP = ("make ", "pip install ")
posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")


def page(name: str) -> str:
    return PAGES[name].read_text(encoding="utf-8")


def in_order(document: str) -> Iterator[Command | tuple[str, list[str]]]:
    """What is to be typed: commands, and Python with the lines that the block below shows."""
    found = re.findall(
        r"^```(console|python)\n(.*?)^```$(?:\n\n```output\n(.*?)^```$)?",
        document,
        re.MULTILINE | re.DOTALL,
    )
    for language, block, output in found:
        if language == "python":
            yield block, output.splitlines()
        else:
            yield from commands(f"```console\n{block}```\n")


@pytest.fixture
def desk(tmp_path):
    """A folder of somebody who has copied the tickets."""
    return shutil.copytree(DOCS / "tickets", tmp_path / "desk")


def run_python(code: str, folder: Path) -> list[str]:
    unset = ("UNROLLED_IMDB", "COLUMNS")
    environment = {key: value for key, value in os.environ.items() if key not in unset}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, encoding="utf-8",
        env={**environment, "PYTHONIOENCODING": "utf-8"}, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{code}\n{done.stderr}"
    return done.stdout.splitlines()


@posix
@pytest.mark.parametrize("name", TYPED_HERE)
def test_what_a_page_says_to_type_works_and_prints_what_it_shows(name, desk):
    document = page(name)
    for file, content in files(document):
        (desk / file).write_text(content, encoding="utf-8")
    typed = 0
    with shell(desk) as typing:
        for step in in_order(document):
            if isinstance(step, Command):
                if not step.typed.startswith(SET_UP):
                    typing.enter(step)
                    typed += 1
            else:
                code, shown = step
                printed = run_python(code, desk)
                assert printed, code
                assert first_missing(shown, printed, exact=True) is None, (code, printed)
                typed += 1
    assert typed


def test_every_page_is_typed_or_has_nothing_to_type():
    with_code = {name for name in PAGES if list(in_order(page(name)))}
    assert with_code <= {*TYPED_HERE, *TYPED_ELSEWHERE}


def test_python_and_what_it_prints_are_read_in_order():
    document = (
        "```console\n$ a\nx\n```\n\n```python\nb\n```\n\n```output\ny\n```\n\n```python\nc\n```\n"
    )
    assert list(in_order(document)) == [Command("a", ["x"]), ("b\n", ["y"]), ("c\n", [])]


# --- The figures ---------------------------------------------------------------------------------


def rows_of_figures(document: str) -> set[tuple[str, ...]]:
    """The numbers of each row of a table."""
    rows = [line for line in document.splitlines() if line.startswith("|")]
    return {tuple(sorted(re.findall(r"\d[\d,.]*\d|\d", row))) for row in rows}


@pytest.mark.parametrize("name", ["numerics.md", "ko/index.md", "ko/chapter-9.md"])
def test_the_table_of_both_experiments_is_that_of_the_readme(name):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("| the notebook |")[2].partition("\n\n")[0]
    ours = {row for row in rows_of_figures(page(name)) if len(row) > 4}
    assert len(ours) == 2
    assert ours <= rows_of_figures(table)


# --- The site ------------------------------------------------------------------------------------


def menu(entries) -> Iterator[str]:
    for entry in entries:
        target = next(iter(entry.values())) if isinstance(entry, dict) else entry
        yield from [target] if isinstance(target, str) else menu(target)


def test_every_page_is_in_the_menu():
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    generated = {"reference/commands.md", "reference/settings.md"}
    assert set(menu(settings["nav"])) == {*PAGES, *generated}


def test_the_reference_has_every_public_name_once():
    named = re.findall(r"^::: unrolled\.(\w+)$", page("reference/python.md"), re.MULTILINE)
    assert sorted(named) == [name for name in unrolled.__all__ if name != "__version__"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The pages, built as ``make docs`` builds them."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_no_page_asks_another_server(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 15
    for path in pages:
        asked = re.findall(
            r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=\"?(?:https?:)?//[^\s\">]+",
            path.read_text(encoding="utf-8"),
        )
        assert not asked, path
    for path in site.rglob("*.css"):
        assert not re.findall(r"url\(\"?https?:|@import", path.read_text(encoding="utf-8")), path


def test_commands_and_settings_are_those_there_are(site):
    shown = html.unescape((site / "reference" / "commands.html").read_text(encoding="utf-8"))
    names = [command.name or command.callback.__name__ for command in app.registered_commands]
    for name in names:
        assert f"unrolled {name}" in shown
    for option in ("--resume", "--track", "--threads", "--install-completion"):
        assert option in shown
    assert "unrolled data fetch" in shown
    settings = html.unescape((site / "reference" / "settings.html").read_text(encoding="utf-8"))
    for section in SECTIONS:
        for name in section.model_fields:
            assert f"{section.section}.{name}" in settings
    assert "size of the vocabulary, the ids of padding, start and unknown included" in settings
    for preset in PRESETS:
        assert f"The preset {preset}" in settings


def test_blocks_of_output_are_not_left_alone():
    for name in PAGES:
        shown = len(blocks(page(name), "output"))
        assert shown == sum(isinstance(s, tuple) and bool(s[1]) for s in in_order(page(name))), name
