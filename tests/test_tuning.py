"""The search itself: what is tried next, what is kept, what an interruption costs."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from pathlib import Path

import optuna
import pytest
from matplotlib.figure import Figure

from unrolled import Examples, TextClassifier, load_recipe
from unrolled.errors import DataError, InputError, OutputError
from unrolled.recipe import Recipe, SearchSpace
from unrolled.training.history import EpochRecord
from unrolled.tuning.plot import search_plot
from unrolled.tuning.proposals import next_settings
from unrolled.tuning.pruning import Judge
from unrolled.tuning.results import best_toml, counts, short_names
from unrolled.tuning.running import InThisProcess, Task, run
from unrolled.tuning.search import Budget, search
from unrolled.tuning.study import FILE, Purpose, opened
from unrolled.tuning.texts import Texts
from unrolled.tuning.trials import Objective, Outcome, Trial

BASE = load_recipe(
    "small",
    ["network.units=4", "text.num_words=50", "training.epochs=4", "training.batch_size=16"],
)
TABLE = {
    "network.units": [2, 4, 8],
    "training.learning_rate": {"low": 1e-4, "high": 0.3, "log": True},
}


def examples(rows: int = 90) -> Examples:
    draw = random.Random(3)
    words = {"late": "parcel slow waited", "refund": "money back charged"}
    labels = [sorted(words)[row % 2] for row in range(rows)]
    texts = [
        " ".join(
            draw.choice(words[label if draw.random() < 0.8 else "late"].split()) for _ in "abc"
        )
        for label in labels
    ]
    return Examples("tickets", texts, labels, "a test")


def space(recipe: Recipe = BASE, **table: object) -> SearchSpace:
    chosen = {key.replace("__", "."): value for key, value in table.items()}
    return SearchSpace.of(recipe, chosen or TABLE, "a test")


def purpose(own: SearchSpace | None = None, objective: str = "loss", **other) -> Purpose:
    fields = {"data": "tickets", "fingerprint": "f", "is_pruned": True, **other}
    return Purpose(space=own or space(), objective=Objective(objective), **fields)


def bits(trials: list[Trial]) -> list[tuple[object, ...]]:
    """All of a trial but the clock's part."""
    return [
        (one.number, dict(one.settings), one.outcome.kind, one.outcome.val_loss,
         one.outcome.val_accuracy, one.outcome.epoch, one.outcome.note)
        for one in trials
    ]  # fmt: skip


class Interrupted(InThisProcess):
    """Stopped in the middle of the first trial whose number is ``at``."""

    def __init__(self, texts: Texts, at: int) -> None:
        super().__init__(texts, threads=1)
        self.at = at

    def finished(self) -> tuple[int, Outcome]:
        if self._task.number == self.at:
            raise KeyboardInterrupt
        return super().finished()


@pytest.fixture(scope="module")
def texts() -> Texts:
    return Texts(examples())


def searched(
    folder: Path, texts: Texts, trials: int, own: Purpose | None = None, *, resume: bool = False
) -> list[Trial]:
    own = own or purpose()
    folder.mkdir(exist_ok=True)
    told: list[Trial] = []
    with opened(folder, own, resume=resume) as study:
        before = len(study.trials)
        runner = InThisProcess(texts, threads=1)
        assert search(study, own, runner, Budget(trials), on_trial=told.append) == "trials"
        assert bits(study.trials[before:]) == bits(told)
        return study.trials


@pytest.fixture(scope="module")
def whole(texts, tmp_path_factory) -> list[Trial]:
    return searched(tmp_path_factory.mktemp("whole"), texts, 16)


# --- What is tried -------------------------------------------------------------------------------


def test_the_first_trial_is_the_recipe_itself_and_the_search_improves_it(whole):
    assert whole[0].settings == {"network.units": 4, "training.learning_rate": 3e-3}
    assert [trial.number for trial in whole] == list(range(1, 17))
    best = Objective.LOSS.ranked(whole)[0]
    assert best.outcome.figures[0] < whole[0].outcome.figures[0]
    tried = [trial.settings["training.learning_rate"] for trial in whole]
    assert all(1e-4 <= rate <= 0.3 and rate == float(f"{rate:.3g}") for rate in tried)


def test_hopeless_trials_are_cut_short_and_all_others_are_not(whole):
    ended = Counter(trial.outcome.kind for trial in whole)
    assert ended["pruned"] >= 2
    assert ended["complete"] >= 5
    for trial in whole:
        outcome = trial.outcome
        if outcome.kind == "complete":
            assert outcome.epochs == 4 or outcome.epochs - outcome.epoch == BASE.training.patience
        else:
            assert outcome.epochs == 3


def test_a_trial_is_what_training_by_its_recipe_gives(whole, texts):
    trial = next(one for one in whole if one.outcome.kind == "complete" and one.number > 1)
    recipe = space().recipe_of(trial.settings)
    classifier = TextClassifier(recipe, threads=1)
    classifier.fit(texts.examples.texts, texts.examples.labels)
    assert tuple(classifier.history_.history["val_loss"]) == trial.outcome.val_loss
    assert tuple(classifier.history_.history["val_accuracy"]) == trial.outcome.val_accuracy
    metrics = classifier.metrics_
    assert trial.outcome.figures == (metrics["val_loss"], metrics["val_accuracy"])


def test_the_same_seed_gives_the_same_trials_and_another_seed_others(whole, texts, tmp_path):
    assert bits(searched(tmp_path / "again", texts, 5)) == bits(whole[:5])
    other = purpose(space(BASE.model_copy(update={"seed": 7})))
    assert bits(searched(tmp_path / "other", texts, 3, other))[1:] != bits(whole[1:3])


def test_what_comes_next_depends_on_what_was_tried_and_on_nothing_else(whole):
    arguments = {"number": 17, "seed": 42, "tried": whole}
    chosen = next_settings(space(), Objective.LOSS, **arguments)
    assert chosen == next_settings(space(), Objective.LOSS, **arguments)
    assert chosen != next_settings(space(), Objective.LOSS, **{**arguments, "number": 18})
    assert chosen != next_settings(space(), Objective.LOSS, **{**arguments, "seed": 43})
    assert chosen != next_settings(space(), Objective.LOSS, **{**arguments, "tried": whole[:3]})


def test_the_sampler_learns_where_the_good_ones_are():
    own = space()
    tried: list[Trial] = []
    for number in range(1, 41):
        settings = next_settings(own, Objective.LOSS, number=number, seed=1, tried=tried)
        assert settings is not None
        rate = settings["training.learning_rate"]
        kind = "diverged" if rate > 0.05 else "complete"
        curve = (abs(rate - 0.02),) if kind == "complete" else ()
        tried.append(Trial(number, settings, Outcome(kind, curve, curve, len(curve))))
    late = [trial.settings["training.learning_rate"] for trial in tried[25:]]
    assert sum(0.005 < rate < 0.05 for rate in late) >= 10  # of 15; a sixth of the range
    assert sum(rate > 0.05 for rate in late) <= 3  # those that diverge, two ninths of it


def test_of_a_small_space_every_setting_is_tried_once(texts, tmp_path):
    own = purpose(space(network__units=[2, 4, 8], network__dropout=[0.0, 0.3]))
    told: list[Trial] = []
    with opened(tmp_path, own, resume=False) as study:
        runner = InThisProcess(texts, threads=1)
        reason = search(study, own, runner, Budget(None, None), on_trial=told.append)
    assert reason == "settings"
    assert len({tuple(trial.settings.items()) for trial in told}) == len(told) == 6


def test_settings_that_make_the_same_recipe_are_tried_once(texts, tmp_path):
    own = purpose(space(network__cell=["qrnn", "gru"], network__window=[1, 2]))
    told: list[Trial] = []
    with opened(tmp_path, own, resume=False) as study:
        runner = InThisProcess(texts, threads=1)
        search(study, own, runner, Budget(None, None), on_trial=told.append)
    recipes = [own.space.recipe_of(trial.settings) for trial in told]
    assert [recipe.network.cell for recipe in recipes].count("gru") == 1
    assert len(told) == 3


# --- How a trial ends ----------------------------------------------------------------------------


def task(recipe: Recipe, rivals=None, objective=Objective.LOSS) -> Task:
    return Task(1, recipe, objective, rivals)


def with_settings(**settings: object) -> Recipe:
    return load_recipe("small", [f"{key.replace('__', '.')}={value}" for key, value in {
        "network__units": 4, "text__num_words": 50, "training__epochs": 4, **settings,
    }.items()])  # fmt: skip


def test_a_trial_that_diverges_or_fails_is_an_outcome(texts):
    wild = with_settings(
        training__optimizer="sgd", training__learning_rate=1e30, network__cell="simple_rnn",
        network__activation="relu", network__window=1,
    )  # fmt: skip
    outcome = run(task(wild), texts, threads=1)
    assert outcome.kind == "diverged"
    assert "is not finite" in outcome.note
    small = with_settings(text__tokenizer="subwords", text__num_words=5, text__min_count=1)
    outcome = run(task(small), texts, threads=1)
    assert outcome.kind == "failed"
    assert outcome.note
    assert outcome.figures is None


def test_what_a_machine_has_no_memory_for_has_failed(texts, monkeypatch):
    def greedy(*_, **__):
        raise MemoryError

    monkeypatch.setattr(TextClassifier, "fit_sequences", greedy)
    assert run(task(BASE), texts).note == "not enough memory"


def test_a_refused_trial_is_counted_and_the_search_goes_on(texts, tmp_path):
    together = {"text.padding": ["masked", "keras"], "text.maxlen": [20, "none"]}
    own = purpose(space(**together, training__learning_rate={"low": 1e-4, "high": 0.1}))
    told = searched(tmp_path, texts, 8, own)
    assert counts(told)["refused"] >= 1
    for trial in told:
        settings = (trial.settings["text.padding"], trial.settings["text.maxlen"])
        assert (trial.outcome.kind == "refused") is (settings == ("keras", "none"))
        if trial.outcome.kind == "refused":
            assert 'text.maxlen must be a number when text.padding is "keras"' in trial.outcome.note


@pytest.mark.parametrize(("objective", "hopeless"), [("loss", 0.1), ("accuracy", 1.1)])
def test_a_curve_worse_than_the_median_of_rivals_is_hopeless(texts, objective, hopeless):
    rivals = ((hopeless,) * 4,) * 4
    outcome = run(task(BASE, rivals, Objective(objective)), texts, threads=1)
    assert (outcome.kind, outcome.epochs) == ("pruned", 3)
    few = run(task(BASE, rivals[:3], Objective(objective)), texts, threads=1)
    assert (few.kind, few.epochs) == ("complete", 4)
    free = run(task(BASE, None, Objective(objective)), texts, threads=1)
    assert free.kind == "complete"


@pytest.mark.parametrize("objective", Objective)
@pytest.mark.parametrize(("loss", "accuracy", "hopeless"), [(0.2, 0.9, False), (0.8, 0.3, True)])
def test_a_trial_is_judged_by_what_is_to_be_best(objective, loss, accuracy, hopeless):
    judge = Judge(objective, ((0.5, 0.5, 0.5, 0.5),) * 4)
    said = [
        judge.is_hopeless(EpochRecord(epoch, 4, 0.0, 0.0, loss, accuracy, 0.1, 0.0))
        for epoch in (1, 2, 3)
    ]
    assert said == [False, False, hopeless]


# --- What is kept --------------------------------------------------------------------------------


def test_an_interrupted_search_ends_as_one_that_was_not(whole, texts, tmp_path):
    own = purpose()
    for at in (1, 6, 7):
        with opened(tmp_path, own, resume=at > 1) as study, pytest.raises(KeyboardInterrupt):
            search(study, own, Interrupted(texts, at), Budget(16), on_trial=lambda _: None)
    with opened(tmp_path, own, resume=True) as study:
        assert list(study.cut_off) == [7]
        assert study.cut_off[7] == whole[6].settings
    assert bits(searched(tmp_path, texts, 16, own, resume=True)) == bits(whole)
    kept = optuna.load_study(study_name="unrolled", storage=f"sqlite:///{tmp_path / FILE}")
    failed = [trial for trial in kept.trials if trial.state.name == "FAIL"]
    assert [trial.user_attrs["trial"] for trial in failed] == [1, 6, 7]
    assert failed[-1].params == whole[6].settings


def dies(*_, **__):
    raise KeyboardInterrupt


def asks_or_dies(study, *arguments, **others):
    is_in_memory = isinstance(study._storage, optuna.storages.InMemoryStorage)
    return ASK(study, *arguments, **others) if is_in_memory else dies()


ASK = optuna.Study.ask


@pytest.mark.parametrize(
    ("home", "method", "broken"),
    [
        (optuna.Study, "ask", asks_or_dies),
        (optuna.Study, "tell", dies),
        (optuna.Trial, "set_user_attr", dies),
    ],
    ids=["before it begins", "when it has ended", "before its outcome is there"],
)
def test_a_search_that_dies_between_two_writes_loses_nothing(
    home, method, broken, whole, texts, tmp_path, monkeypatch
):
    own = purpose()
    searched(tmp_path, texts, 3)
    with monkeypatch.context() as here, opened(tmp_path, own, resume=True) as study:
        here.setattr(home, method, broken)
        runner = InThisProcess(texts, threads=1)
        with pytest.raises(KeyboardInterrupt):
            search(study, own, runner, Budget(7), on_trial=lambda _: None)
    assert bits(searched(tmp_path, texts, 7, resume=True)) == bits(whole[:7])


def test_a_study_goes_on_to_more_trials_and_not_beyond(whole, texts, tmp_path):
    searched(tmp_path, texts, 4)
    assert bits(searched(tmp_path, texts, 4, resume=True)) == bits(whole[:4])
    assert bits(searched(tmp_path, texts, 7, resume=True)) == bits(whole[:7])


def test_optunas_own_tools_can_read_the_study(whole, texts, tmp_path):
    searched(tmp_path, texts, 6)
    kept = optuna.load_study(study_name="unrolled", storage=f"sqlite:///{tmp_path / FILE}")
    best = Objective.LOSS.ranked(whole[:6])[0]
    assert kept.best_params == best.settings
    assert kept.best_value == best.outcome.figures[0]
    pruned = next(one for one in whole if one.outcome.kind == "pruned")
    stored = kept.trials[pruned.number - 1]
    assert (stored.state.name, stored.value) == ("PRUNED", pruned.outcome.figures[0])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"fingerprint": "g"}, "was made for other data, from tickets"),
        ({"own": space(load_recipe("small", ["network.units=4", "training.epochs=4"]))},
         "was made with another recipe: in it text.num_words is 50, not 20000; "
         "training.batch_size is 16, not 32"),
        ({"own": space(network__units=[2, 4, 8])}, "in it training.learning_rate is searched"),
        ({"own": space(network__units=[2, 4], training__learning_rate=[0.1])},
         "in it network.units is [2, 4, 8], not [2, 4]"),
        ({"objective": "accuracy"}, "was made with --objective loss"),
        ({"is_pruned": False}, "was made with --prune"),
    ],
)  # fmt: skip
def test_a_study_goes_on_with_what_it_was_made_for(changes, told, texts, tmp_path):
    searched(tmp_path, texts, 1)
    before = (tmp_path / FILE).read_bytes()
    with (
        pytest.raises(InputError, match="choose another --out") as caught,
        opened(tmp_path, purpose(**changes), resume=True),
    ):
        pass
    assert str(caught.value).startswith(f"{tmp_path / FILE}: the study was made ")
    assert told in str(caught.value)
    assert (tmp_path / FILE).read_bytes() == before


def test_two_searches_do_not_share_a_folder(tmp_path):
    with (
        opened(tmp_path, purpose(), resume=False),
        pytest.raises(InputError, match="another search is at work there"),
        opened(tmp_path, purpose(), resume=True),
    ):
        pass


def test_a_file_that_is_no_study_is_told(tmp_path):
    (tmp_path / FILE).write_bytes(b"no study at all" * 400)
    with pytest.raises(OutputError, match=r"study\.db: the study cannot be read or written: file"):
        opened(tmp_path, purpose(), resume=True).__enter__()
    (tmp_path / FILE).unlink()
    with sqlite3.connect(tmp_path / FILE) as other:
        other.execute("CREATE TABLE studies (something INTEGER)")
    other.close()
    with pytest.raises((OutputError, InputError), match=r"study\.db: the study cannot be read"):
        opened(tmp_path, purpose(), resume=True).__enter__()


def test_a_folder_may_have_any_name(tmp_path, texts):
    folder = tmp_path / "a ? b # 100% 한글"
    assert len(searched(folder, texts, 1)) == 1
    assert (folder / FILE).is_file()


# --- The texts -----------------------------------------------------------------------------------


def test_texts_are_read_once_for_each_way_of_reading_them(monkeypatch):
    reads: list[int] = []
    encode = TextClassifier.encode

    def counted(self, *arguments):
        reads.append(1)
        return encode(self, *arguments)

    monkeypatch.setattr(TextClassifier, "encode", counted)
    texts = Texts(examples())
    for setting in ("network__units=8", "text__maxlen=3", "training__learning_rate=0.1"):
        key, _, value = setting.partition("=")
        texts.encoded(with_settings(**{key: value}))
    assert len(reads) == 1
    few = texts.encoded(with_settings(text__num_words=10))
    assert len(reads) == 2
    assert few.vocabulary.size < 11 <= texts.encoded(with_settings()).vocabulary.size
    assert len(reads) == 2


def test_texts_that_are_too_large_are_not_all_kept():
    texts = Texts(examples(), kept_bytes=1)
    for words in (10, 20, 10):
        texts.encoded(with_settings(text__num_words=words))
    assert len(texts._kept) == 1


def test_data_that_no_recipe_can_learn_is_an_error():
    one = Examples("one", ["a", "b"] * 5, ["same"] * 10, "a test")
    assert run(task(BASE), Texts(one)).kind == "failed"
    with pytest.raises(DataError):
        TextClassifier(BASE).fit(one.texts, one.labels)


# --- What came out -------------------------------------------------------------------------------


def test_the_best_recipe_is_a_file_that_says_where_it_is_from(whole, tmp_path):
    best = Objective.LOSS.ranked(whole)[0]
    path = tmp_path / "best.toml"
    text = best_toml(space(), best, origin="from a test")
    path.write_text(text, encoding="utf-8")
    assert text.startswith('# from a test\nname = "small-tuned"\n')
    marked = [line.split(" = ")[0] for line in text.splitlines() if line.endswith("  # searched")]
    assert marked == ["units", "learning_rate"]
    recipe = load_recipe(path)
    assert recipe.model_copy(update={"name": "small"}) == space().recipe_of(best.settings)


def test_accuracy_is_better_when_it_is_more():
    outcomes = [Outcome("complete", (0.5, 0.6), (low, 0.0), 1) for low in (0.1, 0.3, 0.3)]
    trials = [Trial(number, {}, outcome) for number, outcome in enumerate(outcomes, start=1)]
    trials.append(Trial(4, {}, Outcome("pruned", (0.1,), (0.9,), 1)))
    assert [one.number for one in Objective.ACCURACY.ranked(trials)] == [2, 3, 1]
    assert Objective.ACCURACY.running_best(trials) == [0.1, 0.3, 0.3, 0.3]
    assert [one.number for one in Objective.LOSS.ranked(trials)] == [1, 2, 3]


def test_names_are_short_where_they_stay_clear():
    assert short_names(["network.units", "text.x", "training.x"]) == {
        "network.units": "units", "text.x": "text.x", "training.x": "training.x",
    }  # fmt: skip


def drawn(figure: Figure, panel: int) -> list[tuple[str, list[float], list[float]]]:
    return [
        (str(line.get_label()), list(line.get_xdata()), list(line.get_ydata()))
        for line in figure.axes[panel].get_lines()
    ]


def test_the_plot_shows_every_trial_with_an_epoch(whole):
    own = space()
    figure = search_plot(whole, own, Objective.LOSS)
    assert len(figure.axes) == 3
    complete = [one for one in whole if one.outcome.kind == "complete"]
    pruned = [one for one in whole if one.outcome.kind == "pruned"]
    curves = {label: (x, y) for label, x, y in drawn(figure, 0)}
    assert curves["complete"][0] == [one.number for one in complete]
    assert curves["complete"][1] == [one.outcome.figures[0] for one in complete]
    assert curves["pruned"][0] == [one.number for one in pruned]
    assert curves["best so far"][1][-1] == min(one.outcome.figures[0] for one in complete)
    units = drawn(figure, 1)[0]
    assert units[1] == [[2, 4, 8].index(one.settings["network.units"]) for one in complete]
    ticks = [tick.get_text() for tick in figure.axes[1].get_xticklabels()]
    assert ticks == ["2", "4", "8"]
    assert figure.axes[2].get_xscale() == "log"


def test_a_plot_of_one_trial_and_of_many_settings_can_be_drawn():
    keys = ["network.units", "network.dropout", "network.word_dropout", "text.maxlen",
            "training.batch_size", "training.learning_rate", "text.num_words", "text.keep",
            "network.cell", "network.layers"]  # fmt: skip
    values: dict[str, list[object]] = {key: [1, 2] for key in keys}
    values |= {"network.dropout": [0.1], "network.word_dropout": [0.1], "text.keep": ["head"]}
    values |= {"network.cell": ["gru", "lstm"], "text.num_words": [50, 60]}
    own = SearchSpace.of(load_recipe("small"), values, "a test")
    one = Trial(1, {key: list_[0] for key, list_ in values.items()},
                Outcome("complete", (0.5,), (0.5,), 1))  # fmt: skip
    figure = search_plot([one], own, Objective.ACCURACY)
    assert len(figure.axes) == 9
    assert isinstance(search_plot([], own, Objective.LOSS), Figure)
