"""``unrolled import`` and ``unrolled export --to keras``: from the shell to a model at work."""

from __future__ import annotations

import json

import numpy as np
import pytest
from keras import layers

from unrolled import TextClassifier
from unrolled.cli import main
from unrolled.datasets import imdb
from unrolled.keras_files import write_keras

from .keras_models import sequential, word_index
from .tiny_models import TEXTS, tiny

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A file that Keras wrote, a word index, and a data set."""
    made = tmp_path_factory.mktemp("keras")
    word_index(made)
    model = sequential(
        layers.Bidirectional(layers.LSTM(3, dropout=0.2)), layers.Dense(1, "sigmoid"), masked=True
    )
    model.save(made / "best.keras")
    rows = "".join(f"w{place} w3 w{place + 1},{place % 2}\n" for place in range(1, 21))
    (made / "data.csv").write_text(f"text,label\n{rows}")
    tiny("everything a text has").save(made / "ours")
    return made


@pytest.fixture(scope="module")
def imported(folder):
    arguments = ["import", str(folder / "best.keras"), "--vocabulary", str(folder / "index.json")]
    assert main([*arguments, "--out", str(folder / "imported")]) == 0
    return folder / "imported"


def test_an_imported_model_is_a_model(folder, imported, capsys):
    data = str(folder / "data.csv")
    for arguments, said in [
        (["predict", str(imported), "w1 w2"], "0."),
        (["evaluate", str(imported), data, "--json"], '"accuracy"'),
        (["explain", str(imported), "w1 w2 unknown"], "w1"),
        (["summary", str(imported)], "bidirectional"),
        (["compare", str(imported), str(imported), data], ""),
        (["export", str(imported), str(folder / "page.html"), "--to", "html"], "bytes"),
    ]:
        assert main(arguments) == 0, arguments
        assert said in capsys.readouterr().out
    assert main(["report", str(imported)]) == 2
    assert "the model was imported" in capsys.readouterr().err
    card = (imported / "README.md").read_text()
    assert "It was imported from `best.keras`" in card
    assert "Trained on" not in card
    assert TextClassifier.load(imported).classes_.tolist() == [0, 1]


def test_what_was_left_out_is_told(folder, tmp_path, capsys):
    arguments = ["import", str(folder / "best.keras"), "--vocabulary", str(folder / "index.json")]
    assert main([*arguments, "--out", str(tmp_path / "m"), "--labels", "no,yes", "--json"]) == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document["classes"] == ["no", "yes"]
    assert document["recipe"]["network"]["cell"] == "lstm"
    assert "works in training only" in printed.err
    assert "dropout of its inputs" in document["training_only"][0]


def test_out_and_back(folder, tmp_path, capsys):
    file, back = tmp_path / "ours.keras", tmp_path / "back"
    assert main(["export", str(folder / "ours"), str(file), "--to", "keras"]) == 0
    assert capsys.readouterr().out == f"ours -> {file}: {file.stat().st_size:,} bytes\n"
    assert main(["import", str(file), "--out", str(back), "--set", "text.maxlen=9"]) == 2
    assert "leave out changes" in capsys.readouterr().err
    assert main(["import", str(file), "--out", str(back)]) == 0
    ours, again = (TextClassifier.load(place) for place in (folder / "ours", back))
    assert ours.predict_proba(TEXTS).tobytes() == again.predict_proba(TEXTS).tobytes()
    assert main(["export", str(folder / "ours"), str(file), "--to", "keras"]) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err
    assert main(["export", str(folder / "ours"), str(tmp_path / "x"), "--to", "keras"]) == 2
    assert "Keras' files end in" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["keras", "onnx", "torch"])
def test_options_of_the_page_are_for_the_page(folder, tmp_path, capsys, form):
    arguments = ["export", str(folder / "ours"), str(tmp_path / "x"), "--to", form]
    assert main([*arguments, "--beside", str(folder / "ours")]) == 2
    assert "leave out --beside" in capsys.readouterr().err


def test_the_vocabulary_of_the_notebook(tmp_path, capsys):
    model = sequential(layers.SimpleRNN(4), layers.Dense(1, "sigmoid"), embedding=None)
    file, out = tmp_path / "best-simplernn-model.keras", tmp_path / "model"
    model.save(file)
    assert main(["import", str(file), "--vocabulary", "keras-imdb", "--out", str(out)]) == 0
    assert "labels negative, positive" in capsys.readouterr().out
    classifier = TextClassifier.load(out)
    texts, _ = imdb.load_texts("train")
    ids, _ = imdb.load_split("train", num_words=20)
    np.testing.assert_array_equal(classifier.vocabulary_.encode(texts[0]), ids[0])
    assert classifier.predict(["the film"]).tolist()[0] in ("negative", "positive")


def test_a_wrong_file_is_one_line(folder, tmp_path, capsys):
    ours = tmp_path / "ours.keras"
    write_keras(tiny("bpe"), ours)
    best, index = str(folder / "best.keras"), str(folder / "index.json")
    for arguments, message in [
        ([best], "does not say what its ids mean"),
        ([best, "--vocabulary", str(folder / "data.csv")], "is not JSON"),
        ([best, "--vocabulary", index, "--labels", "a,"], "a label is empty"),
        ([best, "--vocabulary", index, "--labels", "a"], "1 labels are given"),
        ([str(folder / "data.csv"), "--vocabulary", index], "is not HDF5"),
        ([str(folder / "none.h5"), "--vocabulary", index], "cannot be read"),
        ([str(ours), "--vocabulary", index], "leave out vocabulary"),
    ]:
        assert main(["import", *arguments, "--out", str(tmp_path / "out")]) == 2, arguments
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("")
    assert main(["import", best, "--vocabulary", index, "--out", str(tmp_path / "out")]) == 2
    assert "is left alone" in capsys.readouterr().err
