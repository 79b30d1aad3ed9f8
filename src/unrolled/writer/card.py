"""The model card of a writer: README.md of its folder, for the person who finds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unrolled import __version__
from unrolled.model.card import ENDINGS, TOKENS, one_line, tags_of
from unrolled.model.front_matter import front_matter
from unrolled.recipe import Recipe, WritingRecipe, writing_of


def writer_card(name: str, recipe: Recipe, source: str, metrics: Mapping[str, Any]) -> str:
    """Say what a model writes, what it learned from, how well, and how to load it."""
    network, training, writing = recipe.network, recipe.training, writing_of(recipe)
    tokens, lengths = TOKENS[recipe.text.tokenizer], metrics["target_lengths"]
    shape = f"{network.layers} layers of " * (network.layers > 1) + f"{network.units} units"
    size = f"{metrics['parameters']:,} parameters"
    use = _use(writing)
    about_hub = front_matter(
        name=name,
        pipeline="feature-extraction" if use == "embed" else "text-generation",
        tags=tags_of(network, writing.task),
        source=source,
        scores={
            "perplexity": ("Perplexity", metrics["val_perplexity"]),
            "accuracy": ("Accuracy of tokens", metrics["val_accuracy"]),
        },
    )
    return f"""{about_hub}# {one_line(name)}

{purpose(writing, tokens)}
The network has {shape} (`{network.cell}`) in each half, {size} in all.
It was trained with unrolled {__version__} by the recipe `{one_line(recipe.name)}`.

## Trained on

{metrics["train_count"]:,} texts from {one_line(source)}.
It learned to write {lengths["mean"]:.1f} {tokens} on average, the end of a text included,
and {lengths["longest"]:,} at most. {metrics["validation_count"]:,} more texts were held back.

Training took {metrics["epochs"]} of at most {training.epochs} epochs, {metrics["seconds"]:.1f} s.
It ended {ENDINGS[metrics["stop_reason"]]}.

## Scores

| data | loss of a token | token accuracy |
| --- | --- | --- |
| training (mean of epoch {metrics["epoch"]}) | {metrics["loss"]:.4f} | {metrics["accuracy"]:.4f} |
| validation | {metrics["val_loss"]:.4f} | {metrics["val_accuracy"]:.4f} |

The perplexity of the validation texts is {metrics["val_perplexity"]:.4g}. The epoch was chosen by
their loss, so that these figures are slightly kind.

## Limits

{tokens.capitalize()} that it did not learn are all the same to it, and it writes "?" for them.
It repeats what it read, whether that is true or fair or not.

## Load it

```python
from unrolled import TextWriter

writer = TextWriter.load({name!r})
writer.{use}(["a text"])
```

or `unrolled {use} {one_line(name)} "a text"`. No code is run by loading it.
"""


def purpose(writing: WritingRecipe, tokens: str) -> str:
    """What it reads and what it writes, in a sentence."""
    if writing.task == "seq2seq":
        return "It reads a text and writes another one."
    if writing.task == "language-model":
        word = "next" if writing.direction == "forward" else "previous"
        return f"A language model: it foresees the {word} one of the {tokens} of a text."
    written = {
        "same": "the same text again",
        "reverse": f"its {tokens} again, the last one first",
        "tail": f"its last {writing.tail_words} {tokens} again",
    }
    return f"An autoencoder: it reads a text into one vector and writes {written[writing.target]}."


def _use(writing: WritingRecipe) -> str:
    """The method, and command, that it is for."""
    return "embed" if writing.task == "autoencoder" else "decode"
