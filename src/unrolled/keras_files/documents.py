"""JSON that somebody else wrote, read within limits, and values asked of it by their kind."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unrolled.errors import ModelError

LONGEST_CONFIG = 1 << 22  # bytes; what a chain of layers needs is a few thousand
LONGEST_VOCABULARY = 1 << 25
_LARGEST = 2**31 - 1


def read_file(path: Path, longest: int) -> bytes:
    """All of a file; ModelError if it has more than ``longest`` bytes. Raises OSError."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > longest:
            raise ModelError(f"it has more than the {longest:,} bytes that are read")
        return file.read(size)


def parsed(data: bytes | str, name: str, longest: int = LONGEST_CONFIG) -> dict[str, Any]:
    """The object that JSON describes; ModelError, which calls it ``name``, for all else."""
    if len(data) > longest:
        raise ModelError(f"{name} is larger than the {longest:,} bytes that are read")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{name} is not JSON: {shown(str(error))}") from None
    if not isinstance(value, dict):
        raise ModelError(f"{name} is not a JSON object")
    return value


def mapping(value: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    """The object under a key."""
    found = value.get(key)
    if not isinstance(found, dict):
        raise ModelError(f"{where}: {key} is {shown(found)}, and an object is needed")
    return found


def objects(value: Mapping[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    """The list of objects under a key."""
    found = value.get(key)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ModelError(f"{where}: {key} is {shown(found)}, and a list of objects is needed")
    return found


def text(value: Mapping[str, Any], key: str, where: str) -> str:
    """The string under a key."""
    found = value.get(key)
    if not isinstance(found, str):
        raise ModelError(f"{where}: {key} is {shown(found)}, and a string is needed")
    return found


def count(value: Mapping[str, Any], key: str, where: str) -> int:
    """The whole number, from 1 on, under a key."""
    found = value.get(key)
    if type(found) is not int or not 1 <= found <= _LARGEST:
        raise ModelError(f"{where}: {key} is {shown(found)}, and a whole number is needed")
    return found


def flag(value: Mapping[str, Any], key: str, where: str, default: bool) -> bool:
    """The truth value under a key."""
    found = value.get(key, default)
    if type(found) is not bool:
        raise ModelError(f"{where}: {key} is {shown(found)}, and true or false is needed")
    return found


def share(value: Mapping[str, Any], key: str, where: str) -> float:
    """The share, from 0 to below 1, under a key; 0 where there is none."""
    found = value.get(key, 0.0)
    if type(found) not in (int, float) or not 0 <= found < 1:
        raise ModelError(f"{where}: {key} is {shown(found)}, and a share below 1 is needed")
    return float(found)


def shown(value: object) -> str:
    """A value as an error message shows it: short, and on one line."""
    written = value if isinstance(value, str) else repr(value) if _is_small(value) else "too much"
    line = " ".join(written.split())
    return line if len(line) <= 80 else f"{line[:77]}..."


def _is_small(value: object) -> bool:
    """Whether it can be written out in no time."""
    if isinstance(value, int):
        return value.bit_length() < 256
    if isinstance(value, dict | list):
        return len(value) < 20 and not any(isinstance(part, dict | list | int) for part in value)
    return True
