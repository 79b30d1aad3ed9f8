"""The [search] of a recipe: what may be tried, what stands for nothing, what is refused."""

from __future__ import annotations

import pytest

from unrolled.errors import RecipeError
from unrolled.recipe import PRESETS, SearchSpace, load_recipe, load_search
from unrolled.recipe.search_defaults import SEARCHES
from unrolled.recipe.search_space import Choices, Range

SMALL = PRESETS["small"]


@pytest.fixture
def file(tmp_path):
    def written(text: str) -> str:
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return written


def refusal(call, *arguments) -> str:
    with pytest.raises(RecipeError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_names_what_is_searched_as_one_word_or_in_tables(file):
    path = file(
        'base = "small"\n[network]\nunits = 8\n[search]\n"network.units" = [8, 16]\n'
        "training.learning_rate = { low = 1e-3, high = 1, log = true }\n"
        'network.dropout = { low = 0, high = 0.5, step = 0.1 }\ntext.maxlen = [100, "none"]\n'
        "training.batch_size = { low = 8, high = 32, step = 8 }\n"
    )
    space = load_search(path)
    assert space.settings == {
        "network.units": Choices((8, 16)),
        "training.learning_rate": Range(1e-3, 1.0, log=True),
        "network.dropout": Range(0.0, 0.5, step=0.1),
        "text.maxlen": Choices((100, "none")),
        "training.batch_size": Range(8, 32, step=8, whole=True),
    }
    assert space.to_table() == {
        "network.units": [8, 16],
        "training.learning_rate": {"low": 0.001, "high": 1.0, "log": True},
        "network.dropout": {"low": 0.0, "high": 0.5, "step": 0.1},
        "text.maxlen": [100, "none"],
        "training.batch_size": {"low": 8, "high": 32, "step": 8},
    }
    assert SearchSpace.of(space.recipe, space.to_table(), "again") == space


def test_a_search_is_no_part_of_the_recipe(file):
    recipe = load_recipe(file("[search]\nnetwork.units = [8]\n"))
    assert recipe.model_copy(update={"name": "small"}) == SMALL


@pytest.mark.parametrize("preset", SEARCHES)
def test_every_usual_search_begins_with_the_preset_itself(preset):
    space = load_search(preset)
    own = space.own_settings
    assert own is not None
    assert space.recipe_of(own) == space.recipe == PRESETS[preset]
    assert len(own) >= 4


def test_there_is_a_usual_search_for_every_classifier():
    assert set(SEARCHES) == {name for name, recipe in PRESETS.items() if recipe.writing is None}


def test_what_is_named_is_not_searched_unless_the_search_names_it(file):
    plain = load_search(file("[network]\nunits = 100\n"))
    assert "network.units" not in plain.settings
    assert set(plain.settings) == set(SEARCHES["small"]) - {"network.units"}
    named = file("[network]\nunits = 100\n[search]\nnetwork.units = [10, 20]\n")
    assert load_search(named).settings == {"network.units": Choices((10, 20))}
    assert load_search(named).own_settings is None
    fixed = load_search("small", ["network.units=9", "training.batch_size=4"])
    assert fixed.recipe.network.units == 9
    assert not {"network.units", "training.batch_size"} & set(fixed.settings)
    assert "no setting is left" in refusal(load_search, named, ["network.units=3"])


def test_a_setting_that_nothing_reads_has_its_default(file):
    path = file('[search]\nnetwork.cell = ["qrnn", "gru"]\nnetwork.window = [1, 2]\n')
    space = load_search(path)
    assert space.recipe_of({"network.cell": "gru", "network.window": 2}).network.window == 1
    assert space.recipe_of({"network.cell": "qrnn", "network.window": 2}).network.window == 2


def test_points_are_counted_and_each_is_another(file):
    space = load_search(
        file(
            "[search]\nnetwork.units = [4, 8, 16]\n"
            "network.dropout = { low = 0.1, high = 0.5, step = 0.1 }\n"
            "training.batch_size = { low = 3, high = 6 }\n"
        )
    )
    assert space.points == 3 * 5 * 4
    points = [space.point(number) for number in range(space.points)]
    assert len({tuple(point.items()) for point in points}) == space.points
    assert {point["network.dropout"] for point in points} == {0.1, 0.2, 0.3, 0.4, 0.5}
    assert {point["training.batch_size"] for point in points} == {3, 4, 5, 6}
    assert load_search("small").points is None  # its learning rate is any number


def test_numbers_are_tried_as_a_person_would_write_them():
    assert Range(1e-4, 1e-2, log=True).tidy(0.00123456) == 0.00123
    assert Range(0.12345, 0.2).tidy(0.1234501) == 0.12345
    assert Range(0.0, 0.5, step=0.1).tidy(0.1 + 0.2) == 0.3
    assert Range(1, 9, whole=True).tidy(3) == 3


def test_what_a_range_holds():
    steps = Range(0.0, 0.6, step=0.1)
    assert steps.holds(0.3)
    assert not steps.holds(0.35)
    assert not steps.holds(0.7)
    assert not Range(0.0, 2.0).holds(True)
    assert not Choices((1, 2)).holds(True)


WRONG = [
    ("network.unit = [1]", 'unknown setting "network.unit"; did you mean "network.units"?'),
    ("units = [1]", 'unknown setting "units"; did you mean "network.units"?'),
    ("network.units = 8", "network.units = 8: must be a list of values, or { low = ..., high"),
    ("network.units = []", "network.units = []: there is no value to try"),
    ("network.units = [8, 8]", "network.units = [8, 8]: 8 is there twice"),
    ("network.units = [[8]]", "network.units = [[8]]: [8] is no value of a setting"),
    ('network.units = [8, "9"]', 'network.units = "9": must be a whole number from 1'),
    ("network.dropout = [0.5, 1.0]", "network.dropout = 1.0: must be a number from 0 up to"),
    ('network.cell = ["gru", "lstn"]', 'network.cell = "lstn": must be one of "simple_rnn"'),
    ("network.cell = { low = 1, high = 2 }", "the setting is no number; list the values"),
    ("network.units = { low = 8 }", "needs both low and high"),
    ("network.units = { low = 8, high = 4 }", "low must be less than high"),
    ("network.units = { low = 8, high = 8.5 }", "high must be a whole number, as the setting is"),
    ("network.units = { low = 0, high = 8 }", "network.units = 0: must be a whole number from 1"),
    ("network.dropout = { low = 0.1, high = nan }", "high must be finite"),
    ("network.dropout = { low = true, high = 0.5 }", "low must be a number"),
    ('network.dropout = { low = 0, high = 0.5, log = "yes" }', "log must be true or false"),
    ("network.dropout = { low = 0, high = 0.5, log = true }", "with log, low must be more than 0"),
    ("network.dropout = { low = 0, high = 0.5, step = 0.6 }", "step must be more than 0, and fit"),
    ("network.dropout = { low = 0.1, high = 0.5, step = 0.1, log = true }", "log and step exclude"),
    ("network.dropout = { low = 0, hihg = 0.5 }", 'unknown "hihg"; did you mean "high"?; known:'),
    ("seed = [1, 2]", "seed = [1, 2]: the best of many seeds is luck"),
    ("training.split_seed = [1, 2]", "every trial must be validated on the same texts"),
    ("training.validation_fraction = [0.1]", "every trial must be validated on the same texts"),
    ('decision.threshold = ["f1"]', "what is decided after the training changes no score of it"),
    ("transfer.rate = [0.5]", "only a network that begins with the layers of another one"),
    ("network.activation = [\"tanh\", \"relu\"]", 'network.activation must be "tanh" when network'),
]  # fmt: skip


@pytest.mark.parametrize(("line", "told"), WRONG, ids=[line for line, _ in WRONG])
def test_a_mistake_is_told_with_file_and_key(file, line, told):
    path = file(f"[search]\n{line}\n")
    message = refusal(load_search, path)
    assert message.startswith(f"{path}: [search] ")
    assert told in message


def test_a_value_that_another_choice_makes_possible_is_none(file):
    path = file(
        '[search]\nnetwork.activation = ["tanh", "relu"]\nnetwork.cell = ["qrnn", "simple_rnn"]\n'
    )
    assert load_search(path).points == 4


def test_a_search_must_be_a_table_and_not_of_a_writer(file):
    assert 'search = 3: must be a table, as "[search]"' in refusal(load_search, file("search = 3"))
    assert "a search is for classifiers" in refusal(load_search, "writer")
    assert "no setting is left" in refusal(load_search, file("[search]\n"))
