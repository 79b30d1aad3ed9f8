"""The recipes that come with the library, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from unrolled.recipe.sections import Recipe

_NOTEBOOK: dict[str, Any] = {
    "name": "notebook-onehot",
    "text": {
        "num_words": 300,
        "vocabulary_of": "all",
        "maxlen": 100,
        "padding": "keras",
        "start_token": True,
    },
    "network": {
        "input": "onehot",
        "embedding_size": 16,
        "cell": "simple_rnn",
        "units": 8,
    },
    "training": {
        "optimizer": "rmsprop",
        "learning_rate": 1e-4,
        "batch_size": 64,
        "epochs": 100,
        "patience": 3,
        "restore_best_weights": True,
    },
}
_NOTEBOOK_EMBEDDING: dict[str, Any] = {
    **_NOTEBOOK,
    "name": "notebook-embedding",
    "network": {**_NOTEBOOK["network"], "input": "embedding"},
}
_SMALL: dict[str, Any] = {
    "name": "small",
    "text": {
        "tokenizer": "words",
        "num_words": 20_000,
        "min_count": 2,
        "vocabulary_of": "train",
        "maxlen": 400,
        "padding": "masked",
        "start_token": True,
    },
    "network": {
        "input": "onehot",
        "embedding_size": 32,
        "word_dropout": 0.2,
        "cell": "qrnn",
        "units": 16,
        "window": 2,
        "pooling": "max_mean",
        "dropout": 0.3,
    },
    "training": {
        "optimizer": "adam",
        "learning_rate": 3e-3,
        "batch_size": 32,
        "epochs": 20,
        "patience": 2,
        "restore_best_weights": True,
        "embedding_updates": "sparse",
    },
    "decision": {"temperature": True},
}
_ACCURATE: dict[str, Any] = {
    "name": "accurate",
    "text": {**_SMALL["text"], "num_words": 30_000, "maxlen": 600},
    "network": {
        **_SMALL["network"],
        "word_dropout": 0.4,
        "units": 64,
        "bidirectional": "concat",
        "pooling": "max",
        "dropout": 0.7,
    },
    "training": {**_SMALL["training"], "learning_rate": 2e-3},
    "decision": _SMALL["decision"],
}
_WRITER: dict[str, Any] = {
    "name": "writer",
    "text": {
        "tokenizer": "words",
        "num_words": 20_000,
        "min_count": 2,
        "vocabulary_of": "train",
        "maxlen": 100,
        "padding": "masked",
        "start_token": False,
    },
    "network": {"input": "embedding", "embedding_size": 64, "cell": "lstm", "units": 64},
    "training": {
        "optimizer": "adam",
        "learning_rate": 3e-3,
        "batch_size": 64,
        "epochs": 20,
        "patience": 2,
        "restore_best_weights": True,
    },
    "writing": {"tied": True},
}

_LANGUAGE_MODEL: dict[str, Any] = {
    **_WRITER,
    "name": "language-model",
    "text": {**_WRITER["text"], "num_words": 30_000, "min_count": 5, "maxlen": 400},
    "network": {**_WRITER["network"], "embedding_size": 128, "units": 128},
    "training": {
        **_WRITER["training"],
        "learning_rate": 6e-3,
        "schedule": "linear",
        "batch_size": 32,
        "epochs": 3,
        "validation_fraction": 0.01,
        "embedding_updates": "sparse",
    },
    "writing": {"task": "language-model", "tied": True, "sampled": 512},
}
_FINE_TUNE: dict[str, Any] = {
    "name": "fine-tune",
    "text": {**_LANGUAGE_MODEL["text"], "start_token": True},
    "network": {
        **_LANGUAGE_MODEL["network"],
        "word_dropout": 0.3,
        "pooling": "max_mean",
        "dropout": 0.5,
    },
    "training": {
        **_SMALL["training"],
        "learning_rate": 1e-3,
        "epochs": 10,
        "patience": 3,
    },
    "transfer": {"frozen_epochs": 2},
    "decision": _SMALL["decision"],
}

DEFAULT_RECIPE, WRITER_RECIPE = "small", "writer"
LANGUAGE_MODEL_RECIPE, FINE_TUNE_RECIPE = "language-model", "fine-tune"
PRESETS: Mapping[str, Recipe] = MappingProxyType(
    {
        settings["name"]: Recipe.from_dict(settings)
        for settings in (
            _NOTEBOOK,
            _NOTEBOOK_EMBEDDING,
            _SMALL,
            _ACCURATE,
            _WRITER,
            _LANGUAGE_MODEL,
            _FINE_TUNE,
        )
    }
)
