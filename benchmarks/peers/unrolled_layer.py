"""One layer of unrolled, as its training runs it: tiles go to threads, gradients are added up."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from support.layer_work import BATCH, CASES, Case, work_of
from support.step_peer import Step, serve
from unrolled.engine.kernels import operations
from unrolled.engine.layered import TILE
from unrolled.engine.layers import GRU, LSTM, QRNN, Layer, MinGRU, Signal, SimpleRNN
from unrolled.engine.threads import Team

Tile = tuple[NDArray[np.float32], NDArray[np.float32] | None, dict[str, Any]]


def layer_of(case: Case) -> Layer:
    if case.window is not None:
        return QRNN(case.units, window=case.window)
    kinds = {"simple_rnn": SimpleRNN, "lstm": LSTM, "gru": GRU, "min_gru": MinGRU}
    layer: Layer = kinds[case.cell](case.units)
    return layer


class UnrolledPeer:
    def __init__(self, threads: int) -> None:
        self._team = Team(threads)

    def versions(self) -> dict[str, str]:
        return {name: importlib.metadata.version(name) for name in ("numpy", "numba")}

    def step(self, case: str) -> Step:
        work = work_of(case)
        layer, weights = layer_of(work.case), work.weights
        starts = np.zeros(TILE, dtype=np.int64)
        slices = [slice(at, at + TILE) for at in range(0, BATCH, TILE)]
        # (time, lane, size), as an embedding hands them on
        signals = [
            Signal(np.ascontiguousarray(work.x[part].transpose(1, 0, 2)), starts, work.case.units)
            for part in slices
        ]

        def one_tile(tile: int) -> tuple[float, Tile]:
            outgoing, saved = layer.forward(operations, weights, signals[tile], None)
            factors = work.factors[slices[tile]]
            loss = float((outgoing.exact * factors).sum(dtype=np.float64))
            d_last = np.zeros_like(outgoing.values)
            d_last[:, : work.case.units] = factors
            d_x, gradients = layer.backward(operations, weights, saved, d_last)
            return loss, (outgoing.exact, d_x, gradients)

        def step() -> tuple[float, list[Tile]]:
            losses, tiles = zip(*self._team.each(one_tile, range(len(slices))), strict=True)
            total = tiles[0][2]
            for _, _, gradients in tiles[1:]:
                for name, gradient in gradients.items():
                    total[name] += gradient
            return sum(losses), list(tiles)

        return step

    def results(self, case: str, outcome: Any) -> dict[str, Any]:
        _, tiles = outcome
        last, d_xs, gradients = zip(*tiles, strict=True)
        d_x = np.concatenate(d_xs, axis=1)[:, :, : CASES[case].units].transpose(1, 0, 2)
        return {"last": np.concatenate(last), "x": d_x, **gradients[0]}


if __name__ == "__main__":
    serve(UnrolledPeer)
