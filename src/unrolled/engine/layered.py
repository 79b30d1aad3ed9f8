"""Runs any row of layers, one after another, a tile of sequences at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.batches import (
    Floats,
    Longs,
    NonFiniteBatch,
    Progress,
    Totals,
    batch_slices,
    check_ids,
    tiled_order,
)
from unrolled.engine.layers import Dense, Layer, Operations, Signal, Weights
from unrolled.engine.losses import Loss
from unrolled.engine.optimizers import Optimizer
from unrolled.engine.threads import Team
from unrolled.ragged import Ragged

TILE = 16
"""Sequences that go through the layers together; each tile has a gradient of its own."""


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
        loss: Loss | None,
        optimizer: Optimizer | None,
        operations: Operations,
    ) -> None:
        self._layers = layers
        self._weights = weights
        self._parameters = parameters
        self._rows = rows
        self._loss = loss
        self._optimizer = optimizer
        self._operations = operations
        self._teams: dict[int, Team] = {}

    def train_epoch(
        self,
        sequences: Ragged,
        targets: Longs,
        order: Longs,
        *,
        batch_size: int,
        threads: int,
        on_progress: Progress | None,
    ) -> Totals:
        """As `Network.train_epoch`."""
        assert self._optimizer is not None
        order = tiled_order(sequences.lengths, order, batch_size)
        totals = Totals()
        for number, part in enumerate(batch_slices(len(order), batch_size)):
            rows = order[part]
            gradient, batch = self.gradient(sequences, targets, rows, threads=threads)
            if not np.isfinite(batch.loss):
                raise NonFiniteBatch(number, rows, "loss")
            if not np.isfinite(gradient).all():
                raise NonFiniteBatch(number, rows, "gradient")
            self._optimizer.apply(self._parameters, gradient)
            totals.loss += batch.loss
            totals.right += batch.right
            totals.examples += batch.examples
            if on_progress is not None:
                on_progress(totals.examples)
        return totals

    def gradient(
        self, sequences: Ragged, targets: Longs, rows: Longs, *, threads: int
    ) -> tuple[Floats, Totals]:
        """Gradient (parameters,) of the mean loss over ``rows``, and the sums."""
        check_ids(sequences, self._rows)
        parts = list(batch_slices(len(rows), TILE))

        def work(tile: int) -> tuple[Floats, float, float]:
            own = rows[parts[tile]]
            return self._tile_gradient(sequences, own, targets[own], len(rows))

        gradient = np.zeros_like(self._parameters)
        totals = Totals(examples=len(rows))
        with np.errstate(over="ignore", invalid="ignore"):
            for own, loss, right in self._team(threads).each(work, range(len(parts))):
                gradient += own
                totals.loss += loss
                totals.right += right
        return gradient, totals

    def predict(self, sequences: Ragged, *, threads: int) -> Floats:
        """As `Network.predict`; the outputs of every step where the last layer gives them."""
        check_ids(sequences, self._rows)
        order = np.argsort(sequences.lengths, kind="stable")
        parts = list(batch_slices(len(order), TILE))

        def work(tile: int) -> NDArray[Any]:
            part = parts[tile]
            outgoing, _ = self._forward(_signal(sequences, order[part]))
            return np.moveaxis(outgoing.values, -2, 0)[: part.stop - part.start]

        results = self._team(threads).each(work, range(len(parts)))
        if not results:
            return np.zeros((0, self._weights[-1]["bias"].size), dtype=np.float32)
        answers = np.empty((len(order), *results[0].shape[1:]), dtype=np.float32)
        for part, result in zip(parts, results, strict=True):
            answers[order[part]] = result
        return answers

    def _tile_gradient(
        self, sequences: Ragged, rows: Longs, targets: Longs, batch: int
    ) -> tuple[Floats, float, float]:
        """Flat gradient, summed loss and right answers of one tile of a batch."""
        assert self._loss is not None
        outgoing, saved = self._forward(_signal(sequences, rows))
        probabilities = outgoing.values[: len(rows)]
        d_logits = np.zeros_like(outgoing.values)
        d_logits[: len(rows)] = self._loss.gradient(probabilities, targets) / np.float32(batch)
        last = self._layers[-1]
        assert isinstance(last, Dense)
        gradient, own = last.backward_from_logits(
            self._operations, self._weights[-1], saved[-1], d_logits
        )
        gradients = [own]
        for at in range(len(self._layers) - 2, -1, -1):
            assert gradient is not None
            gradient, own = self._layers[at].backward(
                self._operations, self._weights[at], saved[at], gradient
            )
            gradients.append(own)
            if gradient is None:
                break
        gradients.extend([{}] * (len(self._layers) - len(gradients)))
        flat = [
            np.ravel(own[name])
            for own, weights in zip(reversed(gradients), self._weights, strict=True)
            for name in weights
        ]
        loss = float(self._loss.loss(probabilities, targets).sum(dtype=np.float64))
        right = float(self._loss.accuracy(probabilities, targets).sum())
        return np.concatenate(flat), loss, right

    def _forward(self, signal: Signal) -> tuple[Signal, list[Any]]:
        saved = []
        for layer, weights in zip(self._layers, self._weights, strict=True):
            signal, memory = layer.forward(self._operations, weights, signal)
            saved.append(memory)
        return signal, saved

    def _team(self, threads: int) -> Team:
        return self._teams.setdefault(threads, Team(threads))


def _signal(sequences: Ragged, rows: Longs) -> Signal:
    """Sequences side by side (time, TILE), ending together; missing ones have no token."""
    own = [sequences[int(row)] for row in rows]
    time = max((len(ids) for ids in own), default=0)
    values = np.zeros((time, TILE), dtype=np.int32)
    present = np.zeros((time, TILE), dtype=np.bool_)
    for lane, ids in enumerate(own):
        values[time - len(ids) :, lane] = ids
        present[time - len(ids) :, lane] = True
    return Signal(values, present)
