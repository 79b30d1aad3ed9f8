"""The slow, plain definition of each layer in double precision: what the others must agree with."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import numpy as np

from peers.unrolled_layer import layer_of
from support.layer_work import BATCH, work_of
from support.step_peer import Step, serve
from unrolled.engine import reference
from unrolled.engine.layers import Signal


class ReferencePeer:
    def __init__(self, threads: int) -> None:
        """One thread, however many there are."""

    def versions(self) -> dict[str, str]:
        return {"numpy": importlib.metadata.version("numpy")}

    def step(self, case: str) -> Step:
        work = work_of(case)
        layer = layer_of(work.case)
        weights: Any = {name: array.astype(np.float64) for name, array in work.weights.items()}
        x = work.x.transpose(1, 0, 2).astype(np.float64)
        signal = Signal(x, np.zeros(BATCH, dtype=np.int64))
        factors: Any = work.factors.astype(np.float64)

        def step() -> tuple[Any, Any, Any]:
            outgoing, saved = layer.forward(reference, weights, signal, None)
            return outgoing.values, *layer.backward(reference, weights, saved, factors)

        return step

    def results(self, case: str, outcome: Any) -> dict[str, Any]:
        last, d_x, gradients = outcome
        return {"last": last, "x": d_x.transpose(1, 0, 2), **gradients}


if __name__ == "__main__":
    serve(ReferencePeer)
