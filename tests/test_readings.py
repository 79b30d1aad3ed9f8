"""The page of readings: what it says of each text, that it stands alone, and which texts it has."""

from __future__ import annotations

import base64
import csv
import io
import json
import random
import re
from html.parser import HTMLParser
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from unrolled import bundle
from unrolled.cli import main
from unrolled.model import TextClassifier
from unrolled.report.chosen import MOST_READ, MOST_WRITTEN, choose, is_short
from unrolled.report.facts import FACTS
from unrolled.report.folder import rewrite_report
from unrolled.report.pictures import heat_map
from unrolled.report.readings import Reading, render_readings
from unrolled.report.trace import LEAST_FULL, Padding, Trace

NASTY = "\"'><script>alert('x')</script>"
VOID = {"meta", "img"}


def document(**changes: Any) -> dict[str, Any]:
    """Three steps of padding, the start, and "a great <nasty> film" of which one is unknown."""
    tokens = ["[padding]"] * 3 + ["[start]", "a", "great", NASTY, "film"]
    positive = [0.48, 0.47, 0.46, 0.5, 0.52, 0.9, 0.6, 0.71]
    values: dict[str, Any] = {
        "classes": ["negative", "positive"],
        "multi_label": False,
        "label": "positive",
        "probability": 0.71,
        "probabilities": {"negative": 0.29, "positive": 0.71},
        "unknown_share": 0.25,
        "was_cut": False,
        "explained": "positive",
        "tokens": tokens,
        "kinds": ["padding"] * 3 + ["start", "word", "word", "unknown", "word"],
        "places": [None] * 4 + [0, 1, 2, 3],
        "before": [0.5, 0.5],
        "after": [[1 - value, value] for value in positive],
        "deletion": [None] * 4 + [0.004, 0.2, -0.1, 0.05],
        "gradients": [0.0] * 4 + [0.01, 0.15, -0.12, 0.04],
        "layers": [
            {
                "name": "simple_rnn", "kind": "SimpleRNN", "units": 2, "directions": ["forward"],
                "states": [[0.1 * step, -0.05 * step] for step in range(8)],
                "backward_states": None,
            }
        ],
    }  # fmt: skip
    return values | changes


def page_of(**changes: Any) -> str:
    return render_readings("Ten", [Reading(document(**changes), "First", "row 7", "positive")])


class Elements(HTMLParser):
    """Collects elements with what they say, and checks that every element is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[int] = []
        self.found: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), []))
        if tag not in VOID:
            self.open.append(len(self.found) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        assert self.found[self.open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for place in self.open:
            self.found[place][2].append(data)

    def all(self, tag: str, name: str | None = None) -> list[tuple[dict[str, str | None], str]]:
        return [
            (attributes, re.sub(r"\s+", " ", "".join(parts)).strip())
            for found, attributes, parts in self.found
            if found == tag and (name is None or name in (attributes.get("class") or "").split())
        ]


def words_of(page: str) -> dict[str, dict[str, str | None]]:
    """The attributes of each token in the text."""
    text = page[page.index('<p class="words"') : page.index('<p class="legend"')]
    return {word: attributes for attributes, word in Elements(text).all("span")}


# --- What the page says


def test_each_word_says_what_it_did_and_not_by_colour_alone():
    words = words_of(page_of())
    assert list(words) == ["3 × padding", "start", "a", "great", NASTY, "film"]
    assert words["3 × padding"]["title"] == "steps 0 to 2"
    assert words["great"]["class"] == "for"
    assert words["great"]["style"] == "--w:1.00"
    assert words["great"]["title"] == "step 5: 0.520 → 0.900; weight +0.2000"
    assert words[NASTY]["class"] == "against unknown"
    assert words[NASTY]["style"] == "--w:0.50"
    assert words[NASTY]["title"] == "step 6: 0.900 → 0.600; weight −0.1000; unknown"
    assert words["film"]["style"] == "--w:0.25"
    assert "style" not in words["a"], "it weighs too little for a colour"
    assert words["a"]["title"] == "step 4: 0.500 → 0.520; weight +0.0040"


def test_the_answer_the_truth_and_how_well_it_was_read():
    page = Elements(page_of(was_cut=True))
    (_, verdict), *_ = page.all("p", "verdict")
    assert verdict == "said positive, 71.0%true: positive✓ rightrow 7"
    assert "25.0% of its tokens are unknown" in page.all("p", "sum")[0][1]
    assert "too long and was cut" in page.all("p", "sum")[0][1]
    assert page.all("title")[0][1] == "Ten"
    wrong = render_readings("Ten", [Reading(document(), "First", "row 7", "negative")])
    assert "✗ wrong" in wrong
    assert "✗ wrong" not in page_of()
    unknown = render_readings("Ten", [Reading(document(), "First", "row 7")])
    assert "true:" not in unknown
    none = page_of(label=None)
    assert "said <b>no label</b>" in none
    several = render_readings(
        "x", [Reading(document(label=["negative", "positive"]), "", "", "negative, positive")]
    )
    assert "✓ right" in several


def test_curve_and_bars_stand_above_their_steps():
    page = Elements(page_of())
    curve, bars = page.all("svg")
    assert curve[0]["viewbox"] == "0 0 8 100"
    assert bars[0]["viewbox"] == "0 0 8 40"
    assert "0.500 at the start, at least 0.460, at most 0.900, 0.710 at the end" in (
        curve[0]["aria-label"] or ""
    )
    drawn = {attributes["class"]: attributes["d"] for attributes, _ in page.all("path")}
    points = [float(number) for number in re.findall(r"[\d.]+", str(drawn["curve"]))]
    assert points[0::2] == list(range(9))
    np.testing.assert_allclose(points[1::2], [50, 52, 53, 54, 50, 48, 10, 40, 29])
    assert drawn["filled"] == "M0 0h3v40h-3z"
    assert drawn["for"] == "M4.5 20v-0.4M5.5 20v-20.0M7.5 20v-5.0"
    assert drawn["against"] == "M6.5 20v10.0"


def test_of_many_classes_the_true_one_is_drawn_beside():
    three = {
        "classes": ["negative", "positive", "mixed"],
        "before": [0.3, 0.4, 0.3],
        "after": [[0.2, 0.5, 0.3]] * 8,
    }
    beside = render_readings("x", [Reading(document(**three), "", "", "mixed")])
    assert 'class="beside" d="M0 70.00 1 70.00' in beside
    assert "Thin: mixed, the true one." in beside
    assert 'class="beside"' not in page_of(**three)
    assert 'class="beside"' not in render_readings("x", [Reading(document(), "", "", "negative")])


def test_the_strongest_words_are_in_tables():
    tables = [text.replace(" ", "") for _, text in Elements(page_of()).all("table")]
    head = "wordstepdeletiongradientsbefore→after"
    assert tables == [
        f"{head}great5+0.2000+0.15000.520→0.900film7+0.0500+0.04000.600→0.710"
        "a4+0.0040+0.01000.500→0.520",
        f"{head}{NASTY}6−0.1000−0.12000.900→0.600".replace(" ", ""),
    ]


def test_without_deletion_the_gradients_colour_the_words():
    page = page_of(deletion=None, gradients=[0.9] * 4 + [0.01, 0.15, -0.12, 0.04])
    assert words_of(page)["great"]["style"] == "--w:1.00", "padding sets no scale"
    assert words_of(page)["great"]["title"] == "step 5: 0.520 → 0.900; weight +0.1500"
    assert "by integrated gradients" in page
    (_, head), *_ = Elements(page).all("thead")
    assert head == "wordstepgradientsbefore → after"
    neither = page_of(deletion=None, gradients=None)
    assert "<table" not in neither
    assert "weight" not in neither.split("<style>")[0] + neither.split("</style>")[1]


def test_states_of_both_directions_are_drawn():
    layer = document()["layers"][0]
    both = layer | {"directions": ["forward", "backward"], "backward_states": [[0.5, 0.0]] * 8}
    images = Elements(page_of(layers=[layer, both])).all("img")
    assert [attributes["alt"] for attributes, _ in images] == [
        "State of the 2 units of simple_rnn after each step",
        "State of the 2 units of simple_rnn, forward after each step",
        "State of the 2 units of simple_rnn, backward after each step",
    ]
    assert all(str(attributes["src"]).startswith("data:image/png;") for attributes, _ in images)


def test_a_heat_map_is_time_by_units_with_the_sign_as_colour():
    states = np.array([[1.0, 0.0], [-0.5, 0.25], [0.0, -1.0]])
    data = base64.b64decode(heat_map(states).split(",")[1])
    pixels = matplotlib.image.imread(io.BytesIO(data))
    assert pixels.shape == (2, 3, 4), "units, steps, red green blue alpha"
    np.testing.assert_allclose(pixels[..., 3], np.abs(states.T), atol=0.006)
    assert pixels[0, 0, 2] > pixels[0, 0, 0], "blue above zero"
    assert pixels[0, 1, 0] > pixels[0, 1, 2], "orange below"


def test_nothing_in_a_text_becomes_an_element_and_any_character_can_be_written():
    broken = document(tokens=["\ud800\x1b[31m"] * 8, kinds=["word"] * 8, deletion=[0.1] * 8)
    page = render_readings(
        NASTY,
        [
            Reading(document(explained="positive"), NASTY, NASTY, NASTY),
            Reading(document(classes=[NASTY, "b"], explained=NASTY, label=NASTY), "x", "y"),
            Reading(broken, "\ud800", "y"),
        ],
        report='"><script>',
    )
    found = Elements(page)
    assert found.all("script") == []
    assert page.count("&lt;script&gt;") > 10
    page.encode("utf-8")
    assert "\x1b" not in page


def test_it_stands_alone():
    page = re.sub(r"data:image/png;base64,[^\"]*", "", page_of())
    assert not re.search(r"https?:|//[a-z]|@import|<script|<link", page)
    assert re.findall(r'href="([^"]*)"', page) == []
    two = [Reading(document(), "One", "row 1"), Reading(document(), "Two", "row 2")]
    links = re.findall(r'href="([^"]*)"', render_readings("x", two, report="report.html"))
    assert links == ["report.html", "#reading-1", "#reading-2"]


def test_a_text_without_a_token_has_a_page():
    none = {"tokens": [], "kinds": [], "places": [], "after": [], "deletion": [], "gradients": []}
    layer = document()["layers"][0] | {"states": []}
    page = page_of(**none, layers=[layer])
    Elements(page)
    assert "There is nothing to read." in page
    assert "<img" not in page


def test_only_padding_has_a_page():
    padding = {
        "tokens": ["[padding]"] * 2, "kinds": ["padding"] * 2, "places": [None] * 2,
        "after": [[0.5, 0.5]] * 2, "deletion": [None] * 2, "gradients": [0.1] * 2,
    }  # fmt: skip
    page = page_of(**padding)
    assert "2 × padding" in page
    assert page.count("No word.") == 2


def test_ten_long_readings_stay_small():
    draw = np.random.default_rng(1)
    layer = {
        "name": "gru", "kind": "GRU", "units": 128, "directions": ["forward"],
        "states": draw.uniform(-1, 1, (300, 128)).tolist(), "backward_states": None,
    }  # fmt: skip
    long = document(
        tokens=["extraordinary"] * 300,
        kinds=["word"] * 300,
        after=[[0.4, 0.6]] * 300,
        deletion=draw.uniform(-1, 1, 300).tolist(),
        gradients=None,
        layers=[layer],
    )
    page = render_readings("x", [Reading(long, "t", "n", "positive")] * 10)
    assert len(page.encode()) < 1_200_000


def test_long_and_invisible_tokens_can_be_read():
    page = page_of(tokens=["[padding]"] * 3 + ["[start]", " ", "\n", "x" * 1000, "film"])
    assert "␤" in page
    assert '<th scope="row">␣</th>' in page
    assert "x" * 200 + "…" in page
    assert "x" * 201 not in page


# --- A trace


def test_padding_is_folded_run_by_run():
    kinds = ["padding", "padding", "word", "padding", "word", "word", "word", "word"]
    folded = Trace(document(kinds=kinds)).folded
    assert [(part.first, part.last) for part in folded if isinstance(part, Padding)] == [
        (0, 1), (3, 3),
    ]  # fmt: skip
    assert len(folded) == 7


def test_small_weights_have_no_full_colour():
    faint = [None] * 4 + [LEAST_FULL / 10, -LEAST_FULL / 2, 0.0, 0.0]
    trace = Trace(document(deletion=faint))
    assert trace.full == LEAST_FULL
    assert [trace.strength(step) for step in trace.words] == [pytest.approx(0.1), -0.5, 0, 0]


def test_words_without_a_weight_to_be_seen_are_in_no_table():
    faint = [None] * 4 + [4e-5, 6e-5, -4e-5, -6e-5]
    trace = Trace(document(deletion=faint))
    assert [step.number for step in trace.strongest(5, sign=1)] == [5]
    assert [step.number for step in trace.strongest(5, sign=-1)] == [7]


def test_tokens_with_their_own_spaces_are_not_given_more():
    assert Trace(document()).between == " "
    pieces = ["[padding]"] * 3 + ["[start]", "great", " fi", "lm", "s"]
    assert Trace(document(tokens=pieces)).between == ""
    letters = ["[padding]"] * 3 + ["[start]", *"배송이요"]
    assert Trace(document(tokens=letters)).between == ""


# --- Which texts


def choice(right: list[bool], sure: list[float], **changes: Any) -> list[tuple[int, str]]:
    candidates = changes.get("candidates", [True] * len(right))
    return choose(np.array(right, bool), np.array(sure), np.array(candidates, bool))


def test_right_and_wrong_from_the_surest_to_the_least_sure():
    sure = np.linspace(0.99, 0.5, 200)  # even rows are right, odd rows are wrong
    found = choice([row % 2 == 0 for row in range(200)], sure.tolist())
    assert [row for row, _ in found] == [0, 50, 100, 148, 198, 1, 51, 101, 149, 199]
    assert [title for _, title in found] == [
        f"{name}: {how}"
        for name in ("Right", "Wrong")
        for how in (
            "the surest", "one of the surer", "in the middle", "one of the less sure",
            "the least sure",
        )
    ]  # fmt: skip
    assert found == choice([row % 2 == 0 for row in range(200)], sure.tolist())


def test_where_one_sort_is_rare_the_other_fills_up():
    found = choice([True] * 50 + [False] * 2, [0.9] * 50 + [0.6, 0.7])
    assert [title.split(":")[0] for _, title in found] == ["Right"] * 8 + ["Wrong"] * 2
    assert [found[8], found[9]] == [(51, "Wrong: the surest"), (50, "Wrong: the least sure")]
    assert len(choice([False] * 30, [0.7] * 30)) == 10
    assert choice([True, False], [0.7, 0.8]) == [(0, "Right: the surest"), (1, "Wrong: the surest")]
    assert choice([], []) == []
    rows = [row for row, _ in choice([True, False] * 9, [0.5] * 18)]
    assert len(set(rows)) == 10, "no text twice"


def test_only_candidates_are_chosen():
    candidates = [row % 3 == 0 for row in range(90)]
    found = choice([row % 2 == 0 for row in range(90)], [0.5] * 90, candidates=candidates)
    assert len(found) == 10
    assert all(row % 3 == 0 for row, _ in found)


def test_long_texts_are_left_out():
    lengths = np.array([5, MOST_READ, MOST_READ + 1, MOST_WRITTEN, MOST_WRITTEN + 1])
    assert is_short(lengths, None).tolist() == [True, True, False, False, False]
    assert is_short(lengths, 100).tolist() == [True, True, True, True, False]


# --- Beside the report


WORDS = {"good": ["great", "warm"], "bad": ["dull", "slow"]}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model of one epoch that is wrong now and then, and whose texts are in a file."""
    place = tmp_path_factory.mktemp("readings")
    draw = random.Random(2)
    rows = []
    for number in range(200):
        label = sorted(WORDS)[number % 2]
        said = label if draw.random() < 0.8 else sorted(WORDS)[1 - number % 2]
        words = draw.choices(["a", "film", "<b>", "the"], k=2 + number % 9)
        rows.append((" ".join([*words, draw.choice(WORDS[said])]), label))
    with (place / "films.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    settings = ["training.learning_rate=0.05", "training.epochs=3", "text.min_count=1"]
    changes = [part for setting in settings for part in ("--set", setting)]
    arguments = ["train", str(place / "films.csv"), "--out", str(place / "model"), *changes]
    assert main([*arguments, "--no-baselines", "--no-check"]) == 0
    return place / "model"


def test_a_training_ends_with_ten_texts_read_word_by_word(model):
    report = (model / "report.html").read_text(encoding="utf-8")
    assert 'href="readings.html"' in report
    page = Elements((model / "readings.html").read_text(encoding="utf-8"))
    titles = [text for _, text in page.all("h2")]
    assert [title.split(":")[0] for title in titles] == ["Right"] * 5 + ["Wrong"] * 5
    (_, verdicts), *_ = page.all("ol")
    assert verdicts.count("✓ right") == 5
    assert verdicts.count("✗ wrong") == 5
    shown = json.loads((model / "metrics.json").read_text(encoding="utf-8"))[FACTS]["readings"]
    classifier = TextClassifier.load(model)
    assert len({one["where"] for one in shown}) == 10
    for one, title in zip(shown, titles, strict=True):
        assert one["title"] == title
        (label,) = classifier.predict([one["text"]])
        assert (label == one["truth"]) == title.startswith("Right")
        assert re.fullmatch(r"films\.csv:\d+", one["where"])
    sure = classifier.predict_proba([one["text"] for one in shown]).max(axis=1)
    assert (np.diff(sure[:5]) <= 0).all()
    assert (np.diff(sure[5:]) <= 0).all()


def test_importance_is_about_the_label_that_was_given(model, tmp_path):
    """Also where a threshold gives the less likely one."""
    stored = bundle.read(model)
    stored.config["decision"]["thresholds"] = [0.999]  # "good" only above it
    bundle.write(tmp_path / "model", stored)
    rewrite_report(tmp_path / "model")
    page = (tmp_path / "model" / "readings.html").read_text(encoding="utf-8")
    assert "for bad</span>" in page
    assert "for good</span>" not in page


def test_a_model_of_an_earlier_version_has_none(model, tmp_path):
    stored = bundle.read(model)
    del stored.metrics[FACTS]["readings"]
    bundle.write(tmp_path / "old", stored)
    report = rewrite_report(tmp_path / "old").read_text(encoding="utf-8")
    assert "readings.html" not in report
    assert not (tmp_path / "old" / "readings.html").exists()
