"""What Keras calls the parts of its files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

KERAS_VERSION = "3.5.0"  # the oldest that opens what is written
CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
LEGACY_CONFIG = "model_config"
LEGACY_WEIGHTS = "model_weights"
DESCRIPTION = "unrolled"
"""Where our own description of a model lies."""


def paths_of(class_names: Sequence[str]) -> list[str]:
    """Group of each layer's variables: layers/lstm, layers/lstm_1."""
    seen: Counter[str] = Counter()
    paths = []
    for class_name in class_names:
        name = snake_case(class_name)
        paths.append(f"layers/{name}_{seen[name]}" if seen[name] else f"layers/{name}")
        seen[name] += 1
    return paths


def snake_case(class_name: str) -> str:
    """Keras' own rule: SimpleRNN -> simple_rnn, GlobalMaxPooling1D -> global_max_pooling1d."""
    name = re.sub(r"\W+", "", class_name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
