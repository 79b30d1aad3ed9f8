"""The folder that a model is saved as: written whole, checked when read, nothing in it is code."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from unrolled.atomic import write_folder
from unrolled.datasets.decoding import nearest_name, unreadable
from unrolled.errors import ModelError, OutputError

FORMAT_VERSION = 2  # 1 had one label a text and no decision; it is still read
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
VOCABULARY = "vocabulary.json"
TARGET_VOCABULARY = "target_vocabulary.json"
HISTORY = "history.csv"
METRICS = "metrics.json"
CARD = "README.md"
REPORT = "report.html"
TRAINING = "training.safetensors"

_FILES = (
    CONFIG,
    WEIGHTS,
    VOCABULARY,
    TARGET_VOCABULARY,
    HISTORY,
    METRICS,
    CARD,
    REPORT,
    TRAINING,
)
_FOR_PEOPLE = (CARD, REPORT)  # theirs to edit, so no hash is kept of these
_HASHES = "sha256"
_ATTEMPTS = 100  # readings that a writer may spoil by putting a newer model in place


@dataclass(frozen=True, eq=False)
class Bundle:
    """What a model folder holds.

    config: the recipe, the labels or the task, the library's version, the data's fingerprint;
    ``write`` adds the format version and the SHA-256 of each file that no one should edit.
    target_vocabulary: of a network that writes other words than it reads.
    training: the state of a run that is not finished, None when it is.
    """

    config: dict[str, Any]
    weights: dict[str, NDArray[Any]]
    vocabulary: dict[str, Any]
    history_csv: str
    metrics: dict[str, Any]
    card: str
    report: str | None = None
    training: dict[str, NDArray[Any]] | None = None
    target_vocabulary: dict[str, Any] | None = None


def is_bundle(path: Path) -> bool:
    """Whether a folder is a model's, whole or not; never raises."""
    return {"format_version", _HASHES} <= _config_at(path).keys()


def is_writer(path: Path) -> bool:
    """Whether a folder is that of a model that writes; never raises."""
    return is_bundle(path) and "task" in _config_at(path)


def write(path: Path, bundle: Bundle) -> None:
    """Save a model as the folder ``path``; the one that is there survives until this one is whole.

    Files that others put into the old folder are carried over. Raises OutputError, also when
    something that is not a model is there.
    """
    path = Path(path)
    if path.is_file():
        raise OutputError(f"{path}: a file has this name; name a folder for the model")
    if path.is_dir() and any(path.iterdir()) and not is_bundle(path):
        raise OutputError(
            f"{path}: the folder has files and none is a model's; name an empty folder or a new one"
        )
    contents = _encoded(path, bundle)

    def fill(folder: Path) -> None:
        for name, data in contents.items():
            (folder / name).write_bytes(data)
        if path.is_dir():
            _carry_over(path, folder)

    write_folder(path, fill)


def read(path: Path) -> Bundle:
    """Read a model whole, although a newer one may be put in its place meanwhile.

    Raises ModelError, which names the file that is missing, damaged or too new.
    """
    path = Path(path)
    for _ in range(_ATTEMPTS):
        before = _identity(path)
        try:
            bundle = _read_once(path)
        except ModelError:
            if _identity(path) == before:
                raise
        else:
            if _identity(path) == before:
                return bundle
    raise ModelError(f"{path}: the model is replaced faster than it can be read; try again")


def to_files(bundle: Bundle) -> dict[str, bytes]:
    """The bytes of each file of a model's folder; the same model gives the same bytes."""
    return _encoded(Path(), bundle)


def from_files(path: Path, files: Mapping[str, bytes]) -> Bundle:
    """Read what ``to_files`` gave; ModelError calls the files those of the folder ``path``."""

    def read_file(name: str) -> bytes:
        if name not in files:
            raise _damaged(path / name, "it is missing")
        return files[name]

    return _decoded(path, read_file, has_report=REPORT in files)


def check_kind(path: Path, config: Mapping[str, Any], *, writes: bool) -> None:
    """Raise ModelError unless the model is one that writes texts, or is one that labels them."""
    if ("task" in config) == writes:
        return
    task = config.get("task")
    what, opens, command = (
        ("a classifier", "TextClassifier", "predict")
        if writes
        else (f"of the task {task}", "TextWriter", "decode")
    )
    raise ModelError(
        f"{path}: the model is {what}: open it with {opens}.load, or use unrolled {command}"
    )


def check_shapes(
    path: Path, weights: Mapping[str, NDArray[Any]], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    """Raise ModelError unless the weights are those that the network of the recipe has."""
    file = Path(path) / WEIGHTS
    for name in sorted(weights.keys() | shapes.keys()):
        if name not in weights:
            raise ModelError(f"{file}: the weights {name!r} of the recipe's network are missing")
        if name not in shapes:
            raise ModelError(f"{file}: the recipe's network has no weights {name!r}")
        if weights[name].shape != shapes[name]:
            raise ModelError(
                f"{file}: {name!r} has shape {weights[name].shape}; "
                f"the recipe's network needs {shapes[name]}"
            )


def _config_at(path: Path) -> dict[str, Any]:
    """What config.json says, unchecked; nothing where it cannot be read."""
    try:
        config = json.loads((Path(path) / CONFIG).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}


def _encoded(path: Path, bundle: Bundle) -> dict[str, bytes]:
    """The bytes of each file; the same model gives the same bytes."""
    contents = {
        WEIGHTS: _pack(bundle.weights),
        VOCABULARY: _json(path / VOCABULARY, bundle.vocabulary),
        HISTORY: _utf8(bundle.history_csv),
        METRICS: _json(path / METRICS, bundle.metrics),
        CARD: _utf8(bundle.card),
    }
    if bundle.report is not None:
        contents[REPORT] = _utf8(bundle.report)
    if bundle.target_vocabulary is not None:
        contents[TARGET_VOCABULARY] = _json(path / TARGET_VOCABULARY, bundle.target_vocabulary)
    if bundle.training is not None:
        contents[TRAINING] = _pack(bundle.training)
    hashes = {name: _hash(data) for name, data in contents.items() if name not in _FOR_PEOPLE}
    config = {**bundle.config, "format_version": FORMAT_VERSION, _HASHES: hashes}
    config = json.loads(_json(path / CONFIG, config))  # as it will be read, with all keys strings
    config[_HASHES][CONFIG] = _hash(_json(path / CONFIG, config))
    contents[CONFIG] = _json(path / CONFIG, config)
    return contents


def _pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    return bytes(
        safetensors.numpy.save({n: np.asarray(array, order="C") for n, array in arrays.items()})
    )


def _json(path: Path, value: Mapping[str, Any]) -> bytes:
    """Sorted and indented, so that two models can be compared line by line."""
    try:
        text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise OutputError(f"{path}: cannot be written: {error}") from error
    return _utf8(text + "\n")


def _utf8(text: str) -> bytes:
    r"""UTF-8; half of a character, which has none, becomes ``\udcxx``, which JSON reads back."""
    return text.encode("utf-8", errors="backslashreplace")


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _carry_over(old: Path, new: Path) -> None:
    """Bring what is not the model's own from the old folder to the new one."""
    for entry in old.iterdir():
        if entry.name in _FILES:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.copytree(entry, new / entry.name, symlinks=True, copy_function=_link)
        else:
            _link(entry, new / entry.name)


def _link(source: str | Path, target: str | Path) -> None:
    """A second name for the same file where the file system has such, else a copy."""
    try:
        os.link(source, target, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(source, target, follow_symlinks=False)


def _identity(path: Path) -> tuple[int, int, int]:
    """What tells the folder at ``path`` from one that is put in its place."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise ModelError(f"{path}: there is no such model folder{nearest_name(path)}") from None
    except (OSError, ValueError) as error:
        raise ModelError(unreadable(path, error)) from error
    if not path.is_dir():
        raise ModelError(f"{path}: is a file; a model is a folder")
    return status.st_dev, status.st_ino, status.st_mtime_ns


def _read_once(path: Path) -> Bundle:
    if not (path / CONFIG).exists():
        raise ModelError(f"{path / CONFIG}: there is no such file; the folder is not a model's")
    return _decoded(
        path, lambda name: _read_bytes(path / name), has_report=(path / REPORT).exists()
    )


def _decoded(path: Path, read_file: Callable[[str], bytes], *, has_report: bool) -> Bundle:
    """From the bytes of files by name, which must be those that config.json has the hashes of."""
    config = _parse(path / CONFIG, read_file(CONFIG))
    contents = {}
    for name, expected in _checked_hashes(path / CONFIG, config).items():
        contents[name] = read_file(name)
        if _hash(contents[name]) != expected:
            raise _damaged(path / name, "its SHA-256 is not the one in config.json")
    return Bundle(
        config=config,
        weights=_unpack(path / WEIGHTS, contents[WEIGHTS]),
        vocabulary=_parse(path / VOCABULARY, contents[VOCABULARY]),
        history_csv=_text(path / HISTORY, contents[HISTORY]),
        metrics=_parse(path / METRICS, contents[METRICS]),
        card=_text(path / CARD, read_file(CARD)),
        report=_text(path / REPORT, read_file(REPORT)) if has_report else None,
        training=_unpack(path / TRAINING, contents[TRAINING]) if TRAINING in contents else None,
        target_vocabulary=_parse(path / TARGET_VOCABULARY, contents[TARGET_VOCABULARY])
        if TARGET_VOCABULARY in contents
        else None,
    )


def _checked_hashes(file: Path, config: dict[str, Any]) -> dict[str, str]:
    """The SHA-256 of every other file, from a config of this format that was not altered."""
    version = config.get("format_version")
    if type(version) is not int or version < 1:
        raise _damaged(file, f"its format version is {version!r}")
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{file}: the model has format version {version} and this version of unrolled reads "
            f"{FORMAT_VERSION}; upgrade unrolled"
        )
    hashes = config.get(_HASHES)
    if not isinstance(hashes, dict):
        raise _damaged(file, "it has no SHA-256 of the other files")
    others = {name: value for name, value in hashes.items() if name != CONFIG}
    if hashes.get(CONFIG) != _hash(_json(file, {**config, _HASHES: others})):
        raise _damaged(file, "its own SHA-256 is another one")
    missing = {WEIGHTS, VOCABULARY, HISTORY, METRICS} - others.keys()
    if missing or not others.keys() <= set(_FILES):
        raise _damaged(file, "it names other files than a model has")
    return others


def _read_bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise _damaged(file, "it is missing") from None
    except OSError as error:
        raise ModelError(unreadable(file, error)) from error


def _parse(file: Path, data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(_text(file, data))
    except (ValueError, RecursionError) as error:
        raise _damaged(file, f"it is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise _damaged(file, "it is not a JSON object")
    return value


def _text(file: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _damaged(file, f"byte {error.start} is not UTF-8") from None


def _unpack(file: Path, data: bytes) -> dict[str, NDArray[Any]]:
    """The arrays, each in memory of its own that can be written to."""
    try:
        arrays = safetensors.numpy.load(data)
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        raise _damaged(file, str(error)) from None
    return {name: np.array(array) for name, array in arrays.items()}


def _damaged(file: Path, reason: str) -> ModelError:
    return ModelError(f"{file}: the file is damaged: {reason}; copy the model anew or train again")
