"""Reviews to ids, the vocabulary known, on one core: beside plain Python's str.translate and split.

    UNROLLED_IMDB=.../aclImdb_v1.tar.gz python benchmarks/encoding.py --json figures.json

First all ids must agree. Then everybody takes turns; printed is the median of the rounds, in CPU
time of the one thread that works. "First time": nothing is remembered yet of any text. "fit": the
vocabulary is learnt from as many reviews, and these are encoded.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import string
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from support import machine
from support.table import table
from unrolled.datasets import imdb
from unrolled.errors import UnrolledError
from unrolled.ragged import Ragged
from unrolled.text.tokenizer import TOKENIZERS
from unrolled.text.vocabulary import FIRST_WORD, UNKNOWN, Vocabulary

NUM_WORDS = 10_000
SPACES = str.maketrans(dict.fromkeys(string.punctuation.replace("'", "") + "\t\n", " "))


@dataclass(frozen=True)
class Speed:
    """One way of encoding: reviews a second."""

    name: str
    first_time: float
    later: float | None
    fit_seconds: float | None


class IdsDiffer(Exception):
    """Two ways of encoding do not agree."""


def plain_python(vocabulary: Vocabulary, texts: Sequence[str]) -> list[list[int]]:
    """Keras' words, as everybody writes it."""
    ids = {word: number for number, word in enumerate(vocabulary.words, start=FIRST_WORD)}
    return [
        [ids.get(word, UNKNOWN) for word in text.lower().translate(SPACES).split(" ") if word]
        for text in texts
    ]


def one_by_one(vocabulary: Vocabulary, texts: Sequence[str]) -> list[list[int]]:
    """The same tokenizer as is measured, without anything remembered."""
    ids = {word: number for number, word in enumerate(vocabulary.words, start=FIRST_WORD)}
    tokens_of = TOKENIZERS[vocabulary.tokenizer].tokens
    return [[ids.get(token, UNKNOWN) for token in tokens_of(text)] for text in texts]


def check(name: str, expected: list[list[int]], encoded: Ragged) -> None:
    flat = np.fromiter(itertools.chain.from_iterable(expected), np.int32)
    if list(map(len, expected)) != encoded.lengths.tolist() or (flat != encoded.ids).any():
        raise IdsDiffer(f"{name}: the ids differ from those of unrolled's encoder")


def seconds(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


def measure(texts: Sequence[str], train: Sequence[str], rounds: int) -> list[Speed]:
    known = {name: Vocabulary.from_texts(train, name, NUM_WORDS) for name in ("keras", "words")}
    for name, vocabulary in known.items():
        check(name, one_by_one(vocabulary, texts), vocabulary.encode_all(texts, start=False))
    keras = known["keras"]
    check("plain Python", plain_python(keras, texts), keras.encode_all(texts, start=False))

    taken: dict[str, list[tuple[float, float, float]]] = {}
    for turn in range(rounds):
        print(f"round {turn + 1} of {rounds} ...", file=sys.stderr, flush=True)
        for name, vocabulary in known.items():
            taken.setdefault(name, []).append(encode_twice_and_fit(vocabulary, texts, train))
        plain = seconds(lambda: plain_python(keras, texts))
        taken.setdefault("plain", []).append((plain, plain, 0.0))
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in taken.items()
    }
    count = len(texts)
    return [
        Speed("plain Python, Keras' words", count / medians["plain"][0], None, None),
        *(
            Speed(f"unrolled, {name}", count / first, count / later, fit)
            for name, (first, later, fit) in medians.items()
            if name != "plain"
        ),
    ]


def encode_twice_and_fit(
    vocabulary: Vocabulary, texts: Sequence[str], train: Sequence[str]
) -> tuple[float, float, float]:
    """Seconds of each."""
    fresh = Vocabulary.from_dict(vocabulary.to_dict())
    fresh.encode("")  # numbers the words
    return (
        seconds(lambda: fresh.encode_all(texts)),
        seconds(lambda: fresh.encode_all(texts)),
        seconds(lambda: Vocabulary.fit(train, tokenizer=fresh.tokenizer)),
    )


def row(speed: Speed, plain: Speed) -> list[str]:
    rates = [
        "" if rate is None else f"{rate:,.0f} ({rate / plain.first_time:.1f}x)"
        for rate in (speed.first_time, speed.later)
    ]
    return [speed.name, *rates, "" if speed.fit_seconds is None else f"{speed.fit_seconds:.2f}"]


def main() -> int:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments = parser.parse_args()
    print(f"{machine.sentence()}\n")
    try:
        train, texts = imdb.load_texts("train")[0], imdb.load_texts("test")[0]
        speeds = measure(texts, train, arguments.rounds)
    except (UnrolledError, IdsDiffer) as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"{len(texts):,} reviews of {sum(len(text.split()) for text in texts) / len(texts):.0f} "
        f"words; the vocabulary has the {NUM_WORDS:,} most frequent ids of {len(train):,} others\n"
    )
    header = ["", "reviews/s, first time", "reviews/s, again", "fit (s)"]
    print(table(header, [row(speed, speeds[0]) for speed in speeds]))
    if arguments.json:
        figures = {"machine": machine.describe(), "encoding": [asdict(speed) for speed in speeds]}
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
