"""What an encoder-decoder learns: tasks with one right answer, tested on what it has never seen."""

import itertools
import math

import numpy as np

from unrolled.engine.encoder_decoder import EncoderDecoder
from unrolled.engine.layers import GRU, Embedding
from unrolled.engine.optimizers import Adam
from unrolled.engine.writing import write
from unrolled.ragged import Ragged
from unrolled.text.vocabulary import START, STOP

DIGITS = range(STOP + 1, STOP + 6)


def every_number(digits):
    """All numbers of so many digits, in an order of no meaning."""
    numbers = list(itertools.product(DIGITS, repeat=digits))
    return [numbers[at] for at in np.random.default_rng(0).permutation(len(numbers))]


def learned(pairs, *, rounds, rate=0.02):
    """A network that has seen the pairs so many times, at a learning rate that falls to zero."""
    optimizer, size = Adam(rate), DIGITS.stop
    network = EncoderDecoder(
        encoder=[Embedding(size, 8), GRU(32)],
        decoder=[Embedding(size, 8), GRU(32)],
        seed=0,
        start=START,
        optimizer=optimizer,
    )
    inputs, targets = ragged(pairs)
    rng = np.random.default_rng(1)
    for number in range(rounds):
        optimizer.learning_rate = rate * 0.5 * (1 + math.cos(math.pi * number / rounds))
        network.train_epoch(inputs, targets, rng.permutation(len(pairs)), batch_size=32)
    return network


def ragged(pairs):
    inputs, answers = zip(*pairs, strict=True)
    return Ragged.from_lists(inputs), Ragged.from_lists([[*own, STOP] for own in answers])


def exact(network, pairs):
    """The share of pairs of which all is right, and the end where it is to be."""
    inputs, _ = ragged(pairs)
    written = write(network, inputs, stop=STOP, longest=9)
    return np.mean(
        [
            one.stopped and one.tokens == list(answer)
            for one, (_, answer) in zip(written, pairs, strict=True)
        ]
    )


def test_numbers_are_reversed():
    pairs = [(number, number[::-1]) for number in every_number(4)]
    unseen, seen = pairs[:125], pairs[125:]
    network = learned(seen, rounds=60)
    assert exact(network, unseen) > 0.95
    # Nothing but the order is right of these, so that it is no copying that was learned.
    assert exact(network, [(number, number) for number, _ in unseen]) < 0.2


def test_more_is_written_than_was_read():
    """Each digit twice, of two to four digits: N differs from M and from pair to pair."""
    numbers = [number for digits in (2, 3, 4) for number in every_number(digits)]
    pairs = [(number, np.repeat(number, 2).tolist()) for number in numbers]
    unseen, seen = pairs[::7], [pair for at, pair in enumerate(pairs) if at % 7]
    assert exact(learned(seen, rounds=30), unseen) > 0.95
