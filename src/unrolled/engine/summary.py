"""The table that describes a network, as Keras prints it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class LayerRow:
    """A line of the table: "simple_rnn (SimpleRNN)", "(None, 8)", 200."""

    name: str
    output_shape: str
    parameters: int


def format_table(layers: Sequence[LayerRow]) -> str:
    """Write a line a layer (name, output shape, parameters), and the total."""
    header = ("Layer (type)", "Output Shape", "Param #")
    body = [(layer.name, layer.output_shape, f"{layer.parameters:,}") for layer in layers]
    widths = [max(len(row[at]) for row in [header, *body]) + 2 for at in range(3)]

    def line(row: tuple[str, str, str]) -> str:
        first, second, third = row
        return f"{first:<{widths[0]}}{second:<{widths[1]}}{third:>{widths[2]}}"

    total = sum(layer.parameters for layer in layers)
    return "\n".join(
        [
            "─" * sum(widths),
            line(header),
            "━" * sum(widths),
            *map(line, body),
            "━" * sum(widths),
            f"Total params: {total:,} ({total * 4 / 1024:.2f} KB)",
        ]
    )
