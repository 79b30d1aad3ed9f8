"""PyTorch: `nn.RNN` and a plain loop over tensors that are shuffled once an epoch."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn
from torch.nn import functional

from support.worker import Run, serve
from support.workload import (
    BATCH_SIZE,
    EMBEDDING_SIZE,
    EPSILON,
    LEARNING_RATE,
    NUM_WORDS,
    RHO,
    UNITS,
    VALIDATION_BATCH_SIZE,
    Experiment,
    Weights,
    Workload,
)


class Classifier(nn.Module):
    """ids (time, reviews) -> logits (reviews,)."""

    def __init__(self, experiment: Experiment) -> None:
        super().__init__()
        embedded = experiment == "embedding"
        self.embedding = nn.Embedding(NUM_WORDS, EMBEDDING_SIZE) if embedded else None
        self.rnn = nn.RNN(EMBEDDING_SIZE if embedded else NUM_WORDS, UNITS)
        self.dense = nn.Linear(UNITS, 1)
        # PyTorch adds two biases where Keras has one.
        self.rnn.bias_hh_l0.requires_grad_(False)

    def forward(self, ids: Tensor) -> Tensor:
        if self.embedding is not None:
            inputs = self.embedding(ids)
        else:
            # Seven times as fast as functional.one_hot, which makes int64 to be converted.
            inputs = torch.zeros(*ids.shape, NUM_WORDS).scatter_(2, ids.unsqueeze(2), 1.0)
        _, last = self.rnn(inputs)
        logits: Tensor = self.dense(last[0]).squeeze(1)
        return logits

    @torch.no_grad()
    def set_weights(self, weights: Weights) -> None:
        """From Keras' layouts: kernels (inputs, outputs), PyTorch's are (outputs, inputs)."""
        tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
        if self.embedding is not None:
            self.embedding.weight.copy_(tensors["embedding/embeddings"])
        self.rnn.weight_ih_l0.copy_(tensors["simple_rnn/kernel"].T)
        self.rnn.weight_hh_l0.copy_(tensors["simple_rnn/recurrent_kernel"].T)
        self.rnn.bias_ih_l0.copy_(tensors["simple_rnn/bias"])
        self.rnn.bias_hh_l0.zero_()
        self.dense.weight.copy_(tensors["dense/kernel"].T)
        self.dense.bias.copy_(tensors["dense/bias"])


class KerasRMSprop:
    """Keras' RMSprop, all weights in a few calls, as `torch.optim.RMSprop(foreach=True)` does it.

    torch.optim adds epsilon outside the square root; with gradients as small as these that is
    another training altogether.
    """

    def __init__(self, parameters: list[Tensor]) -> None:
        self._parameters = parameters
        self._velocities = [torch.zeros_like(parameter) for parameter in parameters]

    def zero_grad(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        torch._foreach_mul_(self._velocities, RHO)
        torch._foreach_addcmul_(self._velocities, gradients, gradients, 1 - RHO)
        scales = torch._foreach_add(self._velocities, EPSILON)
        torch._foreach_sqrt_(scales)
        torch._foreach_addcdiv_(self._parameters, gradients, scales, -LEARNING_RATE)


class TorchPeer:
    def __init__(self, workload: Workload, threads: int) -> None:
        torch.set_num_threads(threads)
        # nn.RNN reads (time, reviews): transpose once, here, and not in every batch.
        self._train_ids = torch.from_numpy(workload.train_ids).long().T.contiguous()
        self._train_labels = torch.from_numpy(workload.train_labels).float()
        self._validation_ids = torch.from_numpy(workload.validation_ids).long().T.contiguous()
        self._validation_labels = torch.from_numpy(workload.validation_labels).float()
        self._models: dict[Experiment, tuple[Classifier, KerasRMSprop]] = {}

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__}

    def build(self, experiment: Experiment, weights: Weights) -> None:
        model = Classifier(experiment)
        model.set_weights(weights)
        trained: list[Tensor] = [p for p in model.parameters() if p.requires_grad]
        self._models[experiment] = model, KerasRMSprop(trained)

    def run(self, experiment: Experiment, *, epochs: int, shuffle: bool) -> Run:
        run = Run([], [], [], [])
        for _ in range(epochs):
            started = time.perf_counter()
            run.loss.append(self._train(experiment, shuffle=shuffle))
            loss, accuracy = self._validate(experiment)
            run.val_loss.append(loss)
            run.val_accuracy.append(accuracy)
            run.seconds.append(time.perf_counter() - started)
        return run

    def _train(self, experiment: Experiment, *, shuffle: bool) -> float:
        model, optimizer = self._models[experiment]
        ids, labels = self._train_ids, self._train_labels
        if shuffle:
            order = torch.randperm(len(labels))
            ids, labels = ids[:, order], labels[order]
        total = torch.zeros(())
        for start in range(0, len(labels), BATCH_SIZE):
            truth = labels[start : start + BATCH_SIZE]
            logits = model(ids[:, start : start + BATCH_SIZE])
            loss = functional.binary_cross_entropy_with_logits(logits, truth)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(truth)
        return total.item() / len(labels)

    @torch.inference_mode()
    def _validate(self, experiment: Experiment) -> tuple[float, float]:
        model, _ = self._models[experiment]
        labels = self._validation_labels
        total, right = torch.zeros(()), torch.zeros(())
        for start in range(0, len(labels), VALIDATION_BATCH_SIZE):
            stop = start + VALIDATION_BATCH_SIZE
            truth = labels[start:stop]
            logits = model(self._validation_ids[:, start:stop])
            total += functional.binary_cross_entropy_with_logits(logits, truth, reduction="sum")
            right += ((logits > 0) == (truth > 0.5)).sum()
        return total.item() / len(labels), right.item() / len(labels)


if __name__ == "__main__":
    serve(TorchPeer)
