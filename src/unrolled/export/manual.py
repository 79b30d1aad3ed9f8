"""What another program must know of a model: from a text to ids, from probabilities to labels."""

from __future__ import annotations

import json
from typing import Any

from unrolled.evaluation.decision import Decision
from unrolled.evaluation.thresholds import NEUTRAL
from unrolled.model.trained import TrainedModel
from unrolled.recipe.sections import TextRecipe
from unrolled.text.keras_words import SEPARATORS
from unrolled.text.vocabulary import FIRST_WORD, PADDING, START, UNKNOWN

_TOKENS = {
    "keras": (
        "The text in small letters; every one of the separators becomes a space; its words are "
        "what is between spaces."
    ),
    "words": (
        "The text in Unicode's NFC and in small letters; its tokens are words of letters, marks "
        "and digits, single characters of scripts without spaces, marks of feeling, emoticons and "
        "emoji, and nothing else: unrolled/text/words.py has the exact rules."
    ),
    "characters": "The text in Unicode's NFC; every code point is a token.",
    "subwords": (
        "The text in Unicode's NFC; each of its words, which are what is between white space, gets "
        "one space in front; a character that the trained model does not have is written as its "
        "bytes in UTF-8, and byte b as the character 1113856 + b; Hugging Face's tokenizers cuts "
        "the whole with the trained model. A piece with bytes in it stands in the vocabulary in "
        "hexadecimal digits, between the brackets \u27e8 and \u27e9."
    ),
}


def manual(model: TrainedModel) -> dict[str, Any]:
    """Describe a model in plain values for JSON, with sentences for people beside the settings.

    labels: as users gave them, in the order of the probabilities. preprocessing: from a text to
    ids. vocabulary: the words in the order of their ids. decision: from probabilities, which are
    calibrated already, to labels. subwords: what such a tokenizer learnt; only there.
    """
    vocabulary = model.vocabulary
    learnt = {} if vocabulary.model is None else {"subwords": json.loads(vocabulary.model)}
    return {
        "labels": model.targets.given(model.are_numbers),
        "several_labels": model.several,
        "preprocessing": _preprocessing(model.recipe.text),
        "decision": _decision(model.decision, len(model.classes), several=model.several),
        "vocabulary": list(vocabulary.words),
        **learnt,
    }


def _preprocessing(settings: TextRecipe) -> dict[str, Any]:
    separators = {"separators": SEPARATORS} if settings.tokenizer == "keras" else {}
    return {
        "in_words": [
            _TOKENS[settings.tokenizer],
            f"The id of a token is its place in the vocabulary, from 0, plus {FIRST_WORD}; that of "
            f"one that is not there is {UNKNOWN}.",
            *([f"Id {START} comes first."] if settings.start_token else []),
            *_cut(settings),
            _filled(settings),
            "A row of ids begins with those of its text; what is behind them is not read.",
        ],
        "tokenizer": settings.tokenizer,
        **separators,
        "ids": {"padding": PADDING, "start": START, "unknown": UNKNOWN, "first_word": FIRST_WORD},
        "start_token": settings.start_token,
        "maxlen": settings.maxlen,
        "keep": settings.keep,
        "padding": settings.padding,
    }


def _cut(settings: TextRecipe) -> list[str]:
    if settings.maxlen is None:
        return []
    most = settings.maxlen
    kept = {
        "tail": f"the last {most} are read",
        "head": f"the first {most} are read",
        "both": f"the first {most // 2} and the last {most - most // 2} are read",
    }
    return [f"Of more than {most} ids {kept[settings.keep]}."]


def _filled(settings: TextRecipe) -> str:
    if settings.padding == "keras":
        return (
            f"Fewer than {settings.maxlen} ids get {PADDING}s in front, which are read too: every "
            f"text has {settings.maxlen} ids."
        )
    return f"A text without ids is read as the one id {UNKNOWN}."


def _decision(decision: Decision, classes: int, *, several: bool) -> dict[str, Any]:
    """temperature: what the probabilities are calibrated with already."""
    thresholds = decision.thresholds
    if several and thresholds is None:
        thresholds = (NEUTRAL,) * classes
    return {
        "in_words": _rule(decision, classes, several=several),
        "temperature": decision.temperature,
        "thresholds": None if thresholds is None else list(thresholds),
        "weights": None if decision.weights is None else list(decision.weights),
        "abstain_below": decision.abstain_below,
    }


def _rule(decision: Decision, classes: int, *, several: bool) -> str:
    if several:
        return "Every label whose probability is above its threshold."
    if decision.thresholds is not None and classes == 2:
        rule = "The second label where its probability is above the threshold, otherwise the first"
    elif decision.weights is not None:
        rule = "The label whose probability times its weight is the largest"
    elif decision.thresholds is not None:
        rule = "The most probable label where it is above its own threshold, otherwise none"
    else:
        rule = "The most probable label"
    if decision.abstain_below > 0:
        rule += f"; none where the probability of that label is below {decision.abstain_below:g}"
    return f"{rule}."
