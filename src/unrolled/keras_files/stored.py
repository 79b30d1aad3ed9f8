"""What a file of Keras holds, a zip or HDF5: layers, arrays, and perhaps our description."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unrolled.errors import InputError, ModelError
from unrolled.keras_files.archives import opened
from unrolled.keras_files.documents import (
    LONGEST_CONFIG,
    LONGEST_VOCABULARY,
    mapping,
    parsed,
    read_file,
)
from unrolled.keras_files.hdf5 import Array, Group, read_hdf5
from unrolled.keras_files.names import (
    CONFIG,
    DESCRIPTION,
    LEGACY_CONFIG,
    LEGACY_WEIGHTS,
    METADATA,
    WEIGHTS,
    paths_of,
)

_SPARE = 1 << 22  # bytes of a file of weights that are not weights
_COPIES = 4  # of each weight, as optimizers keep two or three more
_LARGEST = 1 << 30


@dataclass(frozen=True)
class Stored:
    """Layers as Keras' configuration has them, and how to get at their arrays.

    config: of the model. description: what an export of ours said besides, None of others.
    size: bytes of the file that has the weights. arrays: the arrays of each layer, in Keras' order,
    given the class and the name of each, and how many numbers they need together.
    """

    config: dict[str, Any]
    description: dict[str, Any] | None
    size: int
    arrays: Callable[[Sequence[tuple[str, str]], int], list[list[Array]]]


@contextmanager
def open_stored(path: Path) -> Iterator[Stored]:
    """Open a file of either kind, as its first bytes say. Raises ModelError and InputError."""
    try:
        with path.open("rb") as file:
            is_zip = file.read(2) == b"PK"
        with _open_zip(path) if is_zip else _open_hdf5(path) as stored:
            yield stored
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


@contextmanager
def _open_zip(path: Path) -> Iterator[Stored]:
    with opened(path) as archive:
        config = parsed(archive.read(CONFIG, LONGEST_CONFIG), CONFIG)
        metadata = {}
        if METADATA in archive:
            data = archive.read(METADATA, LONGEST_VOCABULARY)
            metadata = parsed(data, METADATA, LONGEST_VOCABULARY)
        own = mapping(metadata, DESCRIPTION, METADATA) if DESCRIPTION in metadata else None

        def arrays(layers: Sequence[tuple[str, str]], needed: int) -> list[list[Array]]:
            largest = min(_LARGEST, 4 * _COPIES * needed + _SPARE)
            file = read_hdf5(archive.read(WEIGHTS, largest))
            paths = paths_of([class_name for class_name, _ in layers])
            return [_variables(file, layer) for layer in paths]

        yield Stored(config, own, archive.size(WEIGHTS), arrays)


@contextmanager
def _open_hdf5(path: Path) -> Iterator[Stored]:
    data = read_file(path, _LARGEST)
    yield _in_hdf5(read_hdf5(data), len(data))


def _in_hdf5(file: Group, size: int) -> Stored:
    config, own = file.attributes.get(LEGACY_CONFIG), None
    if not isinstance(config, str):
        raise ModelError(
            "it has no layers, only weights or other things: save the whole model, as "
            'model.save("model.keras") does'
        )
    if DESCRIPTION in file.entries:
        array = file.array(DESCRIPTION)
        if len(array.data) > LONGEST_VOCABULARY:
            raise ModelError("its description is too long")
        own = parsed(bytes(array.data), "its description", LONGEST_VOCABULARY)

    def arrays(layers: Sequence[tuple[str, str]], needed: int) -> list[list[Array]]:
        weights = file.group(LEGACY_WEIGHTS)
        return [_legacy(weights, name) for _, name in layers]

    return Stored(parsed(config.encode(), LEGACY_CONFIG), own, size, arrays)


def _variables(file: Group, layer: str) -> list[Array]:
    """Of one layer: its own, or those of its cell, or of both its cells."""
    if file.find(layer) is None:
        return []
    own = file.group(layer)
    for parts in (("",), ("cell/",), ("forward_layer/cell/", "backward_layer/cell/")):
        found = [array for part in parts for array in _numbered(own, f"{part}vars")]
        if found:
            return found
    return []


def _numbered(group: Group, path: str) -> list[Array]:
    if group.find(path) is None:
        return []
    own = group.group(path)
    names = [name for name in own.entries if re.fullmatch(r"[0-9]{1,3}", name)]
    return [own.array(name) for name in sorted(names, key=int)]


def _legacy(weights: Group, layer: str) -> list[Array]:
    if layer not in weights.entries:
        return []
    own = weights.group(layer)
    names = own.attributes.get("weight_names", [])
    return [own.array(name) for name in ([names] if isinstance(names, str) else names)]
