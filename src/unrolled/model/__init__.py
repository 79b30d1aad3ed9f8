"""A text classifier belongs here: recipe + vocabulary + network, trained, used and kept."""

from unrolled.model.classifier import TextClassifier

__all__ = ["TextClassifier"]
