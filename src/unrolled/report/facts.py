"""What only a training knows, measured at its end and kept in the model's ``metrics.json``.

So the report can be written anew from the model's folder, without its data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.datasets.doctor import Diagnosis
from unrolled.datasets.examples import Examples
from unrolled.evaluation.checks import ABSTAINED
from unrolled.evaluation.metrics import is_right, most_wrong, score
from unrolled.model import TextClassifier
from unrolled.model.card import PLATEAU, TOKENS
from unrolled.model.predictions import label_probabilities, set_probabilities
from unrolled.ragged import Sequences
from unrolled.report.chosen import Shown, choose, is_short
from unrolled.report.contents import Examination, Flaw, Lengths, Mistake, PartRead, ReportData
from unrolled.report.rival import Rival, scored_rows
from unrolled.report.standing import Standing, measure
from unrolled.report.words import settings_rows
from unrolled.text.sequences import was_cut
from unrolled.training.state import Labelled

FACTS = "report"  # the key in metrics.json
READINGS = "readings.html"  # the page beside the report
MISTAKES = 10
CLASSES_NAMED = 12
PLATEAU_NOTE = (
    f"This run {PLATEAU}: its loss was still that of guessing when early stopping found no more "
    "progress. It happens now and then, by the initial weights; another seed, or more patience, "
    "gets past it."
)


def keep_facts(
    classifier: TextClassifier,
    *,
    data_name: str,
    train: Labelled,
    validation: Labelled,
    examples: Examples,
    probabilities: NDArray[np.floating],
    rival: Rival,
    diagnosis: Diagnosis | None,
    peak_memory_mb: float | None,
    reference: Mapping[str, Sequence[float]] | None = None,
) -> Standing:
    """Put into the model's metrics what its report needs; to be saved with it.

    train, validation: uncut sequences and targets. examples: the validation texts; probabilities:
    theirs (texts, classes). diagnosis: None where the data were not examined. reference: the same
    experiment's history elsewhere, drawn behind the curves. Returns how the network stands.
    """
    rows = scored_rows(len(examples))
    given, targets, decision = probabilities[rows], validation[1][rows], classifier.decision_
    standing = measure(
        given,
        targets,
        decision,
        train_targets=train[1],
        available=len(examples),
        rival=rival,
    )
    answers = decision.answers(given, several=standing.several)
    parts = {"training": train[0], "validation": validation[0]}
    read = [_part_read(classifier, part, sequences) for part, sequences in parts.items()]
    answered = _Answered.of(classifier, examples, rows, given, targets)
    classifier.metrics_["verdict"] = standing.verdict  # for the model card, as are the shares
    classifier.metrics_["unknown_share"] = read[1].unknown
    classifier.metrics_["cut_share"] = read[1].cut
    classifier.metrics_[FACTS] = {
        "data_name": data_name,
        "source": examples.source,
        "standing": standing.to_dict(),
        "confusion": score(given, targets, predicted=answers).confusion.tolist(),
        "mistakes": [asdict(mistake) for mistake in answered.mistakes()],
        "readings": [asdict(one) for one in answered.readings(validation[0].lengths)],
        "read": [asdict(part) for part in read],
        "examination": None if diagnosis is None else asdict(_examination(diagnosis)),
        "peak_memory_mb": peak_memory_mb,
        "reference": None if reference is None else dict(reference),
    }
    return standing


def report_data(classifier: TextClassifier, title: str) -> ReportData:
    """Everything that the report of a trained classifier shows; needs ``keep_facts`` before.

    Facts that a model of an earlier version did not keep are left out.
    """
    recipe, metrics, history = classifier.recipe, classifier.metrics_, classifier.history_
    facts, lengths = metrics[FACTS], Lengths.of(metrics["lengths"])
    standing, examination = facts.get("standing"), facts.get("examination")
    unit = TOKENS[recipe.text.tokenizer]
    classes = _names(classifier)
    return ReportData(
        title=title,
        data=[
            ("data set", facts["data_name"]),
            ("from", facts["source"]),
            ("training texts", f"{metrics['train_count']:,}"),
            ("validation texts", f"{metrics['validation_count']:,}"),
            ("labels" if classifier.multi_label_ else "classes", _listed(classes)),
            ("mean length", f"{lengths.mean:,.1f} {unit}"),
            ("median length", f"{lengths.median:,g} {unit}"),
        ],
        recipe=settings_rows(recipe.to_dict()),
        layers=classifier.layer_rows(),
        history=history.history,
        best_epoch=history.best_epoch,
        stop_reason=metrics["stop_reason"],
        seconds=metrics["seconds"],
        classes=classes,
        confusion=np.array(facts["confusion"], dtype=np.int64),
        mistakes=[Mistake(**mistake) for mistake in facts["mistakes"]],
        lengths=lengths,
        maxlen=recipe.text.maxlen,
        keep=recipe.text.keep,
        unit=unit,
        decision=classifier.decision_,
        standing=None if standing is None else Standing.from_dict(standing),
        examination=None if examination is None else Examination.from_dict(examination),
        read=[PartRead(**part) for part in facts.get("read", ())],
        peak_memory_mb=facts["peak_memory_mb"],
        reference=facts["reference"],
        note=PLATEAU_NOTE if metrics["plateau"] else None,
        readings=READINGS if facts.get("readings") else None,
    )


@dataclass(frozen=True, eq=False)
class _Answered:
    """The validation texts that are scored, and what the model says of them.

    rows: where they are among the examples; the others are of these. chosen: class numbers, -1
    where the model abstains, or 0 and 1 for each class; sure: how probable that is.
    """

    classifier: TextClassifier
    examples: Examples
    rows: NDArray[np.int64]
    probabilities: NDArray[np.floating]
    targets: NDArray[Any]
    chosen: NDArray[Any]
    sure: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        classifier: TextClassifier,
        examples: Examples,
        rows: NDArray[np.int64],
        probabilities: NDArray[np.floating],
        targets: NDArray[Any],
    ) -> _Answered:
        """From calibrated probabilities (texts, classes)."""
        decision, several = classifier.decision_, targets.ndim == 2
        chosen = decision.choose_many(probabilities) if several else decision.choose(probabilities)
        measure = set_probabilities if several else label_probabilities
        sure = measure(probabilities, chosen)
        return cls(classifier, examples, rows, probabilities, targets, chosen, sure)

    def mistakes(self) -> list[Mistake]:
        """The worst of them."""
        worst = most_wrong(self.probabilities, self.targets, MISTAKES, predicted=self.chosen)
        shown, classes = self.examples.take(self.rows[worst]), _names(self.classifier)
        return [
            Mistake(
                text=text,
                truth=_named(classes, self.targets[row]),
                predicted=_named(classes, self.chosen[row]),
                probability=float(self.sure[row]),
                where=self.examples.where(int(self.rows[row])),
            )
            for row, text in zip(worst.tolist(), shown.texts, strict=True)
        ]

    def readings(self, lengths: NDArray[np.int64]) -> list[Shown]:
        """Right ones and wrong ones, to be shown word by word; lengths: of all the examples."""
        settings, own = self.classifier.recipe.text, lengths[self.rows]
        candidates = is_short(own, settings.maxlen) & (own > settings.start_token)
        if self.chosen.ndim == 1:
            candidates &= self.chosen != ABSTAINED
        right = is_right(self.targets, self.chosen)
        picked = choose(right, self.sure, candidates)
        shown = self.examples.take(self.rows[[row for row, _ in picked]])
        classes = _names(self.classifier)
        return [
            Shown(
                title=title,
                text=text,
                truth=_named(classes, self.targets[row]),
                where=self.examples.where(int(self.rows[row])),
            )
            for (row, title), text in zip(picked, shown.texts, strict=True)
        ]


def shown_texts(classifier: TextClassifier) -> list[Shown]:
    """The texts whose readings belong to the report; none of a model of an earlier version."""
    return [Shown(**shown) for shown in classifier.metrics_[FACTS].get("readings", ())]


def _part_read(classifier: TextClassifier, part: str, sequences: Sequences) -> PartRead:
    maxlen, lengths = classifier.recipe.text.maxlen, sequences.lengths
    words = lengths - classifier.recipe.text.start_token
    unknown = classifier.vocabulary_.unknown_share(sequences)
    kept = lengths if maxlen is None else np.minimum(lengths, maxlen)
    return PartRead(
        part=part,
        texts=len(sequences),
        unknown=float((unknown * words).sum() / max(1, words.sum())),
        cut=float(was_cut(sequences, maxlen).mean()),
        lost=float((lengths - kept).sum() / max(1, lengths.sum())),
    )


def _examination(diagnosis: Diagnosis) -> Examination:
    reasons: dict[str, int] = {}
    for part in diagnosis.parts:
        for reason, count in part.set_aside.items():
            reasons[reason] = reasons.get(reason, 0) + count
    return Examination(
        rows_in=diagnosis.rows_in,
        rows_used=diagnosis.rows_used,
        set_aside=reasons,
        flaws=[
            Flaw(
                kind=finding.kind,
                severity=finding.severity,
                count=finding.count,
                what=finding.what,
                advice=finding.advice,
                examples=finding.examples,
            )
            for finding in diagnosis.findings
        ],
    )


def _names(classifier: TextClassifier) -> list[str]:
    return [str(label) for label in classifier.classes_]


def _named(classes: Sequence[str], chosen: NDArray[Any]) -> str:
    """The label of a class number; of 0 and 1 for each class, all labels that apply."""
    if chosen.ndim == 0:
        return classes[int(chosen)]
    return ", ".join(classes[place] for place in np.flatnonzero(chosen).tolist()) or "no label"


def _listed(classes: Sequence[str]) -> str:
    """All names, or how many there are and the first of them."""
    if len(classes) <= CLASSES_NAMED:
        return ", ".join(classes)
    rest = len(classes) - CLASSES_NAMED
    return f"{len(classes)}: {', '.join(classes[:CLASSES_NAMED])} and {rest} more"
