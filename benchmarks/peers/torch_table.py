"""PyTorch's `nn.Embedding` with `SparseAdam`, or with the dense `Adam`, and a mean over time."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from support.step_peer import Step, serve
from support.table_work import EPSILON, FIRST_ROWS, LEARNING_RATE, SIZE, work_of

BETA_2 = 0.999


class TorchPeer:
    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__}

    def step(self, case: str) -> Step:
        work = work_of(case)
        table = nn.Embedding(work.case.words, SIZE, sparse=work.case.sparse)
        dense = nn.Linear(SIZE, 1)
        with torch.no_grad():
            table.weight.copy_(torch.from_numpy(work.table))
            dense.weight.copy_(torch.from_numpy(work.kernel.T))
            dense.bias.zero_()
        rest = list(dense.parameters())
        optimizers: list[Any] = []
        if work.case.sparse:
            optimizers.append(torch.optim.SparseAdam([table.weight], LEARNING_RATE, eps=EPSILON))
        else:
            rest.append(table.weight)
        optimizers.append(torch.optim.Adam(rest, LEARNING_RATE, betas=(0.9, BETA_2)))
        batches = cycle(
            [
                (torch.from_numpy(ids).long(), torch.from_numpy(labels).float())
                for ids, labels in zip(work.ids, work.labels, strict=True)
            ]
        )
        steps = 0

        def step() -> tuple[float, Tensor, Tensor]:
            nonlocal steps
            steps += 1
            # Keras' and SparseAdam's epsilon stands beside a root that is not corrected yet.
            optimizers[-1].param_groups[0]["eps"] = EPSILON / (1 - BETA_2**steps) ** 0.5
            ids, labels = next(batches)
            logits = dense(table(ids).mean(dim=1)).squeeze(1)
            loss = functional.binary_cross_entropy_with_logits(logits, labels)
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
            return loss.item(), table.weight, dense.weight

        return step

    def results(self, case: str, outcome: Any) -> dict[str, Any]:
        loss, table, kernel = outcome
        return {
            "loss": torch.tensor(loss),
            "table": table.detach()[:FIRST_ROWS],
            "kernel": kernel.detach().T,
        }


if __name__ == "__main__":
    serve(TorchPeer)
