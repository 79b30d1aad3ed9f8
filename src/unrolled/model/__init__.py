"""A text classifier belongs here: recipe + vocabulary + network, trained, used and kept."""

from unrolled.model.classifier import TextClassifier
from unrolled.model.predictions import Prediction, Predictions

__all__ = ["Prediction", "Predictions", "TextClassifier"]
