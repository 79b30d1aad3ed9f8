"""The part of HDF5 that Keras writes, read without trusting a byte of it.

HDF5's own library is made for files that one trusts: its features lead to other files, and damaged
bytes have crashed it. What Keras writes is a small part of the format: groups, attributes, and
arrays that lie in one piece. That part is read here, in Python, with every address checked, so that
a file can claim no more memory than it has bytes. All else is refused: links, filters, chunks,
virtual and external data. Source: the HDF5 File Format Specification, version 3.0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import ModelError

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_NOWHERE = 2**64 - 1
_DATASPACE, _DATATYPE, _LAYOUT, _ATTRIBUTE = 0x01, 0x03, 0x08, 0x0C
_CONTINUATION, _SYMBOL_TABLE = 0x10, 0x11
_REFUSED = {
    0x02: "new-style groups",
    0x06: "new-style links",
    0x07: "data in external files",
    0x0B: "filters (compression)",
    0x15: "dense attributes",
}
_HARD_LINKS = (0, 1)  # the kinds of an entry of a group; 2 is a soft link
_DEEPEST = 16  # levels of a tree of names
_EFFORT = 1 << 23  # what reading a file may cost: a byte of text 1, a record _RECORD
_RECORD = 64
_INTEGER, _FLOAT, _STRING, _VARIABLE = 0, 1, 3, 9


class Hdf5Fault(ModelError):
    """The bytes are no HDF5 file, or one that Keras would not have written."""


@dataclass(frozen=True)
class Array:
    """Where an array lies, before anything is copied. dtype: little-endian numbers."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    data: memoryview

    def read(self) -> NDArray[Any]:
        """The numbers, in memory of their own."""
        return np.frombuffer(self.data, self.dtype).reshape(self.shape).copy()


@dataclass(frozen=True)
class Group:
    """A folder of groups and arrays by name, and its attributes: strings and lists of strings.

    The names are read at once, what they lead to when it is asked for.
    """

    attributes: dict[str, str | list[str]]
    entries: dict[str, Callable[[], Group | Array]] = field(default_factory=dict)

    def group(self, path: str) -> Group:
        """The group at "a/b/c" below this one. Raises Hdf5Fault."""
        found = self.find(path)
        if found is None:
            raise Hdf5Fault(f"there is no {path}")
        if not isinstance(found, Group):
            raise Hdf5Fault(f"{path} is an array, and a group is needed")
        return found

    def array(self, path: str) -> Array:
        """The array at "a/b/c" below this one. Raises Hdf5Fault."""
        found = self.find(path)
        if found is None:
            raise Hdf5Fault(f"there is no {path}")
        if not isinstance(found, Array):
            raise Hdf5Fault(f"{path} is a group, and an array is needed")
        return found

    def find(self, path: str) -> Group | Array | None:
        """What is at "a/b/c" below this one, None for nothing. Raises Hdf5Fault."""
        here: Group | Array = self
        for name in path.split("/"):
            if not isinstance(here, Group) or name not in here.entries:
                return None
            here = here.entries[name]()
        return here


def read_hdf5(data: bytes | memoryview) -> Group:
    """The group at the root of a file's bytes. Raises Hdf5Fault."""
    file = _File(memoryview(data))
    if file.bytes(0, 8) != _SIGNATURE:
        raise Hdf5Fault("it is not HDF5")
    if file.number(8, 1) != 0 or file.number(13, 1) != 8 or file.number(14, 1) != 8:
        raise Hdf5Fault(f"superblock version {file.number(8, 1)} is not what Keras writes")
    if file.number(24, 8) != 0:
        raise Hdf5Fault("its addresses have another base")
    found = file.object(file.number(64, 8))
    if not isinstance(found, Group):
        raise Hdf5Fault("its root is no group")
    return found


@dataclass(frozen=True)
class _Datatype:
    """How one element is stored. code: NumPy's; "S" for strings of ``size``, "v" for others."""

    code: str
    size: int


class _File:
    """Bytes, and what lies at an address."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._left = _EFFORT

    def bytes(self, start: int, count: int) -> bytes:
        return bytes(self.view(start, count))

    def view(self, start: int, count: int) -> memoryview:
        if start < 0 or count < 0 or start + count > len(self._data):
            raise Hdf5Fault(f"{count} bytes at {start} lie beyond its end")
        return self._data[start : start + count]

    def number(self, start: int, count: int) -> int:
        return int.from_bytes(self.view(start, count), "little")

    def _spend(self, effort: int) -> None:
        """Bound the time and memory that a file can cost, however its parts point at each other."""
        self._left -= effort
        if self._left < 0:
            raise Hdf5Fault("it has more parts, or more text, than a model needs")

    # --- Objects -----------------------------------------------------------------------------

    def object(self, address: int) -> Group | Array:
        messages = list(self._messages(address))
        kinds = {kind for kind, _, _ in messages}
        for kind in sorted(kinds & _REFUSED.keys()):
            raise Hdf5Fault(f"{_REFUSED[kind]} are not what Keras writes")
        if _SYMBOL_TABLE in kinds:
            attributes = dict(
                self._attribute(start, size) for kind, start, size in messages if kind == _ATTRIBUTE
            )
            start = next(start for kind, start, _ in messages if kind == _SYMBOL_TABLE)
            return Group(attributes, dict(self._links(self.number(start, 8), start)))
        places = {kind: (start, size) for kind, start, size in messages}
        if not {_DATASPACE, _DATATYPE, _LAYOUT} <= kinds:
            raise Hdf5Fault(f"the object at {address} is neither a group nor an array")
        shape, _ = self._shape(places[_DATASPACE][0])
        return self._array(shape, self._datatype(*places[_DATATYPE]), places[_LAYOUT][0])

    def _messages(self, address: int) -> Iterator[tuple[int, int, int]]:
        """Kind, start and size of each message of an object's header."""
        if self.number(address, 1) != 1:
            raise Hdf5Fault(f"the object header at {address} is not what Keras writes")
        blocks = [(address + 16, self.number(address + 8, 4))]
        for at, size in blocks:  # which grow while they are read
            self.view(at, size)
            end = at + size
            while at + 8 <= end:
                self._spend(_RECORD)
                kind, length = self.number(at, 2), self.number(at + 2, 2)
                if at + 8 + length > end:
                    raise Hdf5Fault(f"the object header at {address} is damaged")
                if kind == _CONTINUATION and length >= 16:
                    blocks.append((self.number(at + 8, 8), self.number(at + 16, 8)))
                elif self.number(at + 4, 1) & 0b10:
                    raise Hdf5Fault("shared messages are not what Keras writes")
                else:
                    yield kind, at + 8, length
                at += 8 + length

    # --- Groups ------------------------------------------------------------------------------

    def _links(self, tree: int, message: int) -> Iterator[tuple[str, Callable[[], Group | Array]]]:
        """Name, and what it leads to, of each entry of a group."""
        heap = self.number(message + 8, 8)
        if self.bytes(heap, 4) != b"HEAP":
            raise Hdf5Fault(f"the names at {heap} are damaged")
        names = self.view(self.number(heap + 24, 8), self.number(heap + 8, 8))
        for node in self._leaves(tree, 0):
            if self.bytes(node, 4) != b"SNOD":
                raise Hdf5Fault(f"the group at {node} is damaged")
            for entry in range(node + 8, node + 8 + 40 * self.number(node + 6, 2), 40):
                self._spend(_RECORD)
                name = _until_zero(names, self.number(entry, 8))
                if self.number(entry + 16, 4) not in _HARD_LINKS:
                    raise Hdf5Fault(f"{name!r} is a link, which Keras does not write")
                yield name, _later(self, self.number(entry + 8, 8))

    def _leaves(self, tree: int, depth: int) -> Iterator[int]:
        """Addresses of the nodes that have a group's entries."""
        if self.bytes(tree, 4) != b"TREE" or self.number(tree + 4, 1) != 0 or depth > _DEEPEST:
            raise Hdf5Fault(f"the tree of names at {tree} is damaged")
        self._spend(_RECORD)
        level, used = self.number(tree + 5, 1), self.number(tree + 6, 2)
        if level >= _DEEPEST - depth:
            raise Hdf5Fault(f"the tree of names at {tree} is damaged")
        for child in range(tree + 32, tree + 32 + 16 * used, 16):
            self._spend(_RECORD)
            address = self.number(child, 8)
            if level == 0:
                yield address
            elif self.number(address + 5, 1) != level - 1:
                raise Hdf5Fault(f"the tree of names at {tree} is damaged")
            else:
                yield from self._leaves(address, depth + 1)

    # --- Values ------------------------------------------------------------------------------

    def _shape(self, start: int) -> tuple[tuple[int, ...], int]:
        """Shape of a dataspace, and how many bytes describe it."""
        version, rank, flags = (self.number(start + at, 1) for at in range(3))
        if version not in (1, 2) or rank > 8 or (version == 2 and self.number(start + 3, 1) == 2):
            raise Hdf5Fault("a shape is not what Keras writes")
        first = start + (8 if version == 1 else 4)
        shape = tuple(self.number(first + 8 * axis, 8) for axis in range(rank))
        return shape, first - start + 8 * rank * (2 if flags & 1 else 1)

    def _datatype(self, start: int, length: int) -> _Datatype:
        if length < 8:
            raise Hdf5Fault("a type of data is damaged")
        kind, bits, size = self.number(start, 1) & 15, self.number(start + 1, 3), 0
        size = self.number(start + 4, 4)
        if kind == _STRING and 0 < size < len(self._data):
            return _Datatype("S", size)
        if kind == _VARIABLE and bits & 15 == 1 and size == 16:
            return _Datatype("v", size)
        if kind == _FLOAT and not bits & 0b1000001 and size in (2, 4, 8):
            return _Datatype(f"<f{size}", size)
        if kind == _INTEGER and not bits & 1 and size in (1, 2, 4, 8):
            return _Datatype(f"<{'i' if bits & 8 else 'u'}{size}", size)
        raise Hdf5Fault("a type of data is not one of those that Keras writes")

    def _array(self, shape: tuple[int, ...], datatype: _Datatype, layout: int) -> Array:
        """From the message that says where the data lie."""
        version, kind = self.number(layout, 1), self.number(layout + 1, 1)
        size = math.prod(shape) * datatype.size
        if version not in (3, 4) or kind not in (0, 1):
            raise Hdf5Fault("an array lies in chunks or in other files, as Keras does not write it")
        if datatype.code in "Sv":
            raise Hdf5Fault("an array is not of numbers")
        if kind == 0:
            start, stored = layout + 4, self.number(layout + 2, 2)
        else:
            start, stored = self.number(layout + 2, 8), self.number(layout + 10, 8)
        if start == _NOWHERE and size == 0:
            start, stored = 0, 0
        if stored != size:
            raise Hdf5Fault(f"an array of shape {shape} has {stored} bytes, not {size}")
        return Array(shape, np.dtype(datatype.code), self.view(start, size))

    def _attribute(self, start: int, length: int) -> tuple[str, str | list[str]]:
        """Name and text, or texts; of other kinds of values, which nobody asks for, no text."""
        version = self.number(start, 1)
        if version not in (1, 2, 3):
            raise Hdf5Fault("an attribute is not what Keras writes")
        name_size, type_size, space_size = (self.number(start + at, 2) for at in (2, 4, 6))
        at = start + (9 if version == 3 else 8)
        round_up = 8 if version == 1 else 1
        name = _until_zero(self.view(at, name_size), 0)
        at += -(-name_size // round_up) * round_up
        kind = self.number(at, 1) & 15
        if kind not in (_STRING, _VARIABLE):
            return name, []
        datatype = self._datatype(at, type_size)
        at += -(-type_size // round_up) * round_up
        shape, _ = self._shape(at)
        at += -(-space_size // round_up) * round_up
        count = math.prod(shape)
        if count * datatype.size > start + length - at:
            raise Hdf5Fault(f"the attribute {name!r} is longer than its place")
        places = range(at, at + count * datatype.size, datatype.size)
        texts = [self._text(place, datatype) for place in places]
        return name, texts if shape else texts[0]

    def _text(self, start: int, datatype: _Datatype) -> str:
        if datatype.code == "S":
            self._spend(datatype.size)
            return _decoded(self.bytes(start, datatype.size).rstrip(b"\0"))
        length, heap = self.number(start, 4), self.number(start + 4, 8)
        wanted = self.number(start + 12, 4)
        if length == 0:
            return ""
        if self.bytes(heap, 4) != b"GCOL":
            raise Hdf5Fault(f"the texts at {heap} are damaged")
        at, end = heap + 16, heap + self.number(heap + 8, 8)
        while at + 16 <= end:
            self._spend(_RECORD)
            index, size = self.number(at, 2), self.number(at + 8, 8)
            if index == wanted and index:
                self._spend(min(length, size))
                return _decoded(self.bytes(at + 16, min(length, size)))
            if index == 0:
                break
            at += 16 + -(-size // 8) * 8
        raise Hdf5Fault(f"there is no text {wanted} at {heap}")


def _later(file: _File, address: int) -> Callable[[], Group | Array]:
    return lambda: file.object(address)


def _until_zero(data: memoryview, start: int) -> str:
    """The name that begins at ``start``."""
    if start >= len(data):
        raise Hdf5Fault("a name lies beyond the names")
    return _decoded(bytes(data[start : start + 4096]).split(b"\0", 1)[0])


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Hdf5Fault("a text in it is not UTF-8") from None
