"""Our network as a graph of Keras' own layers, which reads padded ids and gives probabilities.

Where a recipe's padding is "masked", id 0 is padding: Keras' own cells get the mask of the
Embedding; a QRNN, whose convolutions know no masks, reads zeros there, and its pooling gets the
mask in so many words. Texts may be padded in front or behind. Where the padding is "keras", id 0 is
read like any other. Layers that work in training only are there too, but for word dropout, which
Keras does not have.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from unrolled.engine.layers import (
    QRNN,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Flow,
    Layer,
    MaxMeanPooling,
    MaxPooling,
    MeanPooling,
    OneHot,
    Scanned,
    SpatialDropout,
    WordDropout,
)
from unrolled.engine.network import Network
from unrolled.errors import InputError
from unrolled.keras_files.cells import (
    cell_variables,
    convolution_variables,
    qrnn_variables,
    settings_of,
    wrapped,
)
from unrolled.keras_files.graph import Floats, Graph, Place, Variable
from unrolled.model.trained import TrainedModel

_FAR_BELOW = -1e9  # added to a number of padding, it is never the largest
_MOST_SURE = math.log(1 - 1e-7) - math.log(1e-7)  # the logit at which probabilities are clipped


def express(model: TrainedModel) -> Graph:
    """The graph of a model: ids int32 (texts, steps) -> calibrated probabilities (texts, outputs).

    Of two classes the one output is the probability of the second. Raises InputError for a layer
    that Keras' layers cannot express.
    """
    text = model.recipe.text
    steps = text.maxlen if text.padding == "keras" else None
    return _Expression(model.network, steps, is_masked=text.padding == "masked").of(
        model.decision.temperature
    )


class _Expression:
    """Goes through a network's layers. ``_out`` is the name of the Keras layer reached so far."""

    def __init__(self, network: Network, steps: int | None, *, is_masked: bool) -> None:
        self._network = network
        self._weights = network.weights
        self._steps = steps
        self._is_masked = is_masked
        self._convolves = any(isinstance(_scanned(layer), QRNN) for layer in network.layers)
        self._graph = Graph()
        self._ids = self._graph.add("InputLayer", "ids", (None, steps), **_input(steps))
        self._out = self._ids
        self._one_hot: OneHot | None = None
        self._presence: str | None = None
        self._mask: str | None = None

    def of(self, temperature: float) -> Graph:
        if self._is_masked and self._convolves:
            self._tell_padding()
        for name, layer in zip(self._network.names, self._network.layers, strict=True):
            self._add(name, layer, temperature)
        return self._graph.in_keras_order()

    # --- Layers ------------------------------------------------------------------------------

    def _add(self, name: str, layer: Layer, temperature: float) -> None:
        match layer:
            case WordDropout():
                pass
            case OneHot():
                self._one_hot = layer
            case Embedding():
                places = (Place(f"{name}/embeddings"),)
                self._embed(name, np.zeros((layer.num_words, layer.size), np.float32), places)
            case SpatialDropout():
                self._follow("SpatialDropout1D", name, rate=layer.rate)
            case Dropout():
                self._follow("Dropout", name, rate=layer.rate)
            case Dense():
                self._decide(name, layer, temperature)
            case MaxPooling():
                self._out = self._maximum(name)
            case MeanPooling():
                self._out = self._mean(name)
            case MaxMeanPooling():
                both = (self._maximum(f"{name}_max"), self._mean(f"{name}_mean"))
                size = sum(self._graph.shape(part)[-1] or 0 for part in both)
                self._out = self._graph.add("Concatenate", name, (None, size), both, axis=-1)
            case _ if _scanned(layer) is not None:
                self._read(name, layer)
            case _:
                raise InputError(
                    f"{name}: Keras has no layers that do what {type(layer).__name__} does; "
                    "--to html writes every model"
                )

    def _follow(self, class_name: str, name: str, **settings: Any) -> None:
        """A layer after which everything has the shape that it had before."""
        shape = self._graph.shape(self._out)
        self._out = self._graph.add(class_name, name, shape, (self._out,), **settings)

    def _embed(self, name: str, constant: Floats, places: tuple[Place, ...]) -> None:
        rows, size = constant.shape
        self._out = self._graph.add(
            "Embedding",
            name,
            (None, self._steps, size),
            (self._ids,),
            variables=[Variable("vars/0", constant, places)],
            input_dim=rows,
            output_dim=size,
            mask_zero=self._is_masked and not self._convolves,
        )

    def _read(self, name: str, layer: Layer) -> None:
        """A recurrent layer, in one direction or in both."""
        scanned = _scanned(layer)
        assert scanned is not None
        flow = layer.flow(Flow("steps", 1))
        shape = (None, self._steps, flow.size) if flow.kind == "steps" else (None, flow.size)
        class_name, settings = settings_of(scanned, return_sequences=scanned.return_sequences)
        prefixes = _prefixes(layer)
        if isinstance(scanned, QRNN):
            variables = self._convolve(name, scanned, prefixes)
        else:
            variables = self._cells(name, scanned, prefixes)
        if isinstance(layer, Bidirectional):
            class_name, settings = "Bidirectional", wrapped(class_name, settings, layer.merge)
        self._out = self._graph.add(
            class_name,
            name,
            shape,
            (self._out,),
            mask=self._mask,
            variables=variables,
            **settings,
        )

    def _cells(self, name: str, scanned: Scanned, prefixes: dict[str, str]) -> list[Variable]:
        """Variables of the cells in each direction; of one-hot words, their rows come before."""
        one_hot: dict[str, tuple[int, int] | None] = dict.fromkeys(prefixes)
        if self._one_hot is not None:
            width = self._weights[f"{name}/{next(iter(prefixes))}kernel"].shape[1]
            total = width * len(prefixes)
            places = []
            for at, prefix in enumerate(prefixes):
                columns = (slice(None), slice(at * width, (at + 1) * width))
                places.append(Place(f"{name}/{prefix}kernel", there=columns))
                one_hot[prefix] = (at * width, total)
            rows = self._one_hot.num_words
            self._embed(f"{name}_words", np.zeros((rows, total), np.float32), tuple(places))
            self._one_hot = None
        return [
            variable
            for prefix, path in prefixes.items()
            for variable in cell_variables(
                scanned,
                self._weights,
                f"{name}/{prefix}",
                one_hot=one_hot[prefix],
                path=path,
            )
        ]

    # --- QRNN --------------------------------------------------------------------------------

    def _tell_padding(self) -> None:
        """One number a step, 0 where it is padding, and a mask that says the same."""
        table = np.ones((self._rows, 1), np.float32)
        table[0] = 0
        self._presence = self._step_number("is_word", table)
        self._mask = self._graph.add(
            "Reshape", "mask", (None, self._steps), (self._presence,), target_shape=[-1]
        )

    def _convolve(self, name: str, layer: QRNN, prefixes: dict[str, str]) -> list[Variable]:
        """The gates of each direction, side by side; returns the variables of what pools them."""
        incoming, gates, variables = self._out, [], []
        units, one_hot = layer.units, self._one_hot
        width = 3 * units * len(prefixes)
        for at, (prefix, path) in enumerate(prefixes.items()):
            own = f"{name}/{prefix}"
            stem = f"{name}_{prefix.removesuffix('/')}" if prefix else name
            if one_hot is not None:
                self._word_rows(f"{stem}_words", f"{own}kernel", one_hot.num_words)
                incoming = self._out
            read = self._without_padding(f"{stem}_read", incoming)
            for gate, columns, activation in (
                ("candidate", slice(0, units), "tanh"),
                ("gates", slice(units, 3 * units), "linear"),
            ):
                count = columns.stop - columns.start
                made = convolution_variables(
                    layer,
                    self._weights,
                    own,
                    columns,
                    backwards=prefix == "backward/",
                    one_hot=one_hot is not None,
                )
                gates.append(
                    self._graph.add(
                        "Conv1D",
                        f"{stem}_{gate}",
                        (None, self._steps, count),
                        (read,),
                        variables=made,
                        filters=count,
                        kernel_size=[layer.window],
                        # With two positions, "same" adds the step behind the last one.
                        padding="same" if prefix == "backward/" else "causal",
                        activation=activation,
                    )
                )
            variables += qrnn_variables(layer, offset=at * 3 * units, width=width, path=path)
        self._one_hot = None
        self._out = self._graph.add(
            "Concatenate", f"{name}_gates_of_all", (None, self._steps, width), gates, axis=-1
        )
        return variables

    def _word_rows(self, name: str, kernel: str, rows: int) -> None:
        """Of each word its rows of a kernel (window, rows, size), side by side."""
        window, _, size = self._weights[kernel].shape
        places = tuple(
            Place(kernel, (at,), (slice(None), slice(at * size, (at + 1) * size)))
            for at in range(window)
        )
        self._embed(name, np.zeros((rows, window * size), np.float32), places)

    def _without_padding(self, name: str, steps: str) -> str:
        """Zeros where a step is padding."""
        if self._presence is None:
            return steps
        return self._graph.add("Multiply", name, self._graph.shape(steps), (steps, self._presence))

    # --- From steps to probabilities -------------------------------------------------------------

    def _maximum(self, name: str) -> str:
        """Keras' GlobalMaxPooling1D knows no masks: padding is moved far below all else."""
        steps, shape = self._out, self._graph.shape(self._out)
        if self._is_masked:
            table = np.zeros((self._rows, 1), np.float32)
            table[0] = _FAR_BELOW
            far_below = self._step_number(f"{name}_padding", table)
            steps = self._graph.add("Add", f"{name}_steps", shape, (steps, far_below))
        return self._graph.add("GlobalMaxPooling1D", name, (None, shape[-1]), (steps,))

    def _mean(self, name: str) -> str:
        shape = (None, self._graph.shape(self._out)[-1])
        return self._graph.add("GlobalAveragePooling1D", name, shape, (self._out,), mask=self._mask)

    def _decide(self, name: str, layer: Dense, temperature: float) -> None:
        """The last layer; probabilities are calibrated as ``Decision.calibrated`` does it."""
        variables = [
            Variable(f"vars/{at}", np.zeros_like(self._weights[weight]), (Place(weight),))
            for at, weight in enumerate((f"{name}/kernel", f"{name}/bias"))
        ]
        is_last = temperature == 1
        self._out = self._graph.add(
            "Dense",
            name,
            (None, layer.units),
            (self._out,),
            variables=variables,
            units=layer.units,
            activation=layer.activation if is_last else "linear",
        )
        if is_last:
            return
        if layer.activation == "softmax":
            self._follow_function("log_probabilities", "log_softmax")
            most = -math.log(1e-7)
        else:
            most = _MOST_SURE
        self._rescale("raised", 1.0, most)
        top = most + math.log(1 - 1e-7) if layer.activation == "softmax" else 2 * most
        self._follow("ReLU", "clipped", max_value=top)
        self._rescale("calibrated", 1 / temperature, -most / temperature)
        self._follow_function("probabilities", layer.activation)

    def _rescale(self, name: str, scale: float, offset: float) -> None:
        self._follow("Rescaling", name, scale=scale, offset=offset)

    def _follow_function(self, name: str, activation: str) -> None:
        shape = self._graph.shape(self._out)
        self._out = self._graph.add("Activation", name, shape, (self._out,), activation=activation)

    @property
    def _rows(self) -> int:
        first = next(x for x in self._network.layers if isinstance(x, OneHot | Embedding))
        return first.num_words

    def _step_number(self, name: str, table: Floats) -> str:
        """One number for each id (rows, 1), which training leaves as it is."""
        return self._graph.add(
            "Embedding",
            name,
            (None, self._steps, 1),
            (self._ids,),
            variables=[Variable("vars/0", table)],
            input_dim=len(table),
            output_dim=1,
            mask_zero=False,
            trainable=False,
        )


def _scanned(layer: Layer) -> Scanned | None:
    """The recurrent layer that a layer is, or has in it."""
    inner = layer.layer if isinstance(layer, Bidirectional) else layer
    return inner if isinstance(inner, Scanned) else None


def _prefixes(layer: Layer) -> dict[str, str]:
    """Of each direction, what its weights' names begin with, and where Keras has its variables."""
    if isinstance(layer, Bidirectional):
        return {"forward/": "forward_layer/cell", "backward/": "backward_layer/cell"}
    return {"": "cell"}


def _input(steps: int | None) -> dict[str, Any]:
    return {"batch_shape": [None, steps], "dtype": "int32", "sparse": False}
