"""PyTorch's encoder-decoder: two `nn.LSTM`, `nn.Linear`, and `cross_entropy` over all words."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from support.sequence_work import (
    CASES,
    EPSILON,
    LEARNING_RATE,
    SIZE,
    START,
    UNITS,
    Arrays,
    batches_of,
    initial_weights,
)
from support.step_peer import Step, serve

BETA_2 = 0.999


class Half(nn.Module):
    """A table and an LSTM, which reads (steps, texts) as it likes it best."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, SIZE)
        self.lstm = nn.LSTM(SIZE, UNITS)

    def forward(self, ids: Tensor, state: Any = None) -> Any:
        return self.lstm(self.embedding(ids), state)

    @torch.no_grad()
    def set_weights(self, weights: Arrays, half: str) -> None:
        """From Keras' layouts: kernels (inputs, outputs), PyTorch's are (outputs, inputs)."""
        own = {
            name.removeprefix(f"{half}/"): torch.from_numpy(array)
            for name, array in weights.items()
        }
        self.embedding.weight.copy_(own["embedding/embeddings"])
        self.lstm.weight_ih_l0.copy_(own["lstm/kernel"].T)
        self.lstm.weight_hh_l0.copy_(own["lstm/recurrent_kernel"].T)
        # PyTorch adds two biases where Keras has one.
        self.lstm.bias_ih_l0.copy_(own["lstm/bias"])
        self.lstm.bias_hh_l0.zero_().requires_grad_(False)


class EncoderDecoder(nn.Module):
    def __init__(self, words: int) -> None:
        super().__init__()
        self.encoder, self.decoder = Half(words), Half(words)
        self.output = nn.Linear(UNITS, words)
        weights = initial_weights(words)
        self.encoder.set_weights(weights, "encoder")
        self.decoder.set_weights(weights, "decoder")
        with torch.no_grad():
            self.output.weight.copy_(torch.from_numpy(weights["output/table"]))
            self.output.bias.copy_(torch.from_numpy(weights["output/bias"][:, 0]))

    def forward(self, read: Tensor, said: Tensor) -> Tensor:
        _, state = self.encoder(read)
        hidden, _ = self.decoder(said, state)
        logits: Tensor = self.output(hidden)
        return logits


class TorchPeer:
    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__}

    def step(self, case: str) -> Step:
        network = EncoderDecoder(CASES[case].words)
        learning = [one for one in network.parameters() if one.requires_grad]
        optimizer = torch.optim.Adam(learning, LEARNING_RATE, betas=(0.9, BETA_2))
        turned = batches_of(CASES[case]).transpose(0, 2, 1)
        batches = cycle([torch.from_numpy(np.ascontiguousarray(one)).long() for one in turned])
        losses: list[float] = []

        def step() -> list[float]:
            # Keras' epsilon stands beside a root that is not corrected yet.
            optimizer.param_groups[0]["eps"] = EPSILON / (1 - BETA_2 ** (len(losses) + 1)) ** 0.5
            read = next(batches)
            said = torch.cat([torch.full_like(read[:1], START), read[:-1]])
            logits = network(read, said)
            loss = functional.cross_entropy(logits.flatten(0, 1), read.flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            return losses

        return step

    def results(self, case: str, outcome: Any) -> dict[str, Any]:
        return {"first loss": outcome[0], "last loss": outcome[-1]}


if __name__ == "__main__":
    serve(TorchPeer)
