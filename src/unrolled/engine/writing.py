"""What a decoder writes by itself: the likeliest token at each step, or several ways at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.batches import Longs, batch_slices
from unrolled.engine.encoder_decoder import EncoderDecoder
from unrolled.engine.gradients import unbounded
from unrolled.engine.layers import QRNN, Scanned, Signal, State
from unrolled.engine.pair_tile import TILE, encode, zero_state
from unrolled.engine.threads import thread_count
from unrolled.errors import ShapeError
from unrolled.ragged import Ragged, Sequences

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Written:
    """One sequence that a decoder wrote.

    tokens: without the stop token. score: logarithm of its probability, the stop token included,
    divided by the length penalty. stopped: it came to the stop token by itself.
    """

    tokens: list[int]
    score: float
    stopped: bool


def write(
    network: EncoderDecoder,
    inputs: Sequences,
    *,
    stop: int,
    longest: int,
    beams: int = 1,
    length_penalty: float = 0.0,
    threads: int | None = None,
) -> list[Written]:
    """Read each input and write what the decoder says to it, at most ``longest`` tokens.

    beams: how many ways are followed at once, at most 16; 1 takes the likeliest token at each step.
    length_penalty: scores are divided by ((5 + tokens) / 6) ** length_penalty, so that longer
    sequences are not punished for their length; 0 compares probabilities.
    What is written for an input does not depend on the others.
    Source: Wu et al. 2016, "Google's Neural Machine Translation System", section 7.
    """
    if not 1 <= beams <= TILE:
        raise ShapeError(f"beams is {beams}: give a whole number from 1 to {TILE}")
    if longest < 1:
        raise ShapeError(f"longest is {longest}: give a whole number from 1 on")
    if any(isinstance(layer, QRNN) and layer.window > 1 for layer in network.decoder.layers):
        raise ShapeError("a decoder writes token by token: its QRNN needs window=1")
    together = TILE // beams
    tiles = list(batch_slices(len(inputs), together))
    rules = _Rules(stop, longest, beams, length_penalty)
    table = network.packed_table()

    @unbounded
    def work(tile: int) -> list[Written]:
        rows = np.arange(tiles[tile].start, tiles[tile].stop)
        return _Desk(network, table, inputs, rows, rules).written()

    done = network.team(thread_count(threads)).each(work, range(len(tiles)))
    return [one for tile in done for one in tile]


@dataclass(frozen=True)
class _Rules:
    stop: int
    longest: int
    beams: int
    length_penalty: float

    def penalised(self, score: float, tokens: int) -> float:
        """The score of a sequence of so many tokens, by which sequences are compared."""
        return float(score / ((5 + tokens) / 6) ** self.length_penalty)


@dataclass(frozen=True)
class _Way:
    """A sequence that is not finished: its lane holds the decoder's states."""

    tokens: tuple[int, ...]
    score: float
    lane: int


class _Desk:
    """Some inputs and all the ways that are followed for them, a lane each."""

    def __init__(
        self, network: EncoderDecoder, table: Any, inputs: Sequences, rows: Longs, rules: _Rules
    ) -> None:
        self._network, self._table, self._rules = network, table, rules
        self._states = self._begin(inputs, rows)
        self._ways = [[_Way((), 0.0, at * rules.beams)] for at in range(len(rows))]
        self._finished = [list[Written]() for _ in rows]
        self._read = np.full(TILE, network.start, dtype=np.int32)

    def written(self) -> list[Written]:
        """The best sequence for each input."""
        for _ in range(self._rules.longest):
            if not any(self._ways):
                break
            logarithms = self._step()
            sources = np.arange(TILE)
            for at, ways in enumerate(self._ways):
                self._ways[at] = self._followed(at, ways, logarithms, sources)
            self._states = [tuple(own[sources] for own in state) for state in self._states]
        for at, ways in enumerate(self._ways):
            self._finished[at] += [
                Written(
                    list(way.tokens),
                    self._rules.penalised(way.score, len(way.tokens)),
                    stopped=False,
                )
                for way in ways
            ]
        return [max(own, key=lambda one: (one.stopped, one.score)) for own in self._finished]

    def _begin(self, inputs: Sequences, rows: Longs) -> list[State]:
        """The decoder's first states, each input's on all of its lanes."""
        network = self._network
        if not network.encoder.layers:
            dtype = network.parameters.dtype
            return [zero_state(layer, dtype) for layer in network.decoder.scanned]
        encoded = encode(network.halves, inputs, rows, None)
        lanes = np.minimum(np.arange(TILE) // self._rules.beams, TILE - 1)
        return [tuple(own[lanes] for own in state) for state in encoded.states]

    def _step(self) -> Doubles:
        """Read a token on each lane; logarithms of the next one's probabilities (lane, words)."""
        network, operations = self._network, self._network.halves.operations
        signal = Signal(self._read[np.newaxis], np.zeros(TILE, dtype=np.int64))
        before, self._states = iter(self._states), []
        for layer, weights in zip(network.decoder.layers, network.decoder.weights, strict=True):
            if isinstance(layer, Scanned):
                signal, memory = layer.read(operations, weights, signal, None, next(before))
                self._states.append(layer.reached(memory))
            else:
                signal, _ = layer.forward(operations, weights, signal, None)
        logits = operations.token_logits(signal.values[0], self._table).astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))

    def _followed(
        self, at: int, ways: list[_Way], logarithms: Doubles, sources: Longs
    ) -> list[_Way]:
        """The best ways on from ``ways``; sources: which lane each lane's states come from."""
        if not ways:
            return ways
        rules, lanes = self._rules, [way.lane for way in ways]
        scores = np.array([way.score for way in ways])[:, np.newaxis] + logarithms[lanes]
        # One candidate in each way may be the stop token: twice as many leave enough of others.
        best = np.argsort(-scores, axis=None, kind="stable")[: 2 * rules.beams]
        followed = list[_Way]()
        for place in best.tolist():
            way, token = ways[place // self._network.words], place % self._network.words
            score = float(scores.flat[place])
            if token == rules.stop:
                tokens = len(way.tokens) + 1
                finished = Written(list(way.tokens), rules.penalised(score, tokens), stopped=True)
                self._finished[at].append(finished)
            else:
                lane = at * rules.beams + len(followed)
                sources[lane], self._read[lane] = way.lane, token
                followed.append(_Way((*way.tokens, token), score, lane))
            if len(followed) == rules.beams or len(self._finished[at]) == rules.beams:
                break
        return [] if len(self._finished[at]) >= rules.beams else followed


def nothing(count: int) -> Ragged:
    """Inputs of a network without an encoder."""
    return Ragged.from_lists([()] * count)
