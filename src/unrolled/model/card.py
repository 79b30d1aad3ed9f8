"""The model card: README.md of a model's folder, for the person who finds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unrolled import __version__
from unrolled.evaluation.decision import Decision
from unrolled.model.front_matter import front_matter
from unrolled.recipe import NetworkRecipe, Recipe, TextRecipe

IMPORTED = "imported"  # the metrics of a model that another library trained have this key
PLATEAU = "stopped on a plateau before learning began"
TOKENS = {
    "keras": "words",
    "words": "words",
    "characters": "characters",
    "subwords": "pieces of words",
}
POOLINGS = {
    "last": "of which the last step counts",
    "max": "of which the maximum over all steps counts",
    "mean": "of which the mean over all steps counts",
    "max_mean": "of which the maximum and the mean over all steps count",
}
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
    several: bool,
    decision: Decision,
    source: str,
    metrics: Mapping[str, Any],
) -> str:
    """Say what a model is, what it learned from, how well, where its limits are, how to load it."""
    labels = ", ".join(f"`{one_line(label)}`" for label in classes)
    count = f"{len(classes)} label{'s' * (len(classes) != 1)}"
    is_imported = IMPORTED in metrics
    about_hub = front_matter(
        name=name,
        pipeline="text-classification",
        tags=tags_of(recipe.network, *(["multi-label-classification"] * several)),
        source=source,
        scores={}
        if is_imported
        else {
            "accuracy": ("Accuracy", metrics["val_accuracy"]),
            "loss": ("Loss", metrics["val_loss"]),
        },
    )
    history = (
        f"It was imported from `{one_line(metrics[IMPORTED]['file'])}`, and learned from "
        f"{one_line(source)}.\nNo figures of its training came with it."
        if is_imported
        else _training(recipe, source, metrics, several=several)
    )
    return f"""{about_hub}# {one_line(name)}

A text classifier with {count}: {labels}.{" A text has any number of them." * several}
{_network(recipe.network, recipe.text, metrics["parameters"])}
{history}
Measure the model on texts that had no part in its training:
`unrolled evaluate {one_line(name)} DATA`.

## Limits

It knows {count}, whatever a text is about or what language it is in.
{_answer(classes, several, decision)}
{_known(recipe.text, metrics)}
It repeats the habits of its training texts, the unfair ones too. {_calibration(decision)}

## Load it

```python
from unrolled import TextClassifier

classifier = TextClassifier.load({name!r})
classifier.predict(["a text"])
```

or `unrolled predict {one_line(name)} "a text"`. No code is run by loading it.
"""


def _training(recipe: Recipe, source: str, metrics: Mapping[str, Any], *, several: bool) -> str:
    """What it learned from, for how long, and how well."""
    lengths, tokens = metrics["lengths"], TOKENS[recipe.text.tokenizer]
    train_loss, train_accuracy = metrics["loss"], metrics["accuracy"]
    epochs = recipe.training.epochs
    ending = ENDINGS[metrics["stop_reason"]]
    note = f"\n\n**This run {PLATEAU}: train again with another seed.**" * metrics["plateau"]
    return f"""It was trained with unrolled {__version__} by the recipe `{one_line(recipe.name)}`.

## Trained on

{metrics["train_count"]:,} texts from {one_line(source)}.
They have {lengths["mean"]:.1f} {tokens} on average, and half of them at most {lengths["median"]:g}.
{metrics["validation_count"]:,} more texts were held back to measure each epoch.
{_pretrained(metrics)}
Training took {metrics["epochs"]} of at most {epochs} epochs, {metrics["seconds"]:.1f} s.
It ended {ending}.{note}

## Scores

| data | loss | accuracy |
| --- | --- | --- |
| training (mean of epoch {metrics["epoch"]}) | {train_loss:.4f} | {train_accuracy:.4f} |
| validation | {metrics["val_loss"]:.4f} | {metrics["val_accuracy"]:.4f} |
{_remarks(several, metrics)}
The epoch was chosen by the validation loss, so that the validation figures are slightly kind."""


def tags_of(network: NetworkRecipe, *more: str) -> list[str]:
    """What a hub can find the model by."""
    return ["recurrent-neural-network", network.cell.replace("_", "-"), *more]


def _pretrained(metrics: Mapping[str, Any]) -> str:
    """Whose words and layers it began with, if any."""
    given = metrics.get("pretrained")
    if given is None:
        return ""
    layers = " and ".join(f"`{layer}`" for layer in given["layers"])
    return (
        f"Its words and the layers {layers} come from `{one_line(given['name'])}`, which had read "
        f"{given['texts']:,} texts without labels from {one_line(given['source'])}.\n"
    )


def _network(network: NetworkRecipe, text: TextRecipe, parameters: int) -> str:
    """What the network reads, and what it is made of, in a sentence."""
    tokens = TOKENS[text.tokenizer]
    ends = {"tail": "the last {}", "head": "the first {}", "both": "the first and last {}"}
    limit = text.maxlen
    if limit is not None and text.keep == "both":
        limit //= 2
    length = f"all {tokens}" if limit is None else f"{ends[text.keep].format(limit)} {tokens}"
    first = (
        f"one-hot {tokens}"
        if network.input == "onehot"
        else f"embeddings of {network.embedding_size} numbers"
    )
    shape = f"{network.layers} layers of " * (network.layers > 1) + f"{network.units} units"
    if network.bidirectional != "none":
        shape += " in each direction"
    cell = f"`{network.cell}`"
    if network.cell == "simple_rnn":
        cell += f", {network.activation}"
    return (
        f"A recurrent network reads {length} of a text as {first}, with {shape}\n({cell}), "
        f"{POOLINGS[network.pooling]}. It has {parameters:,} parameters in all."
    )


def _remarks(several: bool, metrics: Mapping[str, Any]) -> str:
    """What belongs to the scores, a line each."""
    lines = []
    if several:
        lines.append("The accuracy is the share of single labels that are rightly given or not.")
    if "verdict" in metrics:
        lines.append(f"**{one_line(metrics['verdict'])}**")
    return "".join(["\n", *(f"{line}\n" for line in lines)]) if lines else ""


def _answer(classes: Sequence[str], several: bool, decision: Decision) -> str:
    """When a text gets which label."""
    if several:
        line = "a threshold of its own" if decision.thresholds else "0.5"
        rule = f"A text gets each label that is more probable than {line}, or none."
    elif decision.weights is not None:
        rule = "A text gets the label of the highest probability, each multiplied by a weight."
    elif decision.thresholds is None:
        rule = "A text gets the most probable label."
    elif len(decision.thresholds) == 1:
        first, second = (f"`{one_line(label)}`" for label in classes)
        limit = f"{decision.thresholds[0]:.4g}"
        rule = f"A text gets {second} above a probability of {limit}, and {first} otherwise."
    else:
        rule = "A text gets the most probable label where that is above a threshold of its own."
    if decision.abstains:
        rule += "\nTo a text that it is not sure of, it gives none."
    return rule


def _known(text: TextRecipe, metrics: Mapping[str, Any]) -> str:
    """What becomes of strange words and long texts, and how often that was."""
    tokens = TOKENS[text.tokenizer]
    if text.tokenizer == "subwords":
        known = "Words that it did not meet while training it reads in pieces."
    else:
        known = f"{tokens.capitalize()} that it did not learn are all the same to it."
    if "unknown_share" in metrics:
        known += (
            f"\nOf the {tokens} of the validation texts it did not know "
            f"{metrics['unknown_share']:.1%}; {metrics['cut_share']:.1%} of the texts were too "
            "long to be read whole."
        )
    return known


def _calibration(decision: Decision) -> str:
    """How far its probabilities can be believed."""
    calibrated = (
        f"Its probabilities were\ncalibrated on the validation texts (temperature "
        f"{decision.temperature:.2f})."
        if decision.temperature != 1
        else "Its probabilities are not\ncalibrated: they are the network's own."
    )
    return f"{calibrated} {decision.note[:1].upper()}{decision.note[1:]}".rstrip()


def one_line(text: str) -> str:
    """Make text that cannot break out of its place in the page."""
    return " ".join(text.replace("`", "'").split())
