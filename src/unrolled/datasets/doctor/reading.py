"""What a recipe makes of the texts: how many tokens, which are cut, which words are unknown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from unrolled.datasets.doctor.census import Rows
from unrolled.datasets.doctor.findings import EXAMPLES, Finding, counted
from unrolled.datasets.doctor.together import GROUPS, Together
from unrolled.datasets.examples import Examples
from unrolled.ragged import Sequences
from unrolled.recipe import Recipe
from unrolled.text.sequences import was_cut
from unrolled.text.vocabulary import Vocabulary

Number = TypeVar("Number", np.bool_, np.int64, np.float32)

CUT = 0.5  # share of cut texts that warns
UNKNOWN = 0.2  # share of unknown tokens that warns


@dataclass(frozen=True)
class Reading:
    """Texts as a recipe's network would get them, part by part, in the order of its rows.

    maxlen: tokens that are read of a text, None for all. tokens: lengths with the start token
    (rows,); words: lengths without it (rows,); is_cut: whether a text is longer than maxlen
    (rows,); unknown: share of its words that are unknown (rows,).
    """

    maxlen: int | None
    tokens: Mapping[str, Rows]
    words: Mapping[str, Rows]
    is_cut: Mapping[str, NDArray[np.bool_]]
    unknown: Mapping[str, NDArray[np.float32]]

    @classmethod
    def of(
        cls, recipe: Recipe, vocabulary: Vocabulary, encoded: Mapping[str, Sequences]
    ) -> Reading:
        """From the ids of each part's texts, uncut."""
        maxlen = recipe.text.maxlen
        tokens = {part: ids.lengths for part, ids in encoded.items()}
        return cls(
            maxlen=maxlen,
            tokens=tokens,
            words={part: lengths - recipe.text.start_token for part, lengths in tokens.items()},
            is_cut={part: was_cut(ids, maxlen) for part, ids in encoded.items()},
            unknown={part: vocabulary.unknown_share(ids) for part, ids in encoded.items()},
        )


def read_with(
    recipe: Recipe, parts: Mapping[str, Examples], held_back: Rows | None = None
) -> Reading:
    """Learn a vocabulary from the training texts as the recipe says, and encode all parts."""
    settings = recipe.text
    is_learned = np.ones(len(parts["train"]), np.bool_)
    if held_back is not None and settings.vocabulary_of == "train":
        is_learned[held_back] = False
    vocabulary, train = Vocabulary.fit(
        parts["train"].texts,
        tokenizer=settings.tokenizer,
        num_words=settings.num_words,
        min_count=settings.min_count,
        start=settings.start_token,
        subwords=settings.subwords,
        counted=lambda _: np.flatnonzero(is_learned),
    )
    others = {
        part: vocabulary.encode_all(examples.texts, start=settings.start_token)
        for part, examples in parts.items()
        if part != "train"
    }
    return Reading.of(recipe, vocabulary, {"train": train, **others})


def find_reading_faults(rows: Together, reading: Reading) -> Iterator[Finding]:
    """Texts of no word or of one, texts cut, words unknown."""
    yield from _short(rows, reading)
    yield from _cut(rows, reading)
    yield from _unknown(rows, reading)


def _short(rows: Together, reading: Reading) -> Iterator[Finding]:
    words = _all_parts(rows, reading.words)
    for count, kind, noun, advice in (
        (0, "texts_without_words", "no token at all", "the network reads an unknown word instead"),
        (
            1,
            "one_token_texts",
            "one token only",
            "look whether the column of texts is the right one",
        ),
    ):
        found = np.flatnonzero(words == count)
        if len(found):
            yield Finding(
                kind, "notes" if count else "warns", len(found),
                f"{counted(len(found), 'text')} {'has' if len(found) == 1 else 'have'} {noun}",
                rows.places(found), advice,
            )  # fmt: skip


def _cut(rows: Together, reading: Reading) -> Iterator[Finding]:
    is_cut = _all_parts(rows, reading.is_cut)
    if not is_cut.any() or reading.maxlen is None:
        return
    tokens = _all_parts(rows, reading.tokens)
    share = float(is_cut.mean())
    lost = float((tokens[is_cut] - reading.maxlen).sum() / tokens.sum())
    most = int(np.percentile(tokens, 95))
    yield Finding(
        "cut_texts", "warns" if share >= CUT else "notes", int(is_cut.sum()),
        f"{share:.1%} of the texts are longer than text.maxlen = {reading.maxlen:,} and are cut, "
        f"by which {lost:.1%} of all tokens are lost",
        rows.places(np.flatnonzero(is_cut)),
        f"text.maxlen={most} reads 95% of the texts whole, and takes longer",
    )  # fmt: skip


def _unknown(rows: Together, reading: Reading) -> Iterator[Finding]:
    """Of the texts that nothing was learned from: validation, test."""
    share, words = _all_parts(rows, reading.unknown), _all_parts(rows, reading.words)
    for group in GROUPS[1:]:
        members = rows.rows(group)
        total = int(words[members].sum())
        if not total:
            continue
        unknown = float((share[members] * words[members]).sum() / total)
        if not round(unknown, 3):
            continue
        found = members[share[members] > 0]
        worst = found[np.argsort(-share[found], kind="stable")[:EXAMPLES]]
        yield Finding(
            f"unknown_words_in_{group}", "warns" if unknown >= UNKNOWN else "notes", len(found),
            f"{unknown:.1%} of the words of the {group} texts are unknown, "
            f"in {counted(len(found), 'text')}",
            tuple((rows.where(row), f"{share[row]:.0%} unknown") for row in worst.tolist()),
            "a larger text.num_words or a smaller text.min_count knows more of them, as does "
            "text.tokenizer=subwords",
        )  # fmt: skip


def _all_parts(rows: Together, of_parts: Mapping[str, NDArray[Number]]) -> NDArray[Number]:
    """The figures of all rows, end to end."""
    return np.concatenate([of_parts[part.part] for part in rows.parts])
