"""The layers of a Keras model one after the other, whichever way its configuration has them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from unrolled.errors import ModelError
from unrolled.keras_files.documents import mapping, objects, shown, text

_MOST_LAYERS = 1_000


@dataclass(frozen=True)
class Described:
    """One layer as a configuration has it. settings: whatever stands there, unchecked."""

    class_name: str
    name: str
    settings: dict[str, Any]

    @property
    def called(self) -> str:
        """What an error message calls it."""
        return f"the layer {shown(self.name)} ({shown(self.class_name)})"


@dataclass(frozen=True)
class Chain:
    """The layers in the order in which Keras lists them, and in which they read each other.

    Without the input itself. incoming: its shape, the batch left out; None stands for any length.
    is_masked: layers are told in so many words that id 0 is padding.
    """

    listed: list[Described]
    layers: list[Described]
    incoming: tuple[int | None, ...]
    is_masked: bool = False


def chain_of(config: Mapping[str, Any]) -> Chain:
    """From the configuration of a Sequential or Functional model. Raises ModelError."""
    kind = text(config, "class_name", "the model")
    if kind == "Sequential":
        return _sequential(config)
    if kind in ("Functional", "Model"):
        return _functional(mapping(config, "config", "the model"))
    raise ModelError(
        f"the model is a {shown(kind)}: only Sequential models and chains of Functional ones are "
        "read, and no code of anybody's is run"
    )


def described(layer: Mapping[str, Any], where: str) -> Described:
    """One layer, also one inside of another."""
    class_name, settings = text(layer, "class_name", where), mapping(layer, "config", where)
    name = settings.get("name", class_name)
    if not isinstance(name, str):
        raise ModelError(f"{where}: the name of a layer is {shown(name)}")
    return Described(class_name, name, settings)


def _sequential(config: Mapping[str, Any]) -> Chain:
    inner = config.get("config")
    listed = objects({"layers": inner} if isinstance(inner, list) else mapping(
        config, "config", "the model"), "layers", "the model")  # fmt: skip
    layers = [described(layer, "the model") for layer in _few(listed)]
    if layers and layers[0].class_name == "InputLayer":
        return Chain(layers[1:], layers[1:], _shape(layers[0]))
    if not layers:
        raise ModelError("the model has no layers")
    return Chain(layers, layers, _shape(layers[0]))


def _functional(config: Mapping[str, Any]) -> Chain:
    nodes: dict[str, tuple[Described, Mapping[str, Any]]] = {}
    for node in _few(objects(config, "layers", "the model")):
        nodes[text(node, "name", "the model")] = described(node, "the model"), node
    inputs = [name for name, (layer, _) in nodes.items() if layer.class_name == "InputLayer"]
    if len(inputs) != 1:
        raise ModelError(f"the model has {len(inputs)} inputs: one is read")
    masks = {name for name, (layer, node) in nodes.items() if _is_mask(layer, node, inputs[0])}
    layers = {name: layer for name, (layer, _) in nodes.items() if name not in masks}
    read_by: dict[str, list[str]] = {}
    for name, layer in layers.items():
        for source in _sources(nodes[name][1], layer, masks):
            read_by.setdefault(source, []).append(name)
    order = list(_followed(inputs[0], layers, read_by))
    if len(order) != len(layers) - 1:
        raise ModelError("the layers of the model are no chain: not all of them are reached")
    return Chain(list(layers.values()), order, _shape(layers[inputs[0]]), is_masked=bool(masks))


def _is_mask(layer: Described, node: Mapping[str, Any], ids: str) -> bool:
    """Whether it is how Keras writes the mask of an Embedding: the ids that are not 0."""
    if layer.class_name != "NotEqual":
        return False
    calls = node.get("inbound_nodes")
    call = calls[0] if isinstance(calls, list) and len(calls) == 1 else None
    given = call.get("args") if isinstance(call, dict) else None
    if not isinstance(given, list) or len(given) != 2 or _read_from(given[0]) != ids:
        return False
    return type(given[1]) is int and given[1] == 0


def _followed(
    first: str, layers: Mapping[str, Described], read_by: Mapping[str, list[str]]
) -> Iterator[Described]:
    """Each layer after ``first``, in the order in which they read each other."""
    here, left = first, len(layers)
    while here in read_by and left:
        readers = read_by[here]
        if len(readers) != 1:
            raise ModelError(
                f"{layers[here].called} is read by {len(readers)} layers: only a chain is read"
            )
        here, left = readers[0], left - 1
        yield layers[here]


def _sources(node: Mapping[str, Any], layer: Described, masks: Collection[str]) -> list[str]:
    """Names of the layers that a layer reads, one or none."""
    calls = node.get("inbound_nodes", [])
    if not isinstance(calls, list) or len(calls) > 1:
        raise ModelError(f"{layer.called} is used more than once: only a chain is read")
    if not calls:
        return []
    call = calls[0]
    if isinstance(call, dict):  # Keras 3
        others = call.get("kwargs", {})
        given = call.get("args")
    else:  # [["name", 0, 0, {}]]
        tensors = call if isinstance(call, list) else []
        others = tensors[0][3:] if len(tensors) == 1 and isinstance(tensors[0], list) else None
        others = others[0] if others else {}
        given = [{"config": {"keras_history": tensor}} for tensor in tensors]
    if not isinstance(others, dict) or others.get("initial_state"):
        raise ModelError(f"{layer.called} is given a state: only a chain is read")
    if others.get("mask") is not None and _read_from(others["mask"]) not in masks:
        raise ModelError(f"{layer.called} is given a mask that is not that of its Embedding")
    if not isinstance(given, list) or len(given) != 1:
        raise ModelError(f"{layer.called} reads more than one layer: only a chain is read")
    source = _read_from(given[0])
    if source is None:
        raise ModelError(f"{layer.called} does not read one layer: only a chain is read")
    return [source]


def _read_from(tensor: object) -> str | None:
    """Name of the layer that a tensor comes from, None for what is none."""
    config = tensor.get("config") if isinstance(tensor, dict) else None
    history = config.get("keras_history") if isinstance(config, dict) else None
    name = history[0] if isinstance(history, list) and history else None
    return name if isinstance(name, str) else None


def _shape(layer: Described) -> tuple[int | None, ...]:
    """Of what goes in, the batch left out."""
    settings = layer.settings
    shape = settings.get("batch_shape", settings.get("batch_input_shape"))
    if shape is None and layer.class_name == "Embedding":
        shape = [None, settings.get("input_length")]
    if not isinstance(shape, list) or not 2 <= len(shape) <= 3:
        raise ModelError(
            f"{layer.called}: its input is {shown(shape)}: ids (texts, steps) or one-hot words "
            "(texts, steps, width) are read"
        )
    if not all(size is None or (type(size) is int and 0 < size < 2**31) for size in shape[1:]):
        raise ModelError(f"{layer.called}: its input is {shown(shape)}")
    return tuple(shape[1:])


def _few(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len(layers) > _MOST_LAYERS:
        raise ModelError(f"the model has more than {_MOST_LAYERS} layers")
    return layers
