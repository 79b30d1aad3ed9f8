"""Texts read word by word, as one HTML page without scripts: what each word did to the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unrolled.report import pictures
from unrolled.report.environment import render_template
from unrolled.report.trace import Padding, Step, Trace
from unrolled.report.words import shortened

STRONGEST = 5
"""So many words for, and as many against, are in the tables."""


@dataclass(frozen=True, eq=False)
class Reading:
    """One text to show. document: as ``Explanation.to_dict`` gives it.

    note: where the text is from, say. truth: its own label, or labels joined with commas, where it
    is known.
    """

    document: Mapping[str, Any]
    title: str
    note: str
    truth: str | None = None


def render_readings(title: str, readings: Sequence[Reading], *, report: str | None = None) -> str:
    """Write the page. report: the address of the page that these readings belong to."""
    return render_template(
        "readings.html",
        title=title,
        report=report,
        readings=[_view(reading, number) for number, reading in enumerate(readings, start=1)],
    )


def _view(reading: Reading, number: int) -> dict[str, Any]:
    trace, document = Trace(reading.document), reading.document
    return {
        "id": f"reading-{number}",
        "title": reading.title,
        "note": reading.note,
        "truth": reading.truth,
        "is_right": reading.truth == trace.answer,
        "answer": trace.answer,
        "probability": document["probability"],
        "explained": trace.explained,
        "unknown_share": document["unknown_share"],
        "was_cut": document["was_cut"],
        "words": [_shown(trace, part) for part in trace.folded],
        "between": trace.between,
        "is_weighed": trace.is_weighed,
        "way": trace.way,
        "full": trace.full,
        "strongest": _strongest(trace),
        "has_gradients": document["deletion"] is not None and document["gradients"] is not None,
        "curve": _curve(trace, reading.truth),
        "bars": pictures.bars(trace),
        "last": len(trace.steps) - 1,
        "maps": [one for layer in document["layers"] for one in _heat_maps(layer)],
    }


def _shown(trace: Trace, part: Step | Padding) -> dict[str, Any]:
    if isinstance(part, Padding):
        steps = f"steps {part.first} to {part.last}" if part.count > 1 else f"step {part.first}"
        return {"kind": "padding", "count": part.count, "title": steps}
    strength = trace.strength(part)
    moved = f"step {part.number}: {part.before:.3f} \N{RIGHTWARDS ARROW} {part.after:.3f}"
    return {
        "kind": part.kind,
        "token": shortened(part.token),
        "side": "for" if strength > 0 else "against" if strength < 0 else "",
        "strength": f"{abs(strength):.2f}",
        "weight": part.weight if part.is_read and trace.is_weighed else None,
        "title": moved,
    }


def _strongest(trace: Trace) -> list[tuple[str, list[Step]]]:
    """The words for and against, each under its heading; nothing where nothing was measured."""
    if not trace.is_weighed:
        return []
    return [
        (f"Most for {trace.explained}", trace.strongest(STRONGEST, sign=1)),
        (f"Most against {trace.explained}", trace.strongest(STRONGEST, sign=-1)),
    ]


def _curve(trace: Trace, truth: str | None) -> dict[str, Any]:
    """The curve, and the true class beside it where it is not the other one of two."""
    classes = trace.document["classes"]
    has_other = truth in classes and truth != trace.explained and len(classes) > 2
    beside = truth if has_other else None
    values = trace.curve_of(trace.explained)
    return {
        "drawing": pictures.curve(trace, beside=beside),
        "beside": beside,
        "first": values[0],
        "least": min(values),
        "most": max(values),
        "last": values[-1],
    }


def _heat_maps(layer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One for each direction that a layer reads in; none without steps."""
    directions = {"forward": layer["states"], "backward": layer["backward_states"]}
    return [
        {
            "layer": layer["name"],
            "kind": layer["kind"],
            "units": layer["units"],
            "direction": direction if len(layer["directions"]) > 1 else "",
            "image": pictures.heat_map(states),
            "scale": pictures.state_scale(states),
        }
        for direction, states in directions.items()
        if states
    ]
