"""Single texts to look at: what was read, what was to be written, and what is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from unrolled.ragged import Ragged
from unrolled.writer.figures import edit_distance
from unrolled.writer.pairs import pairs_of
from unrolled.writer.trained import TrainedWriter

BEAMS = 4
GOES_ON = 60
"""Tokens at most that a language model writes here: it may never come to an end."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One text and what a writer makes of it.

    text: what it reads; of a language model half of a text: the first, or the last if it writes
    what comes before. target: what was to be written. What no one gave, as the target of an
    autoencoder, is in the words that it knows, with "?" for others. greedy: what it writes by the
    likeliest word at each step; beams: along ``BEAMS`` ways at once. exact, edit_distance: of
    ``greedy``, as in `Figures`; None of a language model.
    """

    text: str
    target: str
    greedy: str
    beams: str
    exact: bool | None = None
    edit_distance: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return asdict(self)


def samples_of(
    model: TrainedWriter,
    texts: Sequence[str],
    targets: Sequence[str] | None,
    threads: int | None,
) -> list[Sample]:
    """A sample of each text. targets: of the task seq2seq only."""
    if model.writing.task == "language-model":
        return _continued(model, texts, threads)
    sequences = _encoded(model, texts)
    encoded = None
    if targets is not None and model.target_vocabulary is not None:
        encoded = model.target_vocabulary.encode_all(targets, start=False)
    said = pairs_of(model.recipe, sequences, encoded)[1]
    greedy = model.written(sequences, threads=threads)
    beams = model.written(sequences, beams=BEAMS, threads=threads)
    samples = []
    for row, wanted in enumerate(model.wanted(said)):
        written = greedy[row].tokens
        samples.append(
            Sample(
                text=texts[row],
                target=model.text_of_ids(said[row][:-1]) if targets is None else targets[row],
                greedy=model.text_of(greedy[row]),
                beams=model.text_of(beams[row]),
                exact=bool(np.array_equal(wanted, written)),
                edit_distance=edit_distance(wanted, written),
            )
        )
    return samples


def _continued(model: TrainedWriter, texts: Sequence[str], threads: int | None) -> list[Sample]:
    """Half of the tokens of each text, the other half, and how the model goes on from the one."""
    sequences = _encoded(model, texts)
    middles = sequences.lengths // 2
    first = sequences.pieces(sequences.starts, middles)
    last = sequences.pieces(sequences.starts + middles, sequences.lengths - middles)
    begun, rest = (last, first) if model.writing.direction == "backward" else (first, last)
    greedy, beams = (
        model.written(begun, beams=ways, longest=GOES_ON, threads=threads) for ways in (1, BEAMS)
    )
    return [
        Sample(
            text=model.text_of_ids(begun[row]),
            target=model.text_of_ids(rest[row]),
            greedy=model.text_of(greedy[row]),
            beams=model.text_of(beams[row]),
        )
        for row in range(len(texts))
    ]


def _encoded(model: TrainedWriter, texts: Sequence[str]) -> Ragged:
    return model.vocabulary.encode_all(texts, start=model.recipe.text.start_token)
