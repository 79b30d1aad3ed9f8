"""From what a network's last layer gives to the probabilities of a model, as ONNX operators."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from unrolled.evaluation.calibration import CLIP
from unrolled.export.onnx_graph import Graph


def add_answer(
    graph: Graph, outputs: str, *, columns: int, several: bool, temperature: float
) -> str:
    """Add what is missing from outputs (texts, columns); returns the probabilities' name.

    One column is the probability of the second of two classes, and gets that of the first beside
    it. A temperature is applied as by ``Decision.calibrated``: in double precision, to
    probabilities kept away from 0 and 1.
    """
    if columns == 1 and not several:
        first = graph.add("Sub", graph.number(1.0), outputs)
        outputs = graph.add("Concat", first, outputs, axis=-1)
    if temperature == 1.0:
        return outputs
    exact = graph.add("Cast", outputs, to=TensorProto.DOUBLE)
    low, high = (
        graph.constant("low", np.float64(CLIP)),
        graph.constant("high", np.float64(1 - CLIP)),
    )
    clipped = graph.add("Clip", exact, low, high)
    logits = graph.add("Log", clipped)
    if several:
        others = graph.add("Sub", graph.constant("one", np.float64(1)), clipped)
        logits = graph.add("Sub", logits, graph.add("Log", others))
    scaled = graph.add("Div", logits, graph.constant("temperature", np.float64(temperature)))
    tempered = graph.add("Sigmoid", scaled) if several else graph.add("Softmax", scaled, axis=-1)
    return graph.add("Cast", tempered, to=TensorProto.FLOAT)
