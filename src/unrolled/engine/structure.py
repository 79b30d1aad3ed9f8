"""Layers in a row: what flows from one to the next, what they are called, and their weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unrolled.engine.layers import Embedding, Floats, Flow, Layer, OneHot, Weights, WordDropout
from unrolled.errors import ShapeError


def vocabulary_layer(layers: Sequence[Layer]) -> OneHot | Embedding:
    """The layer that says how many ids there are: the first one that is no `WordDropout`."""
    for layer in layers:
        if isinstance(layer, OneHot | Embedding):
            return layer
        if not isinstance(layer, WordDropout):
            break
    raise ShapeError("the first layer of a network must be OneHot or Embedding")


def flows_of(layers: Sequence[Layer]) -> list[Flow]:
    """What comes out of each layer."""
    first = vocabulary_layer(layers)
    flows = [Flow("ids", first.num_words)]
    for layer in layers:
        if isinstance(layer, OneHot | Embedding) and layer is not first:
            raise ShapeError(f"{layer.kind} reads ids: it can only be the first layer")
        flows.append(layer.flow(flows[-1]))
    if flows[-1].kind == "ids":
        raise ShapeError("OneHot alone is no network: add a recurrent layer")
    return flows[1:]


def names_of(layers: Sequence[Layer]) -> list[str]:
    """Keras' names: dense, dense_1, dense_2."""
    names: list[str] = []
    for at, layer in enumerate(layers):
        before = sum(other.kind == layer.kind for other in layers[:at])
        names.append(f"{layer.kind}_{before}" if before else layer.kind)
    return names


def drawn_weights(
    layers: Sequence[Layer], flows: Sequence[Flow], rng: np.random.Generator
) -> list[Weights]:
    """Initial weights, layer by layer."""
    incoming = [Flow("ids", vocabulary_layer(layers).num_words), *flows[:-1]]
    return [
        {
            name: initializer(shape, rng)
            for name, (shape, initializer) in layer.initializers(before).items()
        }
        for layer, before in zip(layers, incoming, strict=True)
    ]


def in_one_vector(drawn: Sequence[Weights]) -> tuple[Floats, list[Weights]]:
    """One vector of all weights, and views of it, layer by layer."""
    arrays = [array for own in drawn for array in own.values()]
    parameters = np.concatenate([array.ravel() for array in arrays])
    at = 0
    views: list[Weights] = []
    for own in drawn:
        views.append({})
        for name, array in own.items():
            views[-1][name] = parameters[at : at + array.size].reshape(array.shape)
            at += array.size
    return parameters, views
