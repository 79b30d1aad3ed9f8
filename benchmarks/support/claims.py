"""What is promised beside what was measured."""

from __future__ import annotations

from support.table import table


class Claims:
    def __init__(self) -> None:
        self.rows: list[list[str]] = []

    def at_least(self, claim: str, measured: float, wanted: float) -> None:
        self._add(claim, measured, f"≥ {wanted:,g}", measured >= wanted)

    def at_most(self, claim: str, measured: float, wanted: float) -> None:
        self._add(claim, measured, f"≤ {wanted:,g}", measured <= wanted)

    def _add(self, claim: str, measured: float, wanted: str, met: bool) -> None:
        self.rows.append([claim, f"{measured:,.2f}", wanted, "met" if met else "missed"])

    def __str__(self) -> str:
        return table(["claim", "measured", "wanted", ""], self.rows)
