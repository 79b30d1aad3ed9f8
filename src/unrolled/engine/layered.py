"""Runs any row of layers, one after another, a tile of sequences at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.batches import (
    Floats,
    Longs,
    Progress,
    Totals,
    batch_slices,
    check_ids,
    tiled_order,
)
from unrolled.engine.gradients import Tile, finite_parts, summed, unbounded
from unrolled.engine.layers import (
    Dense,
    Gradients,
    Layer,
    Operations,
    Signal,
    TimeDistributed,
    Weights,
)
from unrolled.engine.losses import Loss
from unrolled.engine.optimizers import Optimizer, Part
from unrolled.engine.threads import Team
from unrolled.ragged import Sequences

TILE = 16
"""Sequences that go through the layers together; each tile has a gradient of its own."""

Update = Callable[[Optimizer, Floats, Sequence[Part], Team], None]


@dataclass(frozen=True)
class Learning:
    """What training needs besides the network.

    class_weights: what the loss of an example of each class is multiplied by; None: by one.
    sparse: rows of a table that a batch does not read keep still.
    rates: what each layer's learning rate is multiplied by; None: by one.
    seed: of dropout. update: takes a step of the optimizer, on a team.
    """

    loss: Loss | None
    optimizer: Optimizer | None
    class_weights: Floats | None
    sparse: bool
    seed: int
    update: Update
    rates: Sequence[float] | None


class Layered:
    """The general way. Tiles go to threads; their gradients are added up in tile order."""

    name = "layered"

    def __init__(
        self,
        *,
        layers: Sequence[Layer],
        weights: Sequence[Weights],
        parameters: Floats,
        rows: int,
        operations: Operations,
        learning: Learning,
    ) -> None:
        self._layers = layers
        self._weights = weights
        self._parameters = parameters
        self._rows = rows
        self._operations = operations
        self._learning = learning
        self._teams: dict[int, Team] = {}

    def train_epoch(
        self,
        sequences: Sequences,
        targets: NDArray[np.integer],
        order: Longs,
        *,
        batch_size: int,
        threads: int,
        on_progress: Progress | None,
    ) -> Totals:
        """As `Network.train_epoch`."""
        order = tiled_order(sequences.lengths, order, batch_size)
        totals = Totals()
        for number, part in enumerate(batch_slices(len(order), batch_size)):
            rows = order[part]
            tiles = self.read_tiles(sequences, targets, rows, batch=len(rows), threads=threads)
            total = self.add_tiles(tiles)
            self.take_step(total, number, rows, totals, threads=threads)
            if on_progress is not None:
                on_progress(totals.examples)
        return totals

    def read_tiles(
        self,
        sequences: Sequences,
        targets: NDArray[np.integer],
        rows: Longs,
        *,
        batch: int,
        first: int = 0,
        threads: int,
    ) -> list[Tile]:
        """What each tile of ``rows`` gives to the mean loss over a batch of ``batch`` examples.

        first: the number of the first of these tiles in the batch. The longest sequences are read
        first, so that no thread is left alone with them.
        """
        check_ids(sequences, self._rows)
        tiles = list(batch_slices(len(rows), TILE))

        @unbounded
        def work(tile: int) -> Tile:
            own = rows[tiles[tile]]
            return self._read_tile(sequences, own, targets[own], batch, first + tile)

        return self._team(threads).each(work, range(len(tiles) - 1, -1, -1))[::-1]

    def add_tiles(self, tiles: Sequence[Tile]) -> Tile:
        """Tiles that follow each other, added up."""
        return summed(self._operations, tiles)

    def take_step(
        self, total: Tile, number: int, rows: Longs, totals: Totals, *, threads: int
    ) -> None:
        """The optimizer's step from all tiles of batch ``number``, which are added to the sums.

        Raises NonFiniteBatch, and leaves everything as before.
        """
        learning = self._learning
        assert learning.optimizer is not None
        parts = finite_parts(
            self._weights, total, number, rows, sparse=learning.sparse, rates=learning.rates
        )
        learning.update(learning.optimizer, self._parameters, parts, self._team(threads))
        totals.include(total.totals())

    def predict(self, sequences: Sequences, *, threads: int) -> Floats:
        """As `Network.predict`; the outputs of every step where the last layer gives them."""
        check_ids(sequences, self._rows)
        order = np.argsort(sequences.lengths, kind="stable")
        parts = list(batch_slices(len(order), TILE))

        @unbounded
        def work(tile: int) -> NDArray[Any]:
            part = parts[tile]
            outgoing, _ = self._forward(_signal(sequences, order[part]), None)
            return np.moveaxis(outgoing.exact, -2, 0)[: part.stop - part.start]

        results = self._team(threads).each(work, range(len(parts)))
        if not results:
            return np.zeros((0, self._weights[-1]["bias"].size), dtype=np.float32)
        answers = np.empty((len(order), *results[0].shape[1:]), dtype=np.float32)
        for part, result in zip(parts, results, strict=True):
            answers[order[part]] = result
        return answers

    def _read_tile(
        self,
        sequences: Sequences,
        rows: Longs,
        targets: NDArray[np.integer],
        batch: int,
        tile: int,
    ) -> Tile:
        loss, optimizer = self._learning.loss, self._learning.optimizer
        assert loss is not None
        step = 0 if optimizer is None else optimizer.iterations
        noise = np.random.Generator(np.random.PCG64([self._learning.seed, step, tile]))
        outgoing, saved = self._forward(_signal(sequences, rows), noise)
        by_text = np.moveaxis(outgoing.exact, -2, 0)[: len(rows)]  # (text, [step,] output)
        probabilities, targets = each_answer(by_text, targets)
        shares = self._shares(targets) / np.float32(len(probabilities) // len(rows))
        d_logits = np.zeros_like(outgoing.exact)
        own_logits = loss.gradient(probabilities, targets) * shares[:, None] / np.float32(batch)
        np.moveaxis(d_logits, -2, 0)[: len(rows)] = own_logits.reshape(by_text.shape)
        last = self._layers[-1]
        assert isinstance(last, Dense | TimeDistributed)
        gradient, own = last.backward_from_logits(
            self._operations, self._weights[-1], saved[-1], d_logits
        )
        gradients: list[Gradients] = [own]
        for at in range(len(self._layers) - 2, -1, -1):
            if gradient is None or not self._learns_up_to(at):
                gradients.append({})
                continue
            gradient, own = self._layers[at].backward(
                self._operations, self._weights[at], saved[at], gradient
            )
            gradients.append(own)
        losses = loss.loss(probabilities, targets) * shares
        answers = len(probabilities) // len(rows)
        right = float(loss.accuracy(probabilities, targets).sum(dtype=np.float64)) / answers
        return Tile(gradients[::-1], ((float(losses.sum(dtype=np.float64)), right, len(rows)),))

    def _learns_up_to(self, layer: int) -> bool:
        """Whether this layer moves, or one below it."""
        rates = self._learning.rates
        return rates is None or any(rates[: layer + 1])

    def _shares(self, targets: NDArray[np.integer]) -> Floats:
        """How much each example's loss counts (n,)."""
        weights = self._learning.class_weights
        return np.ones(len(targets), np.float32) if weights is None else weights[targets]

    def _forward(
        self, signal: Signal, noise: np.random.Generator | None
    ) -> tuple[Signal, list[Any]]:
        saved = []
        for layer, weights in zip(self._layers, self._weights, strict=True):
            signal, memory = layer.forward(self._operations, weights, signal, noise)
            saved.append(memory)
        return signal, saved

    def _team(self, threads: int) -> Team:
        return self._teams.setdefault(threads, Team(threads))


def each_answer(
    by_text: Floats, targets: NDArray[np.integer]
) -> tuple[Floats, NDArray[np.integer]]:
    """Outputs and targets answer by answer: one a text, or one at each step of a text."""
    if by_text.ndim == 2:
        return by_text, targets
    answers = np.ascontiguousarray(by_text).reshape(-1, by_text.shape[-1])
    return answers, targets.reshape(len(answers))


def _signal(sequences: Sequences, rows: Longs) -> Signal:
    """Sequences side by side (time, TILE), ending together; missing ones have no token."""
    own = [sequences[int(row)] for row in rows]
    time = max((len(ids) for ids in own), default=0)
    values = np.zeros((time, TILE), dtype=np.int32)
    starts = np.full(TILE, time, dtype=np.int64)
    for lane, ids in enumerate(own):
        starts[lane] = time - len(ids)
        values[time - len(ids) :, lane] = ids
    return Signal(values, starts)
