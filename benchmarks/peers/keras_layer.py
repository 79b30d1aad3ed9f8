"""Keras on JAX: the layer's `stateless_call`, its gradients compiled as one function."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import jax
import keras

from support.layer_work import BATCH, STEPS, work_of
from support.step_peer import Step, serve

LAYERS = {"simple_rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


class KerasPeer:
    def __init__(self, threads: int) -> None:
        """XLA has no setting for threads: it takes the cores that the process may run on."""

    def versions(self) -> dict[str, str]:
        return {package: importlib.metadata.version(package) for package in ("keras", "jax")}

    def step(self, case: str) -> Step:
        work = work_of(case)
        units = work.case.units
        layer = LAYERS[work.case.cell](units)
        layer.build((BATCH, STEPS, units))
        weights = [jax.numpy.asarray(array) for array in work.weights.values()]
        others = [variable.value for variable in layer.non_trainable_variables]
        x, factors = jax.numpy.asarray(work.x), jax.numpy.asarray(work.factors)

        def loss(weights: Any, x: Any) -> tuple[Any, Any]:
            last, _ = layer.stateless_call(weights, others, x)
            return (last * factors).sum(), last

        both = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))
        return lambda: jax.block_until_ready(both(weights, x))

    def results(self, case: str, outcome: Any) -> dict[str, Any]:
        (_, last), (gradients, d_x) = outcome
        return {"last": last, "x": d_x, **dict(zip(work_of(case).weights, gradients, strict=True))}


if __name__ == "__main__":
    serve(KerasPeer)
