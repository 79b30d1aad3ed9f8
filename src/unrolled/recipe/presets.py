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

DEFAULT_RECIPE, WRITER_RECIPE = "small", "writer"
PRESETS: Mapping[str, Recipe] = MappingProxyType(
    {
        settings["name"]: Recipe.from_dict(settings)
        for settings in (_NOTEBOOK, _NOTEBOOK_EMBEDDING, _SMALL, _ACCURATE, _WRITER)
    }
)
