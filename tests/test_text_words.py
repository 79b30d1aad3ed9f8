import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.text.words import word_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("It's \"GREAT\", isn't it?", "it's great isn't it ?"),
        ("the dogs' 'quoted' rock'n'roll o’clock", "the dogs quoted rock'n'roll o'clock"),
        ("well-made, 10/10; snake_case (50%)", "well made 10 10 snake case 50"),
        ("Good.<br /><br />Bad<br>So<BR/>so</br> <b>bold</b>", "good bad so so b bold b"),
        ("What?! No!!", "what ? ! no ! !"),
        ("Well... I . . . wait.. ok. …", "well ... i wait ... ok ..."),
        ("¿Qué? ¡Sí! soft\u00adhyphen", "¿ qué ? ¡ sí ! softhyphen"),
        ("ΑΣ ΟΔΥΣΣΕΥΣ Straße İstanbul", "ας οδυσσευς straße i̇stanbul"),
        ("यह फ़िल्म बहुत अच्छी है!", "यह फ़िल्म बहुत अच्छी है !"),
        ("قصة جَمِيلَة؟ می‌خواهم", "قصة جَمِيلَة ؟ می‌خواهم"),
        ("น้ำใจ ดีมาก!", "น้ำใจ ดีมาก !"),
        ("这部电影太好看了！", "这 部 电 影 太 好 看 了 ！"),
        ("", ""),
        (" \n\t.,;- () ", ""),
    ],
)
def test_words_and_what_carries_feeling(text: str, tokens: str) -> None:
    expected = unicodedata.normalize("NFC", tokens).split()
    assert word_tokens(text) == expected


EMOTICONS = ":) :-) :( :'( ;) =) :] :-(( :d :-p <3 </3 ^^ ^_^ -_- :/ (: t_t >_< :| :*"


@pytest.mark.parametrize(
    "emoticon",
    EMOTICONS.split(),
)
def test_emoticons_are_tokens(emoticon: str) -> None:
    assert word_tokens(f"so {emoticon.upper()} it is") == ["so", emoticon, "it", "is"]
    assert word_tokens(f"끝{emoticon}" if emoticon[0] not in ":;=(t" else f"끝 {emoticon}") == [
        "끝",
        emoticon,
    ]


def test_what_only_looks_like_an_emoticon() -> None:
    assert word_tokens("see http://a.b at 8:30, ratio 4:3, x:d, a_t_t") == [
        *["see", "http", "a", "b", "at", "8", "30", "ratio", "4", "3", "x", "d", "a", "t", "t"]
    ]


@pytest.mark.parametrize(
    "emoji",
    [
        "👍",
        "👍🏽",
        "👨‍👩‍👧",
        "❤️",
        "❤",
        "🏳️‍🌈",
        "🇰🇷",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "1️⃣",
        "#️⃣",
        "🙂‍↔️",
        "👩🏻‍❤️‍💋‍👨🏿",
        "★",
        "♪",
        "™",
        "㉿",
    ],
)
def test_an_emoji_stays_whole(emoji: str) -> None:
    assert word_tokens(emoji) == [emoji]
    assert word_tokens(f"good{emoji}{emoji} 좋아{emoji}!") == [
        *["good", emoji, emoji, "좋아", emoji, "!"]
    ]


def test_flags_are_pairs() -> None:
    assert word_tokens("🇰🇷🇯🇵🇺") == ["🇰🇷", "🇯🇵", "🇺"]


def test_every_character_of_unicode_is_a_token_or_left_out_for_a_reason() -> None:
    left_out = set()
    for code in [*range(0x20000), *range(0x20000, sys.maxunicode + 1, 97)]:
        character = chr(code)
        tokens = word_tokens(character)
        assert len(tokens) <= 1
        if tokens:
            assert word_tokens(tokens[0]) == tokens
        else:
            left_out.add(unicodedata.category(character))
    # Letters, digits and symbols of all scripts are tokens; marks are, with a letter before them.
    assert left_out.isdisjoint({"Lu", "Ll", "Lt", "Lo", "Lm", "Nd", "Nl", "No", "So"})


@given(st.text(alphabet=st.characters(categories=None)))
def test_equivalent_texts_have_the_same_tokens(text: str) -> None:
    tokens = word_tokens(text)
    for form in ("NFC", "NFD"):
        assert word_tokens(unicodedata.normalize(form, text)) == tokens
    assert all(unicodedata.is_normalized("NFC", token) for token in tokens)


@given(st.text(alphabet=st.characters(codec="ascii")))
def test_ascii_has_no_rules_of_its_own(text: str) -> None:
    assert [*word_tokens(text), "가"] == word_tokens(text + " 가")
