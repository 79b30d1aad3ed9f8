"""unrolled tune: what it writes, what it refuses, and what is left when it is stopped."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from unrolled import TextClassifier, load_recipe
from unrolled.cli import main

WORDS = {"late": "parcel slow waited", "refund": "money back charged", "rude": "cold loud shouted"}
RECIPE = """base = "small"
[text]
num_words = 60
min_count = 1
[network]
units = 4
[training]
epochs = 5
[search]
network.units = [2, 4, 8]
training.learning_rate = { low = 1e-4, high = 0.3, log = true }
"""
QUICK = ("--threads", "1", "--no-baselines", "--no-check")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder with tickets and a recipe."""
    folder = tmp_path_factory.mktemp("home")
    draw = random.Random(5)
    topics = sorted(WORDS)
    rows = ["text,label"]
    for row in range(120):
        own = topics[row % 3]
        said = (draw.choice(WORDS[own if draw.random() < 0.7 else draw.choice(topics)].split())
                for _ in range(4))  # fmt: skip
        rows.append(f"{' '.join(said)},{own}")
    (folder / "tickets.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "mine.toml").write_text(RECIPE, encoding="utf-8")
    return folder


@pytest.fixture
def place(home, monkeypatch) -> Path:
    monkeypatch.chdir(home)
    return home


def tune(capsys, *arguments: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert main(["tune", "tickets.csv", "--recipe", "mine.toml", *QUICK, *arguments]) == code
    return tuple(capsys.readouterr())


def without_clock(trials: list[dict]) -> list[dict]:
    return [{**trial, "seconds": None} for trial in trials]


@pytest.fixture(scope="module")
def whole(home) -> dict:
    """The document of a search that nothing interrupted."""
    done = subprocess.run(
        [*command(home / "whole"), "--json"], cwd=home, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def command(out: Path) -> list[str]:
    own = ("--set", "training.epochs=120", "--set", "training.patience=none", "--no-prune")
    return [
        sys.executable, "-m", "unrolled", "tune", "tickets.csv", "--recipe", "mine.toml",
        "--trials", "3", "--no-train", "--out", str(out), *own, *QUICK,
    ]  # fmt: skip


def test_a_search_ends_in_the_model_that_train_makes_of_its_recipe(place, capsys):
    out, told = tune(capsys, "--trials", "6", "--out", "one", "--json")
    document = json.loads(out)
    assert document["search"] == {
        "network.units": [2, 4, 8],
        "training.learning_rate": {"low": 1e-4, "high": 0.3, "log": True},
    }
    assert document["ended"] == "trials"
    assert sum(document["counts"].values()) == len(document["trials"]) == 6
    best = document["best"]
    complete = [one for one in document["trials"] if one["outcome"] == "complete"]
    assert best["val_loss"] == min(one["val_loss"] for one in complete)
    assert document["trials"][0]["settings"] == {
        "network.units": 4,
        "training.learning_rate": 0.003,
    }
    assert "is validated on the same 24; no test text is read" in told
    assert 'of the recipe "mine" for the lowest val_loss' in told

    recipe = Path("one/best.toml").read_text(encoding="utf-8")
    assert recipe.startswith(f"# Trial {best['trial']} of 6 of unrolled tune tickets.csv, recipe ")
    for ending in (".png", ".svg"):
        assert Path(f"one/trials{ending}").stat().st_size > 10_000
    model = TextClassifier.load("one/model")
    assert model.recipe == load_recipe("one/best.toml")
    assert model.metrics_["val_loss"] == best["val_loss"]
    assert Path("one/model/report.html").exists()
    trained = ["train", "tickets.csv", "--recipe", "one/best.toml", "--out", "trained", *QUICK]
    assert main(trained) == 0
    for name in ("model.safetensors", "vocabulary.json"):
        assert Path("trained", name).read_bytes() == Path("one/model", name).read_bytes()


def test_the_best_trials_are_a_table(place, capsys):
    out, told = tune(capsys, "--trials", "3", "--out", "table", "--no-train", "--objective",
                     "accuracy", "--seed", "3")  # fmt: skip
    lines = out.splitlines()
    assert lines[0].split() == ["trial", "val_loss", "val_accuracy", "epoch", "epochs", "time",
                                "units", "learning_rate"]  # fmt: skip
    scores = [float(line.split()[2]) for line in lines[2:5]]
    assert scores == sorted(scores, reverse=True)
    assert "3 trials: 3 complete; the study has its --trials" in lines
    assert "recipe table/best.toml" in lines
    assert "plot table/trials.png" in lines
    assert not Path("table/model").exists()
    assert "for the highest val_accuracy" in told
    assert "trial 1  complete  val_loss " in told
    assert load_recipe("table/best.toml").seed == 3


def test_the_time_ends_a_search_that_has_no_number_of_trials(place, capsys):
    out, _ = tune(capsys, "--time", "1s", "--out", "timed", "--no-train")
    assert "; the --time is over" in out


def test_what_is_there_is_not_lost(place, capsys):
    tune(capsys, "--trials", "1", "--out", "kept", "--no-train")
    study = Path("kept/study.db").read_bytes()
    _, told = tune(capsys, "--trials", "2", "--out", "kept", code=2)
    assert "a study is there; --resume goes on with it, --overwrite begins anew" in told
    _, told = tune(capsys, "--out", "kept", "--resume", "--set", "training.epochs=4", code=2)
    assert "was made with another recipe: in it training.epochs is 5, not 4" in told
    assert Path("kept/study.db").read_bytes() == study
    out, told = tune(capsys, "--trials", "2", "--out", "kept", "--no-train", "--resume")
    assert "the study has 1 trial already" in told
    assert "2 trials: 2 complete" in out
    out, _ = tune(capsys, "--trials", "1", "--out", "kept", "--no-train", "--overwrite")
    assert "1 trial: 1 complete" in out
    Path("other").mkdir()
    Path("other/letter.txt").write_text("mine")
    _, told = tune(capsys, "--out", "other", code=2)
    assert "other: the folder holds files and no study, and is left alone" in told
    _, told = tune(capsys, "--out", "tickets.csv", code=2)
    assert "tickets.csv: a file has this name" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--time", "10x"), "--time 10x: must be a duration, as 90s, 10m or 1h30m"),
        (("--time", ""), "must be a duration"),
        (("--time", "0m"), "must be a duration"),
        (("--objective", "f1"), "--objective f1: must be one of loss, accuracy"),
        (("--workers", "2"), "--workers is for --on"),
        (("--resume",), "new: there is no study to --resume"),
        (("--resume", "--overwrite"), "give one of them"),
        (("--recipe", "writer"), "a search is for classifiers"),
        (("--recipe", "wrong.toml"), 'wrong.toml: [search] unknown setting "network.unit"; did'),
        (("--set", "network.units=2", "--set", "training.learning_rate=1"), "no setting is left"),
    ],
)
def test_a_wrong_command_trains_nothing(place, capsys, arguments, told):
    Path("wrong.toml").write_text("[search]\nnetwork.unit = [1, 2]\n")
    out, said = tune(capsys, "--out", "new", *arguments, code=2)
    assert out == ""
    assert told in said.splitlines()[-1]
    assert not Path("new").exists()


def test_an_extra_that_is_not_installed_is_named(place, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    _, told = tune(capsys, "--out", "new", code=2)
    assert told == "unrolled: error: the search needs Optuna: pip install 'unrolled[tune]'\n"


def test_a_search_without_any_complete_trial_fails_in_one_line(place, capsys):
    wild = ("training.optimizer=sgd", "network.cell=simple_rnn", "network.activation=relu",
            "network.pooling=last")  # fmt: skip
    Path("wild.toml").write_text('base = "small"\n[search]\ntraining.learning_rate = [1e30]\n')
    settings = [part for setting in wild for part in ("--set", setting)]
    out, told = tune(
        capsys, "--recipe", "wild.toml", *settings, "--out", "wild", "--trials", "2", code=1
    )
    assert out == ""
    assert "no trial was complete (1 trial: 1 diverged); the last one: epoch 1" in told


# --- Stopped -------------------------------------------------------------------------------------


def stopped_in_trial(number: int, out: Path, home: Path, how: signal.Signals) -> tuple[int, str]:
    """Begin a search, stop it while trial ``number`` is running: its exit code and what it said."""
    told = out.with_suffix(".txt")
    with (
        told.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            command(out), cwd=home, stdout=subprocess.DEVNULL, stderr=errors
        ) as process,
    ):
        while process.poll() is None:
            if is_running(out / "study.db", number):
                process.send_signal(how)
                break
            time.sleep(0.02)
        code = process.wait()
    return code, told.read_text(encoding="utf-8")


def is_running(study: Path, number: int) -> bool:
    """Whether the trial is under way: its last setting is written down."""
    if not study.exists():
        return False
    with closing(sqlite3.connect(study)) as database:
        try:
            query = (
                "SELECT trials.trial_id FROM trials JOIN trial_params USING (trial_id) "
                "WHERE state = 'RUNNING' AND number = ? AND param_name = 'training.learning_rate'"
            )
            return database.execute(query, (number - 1,)).fetchone() is not None
        except sqlite3.OperationalError:  # the tables are not all there yet, or are being written
            return False


def resumed(out: Path, home: Path) -> tuple[dict, str]:
    done = subprocess.run(
        [*command(out), "--resume", "--json"], cwd=home, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout), done.stderr


def test_killed_in_the_middle_of_a_trial_it_goes_on_to_the_same_end(whole, home):
    out = home / "killed"
    code, _ = stopped_in_trial(2, out, home, signal.SIGKILL)
    assert code == -signal.SIGKILL
    document, told = resumed(out, home)
    assert "the study has 1 trial already" in told
    assert "trial 2 was cut off, and is tried again" in told
    assert without_clock(document["trials"]) == without_clock(whole["trials"])
    assert (out / "best.toml").read_bytes() == (home / "whole" / "best.toml").read_bytes()


def test_ctrl_c_keeps_everything_and_ends_with_130(whole, home):
    out = home / "interrupted"
    code, told = stopped_in_trial(2, out, home, signal.SIGINT)
    assert code == 130
    assert told.splitlines()[-1].endswith("the same command with --resume goes on")
    assert "Traceback" not in told
    assert load_recipe(out / "best.toml").network.units == 4  # of the first trial
    document, _ = resumed(out, home)
    assert without_clock(document["trials"]) == without_clock(whole["trials"])
