"""What an examination says: each fault with its places and a piece of advice, and the sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from unrolled.datasets.doctor.lengths import Lengths

Severity = Literal["stops", "warns", "notes"]
SEVERITIES: tuple[Severity, ...] = ("stops", "warns", "notes")
EXAMPLES = 10  # places that a finding keeps
SHOWN_EXAMPLES = 3  # places that a line for people names
_SHOWN_LETTERS = 60


@dataclass(frozen=True)
class Finding:
    """One kind of fault.

    severity: "stops": a run cannot, or should not, go on; "warns": it can, and its scores or its
    model may suffer; "notes": good to know. count: how many rows (or classes, or texts: ``what``
    says which). examples: the first places, each with a detail or "". advice: one sentence.
    """

    kind: str
    severity: Severity
    count: int
    what: str
    examples: tuple[tuple[str, str], ...]
    advice: str

    def line(self) -> str:
        """What, where and the advice, for people."""
        places = [where for where, _ in self.examples[:SHOWN_EXAMPLES] if where]
        more = ", ..." if places and self.count > len(places) else ""
        named = f" ({', '.join(places)}{more})" if places else ""
        return f"{self.severity}: {self.what}{named}; {self.advice}"


@dataclass(frozen=True)
class PartSummary:
    """One file, or built-in data set, and the sums of its rows.

    part: what it is for ("train", "validation" or "test"). set_aside: rows by reason. labels: used
    rows by label.
    """

    part: str
    name: str
    source: str
    rows_in: int
    rows_used: int
    set_aside: Mapping[str, int]
    labels: Mapping[str, int]

    def __post_init__(self) -> None:
        if self.rows_in != self.rows_used + self.rows_set_aside:
            raise AssertionError(
                f"{self.name}: {self.rows_in} rows in, but {self.rows_used} used and "
                f"{self.rows_set_aside} set aside"
            )

    @property
    def rows_set_aside(self) -> int:
        """Rows that are left out, whatever the reason."""
        return sum(self.set_aside.values())


@dataclass(frozen=True)
class Diagnosis:
    """Everything that an examination found, the gravest first.

    lengths: of the texts of all parts, in tokens; None where no recipe read them.
    """

    parts: Sequence[PartSummary]
    findings: Sequence[Finding]
    lengths: Lengths | None = None

    @property
    def stops(self) -> bool:
        """Whether a run cannot, or should not, go on."""
        return any(finding.severity == "stops" for finding in self.findings)

    @property
    def rows_in(self) -> int:
        """Rows of all parts: those used and those set aside."""
        return sum(part.rows_in for part in self.parts)

    @property
    def rows_used(self) -> int:
        """Rows of all parts that a run would use."""
        return sum(part.rows_used for part in self.parts)

    @property
    def rows_set_aside(self) -> int:
        """Rows of all parts that are left out."""
        return sum(part.rows_set_aside for part in self.parts)

    def counted(self, severity: Severity) -> int:
        """Number of findings of that severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def lines(self) -> list[str]:
        """One line for each finding that stops or warns."""
        return [finding.line() for finding in self.findings if finding.severity != "notes"]

    def to_dict(self) -> dict[str, Any]:
        """Everything, in types that JSON has."""
        return {
            "rows_in": self.rows_in,
            "rows_used": self.rows_used,
            "rows_set_aside": self.rows_set_aside,
            "stops": self.stops,
            "parts": [_part_dict(part) for part in self.parts],
            "findings": [
                asdict(finding)
                | {"examples": [{"where": w, "detail": d} for w, d in finding.examples]}
                for finding in self.findings
            ],
            "lengths": None if self.lengths is None else self.lengths.to_dict(),
        }


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """The gravest first; those of one severity stay in their order."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def quoted(string: str) -> str:
    """A label or text in quotes, on one line, cut when it is long."""
    short = string if len(string) <= _SHOWN_LETTERS else string[: _SHOWN_LETTERS - 1] + "…"
    return repr(short)


def counted(count: int, noun: str) -> str:
    """1 row, 2 rows, 25,000 rows."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _part_dict(part: PartSummary) -> dict[str, Any]:
    return asdict(part) | {"rows_set_aside": part.rows_set_aside}
