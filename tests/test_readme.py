"""Whatever README.md says to type is typed here, and its tree is the tree there is."""

import csv
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [block for named, block in fenced if named == language]


COMMANDS = [
    line.removeprefix("$ ")
    for block in blocks("console")
    for line in block.splitlines()
    if line.startswith("$ ")
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with somebody's tickets in it."""
    folder = tmp_path_factory.mktemp("readme")
    topics = {
        "delivery": "my parcel has not arrived and the courier lost it",
        "payment": "the invoice is wrong, I was charged twice on my card",
    }
    with (folder / "tickets.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(200):
            for label, text in topics.items():
                writer.writerow([f"{text}, ticket {number}", label])
    return folder


def run(arguments, folder):
    # The README promises this to a stranger, who has set nothing.
    environment = {key: value for key, value in os.environ.items() if key != "UNROLLED_IMDB"}
    done = subprocess.run(
        arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_command_works(desk):
    ours = [shlex.split(command) for command in COMMANDS if command.startswith("unrolled ")]
    assert len(ours) > 8
    for command in ours:
        assert run([sys.executable, "-m", *command], desk), command


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_every_python_example_works(number, desk):
    assert run([sys.executable, "-c", blocks("python")[number]], desk)


def test_what_sets_it_up_is_run_by_continuous_integration():
    others = [command for command in COMMANDS if not command.startswith("unrolled ")]
    assert others == ["make reproduce", "pip install '.[imdb]'"]
    integration = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in others:
        assert command in integration
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert set(re.findall(r"make ([a-z]+)`?", README)) - {"and"} <= set(targets)


def test_the_tree_names_every_module_and_nothing_else():
    tree = next(block for block in blocks("") if block.startswith("src/unrolled/"))
    named, folders = set(), {}
    for line in tree.splitlines()[1:]:
        found = re.match(r"( *)(\S+)", line)
        depth, name = len(found[1]) // 2, found[2]
        folders[depth] = name
        named.add("/".join([*(folders[at].rstrip("/") for at in range(1, depth)), name]))
    package = ROOT / "src" / "unrolled"
    there = {"tests/", "benchmarks/", "docs/"}
    for path in package.rglob("*"):
        relative = path.relative_to(package).as_posix()
        if path.is_dir() and path.name != "__pycache__":
            there.add(f"{relative}/")
        elif path.suffix in {".py", ".html", ".css", ".json"} and path.name != "__init__.py":
            there.add(relative)
    assert named == there
