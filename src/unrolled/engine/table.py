"""The table that describes a network."""

from __future__ import annotations

from collections.abc import Sequence


def format_table(rows: Sequence[tuple[str, tuple[int | None, ...], int]]) -> str:
    """Keras' summary: a line a layer (name, output shape, parameters), and the total."""
    header = ("Layer (type)", "Output Shape", "Param #")
    body = [(name, str(shape), f"{count:,}") for name, shape, count in rows]
    widths = [max(len(row[at]) for row in [header, *body]) + 2 for at in range(3)]

    def line(row: tuple[str, str, str]) -> str:
        first, second, third = row
        return f"{first:<{widths[0]}}{second:<{widths[1]}}{third:>{widths[2]}}"

    rule = sum(widths)
    total = sum(count for _, _, count in rows)
    memory = f"{total * 4 / 1024:.2f} KB"
    return "\n".join(
        [
            "─" * rule,
            line(header),
            "━" * rule,
            *map(line, body),
            "━" * rule,
            f"Total params: {total:,} ({memory})",
        ]
    )
