"""TrainedWriter: everything that makes up one model that writes, to a folder and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled import __version__, bundle
from unrolled.engine.encoder_decoder import EncoderDecoder
from unrolled.engine.writing import Written, write
from unrolled.model.keeping import UNFINISHED, errors_name, figures_of, other_weights
from unrolled.ragged import Ragged, Sequences
from unrolled.recipe import Recipe, WritingRecipe, writing_of
from unrolled.text.vocabulary import STOP, UNKNOWN, Vocabulary
from unrolled.training.history import History
from unrolled.training.state import TrainingState
from unrolled.writer.card import writer_card
from unrolled.writer.figures import Figures, exact_match, mean_edit_distance, perplexity
from unrolled.writer.networks import build_writer, rows_of
from unrolled.writer.pairs import backwards, pairs_of, read_of, with_start
from unrolled.writer.using import go_on, reader_of, vectors


@dataclass
class TrainedWriter:
    """A network that has learned to write, and what its numbers mean.

    target_vocabulary: of the words that it writes, where they are not those that it reads.
    longest: tokens of the longest target that it learned from, the stop token included.
    source, fingerprint, training: as in `TrainedModel`.
    """

    recipe: Recipe
    vocabulary: Vocabulary
    target_vocabulary: Vocabulary | None
    network: EncoderDecoder
    source: str
    longest: int
    fingerprint: str = ""
    history: History = field(default_factory=History)
    metrics: dict[str, Any] = field(default_factory=dict)
    training: TrainingState | None = None
    report: str | None = None

    @property
    def writing(self) -> WritingRecipe:
        """What it writes, and how."""
        return writing_of(self.recipe)

    @property
    def _is_language_model(self) -> bool:
        return self.writing.task == "language-model"

    # --- Using -------------------------------------------------------------------------------

    def written(
        self,
        sequences: Sequences,
        *,
        beams: int = 1,
        length_penalty: float = 0.0,
        longest: int | None = None,
        threads: int | None = None,
    ) -> list[Written]:
        """What it writes to encoded texts; a language model, behind them."""
        how: dict[str, Any] = {
            "stop": STOP,
            "longest": longest or self.writing.longest or self.longest,
            "beams": beams,
            "length_penalty": length_penalty,
            "threads": threads,
        }
        if self._is_language_model:
            return go_on(self.network, self._begun(sequences), **how)
        return write(self.network, read_of(self.recipe, sequences), **how)

    def text_of(self, written: Written) -> str:
        """In reading order; "?" for a word that it does not know."""
        is_backward = self.writing.direction == "backward"
        return self.text_of_ids(written.tokens[::-1] if is_backward else written.tokens)

    def text_of_ids(self, ids: Iterable[int] | NDArray[np.integer]) -> str:
        """The words that it writes with these ids, "?" for an unknown one."""
        return (self.target_vocabulary or self.vocabulary).decode(ids)

    def vectors(self, sequences: Sequences, threads: int | None) -> NDArray[np.float32]:
        """Last state of the top layer (texts, units) that reads encoded texts."""
        read = read_of(self.recipe, sequences)
        if self._is_language_model:
            reader = reader_of(self.network, self.network.start)
            return vectors(reader, self._begun(read), threads)
        return vectors(self.network, read, threads)

    def figures(
        self, sequences: Sequences, targets: Sequences | None, threads: int | None
    ) -> Figures:
        """How well it does on encoded texts. targets: of the task seq2seq only."""
        pairs = pairs_of(self.recipe, sequences, targets)
        loss, accuracy = self.network.evaluate(*pairs, threads=threads)
        exact = distance = None
        if not self._is_language_model:
            written = self.written(sequences, threads=threads)
            wanted = self.wanted(pairs[1])
            both = [(own, one.tokens) for own, one in zip(wanted, written, strict=True)]
            exact, distance = exact_match(both), mean_edit_distance(both)
        return Figures(
            texts=len(sequences),
            tokens=int(pairs[1].lengths.sum()),
            loss=loss,
            perplexity=perplexity(loss),
            token_accuracy=accuracy,
            exact_match=exact,
            edit_distance=distance,
        )

    def wanted(self, targets: Sequences) -> list[NDArray[np.int32]]:
        """Ids of each target, without the stop token, as what is written compares with them.

        An unknown word has an id that nothing has: "?" is not the word.
        """
        ids = (targets[row][:-1] for row in range(len(targets)))
        return [np.where(one == UNKNOWN, -1, one).astype(np.int32) for one in ids]

    def _begun(self, sequences: Sequences) -> Ragged:
        """Texts as a language model reads them: from its start on, in its direction."""
        words = sequences.packed()
        return with_start(backwards(words) if self.writing.direction == "backward" else words)

    # --- Keeping -----------------------------------------------------------------------------

    def record(self, history: History, *, epoch: int, stop_reason: str) -> None:
        """Take in the figures of its training; the weights are those of epoch ``epoch``."""
        self.history = history
        own = figures_of(history, epoch=epoch, stop_reason=stop_reason)
        self.metrics |= own | {"val_perplexity": perplexity(own["val_loss"])}

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
    def load(cls, path: Path) -> TrainedWriter:
        """Read a model's folder; ModelError names the file that is wrong."""
        return cls.from_bundle(path, bundle.read(path))

    def to_bundle(self, name: str) -> bundle.Bundle:
        """What a model folder called ``name`` holds."""
        target_vocabulary = self.target_vocabulary
        return bundle.Bundle(
            config={
                "task": self.writing.task,
                "recipe": self.recipe.to_dict(),
                "longest": self.longest,
                "library_version": __version__,
                "data": {"source": self.source, "fingerprint": self.fingerprint},
            },
            weights=dict(self.network.weights),
            vocabulary=self.vocabulary.to_dict(),
            target_vocabulary=None if target_vocabulary is None else target_vocabulary.to_dict(),
            history_csv=self.history.to_csv(),
            metrics=self.metrics,
            card=writer_card(name, self.recipe, self.source, self.metrics),
            report=self.report,
            training=None if self.training is None else self.training.to_arrays(),
        )

    @classmethod
    def from_bundle(cls, path: Path, stored: bundle.Bundle) -> TrainedWriter:
        """From what the folder at ``path`` holds."""
        bundle.check_kind(path, stored.config, writes=True)
        with errors_name(path / bundle.CONFIG):
            settings = _config(stored.config)
        with errors_name(path / bundle.VOCABULARY):
            vocabulary = Vocabulary.from_dict(stored.vocabulary)
        target_vocabulary = None
        if stored.target_vocabulary is not None:
            with errors_name(path / bundle.TARGET_VOCABULARY):
                target_vocabulary = Vocabulary.from_dict(stored.target_vocabulary)
        with errors_name(path / bundle.HISTORY):
            history = History.from_csv(stored.history_csv)
        training = None
        if stored.training is not None:
            with errors_name(path / bundle.TRAINING):
                training = TrainingState.from_arrays(stored.training)
        network = build_writer(
            settings["recipe"],
            reads=rows_of(vocabulary),
            writes=rows_of(target_vocabulary or vocabulary),
        )
        shapes = {name: array.shape for name, array in network.weights.items()}
        bundle.check_shapes(path, stored.weights, shapes)
        for name, array in network.weights.items():
            array[:] = stored.weights[name]
        return cls(
            **settings,
            vocabulary=vocabulary,
            target_vocabulary=target_vocabulary,
            network=network,
            history=history,
            metrics=stored.metrics,
            training=training,
            report=stored.report,
        )


def _config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of TrainedWriter."""
    recipe = Recipe.from_dict(config["recipe"])
    writing_of(recipe)
    return {
        "recipe": recipe,
        "longest": int(config["longest"]),
        "source": config["data"]["source"],
        "fingerprint": config["data"]["fingerprint"],
    }
