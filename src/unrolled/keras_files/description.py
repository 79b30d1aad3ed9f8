"""What a Keras file says besides the network: how a text becomes ids, and what outputs mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unrolled import __version__
from unrolled.errors import InputError, ModelError
from unrolled.evaluation.decision import Decision
from unrolled.keras_files.vocabularies import checked_vocabulary
from unrolled.model.trained import TrainedModel
from unrolled.recipe import Recipe, TextRecipe
from unrolled.text.vocabulary import Vocabulary

_FORMAT = 1
_TOKENIZERS = {
    "keras": "Make the text small letters, put a space in place of each of the characters "
    '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~, tab and newline, and split it at spaces.',
    "words": "Split the text into words and signs as unrolled's tokenizer words does.",
    "characters": "Split the text into characters as unrolled's tokenizer characters does.",
    "subwords": "Split the text into pieces with the Hugging Face tokenizer under "
    "vocabulary.model.",
}


@dataclass(frozen=True)
class Description:
    """What `describe` wrote down, read back."""

    recipe: Recipe
    classes: list[str]
    are_numbers: bool
    several: bool
    decision: Decision
    vocabulary: Vocabulary
    source: str


def describe(model: TrainedModel) -> dict[str, Any]:
    """Everything but the network, in plain values."""
    return {
        "format": _FORMAT,
        "library_version": __version__,
        "preprocessing": preprocessing(model.recipe.text),
        "labels": model.targets.given(model.are_numbers),
        "several_labels": model.several,
        "decision": model.decision.to_dict(),
        "recipe": model.recipe.to_dict(),
        "source": model.source,
        "vocabulary": model.vocabulary.to_dict(),
    }


def preprocessing(text: TextRecipe) -> list[str]:
    """How a text becomes the ids that the network reads, a sentence a step."""
    start = "Put id 1 in front." if text.start_token else "Put nothing in front."
    kept = {
        "tail": "its last {} ids",
        "head": "its first {} ids",
        "both": "the first half of {} ids, the smaller one, and the last",
    }
    steps = [
        _TOKENIZERS[text.tokenizer],
        "The token at place i of vocabulary.words, counted from 0, has id i + 4; another has id 2.",
        start,
    ]
    if text.maxlen is not None:
        steps.append(f"Of a longer text keep {kept[text.keep].format(text.maxlen)}.")
    if text.padding == "keras":
        steps.append(f"Fill up with id 0 in front to {text.maxlen} ids.")
    else:
        steps.append(
            "A text without tokens is the one id 2. Fill up with id 0, in front or behind, to the "
            "longest of the batch; id 0 is not read."
        )
    return steps


def read_description(data: Mapping[str, Any]) -> Description:
    """From plain values of whatever kind; ModelError says what is wrong with them."""
    if data.get("format") != _FORMAT:
        raise ModelError(
            f"its description has format {data.get('format')!r} and this version of unrolled reads "
            f"{_FORMAT}; upgrade unrolled"
        )
    labels, several, source = data.get("labels"), data.get("several_labels"), data.get("source")
    if not (
        isinstance(labels, list)
        and (all(type(label) is str for label in labels) or all(type(x) is int for x in labels))
        and len({str(label) for label in labels}) == len(labels) > (several is False)
    ):
        raise ModelError("its labels are not different strings")
    if type(several) is not bool or type(source) is not str:
        raise ModelError("its description is damaged")
    try:
        recipe = Recipe.from_dict(_mapping(data, "recipe"), "its recipe")
        decision = _decision(_mapping(data, "decision"), len(labels), several=several)
    except InputError as error:
        raise ModelError(str(error)) from None
    if recipe.writing is not None:
        raise ModelError("it is the description of a model that writes")
    return Description(
        recipe=recipe,
        classes=[str(label) for label in labels],
        are_numbers=type(labels[0]) is int,
        several=several,
        decision=decision,
        vocabulary=checked_vocabulary(_mapping(data, "vocabulary")),
        source=source,
    )


def _mapping(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name)
    if not isinstance(value, dict):
        raise ModelError(f"its description has no {name}")
    return value


def _decision(data: dict[str, Any], classes: int, *, several: bool) -> Decision:
    """The decision, every number of which is one."""
    numbers = [data.get("temperature", 1.0), data.get("abstain_below", 0.0)]
    lists = [data.get("thresholds"), data.get("weights")]
    for values in lists:
        if values is not None and not isinstance(values, list):
            raise ModelError("its decision is damaged")
        numbers += values or []
    if not all(type(number) in (int, float) and 0 <= number <= 1e6 for number in numbers):
        raise ModelError("its decision is damaged")
    lines = 1 if classes == 2 and not several else classes
    fits = (lists[0] is None or len(lists[0]) == lines) and (
        lists[1] is None or (len(lists[1]) == classes and not several)
    )
    note, multi_label = data.get("note", ""), data.get("multi_label", False)
    if not fits or numbers[0] < 1e-6 or type(note) is not str or multi_label is not several:
        raise ModelError("its decision is damaged")
    return Decision.from_dict(data)
