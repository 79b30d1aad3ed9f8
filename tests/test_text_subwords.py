import json
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.errors import DataError, InputError, ModelError, RecipeError
from unrolled.text.subwords import BYTES, Kind, Subwords, train
from unrolled.text.vocabulary import UNKNOWN, Vocabulary

TEXTS = [
    "이 영화는 정말 재미있었어요! 배우들 연기도 최고예요ㅠㅠ",
    "영화가 지루했어요... 배우들 연기도 별로였어요",
    "この映画は最高でした！何度見ても泣けます。",
    "この映画は退屈でした。二度と見ません。",
    "The film was great, and the actors were great too 👍🏽",
    "The film wasn't great; 2 hours of boredom   and\nnothing else",
] * 4
KINDS: list[Kind] = ["bpe", "unigram"]
SIZE = 600


@pytest.fixture(scope="module", params=KINDS)
def learnt(request: pytest.FixtureRequest) -> Subwords:
    pytest.importorskip("tokenizers")
    return train(lambda: TEXTS, kind=request.param, size=SIZE)


def without_loss(text: str) -> str:
    """What is left of a text: canonical composition, single spaces, no lone surrogates."""
    words = unicodedata.normalize("NFC", text).split()
    return " ".join(words).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def test_frequent_words_are_whole_and_others_fall_apart(learnt: Subwords) -> None:
    assert learnt.tokens(" 영화 ") == [" 영화"]
    tokens = learnt.tokens("영화관 Thé")
    assert tokens[0] == " 영화"
    assert tokens[-2:] == ["⟨c3⟩", "⟨a9⟩"]
    assert learnt.join(tokens) == "영화관 Thé"


def test_every_byte_is_a_piece_and_no_piece_is_there_twice(learnt: Subwords) -> None:
    pieces = learnt.pieces
    assert len(set(pieces)) == len(pieces) <= SIZE
    assert {f"⟨{byte:02x}⟩" for byte in range(BYTES)} <= set(pieces)


def test_real_texts_come_back(learnt: Subwords) -> None:
    for text in TEXTS:
        assert learnt.join(learnt.tokens(text)) == " ".join(text.split())
        decomposed = unicodedata.normalize("NFD", text)
        assert learnt.tokens(decomposed) == learnt.tokens(text)


@settings(deadline=None)
@given(
    text=st.text(
        alphabet=st.one_of(st.sampled_from("⟨⟩edf09영화 \n\0"), st.characters(categories=None))
    )
)
def test_nothing_is_lost(learnt: Subwords, text: str) -> None:
    tokens = learnt.tokens(text)
    assert set(tokens) <= set(learnt.pieces)
    again = learnt.join(tokens)
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert again == without_loss(text)
    assert learnt.tokens(again) == tokens
    words = text.split()
    assert [token for word in words for token in learnt.tokens(f"\t{word}")] == tokens


def test_lone_surrogates_become_replacement_characters(learnt: Subwords) -> None:
    assert learnt.join(learnt.tokens("a\ud800b \udfff")) == "a\ufffdb \ufffd"


def test_a_megabyte(learnt: Subwords) -> None:
    for part, times in (("word ", 200_000), ("영화", 50_000), ("\0", 50_000), ("é", 50_000)):
        text = part * times
        assert learnt.join(learnt.tokens(text)) == text.strip()


@pytest.mark.parametrize("kind", KINDS)
def test_training_leaves_nothing_to_chance(kind: Kind) -> None:
    pytest.importorskip("tokenizers")
    code = (
        "import sys; from unrolled.text.subwords import train; texts = sys.stdin.read().split('|');"
        f"print(ascii(train(lambda: texts, kind={kind!r}, size={SIZE}).model))"
    )
    models = {
        subprocess.run(
            [sys.executable, "-X", "utf8", "-c", code],
            input="|".join(TEXTS),
            capture_output=True,
            encoding="utf-8",
            check=True,
        ).stdout.strip()
        for _ in range(3)
    }
    assert models == {ascii(train(lambda: TEXTS, kind=kind, size=SIZE).model)}


@pytest.mark.parametrize("kind", KINDS)
def test_in_a_vocabulary(kind: Kind) -> None:
    pytest.importorskip("tokenizers")
    vocabulary, encoded = Vocabulary.fit(TEXTS, tokenizer="subwords", num_words=500, subwords=kind)
    assert vocabulary.size == 500
    assert len(vocabulary.words) <= 496
    assert UNKNOWN not in encoded.ids
    assert list(vocabulary.counts) == sorted(vocabulary.counts, reverse=True)
    assert vocabulary.counts[-1] == 0  # a byte that no text has still has its id
    data = vocabulary.to_dict()
    again = Vocabulary.from_dict(json.loads(json.dumps(data)))
    assert again == vocabulary
    assert again.to_dict() == data
    assert isinstance(data["model"], dict)
    for row, text in enumerate(TEXTS):
        ids = vocabulary.encode(text).tolist()
        assert encoded[row].tolist() == ids == again.encode(text).tolist()
        assert vocabulary.decode(ids) == " ".join(text.split())
        assert vocabulary.tokens(ids)[0] == "[start]"
    never_seen = "¿Qué? ☂ \x07"
    assert vocabulary.decode(vocabulary.encode(never_seen)) == never_seen
    assert vocabulary.unknown_share(vocabulary.encode_all([never_seen])).tolist() == [0]


def test_only_counted_rows_are_learnt_from() -> None:
    pytest.importorskip("tokenizers")
    settings = {"tokenizer": "subwords", "num_words": 400}
    rows = [0, 2, 4]
    for texts in (TEXTS, dict.fromkeys(TEXTS)):  # the second cannot be indexed
        vocabulary, encoded = Vocabulary.fit(texts, counted=lambda _: rows, **settings)  # type: ignore[arg-type]
        alone, _ = Vocabulary.fit([TEXTS[row] for row in rows], **settings)  # type: ignore[arg-type]
        assert vocabulary == alone
        assert len(encoded) == len(texts)


def test_a_pair_must_occur_min_count_times() -> None:
    pytest.importorskip("tokenizers")
    rare = train(lambda: TEXTS, kind="bpe", size=SIZE, min_count=5).pieces
    assert " 지루했어요" in train(lambda: TEXTS, kind="bpe", size=SIZE, min_count=4).pieces
    assert " 지루했어요" not in rare
    assert " 영화" in rare


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_words": None}, "need a number of them: set num_words"),
        ({"num_words": 200}, "room for 196 subwords, which need 256"),
        ({"subwords": "word"}, 'subwords must be "bpe" or "unigram", not'),
        ({"subwords": "unigram", "min_count": 2}, "no min_count: it must be 1, not 2"),
    ],
)
def test_impossible_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Vocabulary.fit(TEXTS, **{"tokenizer": "subwords", "num_words": 300, **settings})  # type: ignore[arg-type]


def test_texts_that_can_be_read_only_once() -> None:
    with pytest.raises(InputError, match="more than once: give a list"):
        Vocabulary.fit(iter(TEXTS), tokenizer="subwords", num_words=300)


def test_no_text_to_learn_from() -> None:
    pytest.importorskip("tokenizers")
    for kind in KINDS:
        with pytest.raises(DataError, match="no word to learn from"):
            Vocabulary.fit(["", " \n"], tokenizer="subwords", num_words=300, subwords=kind)


def test_damaged_model() -> None:
    pytest.importorskip("tokenizers")
    with pytest.raises(ModelError, match="trained subwords are damaged"):
        Subwords('{"model": 1}').tokens("a")
    vocabulary, _ = Vocabulary.fit(TEXTS, tokenizer="subwords", num_words=300)
    for damaged in (vocabulary.to_dict() | {"tokenizer": "words"}, {"tokenizer": "subwords"}):
        with pytest.raises(ModelError, match="vocabulary is damaged"):
            Vocabulary.from_dict(damaged)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(InputError, match=r"pip install 'unrolled\[subwords\]'"):
        Vocabulary.fit(TEXTS, tokenizer="subwords", num_words=300)
    vocabulary = Vocabulary(
        ["a"], [1], tokenizer="subwords", model="{}"
    )  # a model can be looked at
    with pytest.raises(InputError, match=r"pip install 'unrolled\[subwords\]'"):
        vocabulary.encode("a")


def test_the_library_is_loaded_when_it_is_needed() -> None:
    code = "import sys, unrolled.text.vocabulary; print('tokenizers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
