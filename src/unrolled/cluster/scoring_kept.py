"""Columns that are kept, as bytes on their way from a task that reads to an actor that labels."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

from unrolled.datasets.kept import Column

_TYPES = {kind.__name__: kind for kind in (str, int, float, bool, object)}


def packed(kept: Mapping[str, Column]) -> tuple[str, bytes]:
    """The columns of text files and all places as JSON, and those of Parquet files as Arrow."""
    import polars

    series, entries = {}, []
    for name, column in kept.items():
        if isinstance(column.type, type):
            entries.append([name, column.place, column.as_json(), column.type.__name__])
        else:
            entries.append([name, column.place])
            series[name] = column.as_series()
    file = io.BytesIO()
    polars.DataFrame(series).write_ipc(file)
    return json.dumps(entries), file.getvalue()


def unpacked(document: str, arrow: bytes) -> dict[str, Column]:
    """What ``packed`` was given."""
    import polars

    frame = polars.read_ipc(arrow)
    kept = {}
    for name, place, *more in json.loads(document):
        if more:
            values, kind = more
            kept[name] = Column(place, values, _TYPES[kind])
        else:
            kept[name] = Column(place, frame[name], frame[name].dtype)
    return kept
