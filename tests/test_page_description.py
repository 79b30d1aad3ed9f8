"""What others are told about a model: much, but nothing of the texts or of this machine."""

import json
from pathlib import Path

import pytest

from unrolled import TextClassifier, bundle
from unrolled.page.description import describe, without_folders


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("the archive /home/me/data/aclImdb_v1.tar.gz", "the archive aclImdb_v1.tar.gz"),
        ("films.csv", "films.csv"),
        ("data/films.csv", "data/films.csv"),
        ("https://example.org/a/b", "https://example.org/a/b"),
        (r"C:\Users\me\films.csv", "films.csv"),
        ("/films.csv", "films.csv"),
        ("a and/or b, 1/2", "a and/or b, 1/2"),
    ],
)
def test_folders_of_this_machine_are_not_told(source, shown):
    assert without_folders(source) == shown


def test_no_text_that_the_report_holds_is_told():
    settings = {"training.epochs": 1, "network.units": 4}
    classifier = TextClassifier("small", settings=settings)
    model = classifier.fit(["good film", "bad film"] * 20, ["good", "bad"] * 20)._model
    model.metrics["report"] = {"readings": [{"text": "a private letter"}]}
    model.metrics["kept"] = ["another letter"]
    stored = bundle.from_files(Path("m"), bundle.to_files(model.to_bundle("m")))
    described = describe("m", model, stored, models=["m"], examples=["to try"])
    assert "letter" not in json.dumps(described)
    assert described["card"].startswith("# m\n")
    assert described["metrics"]["epochs"] == 1
    assert described["examples"] == ["to try"]
    assert described["history"]["loss"] == model.history.history["loss"]
