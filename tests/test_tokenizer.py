import itertools
import string

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unrolled.errors import RecipeError
from unrolled.text.chunk_table import find_chunks
from unrolled.text.keras_words import keras_index_words, keras_words
from unrolled.text.tokenizer import NAMES, TOKENIZERS, Tokenizer, load_tokenizer

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'  # written out again, as in Keras' documentation
TRICKY = (
    "dDoTtbr3'’ \t\n:;=-^_<>/(.)!~*0ΣςİßA\u0301\u0307éÅ가각ㅋがは映🏽👍❤️\u200d🇰🇷1\u20e3\ud800\0"
)
ANY_TEXT = st.text(alphabet=st.one_of(st.sampled_from(TRICKY), st.characters(categories=None)))


def straightforward(text: str) -> list[str]:
    words, word = [], ""
    for character in text.lower():
        if character in FILTERS or character == " ":
            words.append(word)
            word = ""
        else:
            word += character
    return [word for word in [*words, word] if word]


def test_punctuation_splits_and_the_apostrophe_does_not() -> None:
    text = "It's \"GREAT\"!<br /><br />Well-made, isn't it?\tYes_no\n10/10"
    assert keras_words(text) == [
        *["it's", "great", "br", "br", "well", "made", "isn't", "it", "yes", "no", "10", "10"]
    ]


def test_other_white_space_stays_inside_words() -> None:
    assert keras_words("one\x0btwo\xa0three\rfour") == ["one\x0btwo\xa0three\rfour"]


def test_nothing_to_read() -> None:
    assert keras_words("") == keras_words(" ... \n\t") == keras_index_words("?!") == []


@given(st.text(alphabet=st.one_of(st.sampled_from(string.printable), st.characters())))
def test_equals_a_character_loop(text: str) -> None:
    assert keras_words(text) == straightforward(text)


def test_only_the_index_keeps_capitals_outside_a_to_z() -> None:
    assert keras_words("AmÉlie ÀZ") == ["amélie", "àz"]
    assert keras_index_words("AmÉlie ÀZ") == ["amÉlie", "Àz"]


@given(st.text(alphabet=string.printable))
def test_both_agree_on_ascii(text: str) -> None:
    assert keras_index_words(text) == keras_words(text)


def test_each_is_found_by_its_name() -> None:
    assert NAMES == ("keras", "words", "characters", "subwords")
    assert load_tokenizer("keras")("One, two") == keras_words("One, two")
    with pytest.raises(RecipeError, match="'letters' is unknown; known: keras, words, characters"):
        load_tokenizer("letters")
    with pytest.raises(RecipeError, match="'subwords' needs a trained model"):
        load_tokenizer("subwords")
    with pytest.raises(RecipeError, match="'words' has no use for a trained model"):
        load_tokenizer("words", "{}")


def chunks_of(tokenizer: Tokenizer, text: str) -> list[str]:
    """Chunks that ``find_chunks`` cuts, which is what an encoder remembers."""
    data = text.encode("utf-8", "surrogatepass")
    ends, _ = find_chunks(
        np.frombuffer(data, np.uint8), np.array([len(data)], np.int64), tokenizer.cuts
    )
    places = itertools.pairwise([0, *ends.tolist()])
    return [data[start:end].decode("utf-8", "surrogatepass") for start, end in places]


def tokens_by_chunks(tokenizer: Tokenizer, text: str) -> list[str]:
    return [token for chunk in chunks_of(tokenizer, text) for token in tokenizer.tokens(chunk)]


@pytest.mark.parametrize("name", TOKENIZERS)
@given(text=ANY_TEXT)
@example("ΑΣ.Β ΑΣ ΟΔΟΣ.")
@example("<br /><BR/>:D x:D (:-)</3")
@settings(max_examples=300, deadline=None)
def test_cutting_a_text_changes_no_token(name: str, text: str) -> None:
    tokenizer = TOKENIZERS[name]
    assert "".join(chunks_of(tokenizer, text)) == text
    assert tokens_by_chunks(tokenizer, text) == tokenizer(text)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_no_pair_of_characters_is_cut_that_belongs_together(name: str) -> None:
    tokenizer = TOKENIZERS[name]
    for length, alphabet in ((4, "dB1:-')(<>/.!^_ "), (3, string.printable)):
        joined = map("".join, itertools.product(alphabet, repeat=length))
        for text in itertools.islice(joined, 0, None, 1 if length == 4 else 7):
            assert tokens_by_chunks(tokenizer, text) == tokenizer(text), repr(text)


def test_long_words_are_cut_where_it_pays() -> None:
    text = 'Great movie.<br />"Wow!"'
    assert chunks_of(TOKENIZERS["keras"], text) == [
        *["Great", " movie", ".<", "br", ' />"', "Wow", '!"']
    ]
    assert chunks_of(TOKENIZERS["words"], text)[:3] == ["Great", " movie", "."]


@pytest.mark.parametrize("name", TOKENIZERS)
@given(text=ANY_TEXT)
@settings(max_examples=300, deadline=None)
def test_tokens_joined_are_the_same_tokens(name: str, text: str) -> None:
    tokenizer = TOKENIZERS[name]
    tokens = tokenizer(text)
    assert tokenizer(text) == tokens
    assert tokenizer(tokenizer.join(tokens)) == tokens
    assert all(tokens)


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize(
    "part", ["a", " b", "!", "가", "は", ":-)", "👍🏽", "\0", "\ud83d", "<br />"]
)
def test_a_megabyte_of_anything(name: str, part: str) -> None:
    tokenizer = TOKENIZERS[name]
    tokens = tokenizer(part * (1_000_000 // len(part)))
    assert tokenizer(tokenizer.join(tokens)) == tokens
