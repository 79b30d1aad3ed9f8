"""What README.md and the pages on explaining and serving say to type is typed here.

What they show is printed, and the README's tree is the tree there is.
"""

import csv
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from .documents import Command, blocks, commands, files, shell

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SET_UP = ("make ", "pip install ")
PORT = 8000  # in the documents; in the tests any that is free
posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")


@pytest.fixture(scope="module")
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def type_all(document, folder, port):
    """Write every file and type every command but those that set the library up."""
    for name, content in files(document):
        (folder / name).write_text(content, encoding="utf-8")
    with shell(folder) as typing:
        for command in commands(re.sub(rf"\b{PORT}\b", str(port), document)):
            if not command.typed.startswith(SET_UP):
                typing.enter(command)


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


@pytest.fixture(scope="module")
def worked_desk(desk, port):
    """The same once every command was typed there."""
    type_all(README, desk, port)
    return desk


@posix
def test_every_command_works(worked_desk):
    ours = [command for command in commands(README) if command.typed.startswith("unrolled ")]
    assert len(ours) > 8
    assert (worked_desk / "runs" / "reproduce" / "embedding").is_dir()


@posix
@pytest.mark.parametrize("number", range(len(blocks(README, "python"))))
def test_every_python_example_works(number, worked_desk):
    # The README promises this to a stranger, who has set nothing.
    environment = {key: value for key, value in os.environ.items() if key != "UNROLLED_IMDB"}
    done = subprocess.run(
        [sys.executable, "-c", blocks(README, "python")[number]], cwd=worked_desk,
        env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout


@posix
@pytest.mark.parametrize("name", ["explaining.md", "serving.md"])
def test_every_command_of_a_page_prints_what_it_shows(name, tmp_path, port):
    document = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert sum(bool(command.shown) for command in commands(document)) > 2
    type_all(document, tmp_path, port)


@posix
def test_a_shell_finds_what_fails_and_what_is_not_printed(tmp_path):
    with shell(tmp_path) as typing:
        typing.enter(Command("echo 480 rows, 한국어", ["480 rows, 한국어"]))
        typing.enter(Command("(sleep 0.2; echo ready; sleep 600) &", ["ready"]))
        with pytest.raises(AssertionError, match="shown: 484 rows"):
            typing.enter(Command("echo 480 rows", ["484 rows"]))
        with pytest.raises(AssertionError, match="ended with 1"):
            typing.enter(Command("false", []))
        with pytest.raises(AssertionError, match="it ended the shell"):
            typing.enter(Command("exit 0", []))


def test_what_sets_it_up_is_run_by_continuous_integration():
    others = [command.typed for command in commands(README) if command.typed.startswith(SET_UP)]
    assert others == ["make reproduce", "pip install '.[imdb]'"]
    integration = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in others:
        assert command in integration
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert set(re.findall(r"make ([a-z]+)`?", README)) - {"and"} <= set(targets)


def test_the_tree_names_every_module_and_nothing_else():
    tree = next(block for block in blocks(README, "") if block.startswith("src/unrolled/"))
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


def test_a_script_that_the_tree_names_by_its_folder_says_what_it_is():
    scripts = sorted((ROOT / "src" / "unrolled").rglob("*.js"))
    assert scripts
    for path in scripts:
        assert path.read_text(encoding="utf-8").startswith("// "), path
