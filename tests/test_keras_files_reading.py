"""Models that Keras wrote, read without it: the same probabilities, or the name of what we lack."""

from __future__ import annotations

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from unrolled import InputError, ModelError
from unrolled.keras_files import read_keras, read_vocabulary
from unrolled.keras_files.names import CONFIG

from .keras_models import (
    STEPS,
    WORDS,
    both_answers,
    functional,
    sequential,
    trained_a_little,
    word_index,
)
from .tiny_models import tiny

# What Keras does when it writes, with a newer NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
TRAINED = ("the notebook's", "masked lstm, several labels")


def lstm(units=4, **settings):
    return layers.LSTM(units, **settings)


def two_ways(layer, **settings):
    return layers.Bidirectional(layer, **settings)


MODELS = {  # how it is made, whether padding is masked
    "the notebook's": (
        lambda: sequential(layers.SimpleRNN(8), layers.Dense(1, "sigmoid"), embedding=None),
        False,
    ),
    "relu, three classes": (
        lambda: sequential(layers.SimpleRNN(5, "relu"), layers.Dense(3, "softmax")),
        False,
    ),
    "masked lstm, several labels": (
        lambda: sequential(lstm(), layers.Dense(3, "sigmoid"), masked=True),
        True,
    ),
    "gru that resets before, mean, masked": (
        lambda: functional(
            layers.GRU(4, reset_after=False, return_sequences=True),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, "sigmoid"),
            masked=True,
        ),
        True,
    ),
    "stack both ways, dropout, no bias": (
        lambda: functional(
            layers.SpatialDropout1D(0.2),
            two_ways(layers.GRU(4, return_sequences=True, use_bias=False), merge_mode="ave"),
            two_ways(layers.GRU(4, return_sequences=True, dropout=0.3), merge_mode="ave"),
            layers.GlobalMaxPooling1D(),
            layers.Dropout(0.4),
            layers.Dense(2, "softmax"),
        ),
        False,
    ),
    "one-hot, both ways": (
        lambda: sequential(
            two_ways(lstm(recurrent_dropout=0.1)), layers.Dense(2, "softmax"), embedding=None
        ),
        False,
    ),
}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return word_index(tmp_path_factory.mktemp("words"))


def saved(model, folder, form):
    """The file of a model, in Keras' own hand."""
    file = folder / f"best{form}"
    if form == ".h5":
        from keras.src.legacy.saving import legacy_h5_format

        legacy_h5_format.save_model_to_hdf5(model, file)  # without the warning of model.save
    else:
        model.save(file)
    return file


@pytest.mark.parametrize("name", MODELS)
def test_the_same_probabilities(index, tmp_path, name):
    make, masked = MODELS[name]
    model = trained_a_little(make()) if name in TRAINED else make()
    for form in (".keras", ".h5"):
        imported = read_keras(saved(model, tmp_path, form), vocabulary=index)
        assert imported.recipe.text.padding == ("masked" if masked else "keras")
        assert imported.recipe.text.maxlen == (None if masked else STEPS)
        theirs, ours = both_answers(model, imported, masked=masked)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_what_works_in_training_only_is_kept_or_told(index, tmp_path):
    model = MODELS["stack both ways, dropout, no bias"][0]()
    imported = read_keras(saved(model, tmp_path, ".keras"), vocabulary=index)
    network = imported.recipe.network
    assert (network.embedding_dropout, network.dropout) == (0.2, 0.4)
    (told,) = imported.metrics["imported"]["training_only"]
    assert "dropout of its inputs" in told


def test_labels_and_settings(index, tmp_path):
    model = sequential(lstm(), layers.Dense(3, "softmax"), masked=True)
    file = saved(model, tmp_path, ".keras")
    imported = read_keras(
        file,
        vocabulary=index,
        labels=["a", "b", "c"],
        maxlen=5,
        changes={"text.keep": "head", "text.start_token": False},
    )
    text = imported.recipe.text
    assert (imported.classes, text.maxlen, text.keep, text.start_token) == (
        ["a", "b", "c"], 5, "head", False,
    )  # fmt: skip
    plain = read_keras(file, vocabulary=index)
    assert (plain.classes, plain.are_numbers) == (["0", "1", "2"], True)
    for arguments, message in [
        ({"labels": ["a", "b"]}, "2 labels are given, and the network has 3"),
        ({"changes": {"text.sub": 1}}, "unknown setting"),
        ({"vocabulary": None}, "keras-imdb or a file"),
    ]:
        with pytest.raises(InputError, match=message):
            read_keras(file, **({"vocabulary": index} | arguments))
    fixed = saved(MODELS["the notebook's"][0](), tmp_path, ".keras")
    with pytest.raises(InputError, match="maxlen is 5, and the network reads 12 ids"):
        read_keras(fixed, vocabulary=index, maxlen=5)


def test_the_notebooks_own_kind_of_file(index, tmp_path):
    """Keras 2 wrote `batch_input_shape`, no module names, and weights called "kernel:0"."""
    model = MODELS["the notebook's"][0]()
    file = saved(model, tmp_path, ".h5")
    with h5py.File(file, "r+") as stored:
        config = json.loads(stored.attrs["model_config"])
        first, *others = config["config"]["layers"]
        others[0]["config"]["batch_input_shape"] = first["config"]["batch_shape"]
        others[0]["config"] |= {"implementation": 2, "time_major": False}
        for layer in others:
            layer["config"]["dtype"] = "float32"
            for key in ("module", "registered_name", "build_config"):
                layer.pop(key, None)
        config["config"]["layers"] = others
        stored.attrs["model_config"] = json.dumps(config)
        weights = stored["model_weights"]
        for name in ("simple_rnn", "dense"):
            (layer,) = [one for one in weights if one.startswith(name)]
            names = [str(old) for old in weights[layer].attrs["weight_names"].astype(str)]
            for old in names:
                weights[layer].move(old, f"{old}:0")
            weights[layer].attrs["weight_names"] = [f"{old}:0".encode() for old in names]
    imported = read_keras(file, vocabulary=index)
    theirs, ours = both_answers(model, imported, masked=False)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_vocabularies(tmp_path, index):
    assert read_vocabulary(index, 30).encode("w1 w26 w27", start=True).tolist() == [1, 4, 29, 2]
    ours = tiny("everything a text has").vocabulary
    file = tmp_path / "vocabulary.json"
    file.write_text(json.dumps(ours.to_dict()))
    assert read_vocabulary(file, ours.size) == ours
    assert read_vocabulary(file, 10).words == ours.words[:6]
    for content, message in [
        ('{"a": 1, "b": 3}', "leaves a gap"),
        ('{"a": 1, "b": 1}', "is another word's too"),
        ('{"a": "1"}', "neither a vocabulary"),
        ("[1]", "not a JSON object"),
        ("{", "is not JSON"),
        (json.dumps(ours.to_dict() | {"words": [1]}), "no list of strings"),
        (json.dumps(ours.to_dict() | {"counts": [2**70]}), "no list of whole numbers"),
    ]:
        file.write_text(content)
        with pytest.raises(ModelError, match=message):
            read_vocabulary(file, 30)
    with pytest.raises(ModelError, match="leaves no word"):
        read_vocabulary(index, 4)
    with pytest.raises(InputError, match="cannot be read"):
        read_vocabulary(tmp_path / "none.json", 30)


# --- What we lack is named -----------------------------------------------------------------------


def untrained(*inner, **how):
    return sequential(*inner, layers.Dense(1, "sigmoid"), **how)


LACKING = {
    "a convolution": (lambda: untrained(layers.Conv1D(3, 2), lstm()), r"conv1d.*\(Conv1D\)"),
    "no recurrence": (lambda: untrained(layers.Flatten()), r"flatten.*\(Flatten\)"),
    "sizes": (
        lambda: untrained(lstm(3, return_sequences=True), lstm(4)),
        r"lstm.* has units 4 and the recurrent layer before it 3",
    ),
    "an activation": (lambda: untrained(lstm(activation="relu")), "activation is relu"),
    "a gate": (
        lambda: untrained(layers.GRU(3, recurrent_activation="hard_sigmoid")),
        "recurrent_activation is hard_sigmoid",
    ),
    "a merge": (lambda: untrained(two_ways(lstm(), merge_mode="mul")), "merge_mode is mul"),
    "a hidden layer": (
        lambda: untrained(lstm(), layers.Dense(4, "relu")),
        r"dense.*activation is relu",
    ),
    "two decisions": (
        lambda: untrained(lstm(), layers.Dense(4, "softmax")),
        "comes behind the layer that decides",
    ),
    "backwards": (lambda: untrained(lstm(go_backwards=True)), "go_backwards is True"),
    "max over padding": (
        lambda: untrained(
            lstm(return_sequences=True), layers.GlobalMaxPooling1D(), masked=True
        ),
        "the maximum over padding",
    ),
    "an answer at each step": (
        lambda: untrained(lstm(return_sequences=True)),
        "return_sequences is True",
    ),
    "half precision": (
        lambda: untrained(lstm(dtype="mixed_float16")),
        "dtype is mixed_float16: we have float32",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LACKING)
@pytest.mark.filterwarnings("ignore:Layer 'global_max:UserWarning")
def test_what_we_lack_is_named(index, tmp_path, name):
    make, message = LACKING[name]
    file = saved(make(), tmp_path, ".keras")
    with pytest.raises(ModelError, match=message) as raised:
        read_keras(file, vocabulary=index)
    assert str(raised.value).startswith(f"{file}: ")
    assert "\n" not in str(raised.value)


def test_a_net_of_layers_is_no_chain(index, tmp_path):
    ids = keras.Input((STEPS,))
    words = layers.Embedding(WORDS, 4)(ids)
    both = layers.Concatenate()([lstm()(words), layers.GRU(3)(words)])
    model = keras.Model(ids, layers.Dense(1, "sigmoid")(both))
    with pytest.raises(ModelError, match="only a chain is read"):
        read_keras(saved(model, tmp_path, ".keras"), vocabulary=index)


def test_a_lambda_is_named_and_not_run(index, tmp_path, capsys):
    model = untrained(lstm())
    file = saved(model, tmp_path, ".keras")
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members[CONFIG])
    code = {"class_name": "__lambda__", "config": {"value": "print('run')"}}
    config["config"]["layers"][2] |= {"class_name": "Lambda", "config": {"function": code}}
    members[CONFIG] = json.dumps(config).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(ModelError, match="Lambda"):
        read_keras(file, vocabulary=index)
    assert capsys.readouterr().out == ""
