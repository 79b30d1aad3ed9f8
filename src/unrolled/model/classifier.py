"""TextClassifier: learns from labelled texts to label new ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled import bundle
from unrolled.datasets.examples import Examples
from unrolled.datasets.split import train_validation_split
from unrolled.engine.network import Network
from unrolled.engine.summary import LayerRow, format_table
from unrolled.errors import InputError
from unrolled.evaluation.decision import Decision
from unrolled.explain.arithmetic import Arithmetic
from unrolled.explain.explanation import IMPORTANCES, Explanation
from unrolled.model.encoding import Encoded, TextSource, encode_parts
from unrolled.model.estimator import Estimator, not_fitted
from unrolled.model.labelled import Targets, check_labels, each_text
from unrolled.model.learning import learn
from unrolled.model.networks import build_network
from unrolled.model.predictions import Predictions
from unrolled.model.trained import TrainedModel
from unrolled.ragged import Ragged, Sequences
from unrolled.text.vocabulary import Vocabulary
from unrolled.training.callbacks import Callback
from unrolled.training.history import EpochRecord, History
from unrolled.training.learner import MakeLearner
from unrolled.training.state import Labelled

Rows = NDArray[np.int64]


class TextClassifier(Estimator):
    """Learns from labelled texts to label new ones; a scikit-learn estimator.

    pretrained: a ``TextWriter``'s folder, whose words and layers it begins with; the settings that
    they need are taken over too. Section ``transfer`` of the recipe says how those layers learn.

    A label is a string; where a text may have several or none, a tuple of strings. (Whole numbers
    will do too, since some of scikit-learn's tools put them in place of labels.)
    A text's probabilities have the same bits alone, in any company, and after save and load.
    """

    _model: TrainedModel | None = None

    # --- Learning --------------------------------------------------------------------------------

    def fit(
        self,
        texts: Iterable[str],
        labels: Iterable[Any],
        validation: tuple[Iterable[str], Iterable[Any]] | None = None,
        *,
        source: str = "a list in memory",
        out: str | Path | None = None,
        resume: bool = False,
        learner: MakeLearner | None = None,
        callbacks: Sequence[Callback] = (),
        on_epoch: Callable[[EpochRecord], None] | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> Self:
        """Train on texts and their labels; without ``validation``, ``split`` holds some back.

        Texts are read once, one by one, and not kept: they may come straight from a file. The
        recipe says which words get an id. The other arguments are those of ``fit_sequences``.
        """
        encoded = self.encode(texts, labels, validation)
        return self.fit_sequences(
            encoded.train,
            encoded.validation,
            vocabulary=encoded.vocabulary,
            classes=encoded.classes,
            source=source,
            row_numbers=encoded.train_rows,
            out=out,
            resume=resume,
            learner=learner,
            callbacks=callbacks,
            on_epoch=on_epoch,
            on_progress=on_progress,
        )

    def encode(
        self,
        texts: Iterable[str],
        labels: Iterable[Any],
        validation: tuple[Iterable[str], Iterable[Any]] | None = None,
    ) -> Encoded:
        """What ``fit`` trains on: a vocabulary, and both parts as ids and targets."""
        names = check_labels("training", labels)
        targets = Targets.among(names)
        numbers = targets.of(names.rows)
        sources = [TextSource("training", texts, len(numbers))]
        if validation is not None:
            more = check_labels("validation", validation[1])
            of_more = targets.of(more.rows, lambda row: f"validation row {row}")
            sources.append(TextSource("validation", validation[0], len(of_more)))
            numbers = np.concatenate([numbers, of_more])
        known = None if self.handed_over is None else self.handed_over.vocabulary
        vocabulary, sequences, rows = encode_parts(sources, self.recipe.text, self.split, known)
        return Encoded(
            vocabulary=vocabulary,
            classes=targets.given(names.are_numbers),
            train=(sequences.excerpt(rows[0]), numbers[rows[0]]),
            validation=(sequences.excerpt(rows[1]), numbers[rows[1]]),
            train_rows=rows[0],
            validation_rows=rows[1],
        )

    def fit_sequences(
        self,
        train: Labelled,
        validation: Labelled,
        *,
        vocabulary: Vocabulary,
        classes: Sequence[str] | Sequence[int],
        source: str,
        row_numbers: Rows | None = None,
        out: str | Path | None = None,
        resume: bool = False,
        learner: MakeLearner | None = None,
        callbacks: Sequence[Callback] = (),
        on_epoch: Callable[[EpochRecord], None] | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> Self:
        """Train on texts that ``vocabulary`` has encoded already: (sequences, targets).

        Targets are class numbers (texts,), or with several labels a text 0 and 1 (texts, classes).
        source: where the data came from, as a part of a sentence. row_numbers: what each training
        row is called in an error (rows,).
        out: a folder that holds the best model so far while training goes on; a model that was
        there is replaced. resume: go on with the unfinished run that is there, if any.
        learner: what trains the network in its place, in the same bits, such as a cluster.
        Ctrl-C and SIGTERM stop the training and keep the best model so far; before there is one,
        KeyboardInterrupt is raised.
        """
        self._model = learn(
            self.recipe,
            train,
            validation,
            vocabulary=vocabulary,
            classes=classes,
            source=source,
            pretrained=self.handed_over,
            threads=self.threads,
            row_numbers=row_numbers,
            out=None if out is None else Path(out),
            resume=resume,
            learner=learner,
            callbacks=callbacks,
            on_epoch=on_epoch,
            on_progress=on_progress,
        )
        return self

    def split(self, count: int) -> tuple[Rows, Rows]:
        """Which of ``count`` rows are for training and which for validation, by the recipe."""
        settings = self.recipe.training
        return train_validation_split(count, settings.validation_fraction, settings.split_seed)

    # --- Using -----------------------------------------------------------------------------------

    def predict_proba(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Probability of each class (texts, classes), classes in the order of ``classes_``.

        With several labels a text each class has a probability of its own, and a row any sum.
        """
        return self._trained().probabilities(self._encoded(texts), self.threads)

    def predict_proba_sequences(self, sequences: Sequences) -> NDArray[np.float32]:
        """As ``predict_proba``, of texts that ``vocabulary_`` has encoded already."""
        return self._trained().probabilities(sequences, self.threads)

    def predict(self, texts: Iterable[str]) -> NDArray[Any]:
        """Give each text its label (texts,), by ``decision_``; without settings the most probable.

        With several labels a text, all that apply as a tuple. None where the decision abstains.
        """
        model = self._trained()
        labels = model.labels(model.probabilities(self._encoded(texts), self.threads))
        return model.as_given(labels)

    def predict_details(self, texts: Iterable[str]) -> Predictions:
        """Give each text a `Prediction`: its label, how sure, and how well it could be read."""
        return self._trained().predictions(self._encoded(texts), self.threads)

    def explain(
        self,
        text: str,
        *,
        label: str | int | None = None,
        importance: Collection[str] = IMPORTANCES,
    ) -> Explanation:
        """How it reads a text: probabilities and states after each word, and what each word did.

        label: the class that importance is about; None: the likeliest. importance: "deletion" (the
        text without each word), "gradients" (integrated gradients), both, or neither.
        Raises InputError for a label that does not exist and for a very long text.
        """
        return self._trained().explain(
            text, label=label, importance=importance, threads=self.threads
        )

    def explain_step(
        self,
        text: str,
        *,
        step: int,
        unit: int,
        layer: str | None = None,
        direction: str = "forward",
    ) -> Arithmetic:
        """The weighted sum itself: how one unit got its state at one step, term by term.

        step, unit: from 0. layer: its name in ``summary``; None: the first recurrent one.
        direction: "backward" for the other half of a bidirectional layer.
        """
        return self._trained().explain_step(
            text, step=step, unit=unit, layer=layer, direction=direction
        )

    def score(
        self, texts: Iterable[str], labels: Iterable[Any], sample_weight: ArrayLike | None = None
    ) -> float:
        """Share of texts that get exactly their own label, or labels; weighted if asked for."""
        model = self._trained()
        targets = model.targets.of(check_labels("", labels).rows)
        encoded = self._encoded(TextSource("", texts, len(targets)))
        right = model.right(model.probabilities(encoded, self.threads), targets)
        weights = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        return float(np.average(right.astype(np.float64), weights=weights))

    def targets(self, examples: Examples) -> NDArray[Any]:
        """Class number of each example (examples,), or 0 and 1 (examples, classes).

        DataError names where a strange label is.
        """
        return self._trained().targets.of(examples.labels, examples.where)

    def layer_rows(self) -> list[LayerRow]:
        """Describe each layer: name, output shape, parameters; before training, of two classes."""
        recipe = self.recipe if self._model is None else self._model.recipe
        steps = recipe.text.maxlen if recipe.text.padding == "keras" else None
        if self._model is not None:
            return self._model.network.layer_rows(steps)
        if recipe.text.num_words is None:
            raise InputError(
                "text.num_words is none, so that the size of the network depends on the texts: "
                "train it first"
            )
        return build_network(recipe, rows=recipe.text.num_words, classes=2).layer_rows(steps)

    def summary(self) -> str:
        """Keras' table of the layers."""
        return format_table(self.layer_rows())

    # --- Keeping ---------------------------------------------------------------------------------

    def save(self, path: str | Path, *, report: str | None = None) -> None:
        """Write the model's folder, with an HTML page as its report if one is given."""
        model = self._trained()
        if report is not None:
            model.report = report
        model.save(Path(path))

    @classmethod
    def load(cls, path: str | Path, *, threads: int | None = None) -> Self:
        """Read a model's folder; of an unfinished run, the best model so far."""
        model = TrainedModel.load(Path(path))
        classifier = cls(model.recipe, threads=threads)
        classifier._model = model
        return classifier

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickle, or a copy, holds the parameters and the bytes of the model's files."""
        files = None if self._model is None else bundle.to_files(self._model.to_bundle("model"))
        return _restored, (type(self), self.get_params(deep=False), files)

    # --- What it learned -------------------------------------------------------------------------

    @property
    def classes_(self) -> NDArray[Any]:
        """The labels, sorted (classes,): strings, or numbers where it learned from numbers."""
        model = self._trained()
        return model.as_given(np.array(model.classes, dtype=object))

    @property
    def decision_(self) -> Decision:
        """How probabilities become labels, as it was chosen on the validation texts."""
        return self._trained().decision

    @property
    def multi_label_(self) -> bool:
        """Whether a text may have several labels or none."""
        return self._trained().several

    @property
    def vocabulary_(self) -> Vocabulary:
        """The words that it knows."""
        return self._trained().vocabulary

    @property
    def network_(self) -> Network:
        """The network itself."""
        return self._trained().network

    @property
    def history_(self) -> History:
        """The figures of every epoch."""
        return self._trained().history

    @property
    def metrics_(self) -> dict[str, Any]:
        """Figures in types that JSON has; what is added to them is saved with the model."""
        return self._trained().metrics

    @property
    def is_unfinished(self) -> bool:
        """Whether its training was interrupted and can be resumed."""
        return self._trained().training is not None

    def __sklearn_is_fitted__(self) -> bool:
        return self._model is not None

    def _encoded(self, texts: Iterable[str]) -> Ragged:
        model = self._trained()
        return model.vocabulary.encode_all(
            each_text("", texts), start=model.recipe.text.start_token
        )

    def _trained(self) -> TrainedModel:
        if self._model is None:
            raise not_fitted()
        return self._model


def _restored(
    kind: type[TextClassifier], parameters: dict[str, Any], files: dict[str, bytes] | None
) -> TextClassifier:
    """What ``__reduce__`` wrote down."""
    classifier = kind(**parameters)
    if files is not None:
        name = Path("the pickled model")
        classifier._model = TrainedModel.from_bundle(name, bundle.from_files(name, files))
    return classifier
