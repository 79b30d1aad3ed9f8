"""PyTorch's `nn.RNN`, `nn.GRU` and `nn.LSTM`, which read (steps, texts) as they like it best."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from support.layer_work import CASES, Case, Work, work_of
from support.step_peer import Step, serve

MODULES = {"simple_rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
# Where each block of Keras' gates is in PyTorch's order; the GRU's are update and reset there.
ORDER = {"simple_rnn": (0,), "lstm": (0, 1, 2, 3), "gru": (1, 0, 2)}


def exchanged(array: NDArray[np.float32], case: Case) -> NDArray[np.float32]:
    """Blocks of the last axis in the other's order, from Keras to PyTorch or back."""
    blocks = np.split(array, len(ORDER[case.cell]), axis=-1)
    return np.concatenate([blocks[number] for number in ORDER[case.cell]], axis=-1)


class TorchPeer:
    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__}

    def step(self, case: str) -> Step:
        work = work_of(case)
        units = work.case.units
        module = MODULES[work.case.cell](units, units)
        self._set_weights(module, work)
        x = torch.from_numpy(work.x.transpose(1, 0, 2).copy()).requires_grad_()
        factors = torch.from_numpy(work.factors)

        def step() -> tuple[nn.Module, Tensor, Tensor]:
            module.zero_grad()
            x.grad = None
            outputs, _ = module(x)
            last = outputs[-1]
            (last * factors).sum().backward()
            return module, x, last

        return step

    @torch.no_grad()
    def _set_weights(self, module: Any, work: Work) -> None:
        """From Keras' layouts: kernels (inputs, outputs), PyTorch's are (outputs, inputs)."""
        own = {
            name: torch.from_numpy(exchanged(array, work.case))
            for name, array in work.weights.items()
        }
        module.weight_ih_l0.copy_(own["kernel"].T)
        module.weight_hh_l0.copy_(own["recurrent_kernel"].T)
        if own["bias"].ndim == 2:
            module.bias_ih_l0.copy_(own["bias"][0])
            module.bias_hh_l0.copy_(own["bias"][1])
        else:
            # PyTorch adds two biases where Keras has one.
            module.bias_ih_l0.copy_(own["bias"])
            module.bias_hh_l0.zero_().requires_grad_(False)

    def results(self, case: str, outcome: Any) -> dict[str, Any]:
        module, x, last = outcome
        biases = [module.bias_ih_l0.grad, module.bias_hh_l0.grad]
        gradients = {
            "kernel": module.weight_ih_l0.grad.T,
            "recurrent_kernel": module.weight_hh_l0.grad.T,
            "bias": biases[0] if biases[1] is None else torch.stack(biases),
        }
        back = {
            name: exchanged(gradient.numpy(), CASES[case]) for name, gradient in gradients.items()
        }
        return {"last": last.detach(), "x": x.grad.transpose(0, 1), **back}


if __name__ == "__main__":
    serve(TorchPeer)
