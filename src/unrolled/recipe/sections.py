"""Recipe and its sections: every hyperparameter, validated, with its default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from unrolled.errors import RecipeError
from unrolled.recipe.kinds import (
    Count,
    Epochs,
    Flag,
    Fraction,
    MaxLen,
    Name,
    NumWords,
    Patience,
    Rate,
    Sampled,
    Seed,
    Share,
    Window,
)
from unrolled.recipe.words import flat, in_words, shown, toml_line
from unrolled.recipe.writing import Task, faults

Readers = Mapping[str, tuple[str, tuple[str, ...]]]


class Section(BaseModel):
    """Frozen settings; unknown keys are errors, and a number in quotes is not a number.

    read_by: settings that only some values of another setting read, as {setting: (other, values)};
    where nothing reads one, it must have its default, so that nobody believes in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    section: ClassVar[str] = ""
    read_by: ClassVar[Readers] = {}

    @model_validator(mode="after")
    def _every_change_is_read(self) -> Self:
        for name, (other, readers) in self.read_by.items():
            default, chosen = type(self).model_fields[name].default, getattr(self, other)
            if chosen not in readers and getattr(self, name) != default:
                *others, last = (shown(reader) for reader in readers)
                named = f"{', '.join(others)} and {last}" if others else last
                raise PydanticCustomError(
                    "combination",
                    f"{self.section}.{name} must be {shown(default)} when {self.section}.{other} "
                    f"is {shown(chosen)}: only {named} read{'s' * (len(readers) == 1)} it",
                )
        return self


class TextRecipe(Section):
    """How a text becomes token ids."""

    section = "text"
    read_by = {"min_count": ("subwords", ("bpe",)), "subwords": ("tokenizer", ("subwords",))}

    tokenizer: Literal["keras", "words", "characters", "subwords"] = "keras"
    subwords: Literal["bpe", "unigram"] = "bpe"
    num_words: NumWords  # size of the vocabulary, the ids of padding, start and unknown included
    min_count: Count = 1  # rarer words have no id of their own; of subwords: only bpe reads it
    vocabulary_of: Literal["train", "all"]  # texts that words are counted in; all: validation too
    maxlen: MaxLen
    keep: Literal["tail", "head", "both"] = "tail"  # of a longer text; both: half of each
    padding: Literal["keras", "masked"]
    start_token: Flag

    @model_validator(mode="after")
    def _fixed_length(self) -> Self:
        if self.padding == "keras" and self.maxlen is None:
            raise PydanticCustomError(
                "combination", 'text.maxlen must be a number when text.padding is "keras"'
            )
        return self


class NetworkRecipe(Section):
    """Which layers the network has."""

    section = "network"
    read_by = {
        "embedding_dropout": ("input", ("embedding",)),
        "activation": ("cell", ("simple_rnn",)),
        "reset_after": ("cell", ("gru",)),
        "unit_forget_bias": ("cell", ("lstm",)),
        "window": ("cell", ("qrnn",)),
        "recurrent_dropout": ("cell", ("simple_rnn", "gru", "lstm")),
    }

    input: Literal["onehot", "embedding"]
    embedding_size: Count  # read only when input is "embedding"
    word_dropout: Share = 0.0  # of the tokens, in training: read as the unknown word
    embedding_dropout: Share = 0.0  # of the embedding's numbers, the same ones at every step
    cell: Literal["simple_rnn", "gru", "lstm", "min_gru", "qrnn"]
    units: Count
    activation: Literal["tanh", "relu", "linear"] = "tanh"
    reset_after: Flag = True
    unit_forget_bias: Flag = True
    window: Window = 1  # steps that a gate reads: this one, or this and the one before
    recurrent_dropout: Share = 0.0
    layers: Count = 1
    bidirectional: Literal["none", "concat", "sum", "average"] = "none"
    pooling: Literal["last", "max", "mean", "max_mean"] = "last"  # from all steps to one vector
    dropout: Share = 0.0  # before the last layer


class TrainingRecipe(Section):
    """How the network learns."""

    section = "training"
    read_by = {"momentum": ("optimizer", ("rmsprop", "sgd"))}

    optimizer: Literal["rmsprop", "adam", "sgd"]
    learning_rate: Rate
    schedule: Literal["constant", "linear"] = "constant"  # linear: towards zero
    momentum: Share = 0.0
    batch_size: Count
    epochs: Count
    patience: Patience
    restore_best_weights: Flag
    validation_fraction: Fraction = 0.2
    split_seed: Seed = 42
    class_weight: Literal["none", "balanced"] = "none"
    # dense: as Keras. sparse: rows of the first table that no text of a batch reads keep still,
    # as with PyTorch's SparseAdam, so that a large vocabulary costs no time.
    embedding_updates: Literal["dense", "sparse"] = "dense"


class DecisionRecipe(Section):
    """How probabilities become labels; what is not given here is chosen on validation texts."""

    section = "decision"
    read_by = {"wanted_precision": ("threshold", ("precision",))}

    threshold: Literal["none", "accuracy", "f1", "precision"] = "none"  # what it is best at
    wanted_precision: Fraction = 0.9
    temperature: Flag = False  # scale the probabilities so that they are calibrated
    abstain_below: Share = 0.0  # no label for a text whose label is less probable than this


class TransferRecipe(Section):
    """How layers learn on that another network handed over: `unrolled train --from` reads it."""

    section = "transfer"

    rate: Rate = 1.0  # what their learning rate is multiplied by
    frozen_epochs: Epochs = 0  # that each keeps still after the layer above it has begun to learn


class WritingRecipe(Section):
    """What the network writes, and how; a recipe with this section is that of a ``TextWriter``."""

    section = "writing"
    read_by = {
        "target": ("task", ("autoencoder",)),
        "tail_words": ("target", ("tail",)),
        "direction": ("task", ("language-model",)),
    }

    task: Task = "autoencoder"
    target: Literal["same", "reverse", "tail"] = "same"  # what is written of the text
    tail_words: Count = 10  # how many of the text's last words (tokens)
    direction: Literal["forward", "backward"] = "forward"  # backward: the last word comes first
    tied: Flag = False  # each word is said by its own embedding
    sampled: Sampled = None  # words among which the right one is looked for in training
    longest: MaxLen = None  # tokens that are written at most; none: as in the longest target


SECTIONS: tuple[type[Section], ...] = (
    TextRecipe,
    NetworkRecipe,
    TrainingRecipe,
    DecisionRecipe,
    TransferRecipe,
    WritingRecipe,
)


class Recipe(Section):
    """Everything that decides, with the data, which model a training run ends in.

    writing: of a network that writes texts; None for a classifier, whose recipe does not show it.
    """

    name: Name
    seed: Seed = 42
    text: TextRecipe
    network: NetworkRecipe
    training: TrainingRecipe
    decision: DecisionRecipe = DecisionRecipe()
    transfer: TransferRecipe = TransferRecipe()
    writing: WritingRecipe | None = None

    @model_validator(mode="after")
    def _can_write(self) -> Self:
        for fault in faults(self):
            raise PydanticCustomError("combination", fault)
        return self

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "recipe") -> Recipe:
        """From plain values, as ``to_dict`` gives them; RecipeError starts with ``where``."""
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            raise RecipeError(f"{where}: {in_words(error.errors()[0], cls)}") from None

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return self.model_dump(exclude={"writing"} if self.writing is None else None)

    def to_toml(self) -> str:
        """Write a complete TOML file that ``load_recipe`` reads back as this same recipe."""
        settings = self.to_dict()
        sections = {key: value for key, value in settings.items() if isinstance(value, dict)}
        lines = [toml_line(key, settings[key]) for key in settings if key not in sections]
        for section, values in sections.items():
            lines += ["", f"[{section}]", *(toml_line(key, values[key]) for key in values)]
        return "\n".join(lines) + "\n"

    def differences(self, other: Recipe) -> list[str]:
        """Every setting in which the two differ, as "training.epochs is 30, not 20"."""
        own, others = flat(self.to_dict()), flat(other.to_dict())
        return [
            f"{key} is {shown(value)}, not {shown(others[key])}"
            for key, value in own.items()
            if value != others[key]
        ]
