"""Decision: from probabilities to labels, by rules that were chosen on validation data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.errors import InputError, ShapeError
from unrolled.evaluation.calibration import fit_temperature, tempered
from unrolled.evaluation.checks import ABSTAINED, checked, checked_probabilities
from unrolled.evaluation.thresholds import NEUTRAL, choose_threshold, choose_weights

Goal = Literal["none", "accuracy", "f1", "precision"]


@dataclass(frozen=True)
class Decision:
    """How probabilities are calibrated and what label they lead to; without settings, the largest.

    temperature: what logits are divided by (``calibrated``); 1 changes no bit.
    thresholds: what a probability must be above. Two classes: one number, for the second class,
    which is given above it and the first otherwise. Several labels a text: one number a label (0.5
    when None). More classes: one a class; the most probable class is given only above its own,
    otherwise the text gets none.
    weights: for more than two classes, what each probability is multiplied by before the largest
    is taken.
    abstain_below: a text whose chosen class is less probable than this gets none; where a text may
    have several labels it has no part.
    multi_label: whether a text may have several labels.
    note: what could not be had, in a sentence; otherwise empty.
    """

    temperature: float = 1.0
    thresholds: tuple[float, ...] | None = None
    abstain_below: float = 0.0
    weights: tuple[float, ...] | None = None
    multi_label: bool = False
    note: str = ""

    @property
    def abstains(self) -> bool:
        """Whether it can leave a text without a class."""
        gated = self.thresholds is not None and len(self.thresholds) > 1
        return not self.multi_label and (gated or self.abstain_below > 0.0)

    def calibrated(self, probabilities: ArrayLike) -> NDArray[np.floating]:
        """Probabilities at this temperature, as many and of the same precision."""
        given = np.asarray(probabilities)
        if self.temperature == 1.0:
            return given
        checked_values = checked_probabilities(given)
        cooled = tempered(checked_values, self.temperature, multi_label=self.multi_label)
        return cooled.astype(given.dtype if given.dtype.kind == "f" else np.float64)

    def choose(self, probabilities: ArrayLike, *, always: bool = False) -> NDArray[np.int64]:
        """Class number of each text (texts,) by its calibrated probabilities; -1 is none.

        always: choose a class for every text. Of equally probable classes the first is chosen.
        """
        given = checked_probabilities(probabilities, fewest=2)
        chosen, passed = self._choose(given)
        if always:
            return chosen
        of_chosen = given[np.arange(len(given)), chosen]
        passed &= of_chosen >= self.abstain_below
        return np.where(passed, chosen, ABSTAINED)

    def choose_many(self, probabilities: ArrayLike) -> NDArray[np.bool_]:
        """Which labels each text gets (texts, classes), by its calibrated probabilities."""
        given = checked_probabilities(probabilities)
        lines = np.array(self.thresholds or (NEUTRAL,) * given.shape[1])
        self._check_count("thresholds", len(lines), given.shape[1])
        return np.asarray(given > lines)

    def answers(self, probabilities: ArrayLike, *, several: bool) -> NDArray[np.int64]:
        """What every text gets, also one on which it would rather abstain, as for ``score``.

        Class numbers (texts,), or with several labels a text 0 and 1 (texts, classes).
        """
        if several:
            return self.choose_many(probabilities).astype(np.int64)
        return self.choose(probabilities, always=True)

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and lists, ready for JSON."""
        settings = asdict(self)
        for name in ("thresholds", "weights"):
            settings[name] = None if settings[name] is None else list(settings[name])
        return settings

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Decision:
        """Read what ``to_dict`` gave; InputError says what is no part of it."""
        unknown = set(data) - set(cls.__dataclass_fields__)
        if unknown:
            raise InputError(f"a decision has no setting {sorted(unknown)[0]!r}")
        settings = dict(data)
        for name in ("thresholds", "weights"):
            if settings.get(name) is not None:
                settings[name] = tuple(float(number) for number in settings[name])
        return cls(**settings)

    def _choose(self, given: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The class of each text and whether it passes its threshold."""
        everything = np.ones(len(given), dtype=bool)
        lines = None if self.thresholds is None else np.array(self.thresholds)
        if lines is not None and given.shape[1] == 2:
            self._check_count("thresholds", len(lines), 1)
            return (given[:, 1] > lines[0]).astype(np.int64), everything
        if self.weights is not None:
            self._check_count("weights", len(self.weights), given.shape[1])
            return (given * np.array(self.weights)).argmax(axis=1), everything
        chosen = given.argmax(axis=1)
        if lines is None:
            return chosen, everything
        self._check_count("thresholds", len(lines), given.shape[1])
        return chosen, given[np.arange(len(given)), chosen] > lines[chosen]

    def _check_count(self, name: str, count: int, needed: int) -> None:
        if count != needed:
            raise ShapeError(f"the decision has {count} {name}; these probabilities need {needed}")


def fit_decision(
    probabilities: ArrayLike,
    targets: ArrayLike,
    *,
    threshold: Goal = "none",
    wanted_precision: float = 0.9,
    temperature: bool = False,
    abstain_below: float = 0.0,
    names: Sequence[str] | None = None,
) -> Decision:
    """Choose a decision on validation data that the network did not learn from.

    targets: class numbers (texts,), or 0 and 1 (texts, classes) where a text may have several
    labels. The temperature comes first, and the thresholds are those of calibrated probabilities.
    threshold: what it should serve, by class or label (two classes: the second one), the accuracy,
    the F1, or the recall while at least ``wanted_precision`` of what is given is right. With more
    than two classes accuracy and F1 (the macro F1) choose weights, and precision thresholds.
    names: of the classes, for the note.
    """
    given, true = checked(probabilities, targets)
    multi_label = true.ndim == 2
    if names is not None and len(names) != given.shape[1]:
        raise ShapeError(f"{len(names)} names for probabilities of {given.shape[1]} classes")
    found = fit_temperature(given, true) if temperature else 1.0
    calibrating = Decision(temperature=found, multi_label=multi_label)
    given = calibrating.calibrated(given.astype(np.float32)).astype(np.float64)
    thresholds: tuple[float, ...] | None = None
    weights: tuple[float, ...] | None = None
    note = ""
    if threshold in ("accuracy", "f1") and not multi_label and given.shape[1] > 2:
        weights = choose_weights(given, true, "f1" if threshold == "f1" else "accuracy")
    elif threshold != "none":
        thresholds, note = _thresholds(given, true, threshold, wanted_precision, names)
    return Decision(
        temperature=found,
        thresholds=thresholds,
        abstain_below=abstain_below,
        weights=weights,
        multi_label=multi_label,
        note=note,
    )


def _thresholds(
    given: NDArray[np.float64],
    true: NDArray[np.int64],
    goal: Literal["accuracy", "f1", "precision"],
    wanted_precision: float,
    names: Sequence[str] | None,
) -> tuple[tuple[float, ...], str]:
    """One threshold a column that has one, and what could not be had."""
    classes = given.shape[1]
    multi_label = true.ndim == 2
    columns = [1] if classes == 2 and not multi_label else list(range(classes))
    thresholds, missed = [], []
    for column in columns:
        if multi_label:
            values, positive = given[:, column], true[:, column] == 1
        elif classes == 2:
            values, positive = given[:, 1], true == 1
        else:  # of the texts that could get this class at all
            rows = given.argmax(axis=1) == column
            values, positive = given[rows, column], true[rows] == column
        cut = choose_threshold(values, positive, goal, wanted_precision)
        thresholds.append(cut.threshold)
        if not cut.reached:
            name = f'"{names[column]}"' if names is not None else f"class {column}"
            missed.append(f"{name} {cut.precision:.4f}")
    note = (
        f"a precision of {wanted_precision:g} cannot be reached on the validation data; "
        f"the best there is: {', '.join(missed)}"
        if missed
        else ""
    )
    return tuple(thresholds), note
