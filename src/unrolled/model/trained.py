"""TrainedModel: everything that makes up one model, to a folder and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled import __version__, bundle
from unrolled.engine.network import Network
from unrolled.errors import ModelError
from unrolled.evaluation.decision import Decision, fit_decision
from unrolled.explain.arithmetic import Arithmetic, explain_step
from unrolled.explain.explanation import IMPORTANCES, Explanation, explain
from unrolled.model.card import model_card
from unrolled.model.keeping import UNFINISHED, errors_name, figures_of, other_weights
from unrolled.model.labelled import Targets
from unrolled.model.networks import build_network
from unrolled.model.predictions import Predictions, label_probabilities, set_probabilities
from unrolled.ragged import Sequences
from unrolled.recipe import Recipe
from unrolled.text.sequences import prepare, was_cut
from unrolled.text.vocabulary import Vocabulary
from unrolled.training.history import History
from unrolled.training.state import Labelled, TrainingState


@dataclass
class TrainedModel:
    """A network that has learned, and what its numbers mean.

    classes: the label of each class number. several: a text may have any number of labels.
    are_numbers: users gave whole numbers as labels, and get them back.
    source, fingerprint: of the data it was trained on.
    training: the state of its run as long as that is not finished; the network then has the
    weights of the best epoch so far.
    """

    recipe: Recipe
    classes: list[str]
    several: bool
    vocabulary: Vocabulary
    network: Network
    source: str
    are_numbers: bool = False
    decision: Decision = field(default_factory=Decision)
    fingerprint: str = ""
    history: History = field(default_factory=History)
    metrics: dict[str, Any] = field(default_factory=dict)
    training: TrainingState | None = None
    report: str | None = None

    @property
    def targets(self) -> Targets:
        """What turns labels into the numbers that the network learns."""
        return Targets(self.classes, self.several)

    # --- Reading texts -----------------------------------------------------------------------

    def prepared(self, sequences: Sequences) -> Sequences:
        """Cut and fill encoded texts as the network reads them."""
        text = self.recipe.text
        return prepare(sequences, text.maxlen, text.padding, text.keep)

    def probabilities(self, sequences: Sequences, threads: int | None) -> NDArray[np.float32]:
        """Calibrated probability of each class (texts, classes) of encoded texts."""
        return self.probabilities_of_prepared(self.prepared(sequences), threads)

    def probabilities_of_prepared(
        self, prepared: Sequences, threads: int | None
    ) -> NDArray[np.float32]:
        """As ``probabilities``, of texts that are cut and filled already."""
        outputs = self._outputs(prepared, threads)
        return np.asarray(self.decision.calibrated(outputs), dtype=np.float32)

    def predictions(self, sequences: Sequences, threads: int | None) -> Predictions:
        """Everything that is said about encoded texts."""
        probabilities = self.probabilities(sequences, threads)
        chosen = self._chosen(probabilities)
        measure = set_probabilities if self.several else label_probabilities
        return Predictions(
            classes=self.classes,
            labels=self._labels(chosen),
            probability=measure(probabilities, chosen),
            probabilities=probabilities,
            unknown_share=self.vocabulary.unknown_share(sequences),
            was_cut=was_cut(sequences, self.recipe.text.maxlen),
        )

    def explain(
        self,
        text: str,
        *,
        label: str | int | None = None,
        importance: Collection[str] = IMPORTANCES,
        threads: int | None = None,
    ) -> Explanation:
        """How it reads one text, step by step: `explain.explanation.explain`."""
        return explain(self, text, label=label, importance=importance, threads=threads)

    def explain_step(
        self,
        text: str,
        *,
        step: int,
        unit: int,
        layer: str | None = None,
        direction: str = "forward",
    ) -> Arithmetic:
        """The arithmetic of one unit at one step: `explain.arithmetic.explain_step`."""
        return explain_step(self, text, step=step, unit=unit, layer=layer, direction=direction)

    def labels(self, probabilities: NDArray[np.float32]) -> NDArray[np.object_]:
        """The label of each text by its probabilities: a string, a tuple of them, or None."""
        return self._labels(self._chosen(probabilities))

    def as_given(self, labels: NDArray[np.object_]) -> NDArray[Any]:
        """Labels as their users gave them: numbers, if they were; None stays None."""
        if not self.are_numbers:
            return labels
        numbers = [None if label is None else int(label) for label in labels]
        return np.array(numbers, dtype=object if None in numbers else np.int64)

    def right(
        self, probabilities: NDArray[np.float32], targets: NDArray[np.integer[Any]]
    ) -> NDArray[np.bool_]:
        """Whether each text gets its own label, or exactly its own labels (texts,)."""
        right = self._chosen(probabilities) == targets
        return np.asarray(right.all(axis=1) if self.several else right)

    def _chosen(self, probabilities: NDArray[np.float32]) -> NDArray[Any]:
        """Class numbers (texts,), -1 for none; of several labels which apply (texts, classes)."""
        choose = self.decision.choose_many if self.several else self.decision.choose
        return choose(probabilities)

    def _labels(self, chosen: NDArray[Any]) -> NDArray[np.object_]:
        labels = np.empty(len(chosen), dtype=object)
        if self.several:
            names = np.array(self.classes, dtype=object)
            for row, applies in enumerate(chosen):
                labels[row] = tuple(names[applies])
        else:
            labels[:] = np.array([*self.classes, None], dtype=object)[chosen]  # -1 is the last
        return labels

    def fit_decision(self, validation: Labelled, threads: int | None) -> None:
        """Choose how probabilities become labels, on prepared texts of validation."""
        settings = self.recipe.decision
        self.decision = fit_decision(
            self._outputs(validation[0], threads),
            validation[1],
            threshold=settings.threshold,
            wanted_precision=settings.wanted_precision,
            temperature=settings.temperature,
            abstain_below=settings.abstain_below,
            names=self.classes,
        )

    def _outputs(self, prepared: Sequences, threads: int | None) -> NDArray[np.float32]:
        """The network's own probability of each class (texts, classes)."""
        outputs = self.network.predict(prepared, threads=threads)
        if not np.isfinite(outputs).all():
            rows = np.flatnonzero(~np.isfinite(outputs).all(axis=1))
            raise ModelError(
                f"the network's numbers have no bound on {len(rows)} of {len(outputs)} texts, the "
                f"first of which is number {rows[0] + 1}: train it with network.activation=tanh"
            )
        if self.several or outputs.shape[1] > 1:
            return outputs
        return np.concatenate([1 - outputs, outputs], axis=1)

    # --- Keeping -----------------------------------------------------------------------------

    def record(
        self, history: History, *, epoch: int, stop_reason: str, plateau: bool = False
    ) -> None:
        """Take in the figures of its training; the weights are those of epoch ``epoch``."""
        self.history = history
        own = figures_of(history, epoch=epoch, stop_reason=stop_reason)
        self.metrics |= own | {"plateau": plateau}

    def save(self, path: Path) -> None:
        """Write the model's folder; the one that was there survives until this one is whole."""
        bundle.write(path, self.to_bundle(path.resolve().name))

    def save_unfinished(self, path: Path, state: TrainingState) -> None:
        """Write the model of the best epoch so far, and what its run needs to go on."""
        self.record(state.history, epoch=state.best_epoch, stop_reason=UNFINISHED)
        self.training = state
        with other_weights(self.network, state.best_weights):
            self.save(path)

    @classmethod
    def load(cls, path: Path) -> TrainedModel:
        """Read a model's folder; ModelError names the file that is wrong."""
        return cls.from_bundle(path, bundle.read(path))

    def to_bundle(self, name: str) -> bundle.Bundle:
        """What a model folder called ``name`` holds."""
        card = model_card(
            name=name,
            recipe=self.recipe,
            classes=self.classes,
            several=self.several,
            decision=self.decision,
            source=self.source,
            metrics=self.metrics,
        )
        return bundle.Bundle(
            config={
                "recipe": self.recipe.to_dict(),
                "labels": self.targets.given(self.are_numbers),
                "several_labels": self.several,
                "decision": self.decision.to_dict(),
                "library_version": __version__,
                "data": {"source": self.source, "fingerprint": self.fingerprint},
            },
            weights=dict(self.network.weights),
            vocabulary=self.vocabulary.to_dict(),
            history_csv=self.history.to_csv(),
            metrics=self.metrics,
            card=card,
            report=self.report,
            training=None if self.training is None else self.training.to_arrays(),
        )

    @classmethod
    def from_bundle(cls, path: Path, stored: bundle.Bundle) -> TrainedModel:
        """From what the folder at ``path`` holds."""
        bundle.check_kind(path, stored.config, writes=False)
        with errors_name(path / bundle.CONFIG):
            settings = _config(stored.config)
        with errors_name(path / bundle.VOCABULARY):
            vocabulary = Vocabulary.from_dict(stored.vocabulary)
        with errors_name(path / bundle.HISTORY):
            history = History.from_csv(stored.history_csv)
        training = None
        if stored.training is not None:
            with errors_name(path / bundle.TRAINING):
                training = TrainingState.from_arrays(stored.training)
        network = build_network(
            settings["recipe"],
            rows=vocabulary.size,
            classes=len(settings["classes"]),
            several=settings["several"],
        )
        shapes = {name: array.shape for name, array in network.weights.items()}
        bundle.check_shapes(path, stored.weights, shapes)
        network.set_weights(stored.weights)
        return cls(
            **settings,
            vocabulary=vocabulary,
            network=network,
            history=history,
            metrics=stored.metrics,
            training=training,
            report=stored.report,
        )


def _config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of TrainedModel; a model of format version 1 has one label a text, the likeliest."""
    return {
        "recipe": Recipe.from_dict(config["recipe"]),
        "classes": [str(label) for label in config["labels"]],
        "are_numbers": all(isinstance(label, int) for label in config["labels"]),
        "several": bool(config.get("several_labels", False)),
        "decision": Decision.from_dict(config.get("decision", {})),
        "source": config["data"]["source"],
        "fingerprint": config["data"]["fingerprint"],
    }
