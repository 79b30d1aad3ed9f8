"""Keras on JAX: the functional encoder-decoder, a whole step of training compiled as one."""

from __future__ import annotations

import importlib.metadata
from itertools import cycle
from typing import Any

import jax
import keras
import numpy as np

from support.sequence_work import (
    CASES,
    EPSILON,
    LEARNING_RATE,
    SIZE,
    START,
    STEPS,
    UNITS,
    batches_of,
    initial_weights,
)
from support.step_peer import Step, serve


def model_of(words: int) -> Any:
    """Its variables get the weights in their order, which is also that of the layers."""
    layers = keras.layers
    read, said = (keras.Input((STEPS,), dtype="int32") for _ in range(2))
    encoder = [layers.Embedding(words, SIZE), layers.LSTM(UNITS, return_state=True)]
    decoder = [layers.Embedding(words, SIZE), layers.LSTM(UNITS, return_sequences=True)]
    output = layers.Dense(words)
    _, *state = encoder[1](encoder[0](read))
    logits = output(decoder[1](decoder[0](said), initial_state=state))
    model = keras.Model([read, said], logits)
    variables = [one for layer in (*encoder, *decoder, output) for one in layer.trainable_variables]
    for variable, (name, array) in zip(variables, initial_weights(words).items(), strict=True):
        # The output is Dense: its kernel is the table turned round, its bias a row.
        if name.startswith("output/"):
            array = array.T if name == "output/table" else array[:, 0]
        variable.assign(array)
    return model


class KerasPeer:
    def __init__(self, threads: int) -> None:
        """XLA has no setting for threads: it takes the cores that the process may run on."""

    def versions(self) -> dict[str, str]:
        return {package: importlib.metadata.version(package) for package in ("keras", "jax")}

    def step(self, case: str) -> Step:
        model = model_of(CASES[case].words)
        optimizer = keras.optimizers.Adam(LEARNING_RATE, epsilon=EPSILON)
        optimizer.build(model.trainable_variables)
        entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        others = [variable.value for variable in model.non_trainable_variables]

        def loss_of(weights: Any, read: Any, said: Any) -> Any:
            logits, _ = model.stateless_call(weights, others, [read, said])
            return entropy(read, logits)

        def learn(state: Any, read: Any, said: Any) -> Any:
            weights, slots = state
            loss, gradients = jax.value_and_grad(loss_of)(weights, read, said)
            return loss, optimizer.stateless_apply(slots, gradients, weights)

        compiled = jax.jit(learn, donate_argnums=0)
        state: Any = (
            [variable.value for variable in model.trainable_variables],
            [variable.value for variable in optimizer.variables],
        )
        ids = batches_of(CASES[case])
        start = np.full_like(ids[:, :, :1], START)
        said = np.concatenate([start, ids[:, :, :-1]], axis=2)
        batches = cycle(list(zip(jax.numpy.asarray(ids), jax.numpy.asarray(said), strict=True)))
        losses: list[float] = []

        def step() -> list[float]:
            nonlocal state
            loss, state = compiled(state, *next(batches))
            jax.block_until_ready(state)
            losses.append(float(loss))
            return losses

        return step

    def results(self, case: str, outcome: Any) -> dict[str, Any]:
        return {"first loss": outcome[0], "last loss": outcome[-1]}


if __name__ == "__main__":
    serve(KerasPeer)
