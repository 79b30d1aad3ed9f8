"""An event file of TensorBoard: scalars by step, one record after the other.

A record is the length of an event (uint64), the checksum of these eight bytes, the event as a
protocol buffer, and its checksum, all little-endian. A checksum is a masked CRC-32C (uint32).
Source: TensorFlow's TFRecord files and its ``event.proto``.
"""

from __future__ import annotations

import importlib.util
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from unrolled.errors import InputError, OutputError

_MARK = "tfevents"  # TensorBoard reads the files that have it in their names
_NAME = f"events.out.{_MARK}.0.unrolled"
_VERSION = "brain.Event:2"
_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")


def check_installed() -> None:
    """Raise InputError where tensorboardX is missing, of which events and checksums are."""
    if importlib.util.find_spec("tensorboardX") is None:
        raise InputError("TensorBoard's files need tensorboardX: pip install 'unrolled[tracking]'")


def has_events(folder: Path) -> bool:
    """Whether any program has written events into ``folder``."""
    return any(folder.glob(f"*{_MARK}*"))


class EventFile:
    """What one run in ``folder`` has to say. Every method raises OutputError."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _NAME

    def go_on(self, tag: str, step: int) -> None:
        """Keep what stands before the first ``tag`` of ``step`` or later; begin an empty file.

        What follows is dropped, and so is a record that was cut off or damaged.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                file.seek(0)
                kept = _end_before(file.read(), tag, step)
                file.truncate(kept)
                if kept == 0:
                    file.write(_record(file_version=_VERSION))
        except OSError as error:
            raise self._failed(error) from error

    def append(self, scalars: Mapping[str, float], *, step: int) -> None:
        """Write scalars by their tags, all of one step."""
        from tensorboardX.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        try:
            with self.path.open("ab") as file:
                file.write(_record(step=step, summary=Summary(value=values)))
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> OutputError:
        reason = error.strerror or error
        return OutputError(f"{self.path}: cannot be written: {reason}; choose another folder")


def _record(**fields: Any) -> bytes:
    """An event of this moment, between its length and its checksums."""
    from tensorboardX.proto.event_pb2 import Event

    event: bytes = Event(wall_time=time.time(), **fields).SerializeToString()
    length = _LENGTH.pack(len(event))
    return length + _checksum(length) + event + _checksum(event)


def _end_before(data: bytes, tag: str, step: int) -> int:
    """Where the last record ends that stands before the first ``tag`` of ``step`` or later."""
    kept = 0
    for event, end in _events(data):
        if event.step >= step and any(value.tag == tag for value in event.summary.value):
            break
        kept = end
    return kept


def _events(data: bytes) -> Iterator[tuple[Any, int]]:
    """Each whole event of a file, and where it ends, up to the first that is not whole."""
    from tensorboardX.proto.event_pb2 import Event

    start = 0
    while len(data) - start >= _LENGTH.size + 2 * _CHECKSUM.size:
        length = data[start : start + _LENGTH.size]
        first = start + _LENGTH.size + _CHECKSUM.size
        last = first + _LENGTH.unpack(length)[0]
        end = last + _CHECKSUM.size
        event = data[first:last]
        if data[first - _CHECKSUM.size : first] != _checksum(length):
            return
        if data[last:end] != _checksum(event):
            return
        yield Event.FromString(event), end
        start = end


def _checksum(data: bytes) -> bytes:
    from tensorboardX.record_writer import masked_crc32c

    return _CHECKSUM.pack(masked_crc32c(data))
