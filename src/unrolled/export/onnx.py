"""A model as one ONNX file of standard operators, which says itself how to use it."""

from __future__ import annotations

import json

from unrolled import __version__
from unrolled.errors import InputError
from unrolled.export.manual import manual
from unrolled.model.trained import TrainedModel

OPSET = 17
"""Version of ONNX's operators: onnxruntime has them since 1.12, of July 2022."""
_FORMAT = 8  # of the file, ONNX's "IR version", of the same time


def to_onnx(model: TrainedModel) -> bytes:
    """Write a model as an ONNX file; the same model gives the same bytes.

    Inputs: ``ids``, int64 (texts, steps), and ``lengths``, int64 (texts,), how many of its ids each
    text has, at least 1; what is behind them is not read, but must be ids too. Output:
    ``probabilities``, float32 (texts, labels), as ``TextClassifier.predict_proba`` gives them.
    Each part of the `manual` is in the file's metadata, by its name, as JSON.

    Raises InputError where onnx is not installed.
    """
    try:
        from onnx import TensorProto, helper
    except ImportError:
        raise InputError("an ONNX file needs onnx: pip install 'unrolled[onnx]'") from None
    from unrolled.export.onnx_answer import add_answer
    from unrolled.export.onnx_graph import Graph
    from unrolled.export.onnx_layers import Layers

    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["texts", "steps"])
    lengths = helper.make_tensor_value_info("lengths", TensorProto.INT64, ["texts"])
    shape: list[str | int | None] = ["texts", len(model.classes)]
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, shape)
    graph = Graph()
    answer = add_answer(
        graph,
        Layers(graph, ids.name, lengths.name).add(model.network),
        columns=model.network.flows[-1].size,
        several=model.several,
        temperature=model.decision.temperature,
    )
    whole = helper.make_model(
        graph.finish("classifier", [ids, lengths], output, answer),
        producer_name="unrolled",
        producer_version=__version__,
        ir_version=_FORMAT,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    parts = {name: json.dumps(part) for name, part in manual(model).items()}
    helper.set_model_props(whole, parts)
    return bytes(whole.SerializeToString(deterministic=True))
