"""Keras' files belong here: what they hold, to our recipe and weights and back, without Keras."""

from unrolled.keras_files.reading import read_keras
from unrolled.keras_files.vocabularies import read_vocabulary
from unrolled.keras_files.writing import write_keras

__all__ = ["read_keras", "read_vocabulary", "write_keras"]
