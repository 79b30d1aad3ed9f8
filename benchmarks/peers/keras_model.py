"""Keras, through `fit`; KERAS_BACKEND chooses JAX or TensorFlow.

TUNED=1 turns on what makes TensorFlow faster here than Keras' defaults do. JAX gains nothing by it:
its loop is compiled anyway, and unrolled it runs slower.
"""

from __future__ import annotations

import importlib.metadata
import os
import time
from typing import Any

import keras

from support.worker import Run, serve
from support.workload import (
    BATCH_SIZE,
    EMBEDDING_SIZE,
    EPSILON,
    LEARNING_RATE,
    MAXLEN,
    NUM_WORDS,
    RHO,
    UNITS,
    VALIDATION_BATCH_SIZE,
    Experiment,
    Weights,
    Workload,
)

TUNED = os.environ.get("TUNED") == "1"
# Batches between two returns to Python: saves up to a quarter of TensorFlow's time.
STEPS_PER_EXECUTION = 10


class EpochTimer(keras.callbacks.Callback):
    """Seconds from the start of an epoch to its end, validation included, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds.append(time.perf_counter() - self._started)


def optimizer() -> Any:
    """Keras' RMSprop, with TensorFlow's gradients of an embedding made dense.

    They come as one slice an occurrence of a word. Keras squares the slices before it adds them up,
    so that a word that occurs twice in a batch takes other steps than on any other backend.
    """
    if keras.backend.backend() != "tensorflow":
        return keras.optimizers.RMSprop(LEARNING_RATE, rho=RHO, epsilon=EPSILON)
    import tensorflow

    class DenseRMSprop(keras.optimizers.RMSprop):
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            super().update_step(tensorflow.convert_to_tensor(gradient), variable, learning_rate)

    return DenseRMSprop(LEARNING_RATE, rho=RHO, epsilon=EPSILON)


class KerasPeer:
    def __init__(self, workload: Workload, threads: int) -> None:
        self._workload = workload
        self._models: dict[Experiment, Any] = {}
        if keras.backend.backend() == "tensorflow":
            import tensorflow

            tensorflow.config.threading.set_intra_op_parallelism_threads(threads)

    def versions(self) -> dict[str, str]:
        packages = ["keras", keras.backend.backend()]
        return {package: importlib.metadata.version(package) for package in packages}

    def build(self, experiment: Experiment, weights: Weights) -> None:
        layers = keras.layers
        if experiment == "onehot":
            # Ids become vectors inside the model, batch by batch: the notebook's own array of
            # one-hot vectors takes 2.4 GB, and reading it would cost time.
            first = layers.Lambda(lambda ids: keras.ops.one_hot(ids, NUM_WORDS))
        else:
            first = layers.Embedding(NUM_WORDS, EMBEDDING_SIZE)
        model = keras.Sequential(
            [
                keras.Input((MAXLEN,), dtype="int32"),
                first,
                layers.SimpleRNN(UNITS, unroll=TUNED and experiment == "onehot"),
                layers.Dense(1, activation="sigmoid"),
            ]
        )
        model.set_weights(list(weights.values()))
        model.compile(
            optimizer=optimizer(),
            loss="binary_crossentropy",
            metrics=["accuracy"],
            jit_compile=True if TUNED and experiment == "embedding" else "auto",
            steps_per_execution=STEPS_PER_EXECUTION,
        )
        self._models[experiment] = model

    def run(self, experiment: Experiment, *, epochs: int, shuffle: bool) -> Run:
        work = self._workload
        timer = EpochTimer()
        history = self._models[experiment].fit(
            work.train_ids,
            work.train_labels,
            batch_size=BATCH_SIZE,
            epochs=epochs,
            shuffle=shuffle,
            validation_data=(work.validation_ids, work.validation_labels),
            validation_batch_size=VALIDATION_BATCH_SIZE,
            callbacks=[timer],
            verbose=0,
        )
        figures = history.history
        return Run(timer.seconds, figures["loss"], figures["val_loss"], figures["val_accuracy"])


if __name__ == "__main__":
    serve(KerasPeer)
