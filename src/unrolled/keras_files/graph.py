"""A Keras model as layers that read each other: its configuration, and where each weight lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Shape = tuple[int | None, ...]
Index = tuple[int | slice | EllipsisType, ...]
EVERYTHING: Index = (...,)


@dataclass(frozen=True)
class Place:
    """A block of one of our weights that is a block of a Keras variable.

    weight: its name in ``Network.weights``; own: which block of it, there: which of the variable.
    sign: what it is multiplied by, 1 or -1, so that no bit is lost.
    """

    weight: str
    own: Index = EVERYTHING
    there: Index = EVERYTHING
    sign: int = 1


@dataclass(frozen=True)
class Variable:
    """A variable of a Keras layer. constant: what it has where no weight of ours is.

    path: below its layer, in the order in which Keras keeps them: "vars/0", "cell/vars/1".
    """

    path: str
    constant: Floats
    places: tuple[Place, ...] = ()

    def filled(self, weights: dict[str, Floats]) -> Floats:
        """Its numbers."""
        values = self.constant.copy()
        for place in self.places:
            values[place.there] = place.sign * weights[place.weight][place.own]
        return values

    def take_back(self, values: Floats, weights: dict[str, Floats]) -> None:
        """Copy from its numbers what is ours into ``weights``."""
        for place in self.places:
            weights[place.weight][place.own] = place.sign * values[place.there]


@dataclass(frozen=True)
class KerasLayer:
    """A layer, what it reads, and what comes out of it.

    shape: of the output, the batch included. mask: the layer that says which steps are read.
    """

    class_name: str
    name: str
    settings: dict[str, Any]
    shape: Shape
    inputs: tuple[str, ...] = ()
    mask: str | None = None
    variables: tuple[Variable, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of all that it reads."""
        return self.inputs if self.mask is None else (*self.inputs, self.mask)


@dataclass
class Graph:
    """Layers, each behind those that it reads: the first is the input, the last the output."""

    layers: list[KerasLayer] = field(default_factory=list)

    def add(
        self,
        class_name: str,
        name: str,
        shape: Shape,
        inputs: Sequence[str] = (),
        *,
        mask: str | None = None,
        variables: Sequence[Variable] = (),
        **settings: Any,
    ) -> str:
        """Append a layer; returns its name."""
        self.layers.append(
            KerasLayer(class_name, name, settings, shape, tuple(inputs), mask, tuple(variables))
        )
        return name

    def shape(self, name: str) -> Shape:
        """What comes out of a layer."""
        return next(layer.shape for layer in self.layers if layer.name == name)

    def in_keras_order(self) -> Graph:
        """The same, as Keras lists its layers; of two of a class, the weights come in that order.

        That which is furthest from the output comes first, and of layers equally far that which one
        meets first on the way back from the output.
        """
        by_name = {layer.name: layer for layer in self.layers}
        far = dict.fromkeys(by_name, 0)
        for layer in reversed(self.layers):
            for source in layer.sources:
                far[source] = max(far[source], far[layer.name] + 1)
        met: dict[str, int] = {}
        ahead = [self.layers[-1].name]
        while ahead:
            name = ahead.pop()
            if name not in met:
                met[name] = len(met)
                ahead += reversed(by_name[name].sources)
        return Graph(sorted(self.layers, key=lambda layer: (-far[layer.name], met[layer.name])))

    def to_config(self) -> dict[str, Any]:
        """Return what Keras' ``config.json`` says, in plain values."""
        return {
            "module": "keras.src.models.functional",
            "class_name": "Functional",
            "registered_name": "Functional",
            "config": {
                "name": "unrolled",
                "trainable": True,
                "layers": [self._layer(layer) for layer in self.layers],
                "input_layers": [[self.layers[0].name, 0, 0]],
                "output_layers": [[self.layers[-1].name, 0, 0]],
            },
        }

    def _layer(self, layer: KerasLayer) -> dict[str, Any]:
        nodes = []
        if layer.inputs:
            tensors = [self._tensor(name) for name in layer.inputs]
            mask = {} if layer.mask is None else {"mask": self._tensor(layer.mask)}
            nodes.append({"args": tensors if len(tensors) == 1 else [tensors], "kwargs": mask})
        described = described_layer(layer.class_name, layer.name, layer.settings)
        return {**described, "name": layer.name, "inbound_nodes": nodes}

    def _tensor(self, name: str) -> dict[str, Any]:
        """How Keras names what comes out of a layer."""
        dtype = "int32" if name == self.layers[0].name else "float32"
        return {
            "class_name": "__keras_tensor__",
            "config": {
                "shape": list(self.shape(name)),
                "dtype": dtype,
                "keras_history": [name, 0, 0],
            },
        }


def described_layer(class_name: str, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """One layer, also one inside of another, as Keras writes it."""
    return {
        "module": "keras.layers",
        "class_name": class_name,
        "registered_name": None,
        "config": {"name": name, "dtype": "float32"} | settings,
    }
