"""Pretrained: the words and layers that a network which learned without labels hands over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from numpy.typing import NDArray

from unrolled import bundle
from unrolled.engine.layers import Bidirectional, Embedding, Scanned
from unrolled.engine.network import Network
from unrolled.errors import ModelError, RecipeError
from unrolled.model.keeping import errors_name
from unrolled.recipe import Recipe, writing_of
from unrolled.recipe.words import flat, shown
from unrolled.text.vocabulary import Vocabulary

Weights = Mapping[str, NDArray[Any]]

_TAKEN = {
    "text": ("tokenizer", "subwords", "num_words", "min_count"),
    "network": (
        "input", "embedding_size", "cell", "units", "activation", "reset_after",
        "unit_forget_bias", "window", "layers",
    ),
}  # fmt: skip
_OF_WORDS = ("embeddings", "kernel")  # weights of the first layer with a row for each word


@dataclass(frozen=True)
class HandedOver:
    """What a layer of a classifier got. at: its place. words: of which it got vectors, or None."""

    at: int
    layer: str
    words: int | None = None


@dataclass(frozen=True, eq=False)
class Pretrained:
    """What reads in a model that writes: its encoder, or all of a language model.

    name: of its folder. recipe: what it was made by. source, texts: where the texts came from that
    it learned from, as a part of a sentence, and how many. layers: the weights of each layer that
    has some, the first one first.
    """

    name: str
    recipe: Recipe
    vocabulary: Vocabulary
    source: str
    texts: int
    layers: list[Weights]

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read the folder of a ``TextWriter``; ModelError when it has nothing to hand over."""
        folder = Path(path)
        stored = bundle.read(folder)
        bundle.check_kind(folder, stored.config, writes=True)
        with errors_name(folder / bundle.CONFIG):
            recipe = Recipe.from_dict(stored.config["recipe"])
            writing, source = writing_of(recipe), str(stored.config["data"]["source"])
        if writing.direction == "backward":
            raise ModelError(
                f"{folder}: the model reads texts from their end, a classifier from their "
                'beginning: pretrain with writing.direction="forward"'
            )
        with errors_name(folder / bundle.VOCABULARY):
            vocabulary = Vocabulary.from_dict(stored.vocabulary)
        with errors_name(folder / bundle.METRICS):
            texts = int(stored.metrics["train_count"])
        half = "decoder/" if writing.task == "language-model" else "encoder/"
        layers = _by_layer(stored.weights, half)
        return cls(folder.name, recipe, vocabulary, source, texts, layers)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that a classifier takes over, as {"network.units": 128}."""
        own = flat(self.recipe.to_dict())
        keys = [f"{section}.{name}" for section, names in _TAKEN.items() for name in names]
        return {key: own[key] for key in keys}

    def check(self, changes: Mapping[str, Any]) -> None:
        """Raise RecipeError where ``changes`` to a recipe ask for something else."""
        for key, value in self.settings.items():
            if key in changes and changes[key] != value:
                raise RecipeError(
                    f"{key} is {shown(changes[key])}, but {self.name} was pretrained with "
                    f"{shown(value)}: leave it out, or pretrain anew"
                )

    def hand_over(self, network: Network) -> list[HandedOver]:
        """Copy weights into an untrained network, layer by layer from the first, and say which.

        Of a layer that reads both ways, those of the forward half. It ends before a layer that has
        other shapes, as has one above a layer that reads both ways.
        """
        given, done = iter(self.layers), list[HandedOver]()
        for at, layer in enumerate(network.layers):
            if not isinstance(layer, Embedding | Scanned | Bidirectional):
                continue
            start = "forward/" if isinstance(layer, Bidirectional) else ""
            pairs = {
                name: (network.layer_weights[at][start + name], array)
                for name, array in next(given, {}).items()
            }
            words = None
            if not done:
                name = next(name for name in pairs if name in _OF_WORDS)
                pairs[name] = _of_the_same_words(*pairs[name])
                words = pairs[name][0].shape[-2]
            if not pairs or any(own.shape != other.shape for own, other in pairs.values()):
                break
            for own, other in pairs.values():
                own[...] = other
            done.append(HandedOver(at, network.names[at], words))
        return done

    def told(self, handed: Sequence[HandedOver]) -> dict[str, Any]:
        """What was handed over, in types that JSON has."""
        return {
            "name": self.name,
            "source": self.source,
            "texts": self.texts,
            "layers": [own.layer for own in handed],
            "words": handed[0].words if handed else 0,
        }


def _by_layer(weights: Weights, half: str) -> list[Weights]:
    """Of "decoder/lstm/kernel" and others: the weights of each layer, embedding first."""
    named: dict[str, dict[str, NDArray[Any]]] = {}
    for name, array in weights.items():
        if name.startswith(half):
            layer, _, weight = name.removeprefix(half).partition("/")
            named.setdefault(layer, {})[weight] = array

    def place(layer: str) -> tuple[bool, int]:
        number = layer.rpartition("_")[2]
        return "embeddings" not in named[layer], int(number) if number.isdigit() else 0

    return [named[layer] for layer in sorted(named, key=place)]


def _of_the_same_words(own: NDArray[Any], other: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The rows that both have."""
    rows = min(own.shape[-2], other.shape[-2])
    return own[..., :rows, :], other[..., :rows, :]
