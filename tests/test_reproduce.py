"""The notebook's experiments, run again: its figures, many seeds, the whole journey."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from unrolled import TextClassifier, load_recipe
from unrolled.cli import main
from unrolled.datasets import imdb
from unrolled.reproduce import experiments
from unrolled.reproduce.experiments import Reviews
from unrolled.reproduce.notebook import notebook_figures, notebook_history
from unrolled.reproduce.results import experiment_entry, peak_memory_mb, to_json
from unrolled.reproduce.seeds import PLATEAU, Run, Spread, summarise
from unrolled.text.sequences import prepare


def a_run(seed: int, val_loss: float, *, val_accuracy: float = 0.75, plateau: bool = False) -> Run:
    return Run(
        seed=seed, epochs=30, best_epoch=27, val_loss=val_loss, val_accuracy=val_accuracy,
        seconds=2.0, plateau=plateau,
    )  # fmt: skip


def test_the_notebooks_figures_agree_with_themselves():
    for name, parameters in (("onehot", 2481), ("embedding", 5009)):
        figures = notebook_figures()["experiments"][name]
        history = figures["history"]
        assert figures["parameters"] == parameters
        assert {len(values) for values in history.values()} == {figures["epochs"]}
        best = figures["best_epoch"] - 1
        assert history["val_loss"][best] == figures["val_loss"] == min(history["val_loss"])
        assert history["val_accuracy"][best] == figures["val_accuracy"]
        assert figures["best_epoch"] == figures["epochs"] - 3  # patience 3


def test_spread_of_known_numbers():
    spread = Spread.of([4.0, 1.0, 3.0, 2.0, 10.0])
    assert (spread.min, spread.median, spread.max) == (1.0, 3.0, 10.0)
    assert (spread.lower_quartile, spread.upper_quartile) == (2.0, 4.0)
    assert spread.interquartile_range == 2.0


def test_summary_counts_plateaus_and_ranks_the_notebook():
    runs = [a_run(1, 0.51), a_run(2, 0.52), a_run(3, 0.687, val_accuracy=0.53, plateau=True)]
    summary = summarise(runs, {"val_loss": 0.515, "val_accuracy": 0.74})
    assert summary["plateaus"] == 1
    assert summary["all"]["count"] == 3
    assert summary["all"]["val_loss"]["median"] == 0.52
    assert summary["all"]["val_loss"]["max"] == 0.687
    assert summary["all"]["val_loss"]["notebook_rank"] == 2  # one run is better
    assert summary["all"]["val_accuracy"]["notebook_rank"] == 3  # two are more accurate
    assert summary["learnt"]["count"] == 2
    assert summary["learnt"]["val_loss"]["median"] == pytest.approx(0.515)
    assert [run["seed"] for run in summary["runs"]] == [1, 2, 3]


def test_summary_when_every_run_stopped_on_the_plateau():
    summary = summarise([a_run(1, 0.69, plateau=True)], {"val_loss": 0.5, "val_accuracy": 0.75})
    assert summary["learnt"] is None
    assert summary["plateaus"] == 1


def test_entry_of_an_experiment_is_of_its_best_epoch():
    history = {
        "loss": [0.6, 0.5, 0.4],
        "accuracy": [0.6, 0.7, 0.8],
        "val_loss": [0.65, 0.55, 0.6],
        "val_accuracy": [0.61, 0.71, 0.69],
        "seconds": [0.3, 0.1, 0.2],
    }
    entry = experiment_entry(
        parameters=5, history=history, best_epoch=2, seconds=1.5, model="onehot"
    )
    assert entry == {
        "parameters": 5,
        "epochs": 3,
        "best_epoch": 2,
        "val_loss": 0.55,
        "val_accuracy": 0.71,
        "seconds": 1.5,
        "median_seconds_per_epoch": 0.2,
        "history": history,
        "model": "onehot",
    }


def test_results_refuse_numbers_that_are_not_finite():
    assert json.loads(to_json({"loss": 0.5})) == {"loss": 0.5}
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"loss": float("nan")})


def test_peak_memory_is_that_of_this_process():
    before = peak_memory_mb()
    assert before is not None
    held = bytearray(200 << 20)
    after = peak_memory_mb()
    assert after is not None
    assert 5 < before < 100_000
    assert after >= before
    assert len(held) == 200 << 20


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    """The whole command as a user runs it: folder, standard output, standard error."""
    out = tmp_path_factory.mktemp("reproduce") / "out"
    done = subprocess.run(
        [sys.executable, "-m", "unrolled", "reproduce", "--out", str(out), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return out, done.stdout, done.stderr


def test_standard_output_is_the_results_document_and_nothing_else(reproduced):
    out, printed, _ = reproduced
    assert json.loads(printed) == json.loads((out / "results.json").read_text())


def test_results_have_exactly_their_keys(reproduced):
    document = json.loads(reproduced[1])
    assert set(document) == {
        "data", "seed", "threads", "seconds", "peak_memory_mb", "experiments",
    }  # fmt: skip
    assert set(document["experiments"]) == {"onehot", "embedding"}
    for entry in document["experiments"].values():
        assert set(entry) == {
            "parameters", "epochs", "best_epoch", "val_loss", "val_accuracy", "seconds",
            "median_seconds_per_epoch", "history", "model",
        }  # fmt: skip


def test_the_data_are_those_of_the_notebook(reproduced):
    data = json.loads(reproduced[1])["data"]
    notebook = notebook_figures()["data"]
    assert data.pop("source")
    assert data == notebook | {"vocabulary": 88582}
    assert data["length_mean"] == 239.00925


@pytest.mark.parametrize(("name", "parameters"), [("onehot", 2481), ("embedding", 5009)])
def test_an_experiment_ends_where_the_notebooks_does(reproduced, name, parameters):
    out, printed, _ = reproduced
    document = json.loads(printed)
    entry = document["experiments"][name]
    assert document["seed"] == 42
    assert entry["parameters"] == parameters
    assert entry["epochs"] == entry["best_epoch"] + 3 < 100  # by early stopping
    assert 0.50 <= entry["val_loss"] <= 0.535
    assert entry["val_accuracy"] >= 0.74
    history = entry["history"]
    assert {len(values) for values in history.values()} == {entry["epochs"]}
    assert entry["val_loss"] == min(history["val_loss"])
    # The model that is saved is that of the best epoch, and it reads words that no review holds.
    classifier = TextClassifier.load(out / entry["model"])
    reviews = Reviews.load()
    sequences, targets = reviews.validation
    loss, accuracy = classifier.network_.evaluate(prepare(sequences, 100, "keras"), targets)
    assert loss == pytest.approx(entry["val_loss"], rel=1e-9)
    assert accuracy == pytest.approx(entry["val_accuracy"], rel=1e-9)
    texts = ["a wonderful film, one of the best, I love it", "the worst: bad, boring, bad acting"]
    assert classifier.predict(texts).tolist() == ["positive", "negative"]


def test_ids_that_are_kept_ready_are_those_of_the_texts():
    """The models are trained on stored ids, and later read texts: both must be the same words."""
    reviews = Reviews.load()
    vocabulary = imdb.vocabulary(300)
    for place, row in enumerate(reviews.validation_rows[:200]):
        encoded = vocabulary.encode(reviews.examples.texts[row])
        assert encoded.tolist() == reviews.validation[0][place].tolist()
        assert reviews.examples.labels[row] == imdb.LABELS[reviews.validation[1][place]]


def test_memory_and_progress(reproduced):
    _, printed, told = reproduced
    document = json.loads(printed)
    assert document["peak_memory_mb"] < 700
    epochs = sum(entry["epochs"] for entry in document["experiments"].values())
    lines = [line for line in told.splitlines() if line.startswith("epoch ")]
    assert len(lines) == epochs
    pattern = (
        r"epoch \d+/100  loss \d\.\d{4}  accuracy \d\.\d{4}  val_loss \d\.\d{4}  "
        r"val_accuracy \d\.\d{4}  \d+\.\d\ds"
    )
    assert all(re.fullmatch(pattern, line) for line in lines)


def test_reports_are_written(reproduced):
    out, _, _ = reproduced
    both = (out / "report.html").read_text(encoding="utf-8")
    assert "one-hot" in both
    assert "embedding" in both
    for name in ("onehot", "embedding"):
        assert f'href="{name}/readings.html"' in both
        assert "Wrong: the surest" in (out / name / "readings.html").read_text(encoding="utf-8")
        page = (out / name / "report.html").read_text(encoding="utf-8")
        assert 'href="readings.html"' in page
        assert "notebook" in page  # its curve is drawn behind
        plots = {path.name for path in (out / name / "plots").iterdir()}
        assert plots == {
            f"{plot}.{kind}"
            for plot in ("curves", "lengths", "confusion", "calibration")
            for kind in ("png", "svg")
        }


def test_a_text_of_the_report_is_named_by_its_row(reproduced):
    texts = imdb.load_examples("train").texts
    metrics = json.loads((reproduced[0] / "onehot" / "metrics.json").read_text(encoding="utf-8"))
    shown = metrics["report"]
    for one in (*shown["readings"], *shown["mistakes"]):
        row = int(one["where"].removeprefix("imdb row "))
        assert texts[row - 1] == one["text"]


@pytest.fixture
def few_reviews(monkeypatch):
    """The first 1,000 reviews of each part, so that a run takes a moment."""
    whole = Reviews.load()
    first = np.arange(1000)
    few = replace(
        whole,
        train=(whole.train[0].take(first), whole.train[1][first]),
        validation=(whole.validation[0].take(first), whole.validation[1][first]),
        validation_rows=whole.validation_rows[first],
    )
    monkeypatch.setattr(Reviews, "load", classmethod(lambda cls: few))


def test_many_seeds(few_reviews, tmp_path, capsys):
    assert main(["reproduce", "--seed", "7", "--runs", "3", "--out", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((tmp_path / "results.json").read_text())
    for name in ("onehot", "embedding"):
        runs = document["runs"][name]
        assert [run["seed"] for run in runs["runs"]] == [7, 8, 9]
        assert len({run["val_loss"] for run in runs["runs"]}) == 3
        # What is saved and reported is the first seed's run.
        entry = document["experiments"][name]
        assert entry["val_loss"] == runs["runs"][0]["val_loss"]
        assert TextClassifier.load(tmp_path / name).recipe.seed == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "embedding", "onehot", "report.html", "results.json",
    ]  # fmt: skip
    # A second time, over the first: the same bits.
    weights = (tmp_path / "onehot" / "model.safetensors").read_bytes()
    assert main(["reproduce", "--seed", "7", "--threads", "1", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "onehot" / "model.safetensors").read_bytes() == weights


def test_many_seeds_as_a_table_that_hides_no_plateau(few_reviews, tmp_path, capsys, monkeypatch):
    run = experiments._run
    monkeypatch.setattr(
        experiments,
        "_run",
        lambda seed, classifier: replace(run(seed, classifier), plateau=seed == 8),
    )
    assert main(["reproduce", "--seed", "7", "--runs", "2", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert f"one-hot: 1 of 2 runs {PLATEAU}" in printed
    assert f"embedding: 1 of 2 runs {PLATEAU}" in printed
    assert re.search(r"^one-hot loss +2 ", printed, re.MULTILINE)
    assert re.search(r"^one-hot loss without those +1 ", printed, re.MULTILINE)
    assert "2,481" in printed
    assert "0.5195" in printed  # the notebook's own


def test_what_is_no_model_is_left_alone(tmp_path, capsys):
    (tmp_path / "onehot").mkdir()
    (tmp_path / "onehot" / "mine.txt").write_text("mine")
    assert main(["reproduce", "--out", str(tmp_path)]) == 2
    assert "choose another --out" in capsys.readouterr().err
    assert (tmp_path / "onehot" / "mine.txt").read_text() == "mine"


def test_the_notebooks_curve_is_for_its_own_experiments_only():
    recipe = load_recipe("notebook-embedding", ["seed=5"])
    figures = notebook_figures()["experiments"]
    assert notebook_history(recipe, "imdb") == figures["embedding"]["history"]
    assert notebook_history(recipe, "reviews.csv") is None
    assert notebook_history(load_recipe("notebook-embedding", ["network.units=9"]), "imdb") is None
