"""Recipes: presets, files, overrides, and what is said about a wrong one."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.errors import RecipeError
from unrolled.recipe import DEFAULT_RECIPE, PRESETS, Recipe, changed_recipe, load_recipe


def message(call, *arguments) -> str:
    with pytest.raises(RecipeError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_notebook_presets_are_the_notebook():
    onehot, embedding = PRESETS["notebook-onehot"], PRESETS["notebook-embedding"]
    assert onehot.differences(embedding) == [
        'name is "notebook-onehot", not "notebook-embedding"',
        'network.input is "onehot", not "embedding"',
    ]
    assert onehot.to_dict() == {
        "name": "notebook-onehot",
        "seed": 42,
        "text": {
            "tokenizer": "keras",
            "subwords": "bpe",
            "num_words": 300,
            "min_count": 1,
            "vocabulary_of": "all",
            "maxlen": 100,
            "keep": "tail",
            "padding": "keras",
            "start_token": True,
        },
        "network": {
            "input": "onehot",
            "embedding_size": 16,
            "word_dropout": 0.0,
            "embedding_dropout": 0.0,
            "cell": "simple_rnn",
            "units": 8,
            "activation": "tanh",
            "reset_after": True,
            "unit_forget_bias": True,
            "window": 1,
            "recurrent_dropout": 0.0,
            "layers": 1,
            "bidirectional": "none",
            "pooling": "last",
            "dropout": 0.0,
        },
        "training": {
            "optimizer": "rmsprop",
            "learning_rate": 1e-4,
            "schedule": "constant",
            "momentum": 0.0,
            "batch_size": 64,
            "epochs": 100,
            "patience": 3,
            "restore_best_weights": True,
            "validation_fraction": 0.2,
            "split_seed": 42,
            "class_weight": "none",
            "embedding_updates": "dense",
        },
        "decision": {
            "threshold": "none",
            "wanted_precision": 0.9,
            "temperature": False,
            "abstain_below": 0.0,
        },
        "transfer": {"rate": 1.0, "frozen_epochs": 0},
    }


def test_presets_carry_their_own_names():
    assert {name: recipe.name for name, recipe in PRESETS.items()} == {n: n for n in PRESETS}
    assert DEFAULT_RECIPE in PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_a_recipe_survives_json_and_toml(name, tmp_path):
    recipe = load_recipe(name, ["training.patience=none", "seed=7"])
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    file = tmp_path / "mine.toml"
    file.write_text(recipe.to_toml(), encoding="utf-8")
    assert load_recipe(file) == recipe


@given(
    name=st.text(min_size=1),
    rate=st.floats(min_value=0, exclude_min=True, allow_infinity=False, allow_nan=False),
    maxlen=st.none() | st.integers(1, 2**31 - 1),
)
def test_any_possible_recipe_survives_toml(name, rate, maxlen):
    settings = PRESETS["small"].to_dict()
    settings["name"] = name
    settings["training"]["learning_rate"] = rate
    settings["text"]["maxlen"] = maxlen
    try:
        recipe = Recipe.from_dict(settings)
    except RecipeError:  # only control characters are refused
        assert any(ord(character) < 32 or ord(character) == 127 for character in name)
        return
    read = tomllib.loads(recipe.to_toml())
    assert Recipe.from_dict(read) == recipe


def test_overrides_are_read_as_toml():
    recipe = load_recipe(
        "small",
        [
            "training.learning_rate=1e-2",
            "network.cell=simple_rnn",
            "network.activation=relu",
            'training.optimizer="sgd"',
            "training.momentum = 0.9",
            "training.restore_best_weights=false",
            "text.num_words=None",
            "seed=3",
        ],
    )
    assert recipe.training.learning_rate == 0.01
    assert recipe.network.activation == "relu"
    assert (recipe.training.optimizer, recipe.training.momentum) == ("sgd", 0.9)
    assert recipe.training.restore_best_weights is False
    assert recipe.text.num_words is None
    assert recipe.seed == 3
    assert PRESETS["small"].seed == 42


def test_a_file_changes_its_base(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('base = "notebook-embedding"\nseed = 1\n[training]\nepochs = 5\n')
    recipe = load_recipe(file, ["training.batch_size=16"])
    assert recipe.name == "mine"
    base = PRESETS["notebook-embedding"]
    assert recipe.network == base.network
    assert set(recipe.differences(base)) == {
        'name is "mine", not "notebook-embedding"',
        "seed is 1, not 42",
        "training.epochs is 5, not 100",
        "training.batch_size is 16, not 64",
    }
    file.write_text("")
    assert load_recipe(file).training == PRESETS[DEFAULT_RECIPE].training


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("training.learning_rate=nan", "training.learning_rate = nan: must be a finite number"),
        ("training.learning_rate=inf", "training.learning_rate = inf: must be a finite number"),
        ("training.learning_rate=0", "training.learning_rate = 0: must be a finite number"),
        ('training.learning_rate="0.1"', 'training.learning_rate = "0.1": must be a finite number'),
        ("training.learning_rate=", 'training.learning_rate = "": must be a finite number'),
        ("training.epochs=2.5", "training.epochs = 2.5: must be a whole number from 1"),
        ("training.epochs=true", "training.epochs = true: must be a whole number from 1"),
        ("training.batch_size=0", "training.batch_size = 0: must be a whole number from 1"),
        ("training.patience=-1", "training.patience = -1: must be a whole number from 0 up, or"),
        ("training.validation_fraction=1.0", "training.validation_fraction = 1.0: must be a num"),
        ("training.momentum=1.0", "training.momentum = 1.0: must be a number from 0 up to"),
        ("training.momentum=0.9", 'momentum must be 0.0 when training.optimizer is "adam": only "'),
        ("text.num_words=4", "text.num_words = 4: must be a whole number from 5"),
        ("text.num_words=4294967296", "text.num_words = 4294967296: must be a whole number from"),
        ("text.padding=keras\nx=1", 'text.padding = "keras\\nx=1": must be one of "keras", "mask'),
        ("text.start_token=1", "text.start_token = 1: must be true or false"),
        ("seed=-1", "seed = -1: must be a whole number from 0 to 4294967295"),
        ("name=", 'name = "": must be a name'),
        ("name=1979-05-27", "name = 1979-05-27: must be a name"),
        (
            "network.cell=gruu",
            '"gruu": must be one of "simple_rnn", "gru", "lstm", "min_gru", "qrnn',
        ),
        ("network.window=3", "network.window = 3: must be 1 or 2"),
        ("network.window=true", "network.window = true: must be 1 or 2"),
        ("network.bidirectional=max", 'must be one of "none", "concat", "sum", "average"'),
        (
            "network.dropout=1.0",
            "network.dropout = 1.0: must be a number from 0 up to, not with, 1",
        ),
        ("text.min_count=0", "text.min_count = 0: must be a whole number from 1"),
        ("decision.abstain=0.5", 'unknown setting "decision.abstain"; did you mean "decision.abst'),
        ("decision.wanted_precision=1.0", "wanted_precision = 1.0: must be a number between 0 and"),
        ("training.optimizer=adm", 'optimizer = "adm": must be one of "rmsprop", "adam", "sgd"; d'),
        ("training.learnig_rate=1", 'setting "training.learnig_rate"; did you mean "training.lear'),
        ("learning_rate=1", 'unknown setting "learning_rate"; did you mean "training.learning_r'),
        ("training=1", 'unknown setting "training"'),
        ("xyzzy=1", 'unknown setting "xyzzy"'),
        ("epochs", '"epochs" sets nothing: write key=value'),
    ],
)
def test_a_wrong_override_is_named_with_what_is_allowed(override, said):
    assert said in message(load_recipe, "small", [override])


def test_the_nearest_choice_is_suggested():
    assert message(load_recipe, "small", ["training.optimizer=adm"]).endswith('you mean "adam"?')
    assert message(load_recipe, "notebok-onehot").endswith('did you mean "notebook-onehot"?')
    assert "small" in message(load_recipe, "something else")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            ["network.activation=relu"],
            'network.activation must be "tanh" when network.cell is "gru"',
        ),
        (["network.window=2"], 'window must be 1 when network.cell is "gru": only "qrnn" reads it'),
        (
            ["network.unit_forget_bias=false"],
            'unit_forget_bias must be true when network.cell is "',
        ),
        (
            ["network.cell=qrnn", "network.recurrent_dropout=0.2"],
            'must be 0.0 when network.cell is "qrnn": only "simple_rnn", "gru" and "lstm" read it',
        ),
        (["network.cell=lstm", "network.reset_after=false"], "network.reset_after must be true"),
        (
            ["network.input=onehot", "network.embedding_dropout=0.1"],
            'network.embedding_dropout must be 0.0 when network.input is "onehot"',
        ),
        (["text.subwords=unigram"], 'text.subwords must be "bpe" when text.tokenizer is "words"'),
        (
            ["decision.wanted_precision=0.8"],
            'must be 0.9 when decision.threshold is "none": only "',
        ),
    ],
)
def test_a_setting_that_nothing_reads_is_refused(changes, said):
    changes = ["network.cell=gru", "text.tokenizer=words", *changes]
    assert said in message(load_recipe, "small", changes)


def test_a_setting_of_the_preset_that_nothing_reads_any_more_is_forgotten(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[network]\ncell = 'qrnn'\nwindow = 2\n[decision]\nthreshold = 'precision'\n")
    recipe = load_recipe(file, ["decision.wanted_precision=0.8"])
    assert (recipe.network.window, recipe.decision.wanted_precision) == (2, 0.8)
    gru = changed_recipe(recipe, {"network.cell": "gru", "decision.threshold": "f1"})
    assert (gru.network.cell, gru.network.window) == ("gru", 1)
    assert gru.decision.wanted_precision == 0.9
    assert gru.text == recipe.text
    # What the user asked for by name is not forgotten, but refused.
    assert "network.window must be 1" in message(load_recipe, file, ["network.cell=gru"])
    with pytest.raises(RecipeError, match=r"network\.window must be 1"):
        changed_recipe(recipe, {"network.cell": "gru", "network.window": 2})


def test_changes_are_checked_by_name():
    said = message(changed_recipe, PRESETS["small"], {"network.unit": 3})
    assert said == 'unknown setting "network.unit"; did you mean "network.units"?'
    said = message(changed_recipe, PRESETS["small"], {"network.units": "3"})
    assert said.startswith('recipe "small": network.units = "3": must be a whole number')
    assert changed_recipe(PRESETS["small"], {}) == PRESETS["small"]


def test_a_recipe_from_before_the_newer_settings_is_one_with_their_defaults():
    settings = PRESETS["notebook-embedding"].to_dict()
    del settings["decision"]
    for section, names in (
        ("text", ("subwords", "min_count", "keep")),
        (
            "network",
            ("word_dropout", "embedding_dropout", "reset_after", "unit_forget_bias", "window",
             "recurrent_dropout", "layers", "bidirectional", "pooling", "dropout"),
        ),
        ("training", ("class_weight", "embedding_updates")),
    ):  # fmt: skip
        for name in names:
            del settings[section][name]
    assert Recipe.from_dict(settings) == PRESETS["notebook-embedding"]


def test_keras_padding_needs_a_length():
    said = message(load_recipe, "notebook-onehot", ["text.maxlen=none"])
    assert 'text.maxlen must be a number when text.padding is "keras"' in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'base = "smal"', 'base = "smal": must be one of notebook-onehot, notebook-embedding,'),
        (b"base = 3", "base = 3: must be one of"),
        (b"[train]\nepochs = 2", 'unknown setting "train"; did you mean "training"?'),
        (b"[training]\nepoch = 2", 'unknown setting "training.epoch"; did you mean "training.epo'),
        (b"training = 3", "training = 3: must be a table of settings"),
        (b"[network.units]\na = 1", 'network.units = {"a": 1}: must be a whole number'),
        (b"x =", "not valid TOML: Invalid value"),
        (b"\xff\xfe", "not UTF-8 text (byte 0)"),
    ],
)
def test_a_wrong_file_is_named(content, said, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_bytes(content)
    assert message(load_recipe, file).startswith(f"{file}: ")
    assert said in message(load_recipe, file)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    assert "No such file" in message(load_recipe, tmp_path / "nowhere.toml")
    assert "Is a directory" in message(load_recipe, tmp_path)


def test_stored_settings_that_are_incomplete_are_named():
    settings = PRESETS["small"].to_dict()
    del settings["training"]["epochs"]
    said = message(Recipe.from_dict, settings, "model/config.json")
    assert said == 'model/config.json: the setting "training.epochs" is missing'
