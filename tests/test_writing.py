"""Writing: the likeliest token, several ways at once, and nobody disturbs anybody."""

import itertools

import numpy as np
import pytest

from unrolled.engine.encoder_decoder import EncoderDecoder
from unrolled.engine.layers import GRU, LSTM, QRNN, Dropout, Embedding, MinGRU, SimpleRNN
from unrolled.engine.writing import nothing, write
from unrolled.errors import ShapeError
from unrolled.ragged import Ragged

WORDS, START, STOP = 7, 1, 2


def network_of(cell=None, *, encoder=True, engine="numba", tied=False):
    cell = cell or LSTM(5)
    layers = [Embedding(WORDS, 5), Dropout(0.5), cell, cell]
    network = EncoderDecoder(
        encoder=layers if encoder else [], decoder=layers, seed=1, start=START, engine=engine,
        tied=tied,
    )  # fmt: skip
    rng = np.random.default_rng(4)
    network.parameters[:] = rng.normal(size=len(network.parameters)) * 0.9
    return network


def inputs(count=37):
    rng = np.random.default_rng(0)
    return Ragged.from_lists([rng.integers(3, WORDS, rng.integers(1, 6)) for _ in range(count)])


def logarithm(network, read, tokens):
    """Of the probability of a whole target, by the way that training goes."""
    targets = Ragged.from_lists([tokens])
    return -network.evaluate(Ragged.from_lists([read]), targets)[0] * len(tokens)


@pytest.mark.parametrize("cell", [LSTM(5), GRU(5), SimpleRNN(5), MinGRU(5), QRNN(5, window=1)])
@pytest.mark.parametrize("engine", ["numba", "reference"])
def test_each_token_is_the_likeliest_of_all(cell, engine):
    network = network_of(cell, engine=engine, tied=cell == GRU(5))
    read = inputs(3)
    for row, written in enumerate(write(network, read, stop=STOP, longest=4)):
        said = [*written.tokens, STOP] if written.stopped else written.tokens
        assert said
        for at, token in enumerate(said):
            scores = [logarithm(network, read[row], [*said[:at], other]) for other in range(WORDS)]
            assert token == int(np.argmax(scores))
        assert written.score == pytest.approx(logarithm(network, read[row], said), abs=1e-4)


def test_many_ways_find_the_likeliest_sequence():
    network, read = network_of(), inputs(4)
    found = write(network, read, stop=STOP, longest=3, beams=16)
    others = [word for word in range(WORDS) if word != STOP]
    for row, written in enumerate(found):
        whole = {
            (*tokens, STOP): logarithm(network, read[row], [*tokens, STOP])
            for length in range(3)
            for tokens in itertools.product(others, repeat=length)
        }
        best = max(whole, key=whole.get)
        assert [*written.tokens, STOP] == list(best)
        assert written.score == pytest.approx(whole[best], abs=1e-4)


def test_more_ways_are_never_worse_and_a_penalty_lengthens():
    network, read = network_of(), inputs()
    greedy, wide = (write(network, read, stop=STOP, longest=12, beams=n) for n in (1, 8))
    better = [b.score - a.score for a, b in zip(greedy, wide, strict=True) if a.stopped]
    assert len(better) > 5
    assert min(better) > -1e-9
    assert max(better) > 0.1
    long = write(network, read, stop=STOP, longest=12, beams=8, length_penalty=3.0)
    lengths = [sum(len(one.tokens) for one in some) for some in (wide, long)]
    assert lengths[1] > lengths[0]


@pytest.mark.parametrize("beams", [1, 5])
def test_what_is_written_does_not_depend_on_the_company_or_on_threads(beams):
    network, read = network_of(), inputs()
    together = write(network, read, stop=STOP, longest=9, beams=beams, threads=1)
    assert write(network, read, stop=STOP, longest=9, beams=beams, threads=3) == together
    for row in (0, 11, 36):
        alone = write(
            network, read.take(np.array([row])), stop=STOP, longest=9, beams=beams, threads=1
        )
        assert alone == together[row : row + 1]


def test_a_language_model_writes_from_nothing():
    network = network_of(encoder=False)
    first, second = write(network, nothing(2), stop=STOP, longest=6)
    assert first == second
    assert write(network, nothing(0), stop=STOP, longest=6) == []


def test_the_end_is_told():
    network = network_of()
    network.output["bias"][STOP] = 50
    assert [
        (one.tokens, one.stopped) for one in write(network, inputs(2), stop=STOP, longest=5)
    ] == [([], True)] * 2
    network.output["bias"][STOP] = -50
    assert all(
        len(one.tokens) == 5 and not one.stopped
        for one in write(network, inputs(2), stop=STOP, longest=5, beams=3)
    )


def test_wishes_that_cannot_be_granted():
    with pytest.raises(ShapeError, match="beams is 17: give a whole number from 1 to 16"):
        write(network_of(), inputs(1), stop=STOP, longest=3, beams=17)
    with pytest.raises(ShapeError, match="longest is 0"):
        write(network_of(), inputs(1), stop=STOP, longest=0)
    with pytest.raises(ShapeError, match="needs window=1"):
        write(network_of(QRNN(5, window=2)), inputs(1), stop=STOP, longest=3)
