"""A network as lines of a PyTorch module, in the order in which it runs, and its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from unrolled.engine.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Dense,
    Embedding,
    Floats,
    MaxMeanPooling,
    MaxPooling,
    MeanPooling,
    Scanned,
    SimpleRNN,
    Weights,
)
from unrolled.engine.network import Network
from unrolled.export.running import Recurrence, Running, running
from unrolled.export.torch_cells import cell_of
from unrolled.export.torch_weights import built_in_weights, cell_weights, is_built_in

_LARGEST = "steps.masked_fill(~own, -torch.inf).amax(dim=1)"
_MEAN = "steps.sum(dim=1) / lengths[:, None]"
_WIDTH = 92  # of a line, before it is indented
_ACTIVATIONS = {
    "linear": "{}",
    "sigmoid": "torch.sigmoid({})",
    "softmax": "torch.softmax({}, dim=1)",
}


@dataclass
class Module:
    """What is written of a network.

    made: lines that make its layers. run: lines that go from ``ids`` and ``lengths`` to
    ``outputs``. weights: by PyTorch's names. cells: the sources of those recurrent layers that
    PyTorch does not have, by their names. needs: what the lines need besides: "own", which steps
    belong to their text; "pack" and "unpack", for layers that PyTorch has.
    """

    made: list[str] = field(default_factory=list)
    run: list[str] = field(default_factory=list)
    weights: dict[str, Floats] = field(default_factory=dict)
    cells: dict[str, str] = field(default_factory=dict)
    needs: set[str] = field(default_factory=set)

    def make(self, name: str, kind: str, arguments: Sequence[object], weights: Weights) -> None:
        """Make a layer with its weights."""
        parts = [str(argument) for argument in arguments]
        line = f"self.{name} = {kind}({', '.join(parts)})"
        broken = [f"self.{name} = {kind}(", *(f"    {part}," for part in parts), ")"]
        self.made += [line] if len(line) <= _WIDTH else broken
        self.weights |= {f"{name}.{own}": array for own, array in weights.items()}


def module_of(network: Network) -> Module:
    """All layers of a network."""
    module = Module()
    for one in running(network):
        match one.layer:
            case Embedding(num_words=words, size=size):
                weights = {"weight": one.weights["embeddings"]}
                module.make(one.name, "nn.Embedding", [words, size], weights)
                module.run.append(f"steps = self.{one.name}(ids)")
            case Scanned() | Bidirectional():
                _add_recurrent(module, one)
            case MaxPooling():
                module.needs.add("own")
                module.run.append(f"vector = {_LARGEST}")
            case MeanPooling():
                module.run.append(f"vector = {_MEAN}")
            case MaxMeanPooling():
                module.needs.add("own")
                module.run += [f"largest = {_LARGEST}", f"mean = {_MEAN}"]
                module.run.append("vector = torch.cat([largest, mean], dim=1)")
            case Dense():
                _add_dense(module, one, one.layer)
    return module


def _add_dense(module: Module, one: Running, layer: Dense) -> None:
    kernel = one.weights["kernel"]
    weights = {"weight": kernel.T, "bias": one.weights["bias"]}
    module.make(one.name, "nn.Linear", kernel.shape, weights)
    outputs = _ACTIVATIONS[layer.activation].format(f"self.{one.name}(vector)")
    module.run.append(f"outputs = {outputs}")


def _add_recurrent(module: Module, one: Running) -> None:
    recurrences = one.recurrences
    if is_built_in(recurrences[0].layer):
        _add_built_in(module, one, recurrences)
    else:
        _add_cells(module, one, recurrences)


# --- Layers that PyTorch has ---------------------------------------------------------------------


def _add_built_in(module: Module, one: Running, recurrences: Sequence[Recurrence]) -> None:
    layer = recurrences[0].layer
    size = len(recurrences[0].now)
    if one.reads_ids:
        rows = np.concatenate([each.now for each in recurrences], axis=1)
        words, size = rows.shape
        module.make("words", "nn.Embedding", [words, size], {"weight": rows})
        module.run.append("steps = self.words(ids)  # one-hot words times the kernel: its rows")
    weights = built_in_weights(recurrences, reads_rows=one.reads_ids)
    arguments = [size, layer.units, *_options(layer, recurrences)]
    module.make(one.name, _built_in_name(layer), arguments, weights)
    module.needs.add("pack")
    called = f"self.{one.name}(pack(steps, lengths))"
    if layer.return_sequences:
        module.needs.add("unpack")
        module.run.append(f"packed, _ = {called}")
        module.run.append("steps = unpack(packed, ids.shape[1])")
        _merge_halves(module, one)
        return
    module.run.append(f"_, {'(last, _)' if isinstance(layer, LSTM) else 'last'} = {called}")
    vector = _merged(one, "last[0]", "last[1]", dim=1) if len(recurrences) == 2 else "last[0]"
    module.run.append(f"vector = {vector}")


def _built_in_name(layer: Scanned) -> str:
    if isinstance(layer, SimpleRNN):
        return "nn.RNN"
    return "nn.GRU" if isinstance(layer, GRU) else "nn.LSTM"


def _options(layer: Scanned, recurrences: Sequence[Recurrence]) -> list[str]:
    options = ["batch_first=True"]
    if isinstance(layer, SimpleRNN) and layer.activation == "relu":
        options.append('nonlinearity="relu"')
    return [*options, "bidirectional=True"] if len(recurrences) == 2 else options


def _merge_halves(module: Module, one: Running) -> None:
    """PyTorch puts both directions side by side."""
    if isinstance(one.layer, Bidirectional) and one.layer.merge != "concat":
        module.run.append("forward, backward = steps.chunk(2, dim=2)")
        module.run.append(f"steps = {_merged(one, 'forward', 'backward', dim=2)}")


# --- Layers that it does not have ----------------------------------------------------------------


def _add_cells(module: Module, one: Running, recurrences: Sequence[Recurrence]) -> None:
    module.needs.add("own")
    read = "ids" if one.reads_ids else "steps"
    sequences = recurrences[0].layer.return_sequences
    if len(recurrences) == 1:
        _make_cell(module, one.name, recurrences[0], reads_ids=one.reads_ids)
        found = "steps, _" if sequences else "_, vector"
        module.run.append(f"{found} = self.{one.name}({read}, own)")
        return
    for direction, each in zip(("forward", "backward"), recurrences, strict=True):
        _make_cell(module, f"{one.name}_{direction}", each, reads_ids=one.reads_ids)
        turned = ".flip(1)" if direction == "backward" else ""
        found = f"{direction}, _" if sequences else f"_, {direction}"
        called = f"self.{one.name}_{direction}({read}{turned}, own{turned})"
        module.run.append(f"{found} = {called}")
    merged = (
        f"steps = {_merged(one, 'forward', 'backward.flip(1)', dim=2)}"
        if sequences
        else f"vector = {_merged(one, 'forward', 'backward', dim=1)}"
    )
    module.run.append(merged)


def _make_cell(module: Module, name: str, one: Recurrence, *, reads_ids: bool) -> None:
    cell, source = cell_of(one.layer)
    module.cells[cell] = source
    shape = f"{one.now.shape[0]}, {one.now.shape[1]}"
    arguments = [f"nn.Embedding({shape})" if reads_ids else f"nn.Linear({shape})"]
    if one.before is not None:
        before = f"nn.Embedding({shape})" if reads_ids else f"nn.Linear({shape}, bias=False)"
        arguments.append(f"before={before}")
    if "recurrent_kernel" in one.weights:
        arguments.append(f"units={one.layer.units}")
    module.make(name, cell, arguments, cell_weights(one, reads_ids=reads_ids))


def _merged(one: Running, forward: str, backward: str, *, dim: int) -> str:
    """Both directions as one."""
    assert isinstance(one.layer, Bidirectional)
    match one.layer.merge:
        case "concat":
            return f"torch.cat([{forward}, {backward}], dim={dim})"
        case "sum":
            return f"{forward} + {backward}"
        case "average":
            return f"({forward} + {backward}) / 2"
