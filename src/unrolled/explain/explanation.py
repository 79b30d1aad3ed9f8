"""Explanation: what a model answers to a text, and how it came to it, word by word."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError
from unrolled.explain.passes import Scan, integrated_gradients, scans
from unrolled.explain.steps import Kind, Steps, steps_of, without_each_word
from unrolled.explain.subject import Answer, Subject
from unrolled.ragged import Excerpt, Ragged

Importance = Literal["deletion", "gradients"]
IMPORTANCES: tuple[Importance, ...] = ("deletion", "gradients")

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LayerReading:
    """The states of one recurrent layer after each step.

    states: (steps, units). backward_states: of a layer that reads both ways, the state that the
    other direction has after the same step, having come from the end; None for others.
    """

    name: str
    kind: str
    units: int
    states: Floats
    backward_states: Floats | None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and lists, ready for JSON."""
        back = self.backward_states
        return {
            "name": self.name,
            "kind": self.kind,
            "units": self.units,
            "directions": ["forward"] if back is None else ["forward", "backward"],
            "states": _rounded(self.states),
            "backward_states": None if back is None else _rounded(back),
        }


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """How a model read one text. A step is what the network reads at once: a word, or filling.

    answer: as `model.Prediction`. explained: the class that importance is about.
    tokens, kinds: of each step; a word that the model does not know stands as itself, and its kind
    is "unknown". places: which token of the whole text each step reads (steps,), -1 for none.
    before: probability of each class before any step (classes,); after: had the network read this
    step and none behind it (steps, classes).
    deletion: what the class explained gains by each word: its probability, minus that of the text
    without the word (steps,); NaN where there is no word to leave out. None where not asked for.
    gradients: the same by integrated gradients (`passes.integrated_gradients`); the sum is the
    probability, minus that of a text of the same length whose words have zero as their vectors.
    """

    answer: Answer
    classes: list[str]
    several: bool
    explained: str
    tokens: list[str]
    kinds: list[Kind]
    places: NDArray[np.int64]
    before: Floats
    after: Floats
    deletion: NDArray[np.float64] | None
    gradients: NDArray[np.float64] | None
    layers: list[LayerReading]

    def __repr__(self) -> str:
        return (
            f"Explanation({self.answer.label!r}, probability={self.answer.probability:.4f}, "
            f"explained={self.explained!r}, steps={len(self.tokens)})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and lists, ready for JSON; null for NaN and for a place that is none."""
        answer = self.answer
        return {
            "classes": self.classes,
            "multi_label": self.several,
            "label": list(answer.label) if isinstance(answer.label, tuple) else answer.label,
            "probability": answer.probability,
            "probabilities": dict(answer.probabilities),
            "unknown_share": answer.unknown_share,
            "was_cut": answer.was_cut,
            "explained": self.explained,
            "tokens": self.tokens,
            "kinds": self.kinds,
            "places": [None if place < 0 else place for place in self.places.tolist()],
            "before": _plain(self.before),
            "after": _plain(self.after),
            "deletion": None if self.deletion is None else _plain(self.deletion),
            "gradients": None if self.gradients is None else _plain(self.gradients),
            "layers": [layer.to_dict() for layer in self.layers],
        }


def explain(
    model: Subject,
    text: str,
    *,
    label: str | int | None = None,
    importance: Collection[str] = IMPORTANCES,
    threads: int | None = None,
) -> Explanation:
    """Read ``text`` as ``model`` does and keep what happens.

    label: the class that importance is about; None: the likeliest.
    importance: "deletion", "gradients", both or neither.
    Raises InputError for a label or a measure that does not exist, and for a text of more than
    `steps.MOST_STEPS`.
    """
    measures = (importance,) if isinstance(importance, str) else importance
    for name in measures:
        if name not in IMPORTANCES:
            raise InputError(f"no importance {name!r}; there are: {', '.join(IMPORTANCES)}")
    steps = steps_of(model, text)
    whole = Ragged.from_lists([steps.encoded])
    probabilities = model.probabilities(whole, threads)[0]
    explained = _class_number(model, label, probabilities)
    offset = 1 if model.recipe.text.start_token else 0
    first, *after = _prefixes(model, steps, threads)
    return Explanation(
        answer=model.predictions(whole, threads)[0],
        classes=model.classes,
        several=model.several,
        explained=model.classes[explained],
        tokens=steps.tokens,
        kinds=steps.kinds,
        places=np.maximum(steps.places - offset, -1),
        before=first,
        after=np.array(after, dtype=np.float32).reshape(-1, len(model.classes)),
        deletion=(
            _deletion(model, steps, explained, float(probabilities[explained]), threads)
            if "deletion" in measures
            else None
        ),
        gradients=(
            _gradients(model, steps, explained, threads) if "gradients" in measures else None
        ),
        layers=_layers(scans(model.network, steps.read)),
    )


def _class_number(model: Subject, label: str | int | None, probabilities: Floats) -> int:
    if label is None:
        return int(probabilities.argmax())
    name = str(label)
    if name in model.classes:
        return model.classes.index(name)
    near = difflib.get_close_matches(name, model.classes, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(model.classes[:20])}"
    raise InputError(f"the model has no label {name!r}; {hint}")


def _prefixes(model: Subject, steps: Steps, threads: int | None) -> Floats:
    """Probabilities once 0, 1, 2, ... steps were read (steps + 1, classes)."""
    count = len(steps.read)
    ends = np.arange(count + 1)
    prefixes = Excerpt(Ragged.from_lists([steps.read]), np.zeros_like(ends), ends)
    return model.probabilities_of_prepared(prefixes, threads)


def _deletion(
    model: Subject, steps: Steps, explained: int, probability: float, threads: int | None
) -> NDArray[np.float64]:
    is_word = steps.is_word
    gains = np.full(len(is_word), np.nan)
    if is_word.any():
        without = model.probabilities(without_each_word(model, steps), threads)
        gains[is_word] = probability - without[:, explained].astype(np.float64)
    return gains


def _gradients(
    model: Subject, steps: Steps, explained: int, threads: int | None
) -> NDArray[np.float64]:
    slope = _slope_of(model, explained)
    return integrated_gradients(model.network, steps.read, slope, threads=threads)


def _slope_of(model: Subject, explained: int) -> Callable[[Floats], Floats]:
    """Gradient of the calibrated probability of a class before the last activation."""
    temperature = np.float32(model.decision.temperature)
    shares_a_sigmoid = not model.several and len(model.classes) == 2

    def slope(outputs: Floats) -> Floats:
        if shares_a_sigmoid:
            both = np.concatenate([1 - outputs, outputs], axis=1)
            own = model.decision.calibrated(both)
            steepness = own[:, :1] * own[:, 1:] / temperature
            return np.asarray(steepness if explained == 1 else -steepness, dtype=np.float32)
        own = model.decision.calibrated(outputs)
        chosen = own[:, explained : explained + 1]
        is_explained = np.arange(own.shape[1]) == explained
        others = np.zeros_like(own) if model.several else -chosen * own
        alone = chosen * (1 - chosen)
        return np.asarray(np.where(is_explained, alone, others) / temperature, dtype=np.float32)

    return slope


def _layers(found: list[Scan]) -> list[LayerReading]:
    """Both directions of a layer together."""
    backward = {scan.name: scan.states for scan in found if scan.direction == "backward"}
    return [
        LayerReading(
            name=scan.name,
            kind=type(scan.layer).__name__,
            units=scan.layer.units,
            states=scan.states,
            backward_states=backward.get(scan.name),
        )
        for scan in found
        if scan.direction == "forward"
    ]


def _rounded(states: Floats) -> list[Any]:
    """States with seven decimals: they are many, and more would double a document's size."""
    rounded: list[Any] = states.astype(np.float64).round(7).tolist()
    return rounded


def _plain(values: NDArray[np.floating]) -> list[Any]:
    """Lists of floats; None for NaN, which JSON does not have."""
    if values.ndim == 1 and np.isnan(values).any():
        return [None if np.isnan(value) else float(value) for value in values]
    plain: list[Any] = values.tolist()
    return plain
