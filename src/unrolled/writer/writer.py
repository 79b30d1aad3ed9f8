"""TextWriter: reads a text and writes one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from unrolled import bundle
from unrolled.datasets.split import train_validation_split
from unrolled.engine.encoder_decoder import EncoderDecoder
from unrolled.engine.summary import LayerRow, format_table
from unrolled.errors import InputError, NotFittedError
from unrolled.model.labelled import each_text
from unrolled.ragged import Ragged
from unrolled.recipe import (
    WRITER_RECIPE,
    Recipe,
    Task,
    changed_recipe,
    load_recipe,
    writing_of,
)
from unrolled.text.vocabulary import Vocabulary
from unrolled.training.callbacks import Callback
from unrolled.training.history import EpochRecord, History
from unrolled.training.learner import MakeLearner
from unrolled.writer.encoding import Rows, check_words, encode_pairs
from unrolled.writer.figures import Figures
from unrolled.writer.learning import learn_to_write
from unrolled.writer.networks import build_writer
from unrolled.writer.samples import Sample, samples_of
from unrolled.writer.trained import TrainedWriter


class TextWriter:
    """Reads a text and writes one; learns without labels.

    recipe: a preset's name, a TOML file, or a `Recipe`, with a section ``writing``; task overrules
    ``writing.task``; settings: changes to the recipe, as {"network.units": 128}.

    The tasks: "autoencoder" reads a text into one vector and writes it again (or its words in
    reverse, or its last ones: ``writing.target``); "seq2seq" writes another text, such as an
    answer; "language-model" foresees the next word, or the previous one (``writing.direction``).
    What is written to a text has the same bits alone, in any company, and after save and load.
    threads: changes the time and no result.
    """

    _model: TrainedWriter | None = None

    def __init__(
        self,
        recipe: Recipe | str | Path = WRITER_RECIPE,
        *,
        task: Task | None = None,
        settings: Mapping[str, Any] | None = None,
        threads: int | None = None,
    ) -> None:
        changes = dict(settings or {}) | ({} if task is None else {"writing.task": task})
        chosen = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
        writing_of(chosen)
        self.recipe = changed_recipe(chosen, changes)
        self.threads = threads

    # --- Learning --------------------------------------------------------------------------------

    def fit(
        self,
        texts: Iterable[str],
        targets: Iterable[str] | None = None,
        validation: Iterable[str] | tuple[Iterable[str], Iterable[str]] | None = None,
        *,
        source: str = "a list in memory",
        where: Callable[[int], str] | None = None,
        out: str | Path | None = None,
        resume: bool = False,
        learner: MakeLearner | None = None,
        callbacks: Sequence[Callback] = (),
        on_epoch: Callable[[EpochRecord], None] | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> Self:
        """Train on texts, for seq2seq with the text that is to be written to each as its target.

        validation: texts, for seq2seq (texts, targets); without it ``split`` holds some back.
        source: where the data came from, as a part of a sentence. where: what a training row is
        called in an error. The others are those of ``TextClassifier.fit_sequences``.
        """
        parts = [Rows.of(self.recipe, "training", texts, targets)]
        if validation is not None:
            parts.append(self._validation(validation))
        self._model = learn_to_write(
            self.recipe,
            encode_pairs(self.recipe, parts, split=self.split, where=where),
            source=source,
            threads=self.threads,
            out=None if out is None else Path(out),
            resume=resume,
            learner=learner,
            callbacks=callbacks,
            on_epoch=on_epoch,
            on_progress=on_progress,
        )
        return self

    def split(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which of ``count`` rows are for training and which for validation, by the recipe."""
        settings = self.recipe.training
        return train_validation_split(count, settings.validation_fraction, settings.split_seed)

    def _validation(self, given: Any) -> Rows:
        if writing_of(self.recipe).task != "seq2seq":
            return Rows.of(self.recipe, "validation", given, None)
        if not isinstance(given, tuple) or len(given) != 2:
            raise InputError("validation of the task seq2seq must be (texts, targets)")
        return Rows.of(self.recipe, "validation", *given)

    # --- Using -----------------------------------------------------------------------------------

    def decode(
        self,
        texts: Iterable[str],
        *,
        beams: int = 1,
        length_penalty: float = 0.0,
        longest: int | None = None,
    ) -> list[str]:
        """What it writes to each text; a language model continues it, or writes what comes before.

        beams: ways that are followed at once, from 1 (the likeliest word at each step) to 16.
        length_penalty: from 0 up, favours longer texts among them. longest: tokens at most; None:
        ``writing.longest``, or as many as the longest target that it learned from.
        """
        model = self._trained()
        written = model.written(
            self._encoded(texts),
            beams=beams,
            length_penalty=length_penalty,
            longest=longest,
            threads=self.threads,
        )
        return [model.text_of(one) for one in written]

    def embed(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """A vector of each text (texts, units): the last state of the top layer that reads it."""
        return self._trained().vectors(self._encoded(texts), self.threads)

    def score(
        self,
        texts: Iterable[str],
        targets: Iterable[str] | None = None,
        *,
        where: Callable[[int], str] | None = None,
    ) -> Figures:
        """How well it writes what is to be written to texts, by several figures.

        where: what a row is called in an error.
        """
        model, place = self._trained(), where or (lambda row: f"row {row}")
        rows = Rows.of(model.recipe, "", texts, targets)
        encoded = self._encoded(rows.texts)
        check_words(encoded, "text", place)
        wanted = None
        if rows.targets is not None and model.target_vocabulary is not None:
            wanted = model.target_vocabulary.encode_all(rows.targets, start=False)
            check_words(wanted, "target", place)
        return model.figures(encoded, wanted, self.threads)

    def samples(self, texts: Iterable[str], targets: Iterable[str] | None = None) -> list[Sample]:
        """What it makes of each text, beside what is to be written to it."""
        model = self._trained()
        rows = Rows.of(model.recipe, "", texts, targets)
        return samples_of(model, rows.texts, rows.targets, self.threads)

    # --- Describing ------------------------------------------------------------------------------

    def layer_rows(self) -> list[LayerRow]:
        """Describe each layer: name, output shape, parameters; before training, at its largest."""
        if self._model is not None:
            return self._model.network.layer_rows()
        words = self.recipe.text.num_words
        if words is None:
            raise InputError(
                "text.num_words is none, so that the size of the network depends on the texts: "
                "train it first"
            )
        return build_writer(self.recipe, reads=words, writes=words).layer_rows()

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
        model = TrainedWriter.load(Path(path))
        writer = cls(model.recipe, threads=threads)
        writer._model = model
        return writer

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickle, or a copy, holds the recipe and the bytes of the model's files."""
        files = None if self._model is None else bundle.to_files(self._model.to_bundle("model"))
        return _restored, (type(self), self.recipe, self.threads, files)

    # --- What it learned -------------------------------------------------------------------------

    @property
    def vocabulary_(self) -> Vocabulary:
        """The words that it reads."""
        return self._trained().vocabulary

    @property
    def target_vocabulary_(self) -> Vocabulary:
        """The words that it writes."""
        model = self._trained()
        return model.target_vocabulary or model.vocabulary

    @property
    def network_(self) -> EncoderDecoder:
        """The network itself."""
        return self._trained().network

    @property
    def history_(self) -> History:
        """The figures of every epoch; accuracy is that of tokens."""
        return self._trained().history

    @property
    def metrics_(self) -> dict[str, Any]:
        """Figures in types that JSON has; what is added to them is saved with the model."""
        return self._trained().metrics

    @property
    def source_(self) -> str:
        """Where the data came from, as a part of a sentence."""
        return self._trained().source

    @property
    def is_unfinished(self) -> bool:
        """Whether its training was interrupted and can be resumed."""
        return self._trained().training is not None

    def _encoded(self, texts: Iterable[str]) -> Ragged:
        model = self._trained()
        return model.vocabulary.encode_all(
            each_text("", texts), start=model.recipe.text.start_token
        )

    def _trained(self) -> TrainedWriter:
        if self._model is None:
            raise NotFittedError("this writer has not learned anything yet: call fit or load")
        return self._model


def _restored(
    kind: type[TextWriter], recipe: Recipe, threads: int | None, files: dict[str, bytes] | None
) -> TextWriter:
    """What ``__reduce__`` wrote down."""
    writer = kind(recipe, threads=threads)
    if files is not None:
        name = Path("the pickled model")
        writer._model = TrainedWriter.from_bundle(name, bundle.from_files(name, files))
    return writer
