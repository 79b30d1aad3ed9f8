"""Runs ids -> SimpleRNN -> Dense in compiled code, many batches a call."""

from __future__ import annotations

import math
import time
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
    check_ids,
    tiled_order,
)
from unrolled.engine.gradients import Tile, summed
from unrolled.engine.kernels import many_to_one, operations, workspace
from unrolled.engine.kernels.activations import ACTIVATIONS
from unrolled.engine.kernels.recurrence import LANES
from unrolled.engine.kernels.simple_rnn import unit_count
from unrolled.engine.kernels.team import new_gate
from unrolled.engine.kernels.updates import slots_and_momentum, step_constants
from unrolled.engine.kernels.vectors import padded
from unrolled.engine.layers import SimpleRNN
from unrolled.engine.optimizers import Optimizer
from unrolled.engine.rows import Rows
from unrolled.engine.threads import Team
from unrolled.ragged import Sequences

_SECONDS_A_CALL = 0.1
_PRODUCTS_A_THREAD = 2_000_000  # are made in about the time that it takes to wake one
_KEPT_BYTES = 1 << 20  # of states at a desk, up to which it is kept for a next call
_LARGE_TABLE = 4_096  # rows from which on a tile's gradient is that of the rows that it read


class ManyToOne:
    """The compiled way: threads stay inside one function for a tenth of a second at a time."""

    name = "compiled"

    def __init__(
        self,
        *,
        rows: int,
        embedding: int,
        recurrent: SimpleRNN,
        outputs: int,
        parameters: Floats,
        optimizer: Optimizer | None,
    ) -> None:
        self._shape = workspace.Shape(rows, embedding, outputs)
        self._units = recurrent.units
        self._activation = ACTIVATIONS[recurrent.activation]
        self._parameters = parameters
        self._optimizer = optimizer
        self._weights = workspace.new_weights(self._shape, recurrent.units)
        self._teams: dict[int, Team] = {}
        self._idle_desks: dict[int, workspace.Desk] = {}
        self._batches_a_call = 32

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
        assert self._optimizer is not None
        check_ids(sequences, self._shape.rows)
        tiles = math.ceil(batch_size / LANES)
        threads = min(threads, tiles)
        team, desk = self._team(threads), self._desk(threads, sequences)
        gradients = workspace.new_gradients(self._shape, self._units, tiles=tiles, threads=threads)
        order = tiled_order(sequences.lengths, order, batch_size)
        classes = np.ascontiguousarray(targets, dtype=np.int64)
        sums = np.zeros(2)
        done, batches = 0, math.ceil(len(order) / batch_size)
        while done < batches:
            count = min(self._batches_a_call, batches - done)
            rows = order[done * batch_size : (done + count) * batch_size]
            text = workspace.Text(sequences.ids, sequences.starts, sequences.ends, rows, classes)
            started = time.perf_counter()
            finished = self._call(team, text, batch_size, count, gradients, desk, sums)
            if finished < count:
                failed = done + finished
                at = slice(failed * batch_size, (failed + 1) * batch_size)
                losses = gradients.loss[: math.ceil(len(order[at]) / LANES), 0]
                what = "gradient" if np.isfinite(losses).all() else "loss"
                raise NonFiniteBatch(failed, order[at], what)
            done += count
            self._pace(count, time.perf_counter() - started)
            if on_progress is not None:
                on_progress(min(done * batch_size, len(order)))
        return Totals(float(sums[0]), float(sums[1]), len(order))

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
        """As `Layered.read_tiles`; the gradients are those of the table of all ids' sums."""
        check_ids(sequences, self._shape.rows)
        tiles = math.ceil(len(rows) / LANES)
        threads = min(threads, tiles)
        team, desk = self._team(threads), self._desk(threads, sequences)
        gradients = workspace.new_gradients(self._shape, self._units, tiles=tiles, threads=threads)
        classes = np.ascontiguousarray(targets, dtype=np.int64)
        text = workspace.Text(sequences.ids, sequences.starts, sequences.ends, rows, classes)
        share = np.float32(1.0) / np.float32(batch)
        gate = new_gate()

        def work(thread: int) -> None:
            many_to_one.read(
                thread, team.threads, gate, self._shape, unit_count(self._units),
                self._activation, self._parameters, text, share, self._weights, gradients, desk,
            )  # fmt: skip

        team.together(work)
        return [self._tile(gradients, tile, len(rows)) for tile in range(tiles)]

    def add_tiles(self, tiles: Sequence[Tile]) -> Tile:
        """Tiles that follow each other, added up."""
        return summed(operations, tiles)

    def take_step(
        self, total: Tile, number: int, rows: Longs, totals: Totals, *, threads: int
    ) -> None:
        """As `Layered.take_step`."""
        if not all(math.isfinite(loss) for loss, _, _ in total.scores):
            raise NonFiniteBatch(number, rows, "loss")
        optimizer = self._optimizer
        assert optimizer is not None
        team = self._team(threads)
        desk = workspace.new_desk(self._shape, self._units, time=1, threads=threads)
        gradients = workspace.new_gradients(self._shape, self._units, tiles=1, threads=threads)
        self._put_into(gradients, total)
        steps, gate = _steps(optimizer, 1), new_gate()

        def work(thread: int) -> bool:
            taken: bool = many_to_one.learn(
                thread, team.threads, gate, self._shape, unit_count(self._units),
                self._parameters, steps, gradients, desk,
            )  # fmt: skip
            return taken

        if not all(team.together(work)):
            raise NonFiniteBatch(number, rows, "gradient")
        optimizer.iterations += 1
        for loss, right, examples in total.scores:
            totals.include(Totals(loss, right, examples))

    def predict(self, sequences: Sequences, *, threads: int) -> Floats:
        """As `Network.predict`."""
        check_ids(sequences, self._shape.rows)
        threads = self._threads_for(sequences, threads)
        team, desk = self._team(threads), self._idle_desk(threads, sequences)
        order = np.argsort(sequences.lengths, kind="stable")
        text = workspace.Text(sequences.ids, sequences.starts, sequences.ends, order, order)
        answers = np.zeros((len(sequences), self._shape.outputs), dtype=np.float32)
        gate = new_gate()

        def work(thread: int) -> None:
            many_to_one.predict(
                thread, team.threads, gate, self._shape, unit_count(self._units),
                self._activation, self._parameters, text, self._weights, desk, answers,
            )  # fmt: skip

        team.together(work)
        if desk.states.nbytes <= _KEPT_BYTES:
            self._idle_desks[threads] = desk
        return answers

    def _call(
        self,
        team: Team,
        text: workspace.Text,
        batch_size: int,
        count: int,
        gradients: workspace.Gradients,
        desk: workspace.Desk,
        sums: Any,
    ) -> int:
        """Trains on ``count`` batches at most; returns how many were finished."""
        optimizer = self._optimizer
        assert optimizer is not None
        before = optimizer.iterations
        steps, gate = _steps(optimizer, count), new_gate()

        def work(thread: int) -> int:
            finished: int = many_to_one.train(
                thread, team.threads, gate, self._shape, unit_count(self._units),
                self._activation, self._parameters, text, batch_size, steps, self._weights,
                gradients, desk, sums,
            )  # fmt: skip
            return finished

        finished = team.together(work)[0]
        optimizer.iterations = before + finished
        return finished

    def _tile(self, gradients: workspace.Gradients, tile: int, size: int) -> Tile:
        """A copy of the gradients of one of the tiles of ``size`` sequences."""
        width = padded(self._units)
        table = gradients.table[tile][: self._shape.rows * width].reshape(-1, width)
        if len(table) >= _LARGE_TABLE:
            numbers = np.flatnonzero(table.any(axis=1))
            own: Floats | Rows = Rows(numbers, table[numbers])
        else:
            own = table.copy()
        loss, right = gradients.loss[tile, :2].tolist()
        return Tile(
            [
                {
                    "table": own,
                    "recurrent": gradients.recurrent[tile][: width * width].copy(),
                    "dense": gradients.dense[tile].copy(),
                }
            ],
            ((loss, right, min(LANES, size - tile * LANES)),),
        )

    def _put_into(self, gradients: workspace.Gradients, total: Tile) -> None:
        """Lays the sum of a batch's tiles where the first tile's gradients are."""
        own, width = total.gradients[0], padded(self._units)
        table = gradients.table[0][: self._shape.rows * width].reshape(-1, width)
        summed_rows = own["table"]
        if isinstance(summed_rows, Rows):
            table[summed_rows.numbers] = summed_rows.values
        else:
            table[:] = summed_rows
        gradients.recurrent[0][: width * width] = own["recurrent"]
        gradients.dense[0][:] = own["dense"]

    def _team(self, threads: int) -> Team:
        return self._teams.setdefault(threads, Team(threads))

    def _desk(self, threads: int, sequences: Sequences) -> workspace.Desk:
        """A desk for this call alone, so that calls from several threads do not meet."""
        longest = int(sequences.lengths.max(initial=1))
        return workspace.new_desk(self._shape, self._units, time=longest, threads=threads)

    def _idle_desk(self, threads: int, sequences: Sequences) -> workspace.Desk:
        """A desk that an earlier call has left, where it is large enough; otherwise a new one.

        To make one takes almost as long as to read a text. Nobody else can take the same one.
        """
        desk = self._idle_desks.pop(threads, None)
        states = (int(sequences.lengths.max(initial=1)) + 1) * LANES * padded(self._units)
        if desk is not None and desk.states.shape[1] >= states:
            return desk
        return self._desk(threads, sequences)

    def _threads_for(self, sequences: Sequences, most: int) -> int:
        """No more than have a tile each, and enough of it."""
        threads = max(1, min(most, math.ceil(len(sequences) / LANES)))
        if threads == 1:
            return 1
        products = int(sequences.lengths.sum()) * self._units**2
        return max(1, min(threads, products // _PRODUCTS_A_THREAD))

    def _pace(self, count: int, seconds: float) -> None:
        """Sets the length of a call: short enough for a prompt Ctrl-C, long enough to be cheap."""
        self._batches_a_call = max(1, int(count * _SECONDS_A_CALL / max(seconds, 1e-6)))


def _steps(optimizer: Optimizer, count: int) -> workspace.Steps:
    """What the next ``count`` steps of ``optimizer`` need."""
    before = optimizer.iterations
    constants = np.empty((count, 4), dtype=np.float32)
    for step in range(count):
        optimizer.iterations = before + step
        constants[step] = step_constants(optimizer)
    optimizer.iterations = before
    velocity, momentum, decay, nesterov = slots_and_momentum(optimizer)
    return workspace.Steps(optimizer.kind, constants, decay, nesterov, velocity, momentum)
