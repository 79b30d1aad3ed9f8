import string

from hypothesis import given
from hypothesis import strategies as st

from unrolled.text.tokenizer import TOKENIZERS, keras_index_words, keras_words

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'  # written out again, as in Keras' documentation


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


def test_the_recipe_finds_it_by_name() -> None:
    assert TOKENIZERS["keras"] is keras_words
