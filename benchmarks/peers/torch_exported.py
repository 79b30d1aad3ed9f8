"""Probabilities of encoded texts from PyTorch, which runs what `export --to torch` wrote."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from support.exported_work import CASES, batches_of, filled, model_of
from support.step_peer import Step, serve
from unrolled.export.torch import write_torch
from unrolled.model.trained import TrainedModel


class TorchPeer:
    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__}

    def step(self, case: str) -> Step:
        model = model_of(CASES[case])
        module = written(model)
        inputs = [
            (torch.from_numpy(ids), torch.from_numpy(lengths))
            for ids, lengths in map(filled, batches_of(CASES[case], model))
        ]

        @torch.inference_mode()
        def step() -> list[Tensor]:
            return [module(ids, lengths) for ids, lengths in inputs]

        return step

    def results(self, case: str, outcome: Any) -> dict[str, Any]:
        return {"probabilities": np.concatenate([answers.numpy() for answers in outcome])}


def written(model: TrainedModel) -> nn.Module:
    """The module as its users import it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "module"
        write_torch(model, folder)
        spec = importlib.util.spec_from_file_location("model", folder / "model.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        loaded: nn.Module = module.load()
    return loaded


if __name__ == "__main__":
    serve(TorchPeer)
