"""The texts to click on the page: a file of them, one a line, or six sentences of our own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unrolled.datasets.decoding import TextBlocks, numbered_lines
from unrolled.errors import DataError

MOST = 30  # more are no choice but a list to read

# Each shows something else: a plain case, its opposite, a "not", a turn at the end, faint praise,
# and sarcasm, which no model of this size gets.
OPINIONS = (
    "One of the best films I have ever seen. The story is beautiful, the acting is great, "
    "and I loved every minute of it.",
    "This was the worst movie of the year. The plot makes no sense, the acting is bad, "
    "and I wanted my money back.",
    "It is not a bad film, and it is not too long. But it is not a good one either.",
    "The first half is slow and I was bored. Then everything changes, and the end is wonderful.",
    "Nothing special, but the music is nice and the two actors have some funny scenes together.",
    "Great, another two hours of my life that I will never get back. What a masterpiece.",
)


def examples_for(labels: Sequence[str]) -> list[str]:
    """Sentences that a model of these labels can be tried with; none for labels we know not."""
    return list(OPINIONS) if sorted(labels) == ["negative", "positive"] else []


def read_examples(path: Path) -> list[str]:
    """The texts of a UTF-8 file, one a line; blank lines count for nothing.

    Raises DataError when it cannot be read, has no text, or has more than ``MOST``.
    """
    examples: list[str] = []
    for line, content in numbered_lines(TextBlocks(path)):
        text = content.strip()
        if not text:
            continue
        if len(examples) == MOST:
            raise DataError(f"{path}:{line}: more than {MOST} examples; keep the best")
        examples.append(text)
    return examples
