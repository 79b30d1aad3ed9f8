"""The notebook's model in Keras behind FastAPI; KERAS_BACKEND chooses JAX or TensorFlow.

Three ways to ask the model, each from a `def` endpoint (FastAPI's threads) and an `async def` one
(the event loop): `compiled` (a function of fixed shapes, compiled before the server is ready: the
fastest), `call` (`model(ids)`), and `predict` (`model.predict`). Arguments: model folder, port.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import safetensors.numpy
from fastapi import FastAPI
from numpy.typing import NDArray
from pydantic import BaseModel

from peers.http_server import run
from support.workload import MAXLEN, NUM_WORDS

BATCHES = (1, 256)  # what the compiled function is made for; other batches are filled up
SEPARATORS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
SPACES = str.maketrans(SEPARATORS, " " * len(SEPARATORS))
START, UNKNOWN, FIRST_WORD = 1, 2, 4

Ask = Callable[[NDArray[np.int32]], NDArray[np.float32]]


class Body(BaseModel):
    """One text or several."""

    text: str | None = None
    texts: list[str] | None = None


class Encoder:
    """Texts to ids as Keras' own data set has them, padded and cut at the front."""

    def __init__(self, words: Sequence[str]) -> None:
        self._ids = {word: place + FIRST_WORD for place, word in enumerate(words)}

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int32]:
        ids = np.zeros((len(texts), MAXLEN), np.int32)
        for row, text in enumerate(texts):
            words = [word for word in text.lower().translate(SPACES).split(" ") if word]
            own = [self._ids.get(word, UNKNOWN) for word in words[-MAXLEN:]]  # only what is read
            if len(words) < MAXLEN:
                own.insert(0, START)
            ids[row, MAXLEN - len(own) :] = own
        return ids


def build(weights: dict[str, NDArray[np.float32]]) -> Any:
    layers = keras.layers
    if "embedding/embeddings" in weights:
        first = layers.Embedding(*weights["embedding/embeddings"].shape)
    else:
        first = layers.Lambda(lambda ids: keras.ops.one_hot(ids, NUM_WORDS))
    units = len(weights["simple_rnn/bias"])
    model = keras.Sequential(
        [
            keras.Input((MAXLEN,), dtype="int32"),
            first,
            layers.SimpleRNN(units),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    names = ["embedding/embeddings", "simple_rnn/kernel", "simple_rnn/recurrent_kernel",
             "simple_rnn/bias", "dense/kernel", "dense/bias"]  # fmt: skip
    model.set_weights([weights[name] for name in names if name in weights])
    return model


def compiled(model: Any) -> Ask:
    """The model as one function that XLA compiled for each of the batches."""
    if keras.backend.backend() == "jax":
        import jax

        # Copies: `predict` gives the model's own arrays away.
        trainable = [np.array(variable) for variable in model.trainable_variables]
        others = [np.array(variable) for variable in model.non_trainable_variables]
        step = jax.jit(lambda ids: model.stateless_call(trainable, others, ids)[0])
    else:
        import tensorflow

        step = tensorflow.function(lambda ids: model(ids, training=False), jit_compile=True)

    def ask(ids: NDArray[np.int32]) -> NDArray[np.float32]:
        batch = next((size for size in BATCHES if size >= len(ids)), len(ids))
        filled = np.zeros((batch, MAXLEN), np.int32)
        filled[: len(ids)] = ids
        return np.asarray(step(filled))[: len(ids), 0]

    return ask


def ways(model: Any) -> dict[str, Ask]:
    alone = threading.Lock()  # in two threads at once, `predict` deletes JAX' arrays of the other

    def predict(ids: NDArray[np.int32]) -> NDArray[np.float32]:
        with alone:
            return model.predict(ids, verbose=0)[:, 0]

    def call(ids: NDArray[np.int32]) -> NDArray[np.float32]:
        return keras.ops.convert_to_numpy(model(ids, training=False))[:, 0]

    return {"compiled": compiled(model), "call": call, "predict": predict}


def prediction(probability: float) -> dict[str, Any]:
    positive = probability > 0.5
    return {
        "label": "positive" if positive else "negative",
        "probability": probability if positive else 1.0 - probability,
        "probabilities": {"negative": 1.0 - probability, "positive": probability},
    }


def endpoint(encode: Encoder, ask: Ask) -> Callable[[Body], dict[str, Any]]:
    def answer(body: Body) -> dict[str, Any]:
        if body.text is not None:
            return {"prediction": prediction(float(ask(encode([body.text]))[0]))}
        return {"predictions": [prediction(p) for p in ask(encode(body.texts or [])).tolist()]}

    return answer


def add_routes(app: FastAPI, name: str, answer: Callable[[Body], dict[str, Any]]) -> None:
    """`def` is what the guides show; `async def` saves the threads and blocks the loop instead."""

    @app.post(f"/{name}/def")
    def in_a_thread(body: Body) -> dict[str, Any]:
        return answer(body)

    @app.post(f"/{name}/async")
    async def in_the_loop(body: Body) -> dict[str, Any]:
        return answer(body)


def create_app(folder: Path) -> FastAPI:
    app = FastAPI()
    vocabulary = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    encode = Encoder(vocabulary["words"])
    model = build(safetensors.numpy.load_file(folder / "model.safetensors"))
    for name, ask in ways(model).items():
        for batch in BATCHES:
            ask(encode([""] * batch))  # compiles
        add_routes(app, name, endpoint(encode, ask))

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    return app


if __name__ == "__main__":
    run(create_app(Path(sys.argv[1])))
