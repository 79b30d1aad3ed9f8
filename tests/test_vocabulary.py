import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.errors import DataError, ModelError, RecipeError
from unrolled.ragged import Ragged
from unrolled.text.tokenizer import keras_words
from unrolled.text.vocabulary import Vocabulary, number_words, with_first

TEXTS = ["the cat and the dog", "The dog.", "a cat? the end", ""]  # the 4, cat 2, dog 2, ...


def lists(sequences: Ragged) -> list[list[int]]:
    return [sequences[row].tolist() for row in range(len(sequences))]


def test_frequent_words_have_small_ids() -> None:
    vocabulary = Vocabulary.from_texts(TEXTS)
    assert vocabulary.words[0] == "the"
    assert set(vocabulary.words[1:3]) == {"cat", "dog"}
    assert vocabulary.counts == (4, 2, 2, 1, 1, 1)
    assert vocabulary.different_words == 6
    assert vocabulary.size == 10
    assert vocabulary.encode("the").tolist() == [1, 4]
    assert vocabulary.encode("the", start=False).tolist() == [4]
    assert vocabulary.encode("the").dtype == np.int32


def test_ids_from_num_words_on_are_unknown() -> None:
    vocabulary = Vocabulary.from_texts(TEXTS, num_words=6)
    assert len(vocabulary.words) == 2
    assert vocabulary.different_words == 6
    assert vocabulary.size == 6
    assert sorted(vocabulary.encode("the cat the dog a unseen").tolist()) == [1, 2, 2, 2, 4, 4, 5]


def test_num_words_beyond_the_words_still_sets_the_size() -> None:
    assert Vocabulary.from_texts(TEXTS, num_words=300).size == 300


@given(st.lists(st.text(alphabet="aAbB .!"), max_size=8), st.none() | st.integers(5, 12))
def test_fit_encodes_as_encode_all_does(texts: list[str], num_words: int | None) -> None:
    texts = [*texts, "one word"]
    for start in (True, False):
        vocabulary, encoded = Vocabulary.fit(texts, num_words=num_words, start=start)
        assert lists(encoded) == lists(vocabulary.encode_all(texts, start=start))
        assert vocabulary == Vocabulary.from_texts(texts, num_words=num_words)
        assert encoded.ids.max() < vocabulary.size
    counts = Counter(word for text in texts for word in keras_words(text))
    assert dict(zip(vocabulary.words, vocabulary.counts, strict=True)).items() <= counts.items()
    assert list(vocabulary.counts) == sorted(counts.values(), reverse=True)[: len(vocabulary.words)]


def test_decode_undoes_encode() -> None:
    vocabulary = Vocabulary.from_texts(TEXTS)
    assert vocabulary.decode(vocabulary.encode("The dog, and a cat!")) == "the dog and a cat"
    assert vocabulary.decode([0, 0, 1, 4, 2, 3, 10_000, 4]) == "the ? ? ? the"


def test_survives_json_with_the_words_that_can_be_encoded() -> None:
    vocabulary = Vocabulary.from_texts(TEXTS, num_words=6)
    data = json.loads(json.dumps(vocabulary.to_dict()))
    assert len(data["words"]) == 2
    again = Vocabulary.from_dict(data)
    assert again == vocabulary
    assert again.encode("the cat").tolist() == vocabulary.encode("the cat").tolist()


@pytest.mark.parametrize(
    "change", [{"words": ["one"]}, {"counts": None}, {"tokenizer": "other"}, {"num_words": "many"}]
)
def test_damaged_description_is_refused(change: dict[str, object]) -> None:
    data = Vocabulary.from_texts(TEXTS).to_dict() | change
    with pytest.raises(ModelError, match="vocabulary is damaged"):
        Vocabulary.from_dict(data)
    del data["words"]
    with pytest.raises(ModelError, match="'words'"):
        Vocabulary.from_dict(data)


def test_settings_and_texts_that_leave_no_word() -> None:
    with pytest.raises(RecipeError, match="num_words = 4 leaves no word"):
        Vocabulary.from_texts(TEXTS, num_words=4)
    with pytest.raises(RecipeError, match="'letters' is unknown; known: keras"):
        Vocabulary.from_texts(TEXTS, tokenizer="letters")
    with pytest.raises(DataError, match="no word to learn from"):
        Vocabulary.from_texts(["", " . "])


def test_words_are_numbered_by_first_appearance() -> None:
    words, numbers = number_words(["b a b", "", "c a"], str.split)
    assert words == ["b", "a", "c"]
    assert lists(numbers) == [[0, 1, 0], [], [2, 1]]


def test_first_id_also_of_empty_sequences() -> None:
    sequences = Ragged.from_lists([[], [7, 8], [], [9], []])
    assert lists(with_first(sequences, 1)) == [[1], [1, 7, 8], [1], [1, 9], [1]]
    assert lists(with_first(Ragged.from_lists([]), 1)) == []
