"""Tiny models that hardly learned, of every tokenizer, cell and decision; texts of all kinds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from itertools import cycle, islice
from unicodedata import category, name

import numpy as np

from unrolled import Recipe, TextClassifier, load_recipe
from unrolled.evaluation.decision import Decision
from unrolled.model.trained import TrainedModel

THREE = ["bad", "good", "so <b>so</b>"]
TEXTS = [
    "정말 재미있는 영화였어요 ㅋㅋㅋ", "너무 지루해서 잠들었다... ㅠㅠ", "とても面白かった！",
    "つまらない映画でした。", "a wonderful film 😀 👍🏽", "boring, and far too long 😴",
    "don't miss it! :-)", "I want my money back...", "ما أجمل هذا الفيلم",
    "हिन्दी में अच्छी फ़िल्म", "ΟΔΥΣΣΕΥΣ and his café", "one two three <br /> four",
]  # fmt: skip
# name: settings on top of "small", classes, several labels a text, decision
RECIPES: dict[str, tuple[list[str], Sequence[str], bool, Decision]] = {
    "notebook's onehot": (
        ["text.tokenizer=keras", "text.padding=keras", "text.maxlen=20",
         "network.cell=simple_rnn", "network.window=1", "network.pooling=last"],
        ("negative", "positive"), False, Decision(),
    ),
    "embedding, head": (
        ["text.tokenizer=keras", "text.keep=head", "text.maxlen=9", "network.input=embedding",
         "network.cell=simple_rnn", "network.activation=relu", "network.window=1"],
        ("no", "yes"), False, Decision(thresholds=(0.4,)),
    ),
    "two linear layers": (
        ["text.tokenizer=keras", "text.padding=keras", "text.keep=both", "text.maxlen=11",
         "network.cell=simple_rnn", "network.activation=linear", "network.layers=2",
         "network.window=1", "network.pooling=mean"],
        THREE, False, Decision(weights=(0.7, 1.5, 1.0)),
    ),
    "lstm, both ends": (
        ["text.keep=both", "text.maxlen=7", "network.cell=lstm", "network.input=embedding",
         "network.window=1", "network.pooling=last", "network.unit_forget_bias=false"],
        ("bad", "good"), False, Decision(abstain_below=0.7),
    ),
    "gru both ways": (
        ["network.cell=gru", "network.bidirectional=sum", "network.window=1",
         "network.pooling=last", "text.start_token=false"],
        ("bad", "good"), False, Decision(temperature=1.7),
    ),
    "stack of gru that reset before": (
        ["network.cell=gru", "network.reset_after=false", "network.layers=2", "network.window=1",
         "network.input=embedding", "network.bidirectional=concat"],
        THREE, False, Decision(temperature=0.6, thresholds=(0.3, 0.6, 0.5)),
    ),
    "min_gru of characters": (
        ["text.tokenizer=characters", "text.maxlen=50", "network.cell=min_gru", "network.window=1",
         "network.bidirectional=average"],
        THREE, True, Decision(temperature=2.1, thresholds=(0.3, 0.6, 0.5), multi_label=True),
    ),
    "bpe": (
        ["text.tokenizer=subwords", "text.num_words=420", "text.maxlen=40",
         "network.bidirectional=concat", "network.pooling=max"],
        ("bad", "good"), False, Decision(temperature=1.2, thresholds=(0.7,)),
    ),
    "unigram": (
        ["text.tokenizer=subwords", "text.subwords=unigram", "text.num_words=340",
         "text.keep=head", "text.padding=keras", "text.maxlen=30", "network.window=1",
         "network.layers=2"],
        THREE, False, Decision(),
    ),
    "everything a text has": (
        ["text.maxlen=none", "text.start_token=false", "network.dropout=0.4"],
        THREE, True, Decision(multi_label=True),
    ),
}  # fmt: skip


@cache
def tiny(recipe_name: str) -> TrainedModel:
    """A model of RECIPES; the same weights each time."""
    overrides, classes, several, decision = RECIPES[recipe_name]
    settings = ["network.units=5", "network.embedding_size=6", "text.num_words=60"]
    recipe = load_recipe("small", ["text.min_count=1", *settings, *overrides])
    model = one_epoch(recipe, TEXTS * 3, classes, several=several)
    model.decision = decision
    rng = np.random.default_rng(5)
    for weight, array in model.network.weights.items():
        role = weight.rsplit("/", 1)[-1]
        if role == "bias":
            array[:] = rng.normal(0, 0.4, array.shape)
        elif role == "recurrent_kernel":
            array *= 0.8  # a state forgets where it started, so that rounding does not grow
        else:
            array[:] = rng.normal(0, 2.0 if weight.startswith("dense") else 0.7, array.shape)
    return model


def one_epoch(recipe, texts, classes, *, several=False) -> TrainedModel:
    """A model that saw each text once, with one of the classes in turn."""
    labels = list(islice(cycle(classes), len(texts)))
    training = {**recipe.to_dict()["training"], "epochs": 1}
    recipe = Recipe.from_dict({**recipe.to_dict(), "training": training})
    given = [(label,) for label in labels] if several else labels
    return TextClassifier(recipe, threads=1).fit(texts, given)._model


# --- Texts ---------------------------------------------------------------------------------------

ODD = [
    "", " ", "\0", "\ud800", "a\udc00b", "\udfff\ud800", "<script>alert(1)</script>",
    "</script><!--", "<br><BR/></br >\u200bbr", "ㅋㅋㅋㅋ ㅠㅠ", "👩‍👩‍👧‍👦🇰🇷🇯🇵🇰",
    "👍🏽👍🏿✊🏻", "#️⃣ 1️⃣ *️⃣", "❤️‍🔥", "🏴\U000e0067\U000e0062\U000e007f",
    "e\u0301\u0323 a\u0323\u0302 \u0344", "İstanbul ISPARTA ıI", "ΣΑΣ ΑΣ. Σ ΑΣΒ Α\u0301Σ'",
    "ǅ ß ẞ ﬁ Å Ω", "각 한글", "don't o'clock ’tis it＇s 'quoted'",
    ":) :-(( =] :'( :* (: (-; <3 </3 ^^ ^_^ >_< -_- ;_; t_t o_O u_u :d ;P :/ ://",
    "abc:d :dé é:d (:é", "... .. . … ‥ 。。 ．．。", "!?~¡¿‼⁉！？",
    "\u00ad\u200e\ufeffx\u2060y", "a\u200db a\u200cb",
    "\x1c\x1d\x1e\x1f\x85\xa0\u2028\u3000x\u180ey\ufeffz", "\U0010ff05\U0010ffff\ue000",
    "漢字カタカナｶﾅひらがなー々〇〆", "हिन्दी की फ़िल्म", "ภาษาไทย ລາວ", "مُدَرِّسَةٌ ۱۲۳",
    "x²½Ⅷ٣①", "\U0001e4ec a\u0897\u0301 \ua7cb \U00010d50 \U00016ea0", "a" * 3000,
    "ㅋ" * 700 + "!" * 500, "word " * 900, "\n".join("line" for _ in range(50)), "한" * 1000,
]  # fmt: skip
PARTS = [
    "the", "film", "wonderful", "boring", "don't", "CAFÉ", "naïve", "정말", "재미있는", "영화",
    "映画", "でした", "つまらない", "هذا", "فيلم", "हिन्दी", "Привет", "ΣΟΦΟΣ", "İ", "😀",
    "👍🏽", "👨‍👩‍👧", "🇰🇷", "<br />", "...", "!", "?!", ":)", "<3", "\u0301", "\u0323",
    "\u200d", "\ufe0f", "\ud83d", "\udc4d", "\t", "\n", " ", "  ", "1995", "３",
]  # fmt: skip


def many_texts(count: int) -> list[str]:
    """The odd ones, and mixtures of words, signs and characters of every kind; always the same."""
    draw = random.Random(20)
    made = list(ODD)
    while len(made) < count:
        parts = [_part(draw) for _ in range(draw.choice([1, 2, 5, 12, 40]))]
        made.append(draw.choice(["", " ", " "]).join(parts))
    return [as_a_browser_has_it(text) for text in made]


def as_a_browser_has_it(text: str) -> str:
    """Two halves of a character beside each other are that character."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _part(draw: random.Random) -> str:
    if draw.random() < 0.8:
        return draw.choice(PARTS)
    return chr(draw.choice([draw.randrange(0x80, 0x3000), draw.randrange(0x110000)]))


def known_characters() -> list[str]:
    """Every character that this Python knows, of the large scripts one in fifty."""
    large = (
        "CJK UNIFIED", "CJK COMPATIBILITY", "HANGUL SYLLABLE", "TANGUT", "NUSHU", "YI SYLLABLE",
        "EGYPTIAN", "ANATOLIAN", "CUNEIFORM", "BAMUM", "KHITAN", "LINEAR A",
    )  # fmt: skip
    characters = map(chr, range(0x110000))
    known = (one for one in characters if category(one) not in ("Cn", "Co", "Cs"))
    return [one for one in known if ord(one) % 50 == 0 or not name(one, "").startswith(large)]
