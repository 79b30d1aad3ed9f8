"""A model folder is written whole and read whole, or the file that is wrong is named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from unrolled import bundle
from unrolled.bundle import Bundle, check_shapes, is_bundle, is_writer, read, write
from unrolled.errors import ModelError, OutputError

REQUIRED = [
    "README.md", "config.json", "history.csv", "metrics.json", "model.safetensors",
    "vocabulary.json",
]  # fmt: skip
NEVER_EDITED = ["config.json", "history.csv", "metrics.json", "model.safetensors"]
NEVER_EDITED += ["training.safetensors", "vocabulary.json"]
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux' limits and signals")


def a_model(**changes: object) -> Bundle:
    generator = np.random.default_rng(3)
    model = Bundle(
        config={"labels": ["부정", "긍정"], "recipe": {"units": 8}, "library_version": "0.1"},
        weights={
            "dense/kernel": generator.normal(size=(3, 2)).astype(np.float32),
            "dense/bias": np.float32([np.inf, -0.0]),
        },
        vocabulary={"words": ["영화", "é", "half \ud83d", "the"], "counts": [4, 3, 2, 1]},
        history_csv="epoch,loss\n1,0.5\n",
        metrics={"accuracy": 0.75},
        card="# 모델\n",
        report="<html>\r\n</html>",
        training={"metadata": np.frombuffer(b"{}", np.uint8), "wait": np.int64(3)},
    )
    return replace(model, **changes)


def assert_same(one: Bundle, other: Bundle) -> None:
    for field in fields(Bundle):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if field.name in ("weights", "training") and mine is not None:
            assert mine.keys() == theirs.keys()
            for name, array in mine.items():
                assert theirs[name].dtype == array.dtype
                np.testing.assert_array_equal(theirs[name], array, strict=True)
        elif field.name == "config":
            assert {key: theirs[key] for key in mine} == mine
        else:
            assert mine == theirs


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def path(tmp_path):
    write(tmp_path / "models" / "model", a_model())
    return tmp_path / "models" / "model"


# --- writing and reading


def test_what_was_written_is_read(path):
    assert_same(a_model(), read(path))
    assert names(path) == sorted([*REQUIRED, "report.html", "training.safetensors"])
    assert read(path).config["format_version"] == 2
    assert set(read(path).config["sha256"]) == set(NEVER_EDITED)
    finished = a_model(report=None, training=None)
    write(path, finished)
    assert_same(finished, read(path))
    assert names(path) == REQUIRED
    assert names(path.parent) == ["model"]


def test_a_model_that_was_read_can_be_changed_and_written(path):
    model = read(path)
    model.weights["dense/kernel"][:] = 0
    write(path, model)
    assert not read(path).weights["dense/kernel"].any()


def test_the_same_model_gives_the_same_bytes(path, tmp_path):
    again = a_model()
    reordered = replace(again, weights=dict(reversed(again.weights.items())))
    write(tmp_path / "again", reordered)
    for name in names(path):
        assert (path / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_json_is_readable_and_sorted(path):
    text = (path / "vocabulary.json").read_text(encoding="utf-8")
    assert '"영화"' in text
    assert text.index('"counts"') < text.index('"words"')
    assert text.count("\n") > 8


def test_arrays_in_any_layout_keep_their_values(path):
    base = np.arange(12, dtype=np.float32).reshape(3, 4)
    weights = {
        "transposed": base.T,
        "strided": base[:, ::2],
        "empty": base[:0],
        "scalar": base[1, 1],
    }
    write(path, a_model(weights=weights))
    for name, array in read(path).weights.items():
        np.testing.assert_array_equal(array, weights[name], strict=True)


def test_config_keys_need_not_be_strings(path):
    write(path, a_model(config={"labels": {2: "b", 10: "a"}, "pair": (1, 2)}))
    assert read(path).config["labels"] == {"2": "b", "10": "a"}
    assert read(path).config["pair"] == [1, 2]


def test_numbers_that_json_does_not_have_are_refused(path):
    with pytest.raises(OutputError, match=r"metrics\.json: cannot be written"):
        write(path, a_model(metrics={"loss": float("nan")}))
    assert_same(a_model(), read(path))


def test_card_and_report_may_be_edited_and_the_report_removed(path):
    (path / "README.md").write_text("mine", encoding="utf-8")
    (path / "report.html").unlink()
    assert_same(a_model(card="mine", report=None), read(path))


def test_the_files_of_a_model_need_no_folder(path):
    files = bundle.to_files(a_model())
    assert sorted(files) == names(path)
    assert all((path / name).read_bytes() == data for name, data in files.items())
    assert_same(a_model(), bundle.from_files(Path("somewhere"), files))
    finished = bundle.to_files(a_model(report=None, training=None))
    assert sorted(finished) == REQUIRED
    assert_same(a_model(report=None, training=None), bundle.from_files(Path(), finished))


@pytest.mark.parametrize("name", REQUIRED)
def test_files_that_are_missing_or_altered_are_named(name):
    files = bundle.to_files(a_model())
    del files[name]
    with pytest.raises(ModelError, match=f"somewhere/{name}: the file is damaged: it is missing"):
        bundle.from_files(Path("somewhere"), files)
    if name in NEVER_EDITED:
        with pytest.raises(ModelError, match=f"somewhere/{name}: the file is damaged"):
            bundle.from_files(Path("somewhere"), {**files, name: b"{}"})


# --- where a model may be written


def test_only_a_model_or_an_empty_folder_is_replaced(tmp_path):
    for name, content in (("notes.txt", "mine"), ("config.json", '{"architectures": []}')):
        folder = tmp_path / name.replace(".", "_")
        folder.mkdir()
        (folder / name).write_text(content, encoding="utf-8")
        with pytest.raises(OutputError, match="none is a model's"):
            write(folder, a_model())
        assert names(folder) == [name]
        assert (folder / name).read_text(encoding="utf-8") == content
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty", a_model())
    assert_same(a_model(), read(tmp_path / "empty"))


def test_a_file_in_place_of_the_folder_or_above_it(tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="file: a file has this name"):
        write(tmp_path / "file", a_model())
    with pytest.raises(OutputError, match="cannot be written"):
        write(tmp_path / "file" / "model", a_model())
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


@on_linux
def test_an_unwritable_parent(tmp_path):
    for place in (Path("/proc/model"), Path("/proc/self/model")):
        with pytest.raises(OutputError, match="model: cannot be written"):
            write(place, a_model())
    if os.getuid():
        tmp_path.chmod(0o500)
        with pytest.raises(OutputError, match="Permission denied"):
            write(tmp_path / "model", a_model())


def test_files_of_others_are_carried_over(path):
    (path / "plots" / "png").mkdir(parents=True)
    (path / "plots" / "png" / "loss.png").write_bytes(b"image")
    (path / "notes.txt").write_bytes(b"mine")
    for changes in ({}, {"training": None, "report": None}):
        write(path, a_model(**changes))
        assert (path / "plots" / "png" / "loss.png").read_bytes() == b"image"
        assert (path / "notes.txt").read_bytes() == b"mine"
    assert not (path / "training.safetensors").exists()
    assert not (path / "report.html").exists()
    assert names(path.parent) == ["model"]


def test_files_of_others_are_copied_where_there_are_no_links(path, monkeypatch):
    (path / "notes.txt").write_bytes(b"mine")
    monkeypatch.delattr(os, "link")
    monkeypatch.setattr(os, "link", NoLinks(), raising=False)
    write(path, a_model())
    assert (path / "notes.txt").read_bytes() == b"mine"


class NoLinks:
    def __call__(self, *arguments: object, **options: object) -> None:
        raise OSError("no links here")


# --- what is not a whole model


def test_is_bundle(path, tmp_path):
    assert is_bundle(path)
    assert not is_bundle(tmp_path)
    assert not is_bundle(tmp_path / "missing")
    assert not is_bundle(path / "config.json")
    for content in (b"", b"[]", b"{}", b'{"format_version": 1}', b"\xff", b"[" * 100_000):
        (path / "config.json").write_bytes(content)
        assert not is_bundle(path)
        assert not is_writer(path)


def test_a_model_that_writes_has_a_task(path, tmp_path):
    assert not is_writer(path)
    assert not is_writer(tmp_path / "missing")
    write(path, a_model(config={"task": "autoencoder"}))
    assert is_writer(path)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_file_is_named(path, name):
    (path / name).unlink()
    with pytest.raises(ModelError, match=f"{name}: .*(it is missing|there is no such file)"):
        read(path)


@pytest.mark.parametrize("name", NEVER_EDITED)
def test_a_file_that_was_cut_or_altered_is_named(path, name):
    good = (path / name).read_bytes()
    cuts = {0, 1, 8, len(good) // 2, len(good) - 1}
    damaged = [good[:cut] for cut in cuts] + [good + b" ", good + good]
    step = max(1, len(good) // 60)
    for position in range(0, len(good), step):
        for flipped in (0x01, 0x20, 0xFF):
            altered = bytearray(good)
            altered[position] ^= flipped
            damaged.append(bytes(altered))
    for data in damaged:
        (path / name).write_bytes(data)
        try:
            same = json.loads(data) == json.loads(good)  # other white space means the same
        except ValueError:
            same = False
        if same and name == "config.json":
            continue
        with pytest.raises(ModelError) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path / name}: ")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["README.md", "report.html"])
def test_a_text_that_is_not_utf_8_is_named(path, name):
    (path / name).write_bytes(b"caf\xe9")
    with pytest.raises(ModelError, match=f"{name}: the file is damaged: byte 3 is not UTF-8"):
        read(path)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_folder_in_place_of_a_file_is_named(path, name):
    (path / name).unlink()
    (path / name).mkdir()
    with pytest.raises(ModelError, match=f"{name}: cannot be read"):
        read(path)


def alter_config(path: Path, **changes: object) -> None:
    """Change the config and make its own hash right again, as someone with intent would."""
    config = json.loads((path / "config.json").read_bytes()) | changes
    if isinstance(config["sha256"], dict):
        config["sha256"].pop("config.json", None)
        own = bundle._hash(bundle._json(path, config))
        config["sha256"] = {**config["sha256"], "config.json": own}
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")


def test_a_newer_format_is_refused_by_name(path):
    alter_config(path, format_version=3)
    with pytest.raises(ModelError, match=r"config\.json: .* format version 3 .* upgrade unrolled"):
        read(path)


def test_an_older_format_is_read(path):
    alter_config(path, format_version=1)
    assert_same(a_model(), read(path))


@pytest.mark.parametrize(
    "changes",
    [
        {"format_version": None}, {"format_version": True}, {"format_version": 0},
        {"format_version": "1"}, {"sha256": None}, {"sha256": {}},
        {"sha256": {"../outside": "00"}},
    ],
)  # fmt: skip
def test_an_impossible_config_is_refused(path, changes):
    alter_config(path, **changes)
    with pytest.raises(ModelError, match=r"config\.json: the file is damaged"):
        read(path)


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 40, b'\x02\0\0\0\0\0\0\0{}"', b"\x02\0\0\0\0\0\0\0[]"]
)
def test_weights_that_are_not_safetensors_are_refused_even_with_a_right_hash(path, content):
    (path / "model.safetensors").write_bytes(content)
    hashes = read_hashes(path) | {"model.safetensors": bundle._hash(content)}
    alter_config(path, sha256=hashes)
    with pytest.raises(ModelError, match=r"model\.safetensors: the file is damaged"):
        read(path)


def read_hashes(path: Path) -> dict[str, str]:
    hashes: dict[str, str] = json.loads((path / "config.json").read_bytes())["sha256"]
    return hashes


def test_a_missing_folder_a_file_and_a_folder_of_other_things(path, tmp_path):
    with pytest.raises(ModelError, match=r"there is no such model folder; did you mean .*model\?"):
        read(path.parent / "modle")
    with pytest.raises(ModelError, match="there is no such model folder, and no folder"):
        read(tmp_path / "none" / "model")
    with pytest.raises(ModelError, match="is a file; a model is a folder"):
        read(path / "config.json")
    with pytest.raises(ModelError, match=r"config\.json: there is no such file; .* not a model's"):
        read(tmp_path)
    with pytest.raises(ModelError, match="cannot be read"):
        read(tmp_path / ("long" * 100))


def test_shapes_are_checked_by_name(path):
    weights = read(path).weights
    shapes = {"dense/kernel": (3, 2), "dense/bias": (2,)}
    check_shapes(path, weights, shapes)
    for changed, words in (
        (shapes | {"dense/bias": (3,)}, r"'dense/bias' has shape \(2,\); .* needs \(3,\)"),
        (shapes | {"rnn/kernel": (3,)}, "'rnn/kernel' of the recipe's network are missing"),
        ({"dense/bias": (2,)}, "the recipe's network has no weights 'dense/kernel'"),
    ):
        with pytest.raises(ModelError, match=rf"model\.safetensors: .*{words}"):
            check_shapes(path, weights, changed)


# --- full disks, kills, and several programs at once


def run(code: str, *arguments: object) -> None:
    """Run ``code`` in a fresh interpreter that has numbered models at hand."""
    program = textwrap.dedent(MODELS) + textwrap.dedent(code)
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr


MODELS = """
import os, random, signal, sys, time
from pathlib import Path
import numpy as np
from unrolled.bundle import Bundle, read, write
from unrolled.errors import ModelError, OutputError

path = Path(sys.argv[1])

def numbered(number):
    return Bundle(
        config={"number": number},
        weights={"w": np.full(20_000, number, np.float32)},
        vocabulary={"words": [str(number)] * 2000},
        history_csv=str(number),
        metrics={"number": number},
        card=str(number),
        report=str(number),
    )

def number_of(model):
    number = model.config["number"]
    assert (model.weights["w"] == number).all()
    assert model.vocabulary["words"] == [str(number)] * 2000
    assert model.metrics == {"number": number}
    assert model.history_csv == model.card == model.report == str(number)
    return number

def beside():
    return sorted(entry.name for entry in path.parent.iterdir())
"""


def small_disk(folder: Path) -> bool:
    """Mount a disk of 256 KiB at ``folder``; False where that is not allowed."""
    mount = shutil.which("mount")
    if mount is None or os.getuid():
        return False
    command = [mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@on_linux
def test_a_full_disk_leaves_the_old_model(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if not small_disk(disk):
        pytest.skip("no disk can be mounted here")
    try:
        write(disk / "model", a_model())
        big = a_model(weights={"w": np.zeros(30_000, np.float32)})
        write(disk / "model", big)  # 120 kB: one of them fits beside the old model, two do not
        with pytest.raises(OutputError, match="model: cannot be written: No space left"):
            write(disk / "model", replace(big, weights={"w": np.ones(60_000, np.float32)}))
        assert_same(big, read(disk / "model"))
        assert names(disk) == ["model"]
    finally:
        subprocess.run([shutil.which("umount") or "umount", disk], check=True)


@on_linux
def test_a_file_that_may_not_grow_leaves_the_old_model(tmp_path):
    run(
        """
        import resource
        write(path, numbered(1))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        sizes = sorted((file.stat().st_size for file in path.iterdir()), reverse=True)
        for limit in (0, 10, *(size - 1 for size in sizes[:3])):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            try:
                write(path, numbered(2))
            except OutputError as error:
                assert "cannot be written: File too large" in str(error), error
            else:
                raise AssertionError(limit)
            assert number_of(read(path)) == 1
            assert beside() == ["model"]
        """,
        tmp_path / "model",
    )


@on_linux
def test_kill_at_any_moment_leaves_a_whole_model_or_none(tmp_path):
    run(
        """
        random.seed(5)
        write(path.with_name("warm"), numbered(0))
        started = time.perf_counter()
        write(path.with_name("warm"), numbered(0))
        longest = min(0.1, 3 * (time.perf_counter() - started))
        seen = set()
        for attempt in range(40):
            child = os.fork()
            if child == 0:
                for number in range(1000 * attempt, 1000 * attempt + 1000):
                    write(path, numbered(number))
            time.sleep(random.uniform(0.0, longest))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            if path.exists():
                seen.add(number_of(read(path)))
            else:
                assert not seen
        assert len(seen) > 10, seen
        write(path, numbered(-1))
        assert beside() == ["model", "warm"]
        """,
        tmp_path / "model",
    )


@on_linux
def test_writers_and_a_reader_at_once_see_whole_models(tmp_path):
    run(
        """
        write(path, numbered(0))
        writers = []
        for first in (1000, 2000):
            writers.append(os.fork())
            if writers[-1] == 0:
                for number in range(first, first + 60):
                    write(path, numbered(number))
                os._exit(0)
        seen = []
        while writers:
            seen.append(number_of(read(path)))
            child, status = os.waitpid(-1, os.WNOHANG)
            if child:
                assert status == 0
                writers.remove(child)
        assert len(set(seen)) > 5, seen
        assert number_of(read(path)) in (1059, 2059)
        assert beside() == ["model"]
        """,
        tmp_path / "model",
    )
