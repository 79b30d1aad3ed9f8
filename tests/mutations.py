"""Good files made bad, always in the same way: bits, ends, JSON, numbers."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

HUGE = (0, -1, 2**31, 2**63, 2**64, 10**30, 1e308, float("nan"), float("inf"), "", None, [], {},
        True, "\ud800", "../../etc/passwd", "x" * 5000, [[[[]]]],
        {"class_name": "Lambda"})  # fmt: skip


def mutated(data: bytes, draw: random.Random) -> bytes:
    """Bytes of any kind: some bits, a piece, or the end are others."""
    changed = bytearray(data)
    kind = draw.randrange(5)
    if kind == 0 and changed:
        return bytes(changed[: draw.randrange(len(changed))])
    if kind == 1:
        place, size = draw.randrange(len(changed)), draw.randrange(1, 64)
        changed[place : place + size] = draw.randbytes(draw.choice([0, size, 2 * size]))
        return bytes(changed)
    if kind == 2:  # a number of 8 bytes
        place = draw.randrange(len(changed)) & ~7
        number = draw.choice([0, 1, 2**31, 2**63 - 1, 2**64 - 1, len(changed), place])
        changed[place : place + 8] = number.to_bytes(8, "little")
        return bytes(changed)
    for _ in range(draw.choice([1, 1, 2, 8, 64])):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def mutated_head(data: bytes, draw: random.Random, head: int = 4096) -> bytes:
    """As `mutated`, where a file says what is in it."""
    return mutated(data[:head], draw) + data[head:]


def mutated_json(data: bytes, draw: random.Random) -> bytes:
    """A document in which a value is another one, or twice, or gone, or a part nested deeply."""
    value = json.loads(data)
    places = list(_places(value))
    for _ in range(draw.choice([1, 1, 1, 3])):
        inside, key = draw.choice(places)
        if isinstance(inside, dict) and key not in inside:
            continue
        if isinstance(inside, list) and key >= len(inside):
            continue
        kind = draw.randrange(5)
        if kind == 0:
            del inside[key]
        elif kind == 1:
            other, place = draw.choice(places)
            try:
                inside[key] = json.loads(json.dumps(other[place]))
            except (KeyError, IndexError, ValueError, RecursionError):
                continue
        elif kind == 2 and isinstance(inside[key], int | float):
            inside[key] = draw.choice([inside[key] + 1, -inside[key], inside[key] * 1e9])
        else:
            inside[key] = draw.choice(HUGE)
    text = json.dumps(value)
    if draw.randrange(40) == 0:
        deep = 100_000
        text = text.replace(": [", ": " + "[" * deep + "]" * deep + ', "y": [', 1)
    return text.encode("utf-8", "surrogatepass")


def _places(value: Any):
    """Every (list or dict, key) of a document, the first of long lists only."""
    inner = value.items() if isinstance(value, dict) else enumerate(value[:40])
    for key, part in inner:
        yield value, key
        if isinstance(part, dict | list):
            yield from _places(part)


def with_member(archive: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """A zip in which one member is changed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(packed, "w") as new:
        for member in old.namelist():
            data = old.read(member)
            new.writestr(member, change(data) if member == name else data)
    return packed.getvalue()
