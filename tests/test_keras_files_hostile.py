"""Files that are damaged or made to do harm: a model, or one line that says what is wrong."""

from __future__ import annotations

import io
import json
import os
import random
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from unrolled import InputError, ModelError, UnrolledError
from unrolled.keras_files import read_keras, read_vocabulary, write_keras
from unrolled.keras_files.names import CONFIG, METADATA, WEIGHTS

from .keras_models import word_index
from .mutations import mutated, mutated_head, mutated_json, with_member
from .tiny_models import tiny

ROUNDS = int(os.environ.get("UNROLLED_MUTATIONS", "1200"))
MOST_MEMORY = 64_000_000  # bytes that one small file may take, whatever it says


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Good files: ours, and as Keras would write them, without our description."""
    made = tmp_path_factory.mktemp("files")
    word_index(made)
    for name, model in {"cell": "embedding, head", "gates": "everything a text has"}.items():
        write_keras(tiny(model), made / f"{name}.keras")
        write_keras(tiny(model), made / f"{name}.h5")
    plain = made / "plain"
    lstm = tiny("lstm, both ends")
    write_keras(lstm, plain.with_suffix(".keras"))
    write_keras(lstm, plain.with_suffix(".h5"))
    described = plain.with_suffix(".keras").read_bytes()
    bare = with_member(described, METADATA, lambda data: b'{"keras_version": "3.5.0"}')
    plain.with_suffix(".keras").write_bytes(bare)
    with h5py.File(plain.with_suffix(".h5"), "r+") as file:
        del file["unrolled"]
    for good in (plain.with_suffix(".keras"), plain.with_suffix(".h5")):
        assert read_keras(good, vocabulary=made / "index.json").recipe.network.cell == "lstm"
    (made / "vocabulary.json").write_text(json.dumps(tiny("bpe").vocabulary.to_dict()))
    return made


def outcome(file: Path, vocabulary: Path | None) -> str:
    """Read a file: "model", or the one line that says why not. All else is a failure."""
    try:
        try:
            read_keras(file, vocabulary=vocabulary)
        except InputError as error:
            if "leave out vocabulary" not in str(error):
                raise
            read_keras(file)
    except UnrolledError as error:
        return str(error)
    return "model"


def spoilt(file: Path, draw: random.Random) -> bytes:
    """The file as a whole, or one part of the zip."""
    data, of_bytes = file.read_bytes(), draw.choice([mutated, mutated_head])
    if file.suffix == ".h5":
        return of_bytes(data, draw)
    name = draw.choice([CONFIG, METADATA, WEIGHTS, WEIGHTS, ""])
    if not name:
        return mutated(data, draw)
    change = of_bytes if name == WEIGHTS else mutated_json
    return with_member(data, name, lambda part: change(part, draw))


def test_mutated_files_give_a_model_or_one_line(folder, tmp_path):
    draw = random.Random(7)
    good = sorted(file for file in folder.iterdir() if file.suffix in (".keras", ".h5"))
    ends = {"model": 0, "refused": 0}
    reasons = set()
    tracemalloc.start()
    for at in range(ROUNDS):
        file = good[at % len(good)]
        target = tmp_path / f"bad{file.suffix}"
        target.write_bytes(spoilt(file, draw))
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        end = outcome(target, folder / "index.json")
        assert "\n" not in end
        assert len(end) < 1_000
        assert tracemalloc.get_traced_memory()[1] - before < MOST_MEMORY
        ends["model" if end == "model" else "refused"] += 1
        reasons.add(end.replace(str(target), "")[:30])
    tracemalloc.stop()
    print(f"{ends} {len(reasons)} reasons")
    assert min(ends.values()) > ROUNDS / 20
    assert len(reasons) > 20


def test_mutated_vocabularies_give_a_vocabulary_or_one_line(folder, tmp_path):
    draw = random.Random(8)
    ends = {"vocabulary": 0, "refused": 0}
    file = tmp_path / "bad.json"
    for at in range(ROUNDS // 4):
        data = (folder / ("vocabulary.json" if at % 2 else "index.json")).read_bytes()
        file.write_bytes(draw.choice([mutated, mutated_json])(data, draw))
        try:
            read_vocabulary(file, 60).encode("a wonderful film")
            end = "vocabulary"
        except UnrolledError as error:
            end = str(error)
        assert "\n" not in end
        ends["vocabulary" if end == "vocabulary" else "refused"] += 1
    print(ends)
    assert min(ends.values()) > ROUNDS / 100


# --- Files that were made to do harm -------------------------------------------------------------


def refused(file: Path, folder: Path, message: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match=message):
            read_keras(file, vocabulary=folder / "index.json")
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


def rewritten(folder, tmp_path, **members: bytes) -> Path:
    """The plain file with other members; a dot in a name is written "__"."""
    members = {name.replace("__", "."): data for name, data in members.items()}
    file = tmp_path / "made.keras"
    with (
        zipfile.ZipFile(folder / "plain.keras") as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            if name not in members:
                new.writestr(name, old.read(name))
        for name, data in members.items():
            new.writestr(name, data)
    return file


def config_of(folder) -> dict:
    with zipfile.ZipFile(folder / "plain.keras") as archive:
        return json.loads(archive.read(CONFIG))


@pytest.mark.parametrize("name", [CONFIG, METADATA, WEIGHTS])
def test_a_bomb_in_a_zip_is_not_unpacked(folder, tmp_path, name):
    bomb = rewritten(folder, tmp_path, **{name: bytes(200_000_000)})
    assert bomb.stat().st_size < 1_000_000
    refused(bomb, folder, f"{name} would be 200,000,000 bytes")


def test_a_member_that_is_longer_than_it_says(folder, tmp_path):
    data = bytearray(rewritten(folder, tmp_path, **{CONFIG: b" " * 5_000_000}).read_bytes())
    for at in range(len(data) - 4):  # in both places where the zip says how long it is
        if data[at : at + 4] == (5_000_000).to_bytes(4, "little"):
            data[at : at + 4] = (1000).to_bytes(4, "little")
    (tmp_path / "made.keras").write_bytes(data)
    refused(tmp_path / "made.keras", folder, f"{CONFIG} is damaged")


@pytest.mark.parametrize("name", ["../../evil", "/evil", "..\\evil"])
def test_a_name_that_leads_elsewhere(folder, tmp_path, name):
    refused(rewritten(folder, tmp_path, **{name: b"x"}), folder, "has a member")
    assert not list(tmp_path.rglob("evil"))


def test_brackets_without_end(folder, tmp_path):
    deep = b'{"class_name": ' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"
    refused(rewritten(folder, tmp_path, **{CONFIG: deep}), folder, "is not JSON")
    refused(rewritten(folder, tmp_path, **{CONFIG: b"[" * 1_000_000}), folder, "is not JSON")


def test_shapes_that_no_memory_has(folder, tmp_path):
    config = config_of(folder)
    for layer in config["config"]["layers"]:
        for size in ("input_dim", "output_dim", "units"):
            if size in layer["config"]:
                layer["config"][size] = 2**31 - 1
    huge = rewritten(folder, tmp_path, **{CONFIG: json.dumps(config).encode()})
    refused(huge, folder, "has arrays of the shapes")


def test_a_description_of_a_network_that_no_memory_has(folder, tmp_path):
    for key, value in [("units", 2**31 - 1), ("layers", 2**31 - 1), ("embedding_size", 2**31 - 1)]:

        def grown(data, key=key, value=value):
            metadata = json.loads(data)
            metadata["unrolled"]["recipe"]["network"][key] = value
            return json.dumps(metadata).encode()

        file = tmp_path / "grown.keras"
        for name in ("cell",) if key == "embedding_size" else ("cell", "gates"):
            changed = with_member((folder / f"{name}.keras").read_bytes(), METADATA, grown)
            file.write_bytes(changed)
            with pytest.raises(ModelError, match=r"smaller than the weights|has been changed"):
                read_keras(file)


def of_weights(folder, change) -> bytes:
    """The HDF5 of the plain file, changed by h5py."""
    with zipfile.ZipFile(folder / "plain.keras") as archive:
        packed = io.BytesIO(archive.read(WEIGHTS))
    with h5py.File(packed, "r+") as file:
        change(file)
    return packed.getvalue()


TABLE = "layers/embedding/vars/0"


def not_a_number(file):
    file[TABLE][3, 2] = np.nan


def as_doubles(file):
    table = file[TABLE][:]
    del file[TABLE]
    file[TABLE] = table.astype(np.float64)


def as_objects(file):
    del file[TABLE]
    file.create_dataset(TABLE, (60, 6), h5py.special_dtype(vlen=np.uint8))


def elsewhere(file):
    del file[TABLE]
    file[TABLE] = h5py.ExternalLink("/etc/passwd", "/x")


def huge_and_empty(file):
    del file[TABLE]
    file.create_dataset(TABLE, (2**30, 2**10), np.float32, chunks=(1024, 1024), compression="gzip")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (not_a_number, "not finite numbers"),
        (as_doubles, "float64"),
        (as_objects, "not of numbers|not what Keras|not one of those|chunks"),
        (elsewhere, "new-style groups|is a link"),
        (huge_and_empty, "filters|chunks"),
    ],
)
def test_arrays_that_are_no_weights(folder, tmp_path, change, message):
    changed = of_weights(folder, change)
    refused(rewritten(folder, tmp_path, **{WEIGHTS: changed}), folder, message)


def test_files_that_are_something_else(folder, tmp_path):
    others = {
        "empty.keras": b"", "text.h5": b"hello", "png.keras": b"\x89PNG" * 99,
        "end.keras": b"PK\x05\x06" + bytes(18), "cut.keras": b"PK\x03\x04",
    }  # fmt: skip
    for name, data in others.items():
        (tmp_path / name).write_bytes(data)
        refused(tmp_path / name, folder, name)
    with pytest.raises(InputError, match="cannot be read"):
        read_keras(tmp_path / "none.keras")
    with pytest.raises(InputError, match="cannot be read"):
        read_keras(tmp_path)
