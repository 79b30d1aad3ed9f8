"""What an explanation says, step by step: the plain values that every drawing of it starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

LEAST_FULL = 0.01
"""A word that moves the probability by less than this never has the full colour."""

FAINT = 0.1
"""Words that weigh less than this share of the full colour have none."""

UNSEEN = 0.00005
"""Words that weigh less are +0.0000 in a table, and are left out of it."""

READ_KINDS = ("word", "unknown")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the network, and what it did to the probability of the explained class.

    number: from 0, padding and start counted. before, after: that probability. deletion,
    gradients: the importance of the step, None where it has none or none was asked for.
    """

    number: int
    token: str
    kind: str
    before: float
    after: float
    deletion: float | None
    gradients: float | None

    @property
    def is_read(self) -> bool:
        """Whether it is a part of the text, known or not, and no padding or start."""
        return self.kind in READ_KINDS

    @property
    def weight(self) -> float:
        """How much it speaks for the explained class: by deletion, where that was measured."""
        if not self.is_read:
            return 0.0
        return self.deletion if self.deletion is not None else self.gradients or 0.0


@dataclass(frozen=True)
class Padding:
    """Neighbouring steps of padding, shown as one: first and last are step numbers."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """How many steps they are."""
        return self.last - self.first + 1


@dataclass(frozen=True, eq=False)
class Trace:
    """An explanation's document (``Explanation.to_dict``) as steps."""

    document: Mapping[str, Any]

    @property
    def explained(self) -> str:
        """The class that the importance is about."""
        return str(self.document["explained"])

    @property
    def answer(self) -> str:
        """The label, several joined with commas, or that there is none."""
        label = self.document["label"]
        if isinstance(label, str):
            return label
        return ", ".join(label or ()) or "no label"

    @cached_property
    def steps(self) -> Sequence[Step]:
        """All steps in the order in which the network reads."""
        said = self.document
        after = self.curve_of(self.explained)
        rows = zip(said["tokens"], said["kinds"], self._column("deletion"),
                   self._column("gradients"), strict=True)  # fmt: skip
        return [
            Step(
                number=number,
                token=token,
                kind=kind,
                before=after[number],
                after=after[number + 1],
                deletion=deletion,
                gradients=gradients,
            )
            for number, (token, kind, deletion, gradients) in enumerate(rows)
        ]

    @property
    def words(self) -> list[Step]:
        """The steps that are part of the text."""
        return [step for step in self.steps if step.is_read]

    def curve_of(self, name: str) -> list[float]:
        """Probability of a class before any step and after each (steps + 1,)."""
        place = self.document["classes"].index(name)
        return [row[place] for row in (self.document["before"], *self.document["after"])]

    @property
    def folded(self) -> list[Step | Padding]:
        """The steps, with each run of padding as one."""
        shown: list[Step | Padding] = []
        for step in self.steps:
            if step.kind != "padding":
                shown.append(step)
            elif shown and isinstance(shown[-1], Padding):
                shown[-1] = Padding(shown[-1].first, step.number)
            else:
                shown.append(Padding(step.number, step.number))
        return shown

    @property
    def padding(self) -> list[Padding]:
        """Where the padding is."""
        return [part for part in self.folded if isinstance(part, Padding)]

    @property
    def is_weighed(self) -> bool:
        """Whether any importance was asked for."""
        return bool(self.way)

    @property
    def way(self) -> str:
        """What the weight of a word is: "deletion", "gradients", or empty for none."""
        ways = [name for name in ("deletion", "gradients") if self.document[name] is not None]
        return ways[0] if ways else ""

    @cached_property
    def full(self) -> float:
        """The weight that has the full colour."""
        return max(LEAST_FULL, max((abs(step.weight) for step in self.steps), default=0.0))

    def strength(self, step: Step) -> float:
        """From -1, as much as can be against the explained class, to 1; 0 for what is faint."""
        share = step.weight / self.full
        return share if abs(share) >= FAINT else 0.0

    def strongest(self, count: int, *, sign: int) -> list[Step]:
        """At most ``count`` words that speak for (1) or against (-1) the class, the most first."""
        found = [step for step in self.words if sign * step.weight >= UNSEEN]
        return sorted(found, key=lambda step: -abs(step.weight))[:count]

    @cached_property
    def between(self) -> str:
        """What stands between two tokens: nothing where they have their own spaces."""
        tokens = [step.token for step in self.words]
        is_glued = any(" " in token for token in tokens) or all(len(one) == 1 for one in tokens)
        return "" if is_glued else " "

    def _column(self, name: str) -> Sequence[float | None]:
        column: Sequence[float | None] | None = self.document[name]
        return [None] * len(self.document["tokens"]) if column is None else column
