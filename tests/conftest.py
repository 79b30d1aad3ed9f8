"""Keras, the oracle of the engine's tests, runs on JAX and on the processor."""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"
