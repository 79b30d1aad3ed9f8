"""A model that writes texts belongs here: recipe + vocabularies + encoder-decoder, in use."""

from unrolled.writer.figures import Figures
from unrolled.writer.samples import Sample
from unrolled.writer.writer import TextWriter

__all__ = ["Figures", "Sample", "TextWriter"]
