"""Probabilities of encoded texts from unrolled itself."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import numpy as np

from support.exported_work import CASES, batches_of, model_of
from support.step_peer import Step, serve
from unrolled.ragged import Ragged


class UnrolledPeer:
    def __init__(self, threads: int) -> None:
        self._threads = threads

    def versions(self) -> dict[str, str]:
        return {name: importlib.metadata.version(name) for name in ("numpy", "numba")}

    def step(self, case: str) -> Step:
        model = model_of(CASES[case])
        batches = batches_of(CASES[case], model)

        def step() -> list[Any]:
            # Texts that it has not seen: nothing is remembered of what was found of their ids.
            new = (Ragged(batch.ids, batch.offsets) for batch in batches)
            return [model.probabilities_of_prepared(batch, self._threads) for batch in new]

        return step

    def results(self, case: str, outcome: Any) -> dict[str, Any]:
        return {"probabilities": np.concatenate(outcome)}


if __name__ == "__main__":
    serve(UnrolledPeer)
