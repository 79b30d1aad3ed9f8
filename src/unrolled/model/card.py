"""The model card: README.md of a model's folder, for the person who finds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unrolled import __version__
from unrolled.recipe import Recipe

PLATEAU = "stopped on a plateau before learning began"
ENDINGS = {
    "early stopping": "when the validation loss fell no further",
    "epochs": "when its epochs were done",
    "interrupted": "when it was interrupted; it can be resumed",
    "unfinished": "at no point so far: it is under way, or was cut off and can be resumed",
}


def model_card(
    *,
    name: str,
    recipe: Recipe,
    classes: Sequence[str],
    source: str,
    metrics: Mapping[str, Any],
) -> str:
    """Say what a model is, what it learned from, how well, where its limits are, how to load it."""
    network, text, training = recipe.network, recipe.text, recipe.training
    first = (
        "one-hot words"
        if network.input == "onehot"
        else f"word embeddings of {network.embedding_size} numbers"
    )
    labels = ", ".join(f"`{_one_line(label)}`" for label in classes)
    length = "all words" if text.maxlen is None else f"the last {text.maxlen} words"
    lengths = metrics["lengths"]
    train_loss, train_accuracy = metrics["loss"], metrics["accuracy"]
    ending = ENDINGS[metrics["stop_reason"]]
    note = f"\n\n**This run {PLATEAU}: train again with another seed.**" * metrics["plateau"]
    return f"""# {_one_line(name)}

A text classifier with {len(classes)} labels: {labels}.
A recurrent network reads {length} of a text as {first}, with {network.units} units
(`{network.cell}`, {network.activation}) and {metrics["parameters"]:,} parameters in all.
It was trained with unrolled {__version__} by the recipe `{_one_line(recipe.name)}`.

## Trained on

{metrics["train_count"]:,} texts from {_one_line(source)}.
They have {lengths["mean"]:.1f} words on average, and half of them at most {lengths["median"]:g}.
{metrics["validation_count"]:,} more texts were held back to measure each epoch.

Training took {metrics["epochs"]} of at most {training.epochs} epochs, {metrics["seconds"]:.1f} s.
It ended {ending}.{note}

## Scores

| data | loss | accuracy |
| --- | --- | --- |
| training (mean of epoch {metrics["epoch"]}) | {train_loss:.4f} | {train_accuracy:.4f} |
| validation | {metrics["val_loss"]:.4f} | {metrics["val_accuracy"]:.4f} |

The epoch was chosen by the validation loss, so that the validation figures are slightly kind.
Measure the model on texts that had no part in its training:
`unrolled evaluate {_one_line(name)} DATA`.

## Limits

It knows {len(classes)} labels and gives one of them to every text, whatever the text is about or
what language it is in. Words that it did not meet while training are all the same to it.
It repeats the habits of its training texts, the unfair ones too. Its probabilities are not
calibrated.

## Load it

```python
from unrolled import TextClassifier

classifier = TextClassifier.load({name!r})
classifier.predict(["a text"])
```

or `unrolled predict {_one_line(name)} "a text"`. No code is run by loading it.
"""


def _one_line(text: str) -> str:
    """Make text that cannot break out of its place in the page."""
    return " ".join(text.replace("`", "'").split())
