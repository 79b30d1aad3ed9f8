"""The layers of a network as ONNX operators, in the order in which they run."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from onnx import TensorProto, helper

from unrolled.engine.layers import (
    Bidirectional,
    Dense,
    Embedding,
    Floats,
    MaxMeanPooling,
    MaxPooling,
    MeanPooling,
    Scanned,
)
from unrolled.engine.network import Network
from unrolled.export.onnx_cells import operator_of
from unrolled.export.onnx_graph import Graph
from unrolled.export.running import Recurrence, Running, running

_ACTIVATIONS = {"sigmoid": "Sigmoid", "softmax": "Softmax"}
_BEHIND = np.iinfo(np.int64).max  # the end of any axis
_ONE = helper.make_tensor("one", TensorProto.INT32, [1], [1])


class Layers:
    """What a network does with texts that begin together; in the graph, time comes first.

    ids: the name of int64 (texts, steps). lengths: that of int64 (texts,), how many of its ids are
    read of each text, at least 1.
    """

    def __init__(self, graph: Graph, ids: str, lengths: str) -> None:
        self._graph = graph
        self._ids = graph.add("Transpose", ids, perm=[1, 0])
        self._lengths = graph.add("Cast", lengths, to=TensorProto.INT32)

    def add(self, network: Network) -> str:
        """Add all layers; returns the name of what the last one gives (texts, outputs)."""
        values = self._ids
        for one in running(network):
            values = self._add(one, values)
        return values

    def _add(self, one: Running, values: str) -> str:
        match one.layer:
            case Embedding():
                return self._rows(one.weights["embeddings"], values)
            case Scanned() | Bidirectional():
                return self._recurrent(one, values)
            case MaxPooling():
                return self._largest(values)
            case MeanPooling():
                return self._mean(values)
            case MaxMeanPooling():
                return self._graph.add("Concat", self._largest(values), self._mean(values), axis=-1)
            case Dense():
                return self._dense(one.layer, one.weights, values)
        return values  # one-hot vectors are not made: an id is enough

    def _rows(self, table: Floats, ids: str) -> str:
        return self._graph.add("Gather", self._graph.constant("table", table), ids)

    # --- Recurrent layers ------------------------------------------------------------------------

    def _recurrent(self, one: Running, values: str) -> str:
        """All states (steps, texts, size), or those reached last (texts, size)."""
        read = [
            self._scan(recurrence, values, reads_ids=one.reads_ids)
            for recurrence in one.recurrences
        ]
        if not isinstance(one.layer, Bidirectional):
            return read[0]
        if one.layer.merge == "concat":
            return self._graph.add("Concat", *read, axis=-1)
        total = self._graph.add("Add", *read)
        if one.layer.merge == "sum":
            return total
        return self._graph.add("Mul", total, self._graph.number(0.5))

    def _scan(self, one: Recurrence, values: str, *, reads_ids: bool) -> str:
        graph, layer = self._graph, one.layer
        read = self._from_ids if reads_ids else self._from_numbers
        inputs, kernel = read(one, values)
        operator = operator_of(one, kernel)
        arrays = {"W": operator.kernel, "R": operator.recurrent, "B": operator.bias}
        states, last = graph.add_with_outputs(
            operator.name,
            2,
            inputs,
            *(graph.constant(f"{operator.name}.{at}", own[None]) for at, own in arrays.items()),
            self._lengths,
            hidden_size=layer.units,
            direction="reverse" if layer.go_backwards else "forward",
            **operator.attributes,
        )
        if layer.return_sequences:
            return graph.add("Squeeze", states, graph.whole_numbers(1))
        return graph.add("Squeeze", last, graph.whole_numbers(0))

    def _from_ids(self, one: Recurrence, ids: str) -> tuple[str, Floats]:
        """The row of the kernel that each id picks, and a kernel that leaves it as it is."""
        rows = self._rows(one.now, ids)
        if one.before is not None:
            before = self._before(self._rows(one.before, ids), backwards=one.layer.go_backwards)
            rows = self._graph.add("Add", rows, before)
        return rows, np.eye(one.now.shape[1], dtype=np.float32)

    def _from_numbers(self, one: Recurrence, steps: str) -> tuple[str, Floats]:
        """Each step, where the window is 2 with the one before it beside it, and the kernel."""
        if one.before is None:
            return steps, one.now
        before = self._before(steps, backwards=one.layer.go_backwards)
        both = self._graph.add("Concat", steps, before, axis=-1)
        return both, np.concatenate([one.now, one.before])

    def _before(self, steps: str, *, backwards: bool) -> str:
        """Beside each step the one that is read before it; zero beside the first one read."""
        if backwards:
            own = self._own(steps, 0.0)  # what is behind a text's end must not be seen from it
            return self._part(self._longer(own, behind=1), first=1, end=_BEHIND)
        return self._part(self._longer(steps, in_front=1), first=0, end=-1)

    def _longer(self, steps: str, *, in_front: int = 0, behind: int = 0) -> str:
        """With steps of zeros."""
        added = self._graph.whole_numbers(in_front, 0, 0, behind, 0, 0)
        return self._graph.add("Pad", steps, added)

    def _part(self, steps: str, *, first: int, end: int) -> str:
        graph = self._graph
        bounds = graph.whole_numbers(first), graph.whole_numbers(end)
        return graph.add("Slice", steps, *bounds, graph.whole_numbers(0))

    # --- From steps to a vector, from a vector to an answer --------------------------------------

    def _largest(self, steps: str) -> str:
        return self._graph.add("ReduceMax", self._own(steps, -np.inf), axes=[0], keepdims=0)

    def _mean(self, steps: str) -> str:
        graph = self._graph
        total = graph.add("ReduceSum", self._own(steps, 0.0), graph.whole_numbers(0), keepdims=0)
        counts = graph.add("Cast", self._lengths, to=TensorProto.FLOAT)
        return graph.add("Div", total, graph.add("Unsqueeze", counts, graph.whole_numbers(1)))

    def _own(self, steps: str, other: float) -> str:
        """Steps that belong to their text as they are, the others ``other``."""
        return self._graph.add("Where", self._is_own, steps, self._graph.number(other))

    @cached_property
    def _is_own(self) -> str:
        """Which steps belong to their text: bool (steps, texts, 1)."""
        graph = self._graph
        ones = graph.add("ConstantOfShape", graph.add("Shape", self._ids), value=_ONE)
        numbers = graph.add("CumSum", ones, graph.constant("time", np.int64(0)))  # from 1 on
        is_own = graph.add("LessOrEqual", numbers, self._lengths)
        return graph.add("Unsqueeze", is_own, graph.whole_numbers(2))

    def _dense(self, layer: Dense, weights: dict[str, Floats], vector: str) -> str:
        graph = self._graph
        product = graph.add("MatMul", vector, graph.constant("kernel", weights["kernel"]))
        sums = graph.add("Add", product, graph.constant("bias", weights["bias"]))
        if layer.activation == "linear":
            return sums
        return graph.add(_ACTIVATIONS[layer.activation], sums)
