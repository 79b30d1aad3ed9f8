"""``unrolled export --to torch``: a module of PyTorch's own layers that gives the same numbers."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys

import pytest

from unrolled import __version__
from unrolled.cli import main
from unrolled.errors import InputError
from unrolled.evaluation.decision import Decision
from unrolled.export.torch import write_torch

from .exported import HOSTILE, LABELS, check_agreement, every_layer, ragged_ids, random_model
from .tiny_models import RECIPES, THREE, many_texts, tiny

FILES = ["model.py", "model.safetensors", "preprocessing.json", "vocabulary.json"]


@pytest.fixture(scope="module")
def torch():
    """PyTorch; its absence is a failure where it is required (UNROLLED_TORCH=required)."""
    try:
        import torch as installed
    except ImportError:
        if os.environ.get("UNROLLED_TORCH") == "required":
            pytest.fail("PyTorch is not installed, and UNROLLED_TORCH=required")
        pytest.skip("PyTorch is not installed")
    installed.set_num_threads(1)  # its threads would wait for each other on arrays so small
    return installed


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "new" / "module"


def source_in(folder):
    return (folder / "model.py").read_text(encoding="utf-8")


def module_in(folder):
    """The module, imported as its users do."""
    spec = importlib.util.spec_from_file_location("model", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_of(model, folder, torch):
    """``run(ids, lengths)`` of the module that a model is written as."""
    write_torch(model, folder)
    loaded = module_in(folder).load()

    def run(ids, lengths):
        with torch.inference_mode():
            return loaded(torch.from_numpy(ids), torch.from_numpy(lengths)).numpy()

    return run


# --- The same numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize("settings", every_layer())
def test_every_layer(settings, folder, torch):
    model = random_model(settings)
    check_agreement(model, run_of(model, folder, torch), ragged_ids(model))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_on_texts_of_all_kinds(name, folder, torch):
    model = tiny(name)
    start = model.recipe.text.start_token
    prepared = model.prepared(model.vocabulary.encode_all(many_texts(60), start=start))
    check_agreement(model, run_of(model, folder, torch), prepared)


@pytest.mark.parametrize("temperature", [1.0, 0.3, 4.0])
@pytest.mark.parametrize(("classes", "several"), [(2, False), (3, False), (3, True), (2, True)])
def test_every_kind_of_answer(classes, several, temperature, folder, torch):
    model = random_model(
        ["network.cell=gru"],
        classes=LABELS[classes],
        several=several,
        decision=Decision(temperature=temperature, multi_label=several),
    )
    check_agreement(model, run_of(model, folder, torch), ragged_ids(model))


def test_the_module_can_learn_on(folder, torch):
    model = random_model(["network.cell=qrnn", "network.window=2", "network.pooling=mean"])
    write_torch(model, folder)
    loaded = module_in(folder).load().train()
    ids = torch.tensor([[1, 5, 6], [1, 7, 0]])
    loaded(ids, torch.tensor([3, 2]))[:, 1].log().sum().backward()
    assert all(weight.grad is not None for weight in loaded.parameters())


def test_the_module_needs_nothing_of_ours(folder, torch):
    write_torch(random_model([]), folder)
    program = (
        "import sys, torch; sys.path.insert(0, '.'); from model import LABELS, load; "
        "print(LABELS, load()(torch.tensor([[1, 4]]), torch.tensor([2])).shape); "
        "assert 'unrolled' not in sys.modules"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "['negative', 'positive'] torch.Size([1, 2])\n"


# --- The folder ----------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", every_layer())
def test_the_source_has_what_it_needs_and_no_more(settings, folder):
    write_torch(random_model(settings), folder)
    source = source_in(folder)
    assert max(map(len, source.splitlines())) <= 100
    tree = ast.parse(source)
    imported = {alias.name for node in ast.walk(tree) for alias in getattr(node, "names", [])}
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    stored = {node.id for node in names if isinstance(node.ctx, ast.Store)} - {"_", "LABELS"}
    used = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    assert imported | stored | defined - {"load"} <= used
    assert "unrolled" not in imported


def test_layers_of_pytorch_are_used_where_there_are_such(folder):
    write_torch(random_model(["network.cell=lstm", "network.bidirectional=sum"]), folder)
    source = source_in(folder)
    assert "nn.LSTM(40, 5, batch_first=True, bidirectional=True)" in source
    assert source.count("class ") == 1


def test_the_folder_has_words_and_reading_as_json(folder):
    model = tiny("two linear layers")
    write_torch(model, folder)
    assert sorted(entry.name for entry in folder.iterdir()) == FILES
    assert json.loads((folder / "vocabulary.json").read_bytes()) == list(model.vocabulary.words)
    told = json.loads((folder / "preprocessing.json").read_bytes())
    assert told["labels"] == THREE
    assert told["preprocessing"]["keep"] == "both"
    assert told["decision"]["weights"] == [0.7, 1.5, 1.0]
    assert "vocabulary" not in told
    assert __version__ in source_in(folder)


def test_hostile_names_come_through(folder):
    write_torch(random_model([], classes=HOSTILE, words=HOSTILE), folder)
    source = source_in(folder)
    (labels,) = [line for line in ast.parse(source).body if isinstance(line, ast.Assign)]
    assert ast.literal_eval(labels.value) == HOSTILE
    assert "\u202e" not in source
    assert json.loads((folder / "vocabulary.json").read_bytes()) == HOSTILE
    assert json.loads((folder / "preprocessing.json").read_bytes())["labels"] == HOSTILE


def test_the_same_model_gives_the_same_files(folder, tmp_path):
    for place in (folder, tmp_path / "other"):
        write_torch(random_model(["network.cell=min_gru"]), place)
    for name in FILES:
        assert (folder / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_what_is_there_is_kept_unless_it_may_go(folder):
    write_torch(random_model([]), folder)
    before = source_in(folder)
    with pytest.raises(InputError, match="a module is there"):
        write_torch(random_model(["network.cell=gru"]), folder)
    assert source_in(folder) == before
    write_torch(random_model(["network.cell=gru"]), folder, overwrite=True)
    assert "nn.GRU" in source_in(folder)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="the folder has other files"):
        write_torch(random_model([]), folder, overwrite=True)
    assert (folder / "notes.txt").read_text() == "mine"
    with pytest.raises(InputError, match="a file has this name"):
        write_torch(random_model([]), folder / "notes.txt")


def test_the_command_writes_the_folder(tmp_path, folder, capsys):
    tiny("bpe").save(tmp_path / "saved")
    command = ["export", str(tmp_path / "saved"), str(folder), "--to", "torch"]
    assert main(command) == 0
    size = sum(entry.stat().st_size for entry in folder.iterdir())
    assert capsys.readouterr().out == f"saved -> {folder}: {size:,} bytes\n"
    assert sorted(entry.name for entry in folder.iterdir()) == FILES
    assert main(command) == 2
    assert "a module is there: --overwrite replaces it" in capsys.readouterr().err
    assert main([*command, "--overwrite"]) == 0
