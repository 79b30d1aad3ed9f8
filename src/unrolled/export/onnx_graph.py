"""An ONNX graph that grows operator by operator; a value in it is known by its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper


class Graph:
    """Operators and constants, in the order in which they were added."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, TensorProto] = {}
        self._names = Counter[str]()

    def constant(self, name: str, array: ArrayLike) -> str:
        """Keep an array in the file."""
        own = self._new(name)
        self._constants[own] = numpy_helper.from_array(np.array(array, order="C"), own)
        return own

    def whole_numbers(self, *numbers: int) -> str:
        """Keep int64 (numbers,), once."""
        name = f"[{', '.join(map(str, numbers))}]"
        if name not in self._constants:
            self.constant(name, np.array(numbers, dtype=np.int64))
        return name

    def number(self, number: float) -> str:
        """Keep a float32, once."""
        name = f"{number:g}"
        if name not in self._constants:
            self.constant(name, np.float32(number))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator and return its output."""
        return self.add_with_outputs(operator, 1, *inputs, **attributes)[0]

    def add_with_outputs(
        self, operator: str, count: int, *inputs: str, **attributes: Any
    ) -> list[str]:
        """As ``add``, of an operator with several outputs."""
        name = self._new(operator)
        outputs = [name, *(f"{name}.{place}" for place in range(1, count))]
        self._nodes.append(helper.make_node(operator, inputs, outputs, name, **attributes))
        return outputs

    def finish(
        self, name: str, inputs: Sequence[ValueInfoProto], output: ValueInfoProto, value: str
    ) -> GraphProto:
        """The whole graph, which gives ``value`` as its ``output``."""
        last = helper.make_node("Identity", [value], [output.name], output.name)
        constants = list(self._constants.values())
        return helper.make_graph([*self._nodes, last], name, inputs, [output], constants)

    def _new(self, name: str) -> str:
        """The name itself; a number behind it where it is there already."""
        self._names[name] += 1
        count = self._names[name]
        return name if count == 1 else f"{name}_{count}"
