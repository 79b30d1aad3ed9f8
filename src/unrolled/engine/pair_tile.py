"""A tile of pairs on its way through an encoder and a decoder, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unrolled.engine.batches import Floats, Longs
from unrolled.engine.layers import (
    Embedding,
    Gradients,
    Layer,
    Noise,
    Operations,
    Scanned,
    Signal,
    State,
    Weights,
)
from unrolled.engine.rows import Rows
from unrolled.engine.token_output import Measured, Output
from unrolled.ragged import Sequences

TILE = 16
"""Pairs that go through the layers together; each tile has a gradient of its own."""


@dataclass(frozen=True)
class Half:
    """The encoder or the decoder: its layers, what they are called, and their weights."""

    layers: tuple[Layer, ...]
    names: tuple[str, ...]
    weights: list[Weights]

    @property
    def scanned(self) -> list[Scanned]:
        """The recurrent layers, from the first to the last."""
        return [layer for layer in self.layers if isinstance(layer, Scanned)]


@dataclass(frozen=True)
class Halves:
    """An encoder, which may have no layers, and a decoder. start: what the decoder reads first.

    tied: the rows that words are said by are those of the decoder's embedding.
    """

    encoder: Half
    decoder: Half
    start: int
    tied: bool
    operations: Operations


class PairTile:
    """One tile of pairs on its way through both halves and back.

    The decoder's tokens lie last one first and are read backwards, so that all pairs begin at the
    same step, where the encoder's states come in.
    """

    def __init__(
        self,
        halves: Halves,
        inputs: Sequences,
        targets: Sequences,
        rows: Longs,
        noise: Noise,
    ) -> None:
        self.halves, self.operations = halves, halves.operations
        self.encoded = encode(halves, inputs, rows, noise) if halves.encoder.layers else None
        said, self.tokens, starts = _written(targets, rows, halves.start)
        self.present = np.arange(len(said))[:, None] >= starts  # (time, lane)
        self.signal, self.saved = Signal(said, starts), []
        first = iter(self.encoded.states) if self.encoded is not None else None
        for layer, weights in zip(halves.decoder.layers, halves.decoder.weights, strict=True):
            if isinstance(layer, Scanned):
                begin = None if first is None else next(first)
                self.signal, memory = layer.read(
                    self.operations, weights, self.signal, noise, begin
                )
            else:
                self.signal, memory = layer.forward(self.operations, weights, self.signal, noise)
            self.saved.append(memory)

    def losses(self, output: Output, share: float) -> Measured:
        """Loss of each token, whether it was the likeliest, and the gradients behind them."""
        states = self.signal.values[self.present]
        return output.losses(states, self.tokens[self.present].astype(np.int64), share)

    def backward(
        self, d_states: Floats, d_table: Floats | Rows, d_bias: Floats | Rows
    ) -> list[Gradients]:
        """Gradients of the encoder's layers, the decoder's and the output's."""
        halves, decoder = self.halves, self.halves.decoder
        values = self.signal.values
        gradient: Floats | None = np.zeros_like(values)
        assert gradient is not None
        gradient[self.present] = d_states[:, : values.shape[-1]]
        own, carried = list[Gradients](), list[State]()
        for layer, weights, memory in zip(
            decoder.layers[::-1], decoder.weights[::-1], self.saved[::-1], strict=True
        ):
            if gradient is None:
                own.append({})
            elif isinstance(layer, Scanned):
                carried.append(zero_state(layer, values.dtype))
                gradient, found = layer.read_backward(
                    self.operations, weights, memory, gradient, carried[-1]
                )
                own.append(found)
            else:
                gradient, found = layer.backward(self.operations, weights, memory, gradient)
                own.append(found)
        gradients = own[::-1]
        output: Gradients = {"bias": d_bias}
        if halves.tied:
            _add_to_embedding(decoder, gradients, d_table)
        else:
            output = {"table": d_table, "bias": d_bias}
        encoder = [] if self.encoded is None else self.encoded.backward(carried[::-1])
        return [*encoder, *gradients, output]


@dataclass(frozen=True, eq=False)
class Encoded:
    """What an encoder made of a tile. states: of each recurrent layer, the first one first."""

    halves: Halves
    signal: Signal
    saved: list[Any]
    states: list[State]

    def backward(self, carried: Sequence[State]) -> list[Gradients]:
        """Gradients of its layers from those of its states."""
        encoder, operations = self.halves.encoder, self.halves.operations
        above = list(carried)
        gradient: Floats | None = np.zeros_like(self.signal.values)
        own = list[Gradients]()
        for layer, weights, memory in zip(
            encoder.layers[::-1], encoder.weights[::-1], self.saved[::-1], strict=True
        ):
            if gradient is None:
                own.append({})
            elif isinstance(layer, Scanned):
                gradient, found = layer.read_backward(
                    operations, weights, memory, gradient, above.pop()
                )
                own.append(found)
            else:
                gradient, found = layer.backward(operations, weights, memory, gradient)
                own.append(found)
        return own[::-1]


def encode(halves: Halves, inputs: Sequences, rows: Longs, noise: Noise) -> Encoded:
    """Read one tile of inputs, which end together."""
    own = [inputs[int(row)] for row in rows]
    time = max((len(ids) for ids in own), default=0)
    values = np.zeros((time, TILE), dtype=np.int32)
    starts = np.full(TILE, time, dtype=np.int64)
    for lane, ids in enumerate(own):
        starts[lane] = time - len(ids)
        values[time - len(ids) :, lane] = ids
    signal, saved, states = Signal(values, starts), list[Any](), list[State]()
    for layer, weights in zip(halves.encoder.layers, halves.encoder.weights, strict=True):
        if isinstance(layer, Scanned):
            signal, memory = layer.read(halves.operations, weights, signal, noise)
            states.append(layer.reached(memory))
        else:
            signal, memory = layer.forward(halves.operations, weights, signal, noise)
        saved.append(memory)
    return Encoded(halves, signal, saved, states)


def _written(targets: Sequences, rows: Longs, start: int) -> tuple[Any, Any, Longs]:
    """What the decoder reads and is to say (time, lane), last step first, and where each ends."""
    own = [targets[int(row)] for row in rows]
    time = max(len(ids) for ids in own)
    said = np.zeros((time, TILE), dtype=np.int32)
    tokens = np.zeros((time, TILE), dtype=np.int32)
    ends = np.full(TILE, time, dtype=np.int64)
    for lane, ids in enumerate(own):
        ends[lane] = time - len(ids)
        tokens[ends[lane] :, lane] = ids[::-1]
        said[ends[lane] : time - 1, lane] = ids[:-1][::-1]
        said[time - 1, lane] = start
    return said, tokens, ends


def zero_state(layer: Scanned, dtype: Any) -> State:
    """No state of a tile."""
    return tuple(np.zeros((TILE, layer.units), dtype=dtype) for _ in layer.state_at)


def _add_to_embedding(decoder: Half, gradients: list[Gradients], d_table: Floats | Rows) -> None:
    """A tied table learns from both of its uses."""
    for layer, own in zip(decoder.layers, gradients, strict=True):
        if isinstance(layer, Embedding):
            rows = own["embeddings"]
            assert isinstance(rows, Rows)
            if isinstance(d_table, Rows):
                own["embeddings"] = Rows.total([rows, d_table])
            else:
                own["embeddings"] = rows.dense(len(d_table)) + d_table
