"""Real sentences in Korean and Japanese, and emoji: what becomes of them; nothing is lost."""

import unicodedata
from collections.abc import Callable

import pytest

from unrolled.text.tokenizer import TOKENIZERS
from unrolled.text.vocabulary import UNKNOWN, Vocabulary

KOREAN = [
    "배우들 연기가 정말 좋았고, 마지막 장면에서는 펑펑 울었어요ㅠㅠ",
    "돈이 아까웠습니다... 지루해서 중간에 나왔네요.",
    "배송이 하루 만에 왔어요! 포장도 꼼꼼하고 맛있어요 ㅋㅋㅋ 👍🏽",
    "별로예요 ㅡㅡ 다시는 안 사요:(",
    "아이랑 같이 봤는데 둘 다 재미있었어요^^ 10점 만점에 9점~",
]
JAPANESE = [
    "とても感動しました！最後のシーンで泣いてしまいました。",
    "正直、期待外れでした…ストーリーが単調で眠くなります。",
    "コスパ最高ですね！！また買います😊",
    "ｻｲｽﾞが小さくて、２回も交換しました（怒）",
]
MIXED = ["최고 👨‍👩‍👧 나들이 🇰🇷🎉 ❤️", "この店、5つ星★★★★★です！", "The OST는 진짜 最高 :-)"]
TEXTS = [*KOREAN, *JAPANESE, *MIXED]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (KOREAN[0], "배우들 연기가 정말 좋았고 마지막 장면에서는 펑펑 울었어요 ㅠㅠ"),
        (KOREAN[1], "돈이 아까웠습니다 ... 지루해서 중간에 나왔네요"),
        (KOREAN[2], "배송이 하루 만에 왔어요 ! 포장도 꼼꼼하고 맛있어요 ㅋㅋㅋ 👍🏽"),
        (KOREAN[3], "별로예요 ㅡㅡ 다시는 안 사요 :("),
        (KOREAN[4], "아이랑 같이 봤는데 둘 다 재미있었어요 ^^ 10점 만점에 9점 ~"),
        (
            JAPANESE[0],
            "と て も 感 動 し ま し た ！ 最 後 の シ ー ン で 泣 い て し ま い ま し た",
        ),
        (JAPANESE[1][:11], "正 直 期 待 外 れ で し た ..."),
        (JAPANESE[2], "コ ス パ 最 高 で す ね ！ ！ ま た 買 い ま す 😊"),
        (JAPANESE[3][-13:], "さ く て ２ 回 も 交 換 し ま し た 怒"[6:]),
        (MIXED[0], "최고 👨‍👩‍👧 나들이 🇰🇷 🎉 ❤️"),
        (MIXED[1], "こ の 店 5 つ 星 ★ ★ ★ ★ ★ で す ！"),
        (MIXED[2], "the ost는 진짜 最 高 :-)"),
    ],
)
def test_words(text: str, tokens: str) -> None:
    assert TOKENIZERS["words"](text) == tokens.split()


def test_characters_are_everything() -> None:
    for text in TEXTS:
        assert TOKENIZERS["characters"](text) == list(text)


SUBWORDS = [
    {"tokenizer": "subwords", "num_words": 500, "subwords": kind} for kind in ("bpe", "unigram")
]


@pytest.mark.parametrize(
    "settings",
    [*({"tokenizer": name} for name in TOKENIZERS), *SUBWORDS],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_ids_become_a_text_that_has_the_same_ids(settings: dict[str, str]) -> None:
    if settings["tokenizer"] == "subwords":
        pytest.importorskip("tokenizers")
    vocabulary, encoded = Vocabulary.fit(TEXTS, **settings)  # type: ignore[arg-type]
    assert UNKNOWN not in encoded.ids
    for row, text in enumerate(TEXTS):
        ids = vocabulary.encode(text)
        again = vocabulary.decode(ids)
        assert ids.tolist() == encoded[row].tolist() == vocabulary.encode(again).tolist()
        if settings["tokenizer"] in ("characters", "subwords"):
            assert again == text
        decomposed = unicodedata.normalize("NFD", text)
        if settings["tokenizer"] != "keras":
            assert vocabulary.encode(decomposed).tolist() == ids.tolist()


def test_decomposed_hangul_as_some_systems_store_it() -> None:
    composed, decomposed = "한국 영화", unicodedata.normalize("NFD", "한국 영화")
    assert len(decomposed) > len(composed)
    tokens: Callable[[str], list[str]] = TOKENIZERS["words"]
    assert tokens(decomposed) == tokens(composed) == ["한국", "영화"]
    assert TOKENIZERS["characters"](decomposed) == list(composed)
