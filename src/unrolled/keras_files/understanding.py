"""A chain of Keras' layers as settings of a recipe and weights of its network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unrolled.errors import ModelError
from unrolled.keras_files.chain import Chain, Described, described
from unrolled.keras_files.documents import count, flag, mapping, share, shown, text
from unrolled.keras_files.graph import Floats

Shapes = list[tuple[int, ...]]
Turn = Callable[[list[Floats]], dict[str, Floats]]
"""From a layer's arrays as Keras keeps them to its weights by name."""

_CELLS = {"SimpleRNN": "simple_rnn", "LSTM": "lstm", "GRU": "gru"}
_GATES = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}
_TRAINING_ONLY = ("recurrent_dropout", "unit_forget_bias")
_MERGES = {"concat": "concat", "sum": "sum", "ave": "average"}
_POOLINGS = {"GlobalMaxPooling1D": "max", "GlobalAveragePooling1D": "mean"}


@dataclass
class Understood:
    """What a chain is in our words.

    network: settings of the recipe's section. rows: how many ids there are. steps: of every text,
    None for any number. is_masked: id 0 is padding. outputs, several: what the last layer says.
    shapes, turns: of each layer that has arrays, by its place in the chain.
    training_only: layers and settings that no recipe has and that work in training only.
    """

    network: dict[str, Any] = field(default_factory=dict)
    rows: int = 0
    steps: int | None = None
    is_masked: bool = False
    classes: int = 0
    several: bool = False
    shapes: dict[int, Shapes] = field(default_factory=dict)
    turns: dict[int, Turn] = field(default_factory=dict)
    training_only: list[str] = field(default_factory=list)

    @property
    def numbers(self) -> int:
        """How many all arrays have together, as they are declared."""
        return sum(_product(shape) for shapes in self.shapes.values() for shape in shapes)


def understand(chain: Chain) -> Understood:
    """Match the layers, one after the other; ModelError names the first that does not fit."""
    return _Reader(chain).understood


class _Reader:
    """Goes along a chain. ``_size`` is that of a step, or of the vector, reached so far."""

    def __init__(self, chain: Chain) -> None:
        self.understood = Understood(steps=chain.incoming[0])
        self._layers = chain.layers
        self._at = 0
        self._cells: list[Described] = []
        self._one_hot_or_embedding(chain)
        self._dropouts("embedding")
        while self._is_recurrent():
            self._cell()
            self._dropouts("")
        if not self._cells:
            raise ModelError(f"{self._called()} is not a recurrent layer that we have")
        self.understood.network["layers"] = len(self._cells)
        self._pooling()
        self._dropouts("last")
        self._dense()

    # --- What comes in -----------------------------------------------------------------------

    def _one_hot_or_embedding(self, chain: Chain) -> None:
        understood = self.understood
        if len(chain.incoming) == 2:
            width = chain.incoming[1]
            if width is None:
                raise ModelError("the width of the one-hot input is not said")
            understood.network |= {"input": "onehot"}
            understood.rows = self._size = width
            return
        layer = self._next("Embedding")
        understood.rows = count(layer.settings, "input_dim", layer.called)
        self._size = count(layer.settings, "output_dim", layer.called)
        understood.is_masked = flag(layer.settings, "mask_zero", layer.called, default=False)
        if chain.is_masked and not understood.is_masked:
            raise ModelError(f"{layer.called} has no mask, and layers behind it are given one")
        _refuse(layer, {"lora_rank": (None,), "quantization_config": (None,)})
        understood.network |= {"input": "embedding", "embedding_size": self._size}
        self._expect([(understood.rows, self._size)], lambda arrays: {"embeddings": arrays[0]})

    # --- Recurrent layers --------------------------------------------------------------------

    def _is_recurrent(self) -> bool:
        return self._at < len(self._layers) and self._layers[self._at].class_name in (
            *_CELLS,
            "Bidirectional",
        )

    def _cell(self) -> None:
        layer = self._layers[self._at]
        self._at += 1
        settings: dict[str, Any] = {"bidirectional": "none"}
        directions = [layer]
        if layer.class_name == "Bidirectional":
            merge = layer.settings.get("merge_mode", "concat")
            if not isinstance(merge, str) or merge not in _MERGES:
                raise ModelError(
                    f"{layer.called}: merge_mode is {shown(merge)}: we have {', '.join(_MERGES)}"
                )
            settings = {"bidirectional": _MERGES[merge]}
            directions = _directions(layer)
        read = [self._settings_of(one, backwards=at == 1) for at, one in enumerate(directions)]
        if _as_it_predicts(read[-1]) != _as_it_predicts(read[0]):
            raise ModelError(f"{layer.called}: its two directions differ, and ours cannot")
        settings |= read[0]
        if self._cells:
            self._must_be_equal(layer, settings)
        else:
            self.understood.network |= settings
        self._cells.append(directions[0])
        self._expect_cells(directions, settings)
        self._size = settings["units"]
        if settings["bidirectional"] == "concat":
            self._size *= 2

    def _must_be_equal(self, layer: Described, settings: dict[str, Any]) -> None:
        known = self.understood.network
        for name, value in settings.items():
            if known.get(name) == value:
                continue
            if name in _TRAINING_ONLY:
                self._training_only(layer, f"its {name} is {value}, not {known.get(name)}")
            else:
                raise ModelError(
                    f"{layer.called} has {name} {value} and the recurrent layer before it "
                    f"{known.get(name)}: in a recipe all are alike"
                )
        if not flag(self._cells[-1].settings, "return_sequences", layer.called, default=False):
            raise ModelError(f"{layer.called} reads steps, and the layer before it gives one")

    def _settings_of(self, layer: Described, *, backwards: bool) -> dict[str, Any]:
        """What the recipe says of one direction; all else must be as ours is."""
        if layer.class_name not in _CELLS:
            raise ModelError(f"{layer.called} is not a recurrent layer that we have")
        where, given = layer.called, layer.settings
        needed: dict[str, tuple[object, ...]] = {
            "go_backwards": (backwards,),
            "stateful": (False,),
            "return_state": (False,),
            "time_major": (False,),
        }
        settings = {"cell": _CELLS[layer.class_name], "units": count(given, "units", where)}
        if layer.class_name == "SimpleRNN":
            settings["activation"] = given.get("activation", "tanh")
            needed["activation"] = ("tanh", "relu", "linear")
        else:
            needed |= {"activation": ("tanh",), "recurrent_activation": ("sigmoid",)}
        if layer.class_name == "GRU":
            settings["reset_after"] = flag(given, "reset_after", where, default=True)
        if layer.class_name == "LSTM":
            settings["unit_forget_bias"] = flag(given, "unit_forget_bias", where, default=True)
        _refuse(layer, needed)
        settings["recurrent_dropout"] = share(given, "recurrent_dropout", where)
        if share(given, "dropout", where) and not backwards:
            self._training_only(layer, "dropout of its inputs")
        return settings

    def _expect_cells(self, directions: list[Described], settings: dict[str, Any]) -> None:
        class_name = directions[0].class_name
        units, width = settings["units"], _GATES[class_name] * settings["units"]
        bias = (2, width) if settings.get("reset_after") else (width,)
        shapes: Shapes = []
        has_bias = [flag(one.settings, "use_bias", one.called, default=True) for one in directions]
        for biased in has_bias:
            shapes += [(self._size, width), (units, width), *([bias] if biased else [])]
        prefixes = ("",) if len(directions) == 1 else ("forward/", "backward/")

        def turn(arrays: list[Floats]) -> dict[str, Floats]:
            left, weights = iter(arrays), {}
            for prefix, biased in zip(prefixes, has_bias, strict=True):
                weights[f"{prefix}kernel"] = next(left)
                weights[f"{prefix}recurrent_kernel"] = next(left)
                weights[f"{prefix}bias"] = next(left) if biased else np.zeros(bias, np.float32)
            return weights

        self._expect(shapes, turn)

    # --- From steps to an answer ---------------------------------------------------------------

    def _pooling(self) -> None:
        last = self._cells[-1]
        gives_steps = flag(last.settings, "return_sequences", last.called, default=False)
        pooling = "last"
        if self._at < len(self._layers) and self._layers[self._at].class_name in _POOLINGS:
            layer = self._layers[self._at]
            self._at += 1
            pooling = _POOLINGS[layer.class_name]
            _refuse(layer, {"data_format": ("channels_last", None), "keepdims": (False,)})
            if pooling == "max" and self.understood.is_masked:
                raise ModelError(
                    f"{layer.called} takes the maximum over padding too, as Keras does behind "
                    "mask_zero: ours does not"
                )
        if gives_steps is (pooling == "last"):
            raise ModelError(
                f"{last.called}: return_sequences is {gives_steps}, which does not fit what is "
                "behind it: a pooling reads steps, all else one vector"
            )
        self.understood.network["pooling"] = pooling

    def _dense(self) -> None:
        layer = self._next("Dense")
        units = count(layer.settings, "units", layer.called)
        activation = layer.settings.get("activation")
        _refuse(layer, {"activation": ("sigmoid", "softmax"), "lora_rank": (None,)})
        if activation == "softmax" and units == 1:
            raise ModelError(f"{layer.called}: a softmax of one number is always 1")
        if self._at < len(self._layers):
            raise ModelError(f"{self._called()} comes behind the layer that decides")
        self.understood.several = activation == "sigmoid" and units > 1
        self.understood.classes = 2 if units == 1 else units
        biased = flag(layer.settings, "use_bias", layer.called, default=True)
        shapes: Shapes = [(self._size, units), *([(units,)] if biased else [])]
        of_two = activation == "softmax" and units == 2  # for us, one sigmoid of the second

        def turn(arrays: list[Floats]) -> dict[str, Floats]:
            kernel = arrays[0]
            bias = arrays[1] if biased else np.zeros(units, np.float32)
            if of_two:
                kernel, bias = kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1]
            return {"kernel": kernel, "bias": bias}

        self._expect(shapes, turn)

    # --- Layers that work in training ----------------------------------------------------------

    def _dropouts(self, place: str) -> None:
        """Pass over dropout; a recipe has places for it behind the embedding and before Dense."""
        while self._at < len(self._layers):
            layer = self._layers[self._at]
            if layer.class_name not in ("Dropout", "SpatialDropout1D"):
                return
            self._at += 1
            rate = share(layer.settings, "rate", layer.called)
            is_spatial = layer.class_name == "SpatialDropout1D"
            network = self.understood.network
            behind = self._at == len(self._layers) - 1  # only Dense is left
            if place == "embedding" and is_spatial and network["input"] == "embedding":
                network["embedding_dropout"] = rate
            elif not is_spatial and behind and place != "embedding":
                network["dropout"] = rate
            elif rate:
                self._training_only(layer, f"its rate {rate:g}")

    def _training_only(self, layer: Described, what: str) -> None:
        self.understood.training_only.append(f"{layer.called}: {what}")

    # --- Where it is -----------------------------------------------------------------------------

    def _next(self, class_name: str) -> Described:
        if self._at == len(self._layers) or self._layers[self._at].class_name != class_name:
            raise ModelError(f"{self._called()} is not a layer that we have here: {class_name} is")
        self._at += 1
        return self._layers[self._at - 1]

    def _called(self) -> str:
        return self._layers[self._at].called if self._at < len(self._layers) else "its end"

    def _expect(self, shapes: Shapes, turn: Turn) -> None:
        """What arrays the layer that was just passed has."""
        _check_precision(self._layers[self._at - 1])
        self.understood.shapes[self._at - 1] = shapes
        self.understood.turns[self._at - 1] = turn


def _as_it_predicts(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in _TRAINING_ONLY}


def _directions(layer: Described) -> list[Described]:
    """The forward layer and the backward one, which older files leave out."""
    forward = described(mapping(layer.settings, "layer", layer.called), layer.called)
    if layer.settings.get("backward_layer") is None:
        return [forward, Described(forward.class_name, forward.name, forward.settings | {
            "go_backwards": True})]  # fmt: skip
    return [forward, described(mapping(layer.settings, "backward_layer", layer.called),
                               layer.called)]  # fmt: skip


def _refuse(layer: Described, allowed: dict[str, tuple[object, ...]]) -> None:
    """Raise ModelError for a setting that has another value than those that we have."""
    for name, values in allowed.items():
        value = layer.settings.get(name, values[0])
        if not any(type(value) is type(known) and value == known for known in values):
            known = ", ".join(str(known) for known in values)
            raise ModelError(f"{layer.called}: {name} is {shown(value)}: we have {known}")


def _check_precision(layer: Described) -> None:
    """Raise ModelError unless the layer computes in float32."""
    dtype = layer.settings.get("dtype")
    if isinstance(dtype, dict):
        inner = dtype.get("config")
        dtype = text(inner, "name", layer.called) if isinstance(inner, dict) else dtype
    if dtype not in (None, "float32"):
        raise ModelError(f"{layer.called}: dtype is {shown(dtype)}: we have float32")


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product
