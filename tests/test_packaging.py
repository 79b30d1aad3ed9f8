"""What is packed, what it is called, and that it runs where nothing but its dependencies is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import unrolled

ROOT = Path(__file__).parent.parent
PACKAGE = Path(unrolled.__file__).parent
EXTRAS = ("sklearn", "tokenizers", "fastapi", "h5py", "onnx", "optuna", "ray", "tensorboardX")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env={**os.environ, **environment},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def hatchling(*arguments: str | Path, cwd: Path) -> str:
    return run(sys.executable, "-m", "hatchling", *arguments, cwd=cwd)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Wheel and sdist, built from a copy that no git knows."""
    source, out = tmp_path_factory.mktemp("source") / "unrolled", tmp_path_factory.mktemp("dist")
    ignored = shutil.ignore_patterns(".*", "runs", "build", "dist", "site", "__pycache__")
    shutil.copytree(ROOT, source, ignore=ignored)
    hatchling("build", "-d", out, cwd=source)
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


# --- What is in them -----------------------------------------------------------------------------


def test_the_wheel_has_every_file_of_the_package(packed):
    with zipfile.ZipFile(packed[0]) as wheel:
        names = {name for name in wheel.namelist() if name.startswith("unrolled/")}
        metadata = {name.rpartition("/")[2] for name in wheel.namelist() if ".dist-info/" in name}
    there = {
        f"unrolled/{path.relative_to(PACKAGE).as_posix()}"
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == there
    kinds = {Path(name).suffix for name in names}
    assert kinds >= {".py", ".html", ".css", ".js", ".json", ".typed"}
    assert "unrolled/py.typed" in names
    assert {"METADATA", "LICENSE", "entry_points.txt"} <= metadata


def test_the_sdist_has_what_its_tests_and_its_pages_need(packed):
    with tarfile.open(packed[1]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    for name in (
        "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "Makefile", "PKG-INFO",
        "README.md", "docs/index.md", "docs/ko/index.md", "docs/tickets/tickets.csv", "mkdocs.yml",
        "pyproject.toml", "src/unrolled/py.typed", "tests/test_packaging.py",
    ):  # fmt: skip
        assert name in names
    assert not [name for name in names if "__pycache__" in name or name.startswith("runs/")]


# --- What they run on ----------------------------------------------------------------------------


def needed(name: str, found: dict[str, Distribution] | None = None) -> dict[str, Distribution]:
    """A distribution and all that it depends on, without any extra."""
    found = {} if found is None else found
    if name.lower() not in found:
        found[name.lower()] = distribution(name)
        for line in distribution(name).requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                needed(requirement.name, found)
    return found


@pytest.fixture(scope="module")
def fresh(packed, tmp_path_factory):
    """A Python with the wheel and its dependencies and nothing else: (interpreter, its folder).

    The dependencies are links to those that are installed here, so that nothing is downloaded.
    """
    folder = tmp_path_factory.mktemp("fresh")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run(python, "-c", code, cwd=folder).strip())
    shutil.unpack_archive(packed[0], site, "zip")
    metadata = next(site.glob("unrolled-*.dist-info/METADATA")).read_text(encoding="utf-8")
    wanted = re.findall(r"^Requires-Dist: (.+)$", metadata, re.MULTILINE)
    found: dict[str, Distribution] = {}
    for requirement in map(Requirement, wanted):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            needed(requirement.name, found)
    for installed in found.values():
        for top in {file.parts[0] for file in installed.files or []} - {"..", "__pycache__"}:
            source = Path(str(installed.locate_file(top)))
            if source.exists() and not (site / top).exists():
                (site / top).symlink_to(source)
    return python, folder


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_it_runs_with_its_dependencies_alone(fresh):
    python, folder = fresh
    for extra in EXTRAS:
        with pytest.raises(AssertionError, match="ModuleNotFoundError"):
            run(python, "-I", "-c", f"import {extra}", cwd=folder)
    rows = ["text,label"] + [
        f"late parcel {n},delivery\nwrong invoice {n},payment" for n in range(30)
    ]
    (folder / "tickets.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")

    def command(*arguments: str) -> str:
        return run(python, "-I", "-m", "unrolled", *arguments, cwd=folder)

    assert re.fullmatch(r"unrolled \d+\.\d+\S*\n", command("--version"))
    command("train", "tickets.csv", "--out", "model", "--set", "training.epochs=2")
    assert command("predict", "model", "a late parcel").split()[0] in ("delivery", "payment")
    command("report", "model")
    command("export", "model", "model.html", "--to", "html")
    command("explain", "model", "a late parcel", "--html", "reading.html")
    for name in ("model/report.html", "model.html", "reading.html"):
        assert "</html>" in (folder / name).read_text(encoding="utf-8")
    command("summary", "notebook-onehot")


# --- Versions ------------------------------------------------------------------------------------


@pytest.fixture
def source(tmp_path):
    """As much of the source as a version needs."""
    folder = tmp_path / "source"
    (folder / "src" / "unrolled").mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", ".gitattributes", ".git_archival.txt"):
        shutil.copy(ROOT / name, folder)
    (folder / "src" / "unrolled" / "__init__.py").touch()
    return folder


def git(folder: Path, *arguments: str | Path) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    return run(
        "git",
        *who,
        *arguments,
        cwd=folder,
        GIT_CONFIG_GLOBAL=os.devnull,
        GIT_CONFIG_SYSTEM=os.devnull,
    )


def version_of(folder: Path) -> str:
    return hatchling("version", cwd=folder).strip()


@pytest.fixture
def repository(source):
    """The same under git, with one commit."""
    git(source, "init", "-q")
    git(source, "add", ".")
    git(source, "commit", "-q", "-m", "First")
    return source


def test_a_tag_is_the_version_and_later_commits_lead_to_the_next(repository):
    git(repository, "tag", "v1.2.3")
    assert version_of(repository) == "1.2.3"
    git(repository, "commit", "-q", "--allow-empty", "-m", "Second")
    assert re.fullmatch(r"1\.2\.4\.dev1\+g[0-9a-f]+", version_of(repository))


def test_a_shallow_clone_without_its_tag_still_has_a_version(repository, tmp_path):
    git(repository, "tag", "v1.2.3")
    git(repository, "commit", "-q", "--allow-empty", "-m", "Second")
    git(tmp_path, "clone", "-q", "--depth", "1", "--no-tags", repository.as_uri(), "shallow")
    assert re.fullmatch(r"0\.1\.dev1\+g[0-9a-f]+", version_of(tmp_path / "shallow"))


def test_sources_without_git_have_a_version(source):
    assert version_of(source) == "0.1.dev0"


def test_an_archive_of_a_tag_knows_it(repository, tmp_path):
    git(repository, "tag", "v1.2.3")
    git(repository, "archive", "-o", tmp_path / "source.tar", "--prefix=archived/", "v1.2.3")
    with tarfile.open(tmp_path / "source.tar") as archive:
        archive.extractall(tmp_path, filter="data")
    assert version_of(tmp_path / "archived") == "1.2.3"


def test_an_sdist_keeps_its_version(repository, tmp_path):
    git(repository, "tag", "v1.2.3")
    hatchling("build", "-t", "sdist", "-d", tmp_path, cwd=repository)
    with tarfile.open(tmp_path / "unrolled-1.2.3.tar.gz") as sdist:
        sdist.extractall(tmp_path, filter="data")
    assert version_of(tmp_path / "unrolled-1.2.3") == "1.2.3"


def test_the_version_is_that_of_what_is_installed(monkeypatch):
    assert unrolled.__version__ == distribution("unrolled").version
    assert unrolled._version() == unrolled.__version__

    def nothing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", nothing)
    assert unrolled._version() == "0+unknown"


# --- Completion in the shell ---------------------------------------------------------------------


def completed(*words: str) -> list[str]:
    """What bash is offered for the last of the words."""
    printed = run(
        sys.executable, "-m", "unrolled", cwd=ROOT, COMP_WORDS=" ".join(("unrolled", *words)),
        COMP_CWORD=str(len(words)), _UNROLLED_COMPLETE="complete_bash",
    )  # fmt: skip
    return printed.split()


def test_commands_options_and_presets_are_completed():
    assert completed("tr") == ["train"]
    assert completed("pr") == ["predict", "pretrain"] or completed("pr") == ["pretrain", "predict"]
    assert completed("train", "x.csv", "--resu") == ["--resume"]
    assert completed("train", "x.csv", "--recipe", "note") == [
        "notebook-onehot",
        "notebook-embedding",
    ]
    assert completed("data", "st") == ["stats"]
    assert completed("train", "tick") == []  # the shell then looks for files


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_uses_what_is_shown(tmp_path):
    tool = tmp_path / "unrolled"
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m unrolled "$@"\n', encoding="utf-8")
    tool.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    asks = "unrolled --show-completion; true"  # two commands, so that the shell stays the parent
    shown = run(
        "bash", "-c", asks, cwd=tmp_path, PATH=path, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION=""
    )
    asked = f"""{shown}
        COMP_WORDS=(unrolled tr); COMP_CWORD=1
        _unrolled_completion unrolled; echo "${{COMPREPLY[@]}}"; complete -p unrolled"""
    answer = run("bash", "-c", asked, cwd=tmp_path, PATH=path).splitlines()
    assert answer == ["train", "complete -o default -F _unrolled_completion unrolled"]


# --- How it is cited -----------------------------------------------------------------------------


def test_the_citation_says_who_what_and_of_which_data():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "type", "license"} <= cited.keys()
    assert cited["title"] == "unrolled"
    assert cited["license"] == "Apache-2.0"
    (reviews,) = cited["references"]
    assert reviews["title"] == "Learning Word Vectors for Sentiment Analysis"
    assert reviews["year"] == 2011
    assert [author["family-names"] for author in reviews["authors"]] == [
        "Maas", "Daly", "Pham", "Huang", "Ng", "Potts",
    ]  # fmt: skip
