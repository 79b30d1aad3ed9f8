"""The file of a PyTorch module: only what its network needs, in the order in which it runs."""

from __future__ import annotations

from unrolled import __version__
from unrolled.evaluation.calibration import CLIP
from unrolled.export.torch_module import Module
from unrolled.model.trained import TrainedModel

_WIDTH = 100
_HEAD = f'''\
"""A classifier of texts, which needs PyTorch and safetensors.

Written by unrolled {__version__}.

    from model import load

    model = load()
    probabilities = model(ids, lengths)

ids: int64 (texts, steps). lengths: int64 (texts,), how many of its ids are read of each text, at
least 1. probabilities: float32 (texts, labels), in the order of LABELS.
preprocessing.json says how a text becomes ids, and how probabilities become a label.
"""
'''

_PACK = '''\
def pack(steps: Tensor, lengths: Tensor) -> PackedSequence:
    """Only the steps that belong to their texts."""
    return pack_padded_sequence(steps, lengths.cpu(), batch_first=True, enforce_sorted=False)
'''

_UNPACK = '''\
def unpack(packed: PackedSequence, time: int) -> Tensor:
    """Steps (texts, time, size), zero behind the end of a text."""
    return pad_packed_sequence(packed, batch_first=True, total_length=time)[0]
'''

_LOAD = '''\
def load() -> Classifier:
    """The classifier with its weights, which lie beside this file."""
    model = Classifier()
    model.load_state_dict(load_file(Path(__file__).with_name("model.safetensors")))
    return model.eval()
'''


_OWN = """\
places = torch.arange(ids.shape[1], device=ids.device)
own = (places < lengths[:, None])[:, :, None]  # which steps belong to their text
"""


def source_of(module: Module, model: TrainedModel) -> str:
    """The whole file."""
    sources = {"pack": _PACK, "unpack": _UNPACK}
    return "\n\n".join(
        [
            _lines(_HEAD, *_imports(module), "", *_labels(model)),
            *(source for name, source in sources.items() if name in module.needs),
            *module.cells.values(),
            _classifier(module, model),
            _LOAD,
        ]
    )


def _labels(model: TrainedModel) -> list[str]:
    """The labels as literals, in one line where they fit into it."""
    labels = [repr(label) for label in model.targets.given(model.are_numbers)]
    line = f"LABELS = [{', '.join(labels)}]"
    return (
        [line] if len(line) <= _WIDTH else ["LABELS = [", *(f"    {one}," for one in labels), "]"]
    )


def _imports(module: Module) -> list[str]:
    packing = {
        "PackedSequence": "pack",
        "pack_padded_sequence": "pack",
        "pad_packed_sequence": "unpack",
    }
    names = [name for name, use in packing.items() if use in module.needs]
    pads = any("functional." in source for source in module.cells.values())
    return [
        "from pathlib import Path",
        "",
        "import torch",
        "from safetensors.torch import load_file",
        "from torch import Tensor, nn",
        *(["from torch.nn import functional"] if pads else []),
        *([f"from torch.nn.utils.rnn import {', '.join(names)}"] if names else []),
    ]


def _classifier(module: Module, model: TrainedModel) -> str:
    own = _OWN.splitlines() if "own" in module.needs else []
    run = [*own, *module.run, *_answer(model)]
    return _lines(
        "class Classifier(nn.Module):",
        "    def __init__(self) -> None:",
        "        super().__init__()",
        *(f"        {line}" for line in module.made),
        "",
        "    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:",
        *(f"        {line}" for line in run),
    )


def _answer(model: TrainedModel) -> list[str]:
    """Lines from the outputs to probabilities of all labels, calibrated."""
    lines = []
    if len(model.classes) == 2 and not model.several:
        lines.append("outputs = torch.cat([1 - outputs, outputs], dim=1)")
    temperature = model.decision.temperature
    if temperature == 1.0:
        return [*lines, "return outputs"]
    if model.several:
        logits = f"torch.logit(outputs.double(), eps={CLIP})"
        return [
            *lines,
            f"logits = {logits}",
            f"return torch.sigmoid(logits / {temperature!r}).float()",
        ]
    logits = f"outputs.double().clamp({CLIP}, 1 - {CLIP}).log()"
    return [
        *lines,
        f"logits = {logits}",
        f"return torch.softmax(logits / {temperature!r}, dim=1).float()",
    ]


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"
