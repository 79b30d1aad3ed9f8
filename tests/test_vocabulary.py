import copy
import json
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.errors import DataError, ModelError, RecipeError
from unrolled.ragged import Ragged
from unrolled.text.keras_words import keras_words
from unrolled.text.tokenizer import TOKENIZERS
from unrolled.text.vocabulary import Vocabulary

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


@settings(deadline=None)
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


ANY_TEXT = st.text(alphabet=st.characters(categories=None))


def test_words_that_are_rare_are_unknown() -> None:
    vocabulary, encoded = Vocabulary.fit(TEXTS, min_count=2)
    assert set(vocabulary.words) == {"the", "cat", "dog"}
    assert vocabulary.counts == (4, 2, 2)
    assert vocabulary.different_words == 6
    assert lists(encoded) == lists(vocabulary.encode_all(TEXTS))
    assert lists(encoded)[2].count(2) == 2  # a, end
    assert Vocabulary.from_texts(TEXTS, min_count=3, num_words=300).words == ("the",)
    with pytest.raises(DataError, match="no word occurs min_count = 5 times; lower min_count"):
        Vocabulary.from_texts(TEXTS, min_count=5)
    with pytest.raises(RecipeError, match="min_count = 0 must be at least 1"):
        Vocabulary.from_texts(TEXTS, min_count=0)


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@given(st.lists(st.text(alphabet="abc가 !"), min_size=1, max_size=8), st.data())
@settings(deadline=None)
def test_only_the_words_of_counted_rows_count(
    tokenizer: str, texts: list[str], data: st.DataObject
) -> None:
    texts = [f"{text} a" for text in texts]
    order = data.draw(st.permutations(range(len(texts))))
    rows = np.array(order[: data.draw(st.integers(1, len(order)))])
    vocabulary, encoded = Vocabulary.fit(
        iter(texts), tokenizer=tokenizer, num_words=7, counted=lambda count: rows % count
    )
    assert vocabulary == Vocabulary.from_texts([texts[row] for row in rows], tokenizer, 7)
    assert lists(encoded) == lists(vocabulary.encode_all(texts))


def test_frequent_words_come_first_and_then_those_that_come_first() -> None:
    texts = ["d b b", "c a", "b a c", "c d", "d"]
    assert Vocabulary.from_texts(texts, "words").words == ("d", "b", "c", "a")
    rows = np.array([3, 2, 0])
    vocabulary, _ = Vocabulary.fit(texts, tokenizer="words", counted=lambda _: rows)
    assert vocabulary.words == ("b", "c", "d", "a")
    assert vocabulary.counts == (3, 2, 2, 1)


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@given(ANY_TEXT, st.lists(ANY_TEXT, max_size=4), st.booleans())
@settings(deadline=None)
def test_any_text_is_encoded_the_same_way_twice(
    tokenizer: str, text: str, others: list[str], start: bool
) -> None:
    vocabulary, encoded = Vocabulary.fit(
        [text, *others, "one word"], tokenizer=tokenizer, start=start
    )
    ids = vocabulary.encode(text, start).tolist()
    assert encoded[0].tolist() == ids == vocabulary.encode(text, start).tolist()
    assert vocabulary.encode(vocabulary.decode(ids), start).tolist() == ids
    tokens = vocabulary.tokens(ids)
    assert tokens[start:] == TOKENIZERS[tokenizer](text)
    assert tokens[:start] == ["[start]"] * start
    known = Vocabulary.from_texts(["a"], tokenizer)
    assert known.encode(text).tolist() == lists(known.encode_all([text]))[0]
    for same in (
        Vocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict()))),
        copy.deepcopy(vocabulary),
    ):
        assert same == vocabulary
        assert same.to_dict() == vocabulary.to_dict()
        assert same.encode(text, start).tolist() == ids


def test_a_megabyte_with_everything_in_it() -> None:
    text = "word \0\ud800 가나다 は👍🏽<br />" * 40_000
    for tokenizer in TOKENIZERS:
        vocabulary, encoded = Vocabulary.fit([text, "", text], tokenizer=tokenizer)
        assert len(encoded.ids) > 100_000
        assert lists(encoded) == lists(vocabulary.encode_all([text, "", text]))
        assert encoded[0].tolist() == vocabulary.encode(text).tolist()


def test_tokens_of_ids_without_a_word() -> None:
    vocabulary = Vocabulary.from_texts(["the cat the"], num_words=10)
    assert vocabulary.tokens([0, 1, 2, 3, 4, np.int32(5), 6, 9, -1]) == [
        *["[padding]", "[start]", "[unknown]", "[unknown]", "the", "cat"],
        *["[unknown]", "[unknown]", "[unknown]"],
    ]


def test_share_of_unknown_words() -> None:
    vocabulary = Vocabulary.from_texts(["the cat"], "words")
    texts = ["", "the cat", "the dog", "a dog ran past", "", "the cat saw the mouse", ""]
    for start in (True, False):
        share = vocabulary.unknown_share(vocabulary.encode_all(texts, start=start))
        assert share.dtype == np.float32
        np.testing.assert_allclose(share, [0, 0, 0.5, 1, 0, 0.4, 0])
    assert vocabulary.unknown_share(vocabulary.encode_all([])).shape == (0,)
    assert vocabulary.unknown_share(vocabulary.encode_all([""], start=False)).tolist() == [0]


def test_a_description_without_a_model_has_no_room_for_one() -> None:
    assert list(Vocabulary.from_texts(TEXTS).to_dict()) == [
        *["tokenizer", "num_words", "different_words", "words", "counts"]
    ]


def test_fit_takes_texts_that_are_read_once_and_holds_four_bytes_a_token() -> None:
    length = 250
    shuffled = [" ".join(f"{shift}{place * 7 % 501}" for place in range(length)) for shift in "abc"]

    def peak_memory(count: int) -> int:
        texts = iter(shuffled[number % 3] for number in range(count))
        tracemalloc.start()
        _, encoded = Vocabulary.fit(texts, tokenizer="words")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(encoded.ids) == count * (length + 1)
        return peak

    peak_memory(10)  # loads what is loaded once
    few, many = 5_000, 25_000
    added = (peak_memory(many) - peak_memory(few)) / ((many - few) * (length + 1))
    assert 3.9 < added < 4.5
