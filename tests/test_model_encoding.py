"""Texts on their way into a training: read once, not kept, split by row."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from unrolled import TextClassifier, load_recipe
from unrolled.datasets.split import train_validation_split
from unrolled.errors import DataError
from unrolled.model.encoding import TextSource, encode_parts
from unrolled.recipe import Recipe
from unrolled.text.vocabulary import Vocabulary

TEXTS = [f"word{row % 7} and {'rare' * (row % 2)}thing{row} here" for row in range(30)]
LABELS = ["odd" if row % 2 else "even" for row in range(30)]


def recipe(*changes: str) -> Recipe:
    quick = ["training.epochs=1", "network.units=4", "text.num_words=30", "text.min_count=1"]
    return load_recipe("small", [*quick, *changes])


class Text(str):
    """A string that can be watched: weak references do not keep it."""

    __slots__ = ("__weakref__",)


def test_texts_are_read_once_and_not_kept():
    alive: weakref.WeakSet = weakref.WeakSet()
    most = 0

    def source():
        nonlocal most
        for number in range(200):
            text = Text(f"text {number} is read once " + "and is long " * 5000)
            alive.add(text)
            yield text
            del text
            most = max(most, len(alive))

    labels = [("x", "y")[row % 2] for row in range(200)]
    classifier = TextClassifier(recipe("text.maxlen=5")).fit(source(), labels)
    assert classifier.metrics_["train_count"] == 160
    assert most < 150  # a batch of them at a time, however many there are


@pytest.mark.parametrize("tokenizer", ["keras", "words", "characters"])
@pytest.mark.parametrize("of", ["train", "all"])
def test_a_stream_gives_the_vocabulary_of_the_rows_it_is_counted_in(tokenizer, of):
    """The same, ids and ties included, as when only those texts are read, in that order."""
    settings = recipe(f"text.tokenizer={tokenizer}", f"text.vocabulary_of={of}").text
    vocabulary, sequences, rows = encode_parts(
        [TextSource("training", iter(TEXTS), 30)],
        settings,
        lambda count: train_validation_split(count, 0.3, 5),
    )
    train, validation = train_validation_split(30, 0.3, 5)
    assert [part.tolist() for part in rows] == [train.tolist(), validation.tolist()]
    counted = TEXTS if of == "all" else [TEXTS[row] for row in train]
    expected = Vocabulary.from_texts(counted, tokenizer=tokenizer, num_words=30)
    assert vocabulary == expected
    encoded = expected.encode_all(TEXTS)
    assert (sequences.ids == encoded.ids).all()
    assert (sequences.offsets == encoded.offsets).all()


def test_given_validation_texts_come_behind():
    sources = [
        TextSource("training", iter(TEXTS[:20]), 20),
        TextSource("validation", TEXTS[20:], 10),
    ]
    vocabulary, sequences, rows = encode_parts(sources, recipe().text, pytest.fail)
    assert [part.tolist() for part in rows] == [list(range(20)), list(range(20, 30))]
    assert vocabulary == Vocabulary.from_texts(TEXTS[:20], tokenizer="words", num_words=30)
    assert len(sequences) == 30


def test_subwords_need_the_texts_twice_and_take_them_from_anywhere():
    settings = recipe("text.tokenizer=subwords", "text.num_words=300").text

    def encode(texts):
        return encode_parts(
            [TextSource("training", texts, 30)],
            settings,
            lambda count: train_validation_split(count, 0.3, 5),
        )

    streamed, held = encode(iter(TEXTS)), encode(TEXTS)
    assert streamed[0] == held[0]
    assert (streamed[1].ids == held[1].ids).all()


@pytest.mark.parametrize(("count", "said"), [(29, "29 training texts and 30"), (31, "31 training")])
def test_as_many_texts_as_labels_are_needed(count, said):
    with pytest.raises(DataError, match=f"{said}.*labels; each text needs one"):
        TextClassifier(recipe()).fit((TEXTS * 2)[:count], LABELS)
    with pytest.raises(ValueError, match="validation texts and 1 labels"):
        TextClassifier(recipe()).fit(TEXTS, LABELS, (["a", "b"], ["odd"]))
    with pytest.raises(DataError, match=r"^2 texts and 1 labels"):
        TextClassifier(recipe()).fit(TEXTS, LABELS).score(["a", "b"], ["odd"])


def test_what_fit_trains_on_can_be_looked_at():
    classifier = TextClassifier(recipe())
    encoded = classifier.encode(iter(TEXTS), LABELS)
    train, validation = classifier.split(30)
    assert encoded.train_rows.tolist() == train.tolist()
    assert encoded.validation_rows.tolist() == validation.tolist()
    assert encoded.classes == ["even", "odd"]
    assert encoded.train[1].tolist() == [row % 2 for row in train]
    for part, rows in ((encoded.train, train), (encoded.validation, validation)):
        for at, row in enumerate(rows):
            assert np.array_equal(part[0][at], encoded.vocabulary.encode(TEXTS[row]))
