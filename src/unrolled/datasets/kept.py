"""Columns that go from a file into another one unread, as each kind of file can have them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from unrolled.datasets.values import whole_characters
from unrolled.errors import DataError

if TYPE_CHECKING:
    import polars

_AS_IS = (bool, int, type(None))
_encode = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True)
class Column:
    """Some values of a column.

    place: the file and the column, as messages name them; values: a list, or the polars Series of
    a Parquet file; type: that of all values in the file, as ``polars.Series`` takes it, or object
    where they are of several types or nested.
    """

    place: str
    values: Any
    type: Any

    def as_series(self) -> polars.Series:
        """Of the column's type; of several types, as text: what is not text is JSON."""
        import polars

        if isinstance(self.values, polars.Series):
            return self.values
        values = self.as_json()
        if self.type is object:
            texts = [None if value is None else _text(value) for value in values]
            return polars.Series(texts, dtype=polars.String)
        return polars.Series(values, dtype=self.type)

    def as_json(self) -> list[Any]:
        """What JSON holds: dates and decimal numbers are text there, and NaN and infinity null."""
        values = listed(self.values)
        if self.values is not values and self.values.dtype.is_temporal():
            return list(self.values.dt.to_string("iso:strict"))
        try:
            return [self._standard(value) for value in values]
        except RecursionError:
            raise DataError(f"{self.place}: a value is nested too deeply to be kept") from None

    def as_texts(self) -> list[str]:
        """Text as it is, anything else as JSON, nothing where there is no value."""
        return ["" if value is None else _text(value) for value in self.as_json()]

    def _standard(self, value: Any) -> Any:
        if isinstance(value, _AS_IS):
            return value
        if isinstance(value, str):
            return whole_characters(value)
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if isinstance(value, list):
            return [self._standard(element) for element in value]
        if isinstance(value, dict):
            return {
                whole_characters(name): self._standard(element) for name, element in value.items()
            }
        if isinstance(value, date | time):
            return value.isoformat()
        if isinstance(value, Decimal):
            return str(value)
        raise DataError(
            f"{self.place}: {type(value).__name__} values are kept by parquet alone; "
            "write to a .parquet file"
        )


def listed(values: Any) -> list[Any]:
    """The values of a column as a list, also those of a polars Series."""
    return values if isinstance(values, list) else list(values.to_list())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _encode(value)
