"""Our models as files that Keras opens, and back again; Keras is the oracle."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace

import h5py
import keras
import numpy as np
import pytest

from unrolled import InputError, ModelError, OutputError, pad_sequences
from unrolled.engine.layers import LastStep
from unrolled.evaluation.decision import Decision
from unrolled.keras_files import read_keras, write_keras
from unrolled.keras_files.names import CONFIG, METADATA, WEIGHTS

from .tiny_models import RECIPES, TEXTS, THREE, one_epoch, tiny

# What Keras does when it writes, with a newer NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
FORMS = (".keras", ".h5")
MORE = {  # what RECIPES lacks: settings on top of "small", classes
    "qrnn of embeddings, both ways, two layers": (
        ["network.input=embedding", "network.bidirectional=sum", "network.layers=2"],
        ("no", "yes"),
    ),
    "qrnn, last step, window 1": (["network.window=1", "network.pooling=last"], THREE),
    "min_gru of embeddings": (
        ["network.cell=min_gru", "network.input=embedding", "network.window=1",
         "network.bidirectional=concat", "network.layers=2", "network.embedding_dropout=0.2"],
        ("no", "yes"),
    ),
    "one-hot lstm both ways": (
        ["network.cell=lstm", "network.window=1", "network.bidirectional=concat",
         "network.pooling=max", "network.recurrent_dropout=0.2"],
        THREE,
    ),
    "qrnn that reads padding": (
        ["text.padding=keras", "text.maxlen=9", "network.bidirectional=average"],
        ("no", "yes"),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def model_of():
    """A model by its name in RECIPES or in MORE."""
    made = {}

    def get(name):
        if name in RECIPES:
            return tiny(name)
        if name not in made:
            made[name] = shaken(*MORE[name])
        return made[name]

    return get


def shaken(settings, classes):
    """A model with weights that are all different."""
    from unrolled import load_recipe

    small = ["text.min_count=1", "network.units=5", "network.embedding_size=6"]
    recipe = load_recipe("small", [*small, "text.num_words=60", *settings])
    model = one_epoch(recipe, TEXTS * 3, classes)
    rng = np.random.default_rng(6)
    for array in model.network.weights.values():
        array[:] = rng.normal(0, 0.6, array.shape)
    return replace(model, decision=Decision(temperature=1.4))


def ids_of(model, side="pre"):
    """The texts as Keras gets them, int32 (texts, steps)."""
    encoded = model.vocabulary.encode_all([*TEXTS, ""], start=model.recipe.text.start_token)
    prepared = model.prepared(encoded).packed()
    return encoded, pad_sequences([prepared[at] for at in range(len(prepared))], padding=side)


def answers_of(model, encoded):
    """Our calibrated probabilities, those of the second class where there are two."""
    probabilities = model.probabilities(encoded, 1)
    return probabilities[:, 1:] if len(model.classes) == 2 and not model.several else probabilities


@pytest.mark.parametrize(
    ("name", "form"),
    [
        *((name, ".keras") for name in (*RECIPES, *MORE)),
        *((name, ".h5") for name in ("two linear layers", "bpe", "min_gru of embeddings")),
    ],
)
def test_keras_opens_it_and_predicts_the_same(model_of, tmp_path, name, form):
    model, file = model_of(name), tmp_path / f"model{form}"
    write_keras(model, file)
    opened = keras.saving.load_model(file, compile=False)
    masked = model.recipe.text.padding == "masked"
    for side in ("pre", "post") if masked else ("pre",):
        encoded, ids = ids_of(model, side)
        theirs, ours = opened.predict(ids, verbose=0), answers_of(model, encoded)
        assert theirs.shape == ours.shape
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-5)
    wider = np.pad(ids, [(0, 0), (0, 3)]) if masked else ids
    np.testing.assert_allclose(opened.predict(wider, verbose=0), ours, rtol=0, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", [*RECIPES, *MORE])
def test_it_comes_back_in_the_same_bits(model_of, tmp_path, name, form):
    model, file = model_of(name), tmp_path / f"model{form}"
    write_keras(model, file)
    back = read_keras(file)
    assert {n: a.tobytes() for n, a in back.network.weights.items()} == {
        n: a.tobytes() for n, a in model.network.weights.items()
    }
    for part in ("recipe", "classes", "are_numbers", "several", "vocabulary", "decision", "source"):
        assert getattr(back, part) == getattr(model, part), part
    encoded, _ = ids_of(model)
    assert back.probabilities(encoded, 1).tobytes() == model.probabilities(encoded, 1).tobytes()
    again = tmp_path / f"again{form}"
    write_keras(back, again)
    assert again.read_bytes() == file.read_bytes()


def test_a_very_sure_answer_is_calibrated_as_ours(tmp_path):
    for classes in (("no", "yes"), THREE):
        model = shaken(["network.cell=lstm", "network.window=1"], classes)
        for weight, array in model.network.weights.items():
            if weight.startswith("dense"):
                array *= 300
        file = tmp_path / "model.keras"
        write_keras(model, file)
        encoded, ids = ids_of(model)
        ours = answers_of(model, encoded)
        assert ours.max() > 0.9999
        opened = keras.saving.load_model(file, compile=False)
        np.testing.assert_allclose(opened.predict(ids, verbose=0), ours, rtol=0, atol=1e-5)


def test_weights_alone_are_loaded_into_that_model(model_of, tmp_path):
    first, second = model_of("stack of gru that reset before"), tmp_path / "second.weights.h5"
    write_keras(first, tmp_path / "model.keras")
    opened = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    encoded, ids = ids_of(first)
    before = opened.predict(ids, verbose=0)
    changed = {name: array * 0.5 for name, array in first.network.weights.items()}
    halved = read_keras(tmp_path / "model.keras")
    halved.network.set_weights(changed)
    write_keras(halved, second)
    opened.load_weights(second)
    after = opened.predict(ids, verbose=0)
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, answers_of(halved, encoded), rtol=0, atol=1e-5)
    with pytest.raises(ModelError, match="only weights"):
        read_keras(second)


def test_it_can_learn_on_in_keras(model_of, tmp_path):
    """Dropout is where it was, and what Keras trained comes back by the layers that it wrote."""
    model, file = model_of("lstm, both ends"), tmp_path / "model.keras"
    write_keras(model, file)
    opened = keras.saving.load_model(file, compile=False)
    opened.compile(optimizer="adam", loss="binary_crossentropy")
    _, ids = ids_of(model)
    opened.fit(ids, np.arange(len(ids)) % 2, verbose=0)
    assert [layer.__class__.__name__ for layer in opened.layers].count("Dropout") == 1
    opened.save(file)
    vocabulary = tmp_path / "vocabulary.json"
    vocabulary.write_text(json.dumps(model.vocabulary.to_dict()))
    back = read_keras(file, vocabulary=vocabulary)
    assert back.recipe.network.dropout == model.recipe.network.dropout > 0
    encoded, ids = ids_of(model)
    ours = back.network.predict(model.prepared(encoded))
    np.testing.assert_allclose(opened.predict(ids, verbose=0), ours, rtol=0, atol=1e-5)
    assert np.abs(ours - model.network.predict(model.prepared(encoded))).max() > 1e-5


def test_a_stranger_can_read_what_the_ids_mean(model_of, tmp_path):
    model = model_of("notebook's onehot")
    write_keras(model, tmp_path / "model.keras")
    write_keras(model, tmp_path / "model.h5")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert archive.namelist() == [METADATA, CONFIG, WEIGHTS]
        described = json.loads(archive.read(METADATA))["unrolled"]
    with h5py.File(tmp_path / "model.h5") as file:
        assert json.loads(bytes(file["unrolled"][:])) == described
    assert described["labels"] == ["negative", "positive"]
    words = described["vocabulary"]["words"]
    text = "A wonderful film, it is wonderful!"
    separators = str.maketrans(dict.fromkeys('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n', " "))
    spoken = text.lower().translate(separators).split()
    ids = [1, *(words.index(word) + 4 if word in words else 2 for word in spoken)]
    assert ids == model.vocabulary.encode(text).tolist()
    assert "Fill up with id 0 in front to 20 ids." in described["preprocessing"]


def test_keras_is_not_imported(model_of, tmp_path):
    file = tmp_path / "model.keras"
    write_keras(model_of("bpe"), file)
    code = (
        f"import sys; from unrolled.keras_files import read_keras, write_keras; "
        f"write_keras(read_keras({str(file)!r}), {str(tmp_path / 'again.h5')!r}); "
        "assert not {'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- Refusals ------------------------------------------------------------------------------------


def test_another_ending_is_refused(model_of, tmp_path):
    with pytest.raises(InputError, match=r"end in \.keras, \.weights\.h5, \.h5"):
        write_keras(model_of("bpe"), tmp_path / "model.onnx")


def test_a_layer_that_keras_lacks_is_named(model_of, tmp_path, monkeypatch):
    model = model_of("gru both ways")
    monkeypatch.setattr(model.network, "layers", (*model.network.layers[:-1], LastStep()))
    with pytest.raises(InputError, match="LastStep"):
        write_keras(model, tmp_path / "model.keras")


def test_a_place_that_cannot_be_written(model_of, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_keras(model_of("bpe"), tmp_path / "file" / "model.keras")


def test_what_was_changed_is_told(model_of, tmp_path):
    file, changed = tmp_path / "model.keras", tmp_path / "changed.keras"
    write_keras(model_of("min_gru of characters"), file)

    def rewritten(name, change):
        with zipfile.ZipFile(file) as old, zipfile.ZipFile(changed, "w") as new:
            for member in old.namelist():
                data = old.read(member)
                new.writestr(member, change(data) if member == name else data)
        return changed

    with pytest.raises(ModelError, match="has been changed"):
        read_keras(rewritten(CONFIG, lambda data: data.replace(b'"ave"', b'"sum"')))
    with pytest.raises(ModelError, match=r"has been changed|needs"):
        read_keras(rewritten(METADATA, lambda data: data.replace(b'"units": 5', b'"units": 6')))
    with pytest.raises(ModelError, match="upgrade unrolled"):
        read_keras(rewritten(METADATA, lambda data: data.replace(b'"format": 1', b'"format": 2')))
    with pytest.raises(InputError, match="leave out vocabulary"):
        read_keras(file, vocabulary="keras-imdb")
