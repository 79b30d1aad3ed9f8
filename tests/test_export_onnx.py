"""``unrolled export --to onnx``: one file of standard operators that gives the same numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from unrolled.cli import main
from unrolled.errors import InputError
from unrolled.evaluation.decision import Decision
from unrolled.export.onnx import OPSET, to_onnx

from .exported import (
    HOSTILE,
    LABELS,
    TOLERANCE,
    check_agreement,
    every_layer,
    filled,
    ragged_ids,
    random_model,
)
from .tiny_models import RECIPES, THREE, many_texts, tiny

EXAMPLE = Path(__file__).parent.parent / "docs" / "examples" / "score_onnx.py"


def run_of(data):
    """``run(ids, lengths)`` of an ONNX file, which must be sound."""
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return lambda ids, lengths: session.run(None, {"ids": ids, "lengths": lengths})[0]


def metadata(data):
    properties = onnx.load_from_string(data).metadata_props
    return {one.key: json.loads(one.value) for one in properties}


# --- The same numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize("settings", every_layer())
def test_every_layer(settings):
    model = random_model(settings)
    check_agreement(model, run_of(to_onnx(model)), ragged_ids(model))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_on_texts_of_all_kinds(name):
    model = tiny(name)
    start = model.recipe.text.start_token
    prepared = model.prepared(model.vocabulary.encode_all(many_texts(60), start=start))
    assert prepared.lengths.min() in (1, model.recipe.text.maxlen)
    check_agreement(model, run_of(to_onnx(model)), prepared)


@pytest.mark.parametrize("temperature", [1.0, 0.3, 4.0])
@pytest.mark.parametrize(("classes", "several"), [(2, False), (3, False), (3, True), (2, True)])
def test_every_kind_of_answer(classes, several, temperature):
    model = random_model(
        ["network.cell=gru"],
        classes=LABELS[classes],
        several=several,
        decision=Decision(temperature=temperature, multi_label=several),
    )
    check_agreement(model, run_of(to_onnx(model)), ragged_ids(model))


def test_probabilities_near_0_and_1_are_calibrated_as_ours():
    model = random_model(["network.cell=lstm"], decision=Decision(temperature=3.0))
    model.network.weights["dense/kernel"][:] *= 100
    expected = model.probabilities_of_prepared(ragged_ids(model), 1)
    assert expected.max() > 0.99
    ids, lengths = filled(ragged_ids(model))
    found = run_of(to_onnx(model))(ids, lengths)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_an_empty_text_is_read_as_ours():
    model = random_model(["text.start_token=false", "network.cell=qrnn", "network.pooling=max"])
    prepared = model.prepared(model.vocabulary.encode_all(["", "good film", "?"], start=False))
    assert prepared.lengths.tolist() == [1, 2, 1]
    check_agreement(model, run_of(to_onnx(model)), prepared)


# --- The file ------------------------------------------------------------------------------------


def test_inputs_output_and_operators_are_what_they_are_said_to_be():
    model = random_model(["network.bidirectional=concat"], classes=LABELS[3])
    whole = onnx.load_from_string(to_onnx(model))
    assert [(one.domain, one.version) for one in whole.opset_import] == [("", OPSET)]
    assert {node.domain for node in whole.graph.node} == {""}
    shapes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in [*whole.graph.input, *whole.graph.output]
    }
    assert shapes == {
        "ids": ["texts", "steps"], "lengths": ["texts"], "probabilities": ["texts", 3],
    }  # fmt: skip
    names = [name for node in whole.graph.node for name in node.output]
    assert len(names) == len(set(names))


def test_one_hot_vectors_are_never_made():
    words = [f"word{number}" for number in range(5_000)]
    model = random_model(["network.cell=lstm", "text.num_words=none"], words=words)
    whole = onnx.load_from_string(to_onnx(model))
    assert [node.op_type for node in whole.graph.node].count("Gather") == 1
    assert max(np.prod(array.dims) for array in whole.graph.initializer) == 5_004 * 4 * 5


def test_the_same_model_gives_the_same_file():
    assert to_onnx(random_model([])) == to_onnx(random_model([]))


def test_the_metadata_say_how_to_read_and_to_decide():
    told = metadata(to_onnx(tiny("stack of gru that reset before")))
    model = tiny("stack of gru that reset before")
    assert told["labels"] == THREE
    assert told["vocabulary"] == list(model.vocabulary.words)
    assert told["decision"]["thresholds"] == [0.3, 0.6, 0.5]
    assert told["decision"]["temperature"] == 0.6
    assert "above its own threshold" in told["decision"]["in_words"]
    reading = told["preprocessing"]
    settings = model.recipe.to_dict()["text"]
    for name in ("tokenizer", "start_token", "maxlen", "keep", "padding"):
        assert reading[name] == settings[name]
    assert reading["ids"] == {"padding": 0, "start": 1, "unknown": 2, "first_word": 4}
    assert any("last 400" in sentence for sentence in reading["in_words"])


@pytest.mark.parametrize(
    ("several", "decision", "words"),
    [
        (False, Decision(), "The most probable label."),
        (False, Decision(abstain_below=0.7), "; none where the probability of that label is below"),
        (False, Decision(weights=(1.0, 2.0, 3.0)), "times its weight is the largest"),
        (True, Decision(multi_label=True), "Every label whose probability is above its threshold."),
    ],
)
def test_the_rule_of_a_decision_is_told_in_words(several, decision, words):
    model = random_model([], classes=LABELS[3], several=several, decision=decision)
    told = metadata(to_onnx(model))["decision"]
    assert words in told["in_words"]
    assert told["thresholds"] == ([0.5] * 3 if several else None)


def test_two_classes_have_one_threshold():
    told = metadata(to_onnx(random_model([], decision=Decision(thresholds=(0.4,)))))["decision"]
    assert told["thresholds"] == [0.4]
    assert told["in_words"].startswith("The second label where its probability is above")


def test_a_trained_tokenizer_comes_along():
    told = metadata(to_onnx(tiny("bpe")))
    assert told["subwords"] == json.loads(tiny("bpe").vocabulary.model)


def test_hostile_names_come_through():
    model = random_model([], classes=HOSTILE, words=HOSTILE)
    data = to_onnx(model)
    told = metadata(data)
    assert told["labels"] == told["vocabulary"] == HOSTILE
    check_agreement(model, run_of(data), ragged_ids(model))


def test_labels_that_are_numbers_stay_so():
    model = random_model([], classes=["0", "1"])
    model.are_numbers = True
    assert metadata(to_onnx(model))["labels"] == [0, 1]


def test_without_onnx_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"pip install 'unrolled\[onnx\]'"):
        to_onnx(random_model([]))


# --- The command and the example -----------------------------------------------------------------


def test_the_command_writes_the_file(tmp_path, capsys):
    tiny("notebook's onehot").save(tmp_path / "model")
    file = tmp_path / "new" / "model.onnx"
    assert main(["export", str(tmp_path / "model"), str(file), "--to", "onnx"]) == 0
    assert file.read_bytes() == to_onnx(tiny("notebook's onehot"))
    assert capsys.readouterr().out == f"model -> {file}: {file.stat().st_size:,} bytes\n"


@pytest.mark.parametrize(
    "model",
    [
        tiny("notebook's onehot"),
        random_model(["network.input=embedding", "text.start_token=false", "text.maxlen=6"]),
    ],
    ids=["notebook", "masked"],
)
def test_the_example_scores_raw_text(model, tmp_path):
    file = tmp_path / "model.onnx"
    file.write_bytes(to_onnx(model))
    texts = ["A wonderful film!", "boring-boring, GOOD\n(bad)", "one two " * 30, "?"]
    command = [sys.executable, str(EXAMPLE), str(file), *texts]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [list(answer) for answer in told] == [model.classes] * len(texts)
    found = np.array([list(answer.values()) for answer in told])
    start = model.recipe.text.start_token
    expected = model.predictions(model.vocabulary.encode_all(texts, start=start), 1)
    np.testing.assert_allclose(found, expected.probabilities, rtol=0, atol=TOLERANCE)
    assert [model.classes[row.argmax()] for row in found] == list(expected.labels)


def test_the_example_is_short():
    code = EXAMPLE.read_text(encoding="utf-8").split('"""', 2)[2]
    lines = [line for line in code.splitlines() if line.strip() and "import" not in line]
    assert len(lines) <= 15
