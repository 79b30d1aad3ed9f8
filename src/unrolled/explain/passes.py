"""Passes through a network's layers that keep what each of them gave, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels import operations
from unrolled.engine.kernels.recurrence import LANES
from unrolled.engine.layers import Bidirectional, Dense, Embedding, Scanned, Signal, Weights
from unrolled.engine.network import Network
from unrolled.engine.rows import Rows
from unrolled.engine.threads import Team, thread_count

Floats = NDArray[np.float32]

POINTS = 64
"""Points at which the gradient is taken between no word and the whole text."""


@dataclass(frozen=True, eq=False)
class Scan:
    """One direction of a recurrent layer on its way through a text.

    name: of the network's layer. weights: of this direction, by the names of its layer.
    inputs: ids (steps,), or the numbers of each step (steps, size). states: (steps, units) after
    each step. cells: of an LSTM or QRNN, as the states; None for others.
    """

    name: str
    layer: Scanned
    weights: Weights
    inputs: NDArray[Any]
    states: Floats
    cells: Floats | None

    @property
    def direction(self) -> str:
        """Which way it reads: "forward" or "backward"."""
        return "backward" if self.layer.go_backwards else "forward"


def scans(network: Network, ids: NDArray[np.int32]) -> list[Scan]:
    """Every recurrent layer's way through one text (steps,), each direction for itself."""
    values = np.zeros((len(ids), LANES), dtype=np.int32)
    values[:, 0] = ids
    starts = np.full(LANES, len(ids), dtype=np.int64)
    starts[0] = 0
    signal, found = Signal(values, starts), list[Scan]()
    for name, layer, weights in zip(
        network.names, network.layers, network.layer_weights, strict=True
    ):
        signal, saved = layer.forward(operations, weights, signal, None)
        if isinstance(layer, Scanned):
            found.append(_scan(name, layer, weights, saved))
        elif isinstance(layer, Bidirectional):
            for (direction, own), memory in zip(layer.directions.items(), saved, strict=True):
                found.append(_scan(name, own, _of_direction(weights, direction), memory))
    return found


def integrated_gradients(
    network: Network,
    ids: NDArray[np.int32],
    slope: Callable[[Floats], Floats],
    *,
    threads: int | None = None,
) -> NDArray[np.float64]:
    """How much each step adds to a function of the network's outputs, by its gradient (steps,).

    The vectors of all words grow together from zero to what they are, and each step gets its part
    of what the function gains on the way: the sum over steps is the whole gain, but for the error
    of ``POINTS`` midpoints. ids: (steps,), at least one.
    slope: from outputs (lanes, outputs) to the function's gradient before the last activation.
    Source: Sundararajan et al. 2017, "Axiomatic Attribution for Deep Networks", equation 1.
    """
    scales = (np.arange(POINTS, dtype=np.float32) + 0.5) / POINTS
    tiles = scales.reshape(-1, LANES)
    team = Team(min(thread_count(threads), len(tiles)))
    parts = team.each(lambda tile: _gains(network, ids, tiles[tile], slope), range(len(tiles)))
    return np.asarray(np.sum(parts, axis=0) / POINTS)


def _gains(
    network: Network, ids: NDArray[np.int32], scales: Floats, slope: Callable[[Floats], Floats]
) -> NDArray[np.float64]:
    """Sum over the lanes of gradient · vector of each step (steps,); lane l's vectors are scaled.

    Each step of each lane has a row of its own in the tables, so that the gradient of a row is that
    of a step.
    """
    steps = len(ids)
    own = [
        {
            name: _scaled_rows(weight, ids, scales) if _has_words(network, at, name) else weight
            for name, weight in weights.items()
        }
        for at, weights in enumerate(network.layer_weights)
    ]
    values = np.arange(LANES * steps, dtype=np.int32).reshape(LANES, steps).T
    signal = Signal(np.ascontiguousarray(values), np.zeros(LANES, dtype=np.int64))
    memories = []
    for layer, weights in zip(network.layers, own, strict=True):
        signal, saved = layer.forward(operations, weights, signal, None)
        memories.append(saved)
    last = network.layers[-1]
    assert isinstance(last, Dense)
    gradient, _ = last.backward_from_logits(operations, own[-1], memories[-1], slope(signal.exact))
    total = np.zeros(steps)
    for at in range(len(network.layers) - 2, -1, -1):
        if gradient is None:
            break
        gradient, gradients = network.layers[at].backward(
            operations, own[at], memories[at], gradient
        )
        for name, rows in gradients.items():
            if isinstance(rows, Rows):
                total += _along(network.layer_weights[at][name], ids, rows)
    return total


def _has_words(network: Network, at: int, name: str) -> bool:
    """Whether weight ``name`` of layer ``at`` has a row for each word."""
    if isinstance(network.layers[at], Embedding):
        return True
    incoming = network.flows[at - 1].kind if at else "ids"
    return incoming == "ids" and name.split("/")[-1] == "kernel"


def _scaled_rows(table: Floats, ids: NDArray[np.int32], scales: Floats) -> Floats:
    """Rows of each lane's steps: (..., words, columns) -> (..., lane · step, columns)."""
    rows = table[..., ids, :]
    scaled = rows[..., np.newaxis, :, :] * scales[:, np.newaxis, np.newaxis]
    return np.ascontiguousarray(scaled.reshape(*table.shape[:-2], -1, table.shape[-1]))


def _along(table: Floats, ids: NDArray[np.int32], rows: Rows) -> NDArray[np.float64]:
    """Gradient · row of each step, added up over lanes and columns (steps,)."""
    gradient = rows.dense(LANES * len(ids)).reshape(
        *table.shape[:-2], LANES, len(ids), table.shape[-1]
    )
    products = gradient.sum(axis=-3, dtype=np.float64) * table[..., ids, :]
    return np.asarray(products.sum(axis=-1).reshape(-1, len(ids)).sum(axis=0))


def _scan(name: str, layer: Scanned, weights: Weights, saved: Any) -> Scan:
    x, _, memory = saved
    units = layer.units
    has_cells = layer.kind in ("lstm", "qrnn")
    size = weights["kernel"].shape[-2]
    return Scan(
        name=name,
        layer=layer,
        weights=weights,
        inputs=x[:, 0] if x.ndim == 2 else x[:, 0, :size],
        states=memory[0][1:-1, 0, :units],
        cells=memory[1][1:-1, 0, :units] if has_cells else None,
    )


def _of_direction(weights: Weights, direction: str) -> Weights:
    start = f"{direction}/"
    return {
        name.removeprefix(start): weight
        for name, weight in weights.items()
        if name.startswith(start)
    }
