"""Probabilities of encoded texts from onnxruntime, which runs what `export --to onnx` wrote."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import numpy as np
import onnxruntime

from support.exported_work import CASES, batches_of, filled, model_of
from support.step_peer import Step, serve
from unrolled.export.onnx import to_onnx


class OnnxruntimePeer:
    def __init__(self, threads: int) -> None:
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads
        self._options.inter_op_num_threads = 1

    def versions(self) -> dict[str, str]:
        return {name: importlib.metadata.version(name) for name in ("onnx", "onnxruntime")}

    def step(self, case: str) -> Step:
        model = model_of(CASES[case])
        session = onnxruntime.InferenceSession(
            to_onnx(model), self._options, providers=["CPUExecutionProvider"]
        )
        inputs = [
            {"ids": ids, "lengths": lengths}
            for ids, lengths in map(filled, batches_of(CASES[case], model))
        ]

        def step() -> list[Any]:
            return [session.run(["probabilities"], batch)[0] for batch in inputs]

        return step

    def results(self, case: str, outcome: Any) -> dict[str, Any]:
        return {"probabilities": np.concatenate(outcome)}


if __name__ == "__main__":
    serve(OnnxruntimePeer)
