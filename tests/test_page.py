import re
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from unrolled.engine.summary import LayerRow
from unrolled.report.page import (
    Mistake,
    ReportData,
    SeedRuns,
    render,
    render_reproduction,
)

VOID = {"meta", "br", "hr", "img", "input", "link"}
NASTY = "<script>alert('x')</script><br /><br />\"&amp; {{ 7 * 7 }}"
HISTORY = {
    "loss": [0.70, 0.60, 0.50, 0.45],
    "accuracy": [0.50, 0.60, 0.70, 0.75],
    "val_loss": [0.69, 0.62, 0.5512, 0.58],
    "val_accuracy": [0.51, 0.61, 0.6834, 0.66],
    "seconds": [0.9, 0.031, 0.030, 0.032],
}
NOTEBOOK: dict[str, list[float]] = {
    "loss": [0.70, 0.65],
    "accuracy": [0.50, 0.58],
    "val_loss": [0.6901, 0.5195],
    "val_accuracy": [0.51, 0.7456],
    "seconds": [31, 24],
}


@dataclass(frozen=True)
class Lengths:
    mean: float
    median: float
    counts: list[int]
    edges: list[float]


class Reader(HTMLParser):
    """Collects elements, ids and the visible text, and checks that every element is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.parts: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.parts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.parts))

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)

    @property
    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.elements if "id" in attributes]


def mistake(text: str, probability: float = 0.9876) -> Mistake:
    return Mistake(
        text=text, truth="bad", predicted="good", probability=probability, where="reviews.csv:17"
    )


def report(**changes: Any) -> ReportData:
    values: dict[str, Any] = {
        "title": "Small reviews",
        "data": [("source", "reviews.csv"), ("texts", "1,000")],
        "recipe": [("learning rate", "0.0001"), ("seed", "42")],
        "layers": [
            LayerRow(name="simple_rnn", output_shape="(None, 8)", parameters=2472),
            LayerRow(name="dense", output_shape="(None, 1)", parameters=9),
        ],
        "history": HISTORY,
        "best_epoch": 3,
        "stop_reason": "early stopping",
        "seconds": 1.25,
        "peak_memory_mb": 412.4,
        "classes": ["bad", "good"],
        "confusion": np.array([[1830, 670], [600, 1900]]),
        "mistakes": [mistake("I loved it. Not.")],
        "lengths": Lengths(mean=10.0, median=8.0, counts=[3, 1, 1], edges=[3, 9, 15, 21]),
        "maxlen": 10,
    }
    return ReportData(**(values | changes))


def seeds(plateaus: int = 1) -> SeedRuns:
    spread = {"median": 0.5184, "min": 0.5101, "max": 0.6871, "notebook_rank": 7}
    every = {"count": 10, "val_loss": spread, "val_accuracy": spread | {"notebook_rank": 3}}
    run = {"seed": 42, "val_loss": 0.5222, "val_accuracy": 0.7444, "epochs": 39, "plateau": True}
    summary: Mapping[str, Any] = {
        "runs": [run],
        "plateaus": plateaus,
        "all": every,
        "learnt": None if plateaus == 10 else every,
    }
    return SeedRuns(
        title="One-hot", summary=summary, notebook_loss=0.5195, notebook_accuracy=0.7456
    )


def test_everything_is_there() -> None:
    page = Reader(render(report(note="Stopped on a plateau.", reference=NOTEBOOK)))
    for words in (
        "Small reviews", "source reviews.csv", "learning rate 0.0001", "simple_rnn (None, 8) 2,472",
        "all 2,481", "0.5512", "0.6834", "early stopping", "1.25 seconds in all",
        "412 MB of memory", "Stopped on a plateau.", "1,830 73.2%", "670 26.8%", "1,900 76.0%",
        "said good , 98.8%", "true: bad", "reviews.csv:17", "I loved it. Not.",
    ):  # fmt: skip
        assert words in page.text, words
    assert page.count("svg") == 3


def test_this_run_and_the_notebook_stand_side_by_side() -> None:
    page = Reader(render(report(reference=NOTEBOOK)))
    for words in (
        "best validation loss 0.5512 0.5195",
        "its accuracy 0.6834 0.7456",
        "epochs 4 2",
        "best epoch 3 2",
        "seconds an epoch 0.0315 27.5",
    ):
        assert words in page.text, words
    assert "the notebook" not in Reader(render(report())).text


def test_precision_and_recall_of_each_class() -> None:
    text = Reader(render(report(confusion=np.array([[30, 10], [20, 40]])))).text
    assert "bad 60.0% 75.0% 66.7% 40" in text
    assert "good 80.0% 66.7% 72.7% 60" in text
    assert "Macro F1, the mean over the classes: 69.7%" in text


def test_nothing_in_a_text_becomes_an_element() -> None:
    changes = {
        "title": NASTY,
        "note": NASTY,
        "classes": [NASTY, "good"],
        "data": [(NASTY, NASTY)],
        "recipe": [(NASTY, NASTY)],
        "layers": [LayerRow(name=NASTY, output_shape=NASTY, parameters=1)],
        "stop_reason": NASTY,
        "mistakes": [Mistake(text=NASTY, truth=NASTY, predicted=NASTY, probability=1, where=NASTY)],
    }
    text = render(report(**changes))
    page = Reader(text)
    assert page.count("script") == 0
    assert page.count("br") == 0
    shown = page.text.count("alert('x')")
    assert shown == text.count("&lt;script&gt;alert(&#39;x&#39;)") == 17
    assert "{{ 7 * 7 }}" in page.text
    assert "&lt;br /&gt;" in text


def test_it_stands_alone() -> None:
    text = render(report(reference=NOTEBOOK))
    assert not re.search(r"https?:|//[a-z]|@import|<script|<link|<img", text)
    links = re.findall(r'href="([^"]*)"|url\(([^)]*)\)', text)
    assert links
    assert all((one or other).startswith("#") for one, other in links)


def test_long_texts_are_folded_and_short_ones_are_not() -> None:
    words = " ".join(f"word{number}" for number in range(10_000))
    page = Reader(render(report(mistakes=[mistake(words), mistake("short"), mistake("")])))
    assert page.count("details") == 1
    assert words in page.text
    assert "an empty text" in page.text


def test_an_endless_text_is_cut_with_a_remark() -> None:
    text = render(report(mistakes=[mistake("x" * 1_000_000)]))
    assert len(text) < 400_000
    assert "900,000 more characters" in text


def test_any_character_can_be_written_to_a_file() -> None:
    text = render(
        report(mistakes=[mistake("한국어 😀 \ud800 \x00 \x1b[31m \uffff end")], title="\ud800")
    )
    text.encode("utf-8")
    assert "한국어 😀 � � �[31m � end" in text
    assert "<title>�</title>" in text


@pytest.mark.parametrize(
    ("probability", "words"),
    [(0.5, "50.0%"), (0.9996, "99.96%"), (0.9999999, "99.99999%"), (1.0, "100%")],
)
def test_certainty_is_not_rounded_up(probability: float, words: str) -> None:
    text = Reader(render(report(mistakes=[mistake("a", probability)]))).text
    assert f"said good , {words} true" in text


def test_a_run_without_epochs_or_mistakes_has_a_page() -> None:
    empty: dict[str, list[float]] = {key: [] for key in HISTORY}
    page = Reader(
        render(
            report(
                history=empty, best_epoch=0, stop_reason="interrupted", mistakes=[],
                confusion=np.zeros((2, 2), int), peak_memory_mb=None, reference=NOTEBOOK,
            )
        )
    )  # fmt: skip
    assert page.count("svg") == 1
    assert "interrupted" in page.text
    assert "every validation text is classified right" in page.text
    assert "MB of memory" not in page.text
    assert "best validation loss \N{EN DASH} 0.5195" in page.text


def test_many_classes_are_a_picture() -> None:
    names = [f"class {number}" for number in range(30)]
    page = Reader(render(report(classes=names, confusion=np.eye(30, dtype=int))))
    assert page.count("svg") == 4
    assert "class 29 100.0% 100.0% 100.0% 1" in page.text


def test_the_same_run_renders_the_same_page() -> None:
    assert render(report(reference=NOTEBOOK)) == render(report(reference=NOTEBOOK))


def test_reproduction_compares_experiments_and_shows_shared_texts_once() -> None:
    second = report(title="Second", reference=NOTEBOOK, seconds=7.5)
    page = Reader(
        render_reproduction(
            [report(reference=NOTEBOOK), second], title="Both", facts=[("threads", "2")]
        )
    )
    for words in (
        "Small reviews Second parameters 2,481 2,481",
        "best validation loss 0.5512 notebook 0.5195 0.5512 notebook 0.5195",
        "seconds 1.25 7.50",
        "threads 2",
    ):
        assert words in page.text, words
    assert page.text.count("source reviews.csv") == 1
    assert page.count("svg") == 5
    assert len(page.ids) == len(set(page.ids)), "ids of two plots collide"


def test_reproduction_shows_different_texts_apart() -> None:
    other = report(data=[("source", "other.csv")])
    page = Reader(render_reproduction([report(), other], title="Both"))
    assert "source reviews.csv" in page.text
    assert "source other.csv" in page.text


def test_seeds_show_spread_plateaus_and_the_notebooks_place() -> None:
    page = Reader(render_reproduction([report()], title="Seeds", seeds=[seeds()]))
    for words in (
        "runs 10", "stopped on a plateau before learning began 1", "median loss 0.5184",
        "lowest to highest loss 0.5101 to 0.6871", "the notebook's loss 0.5195",
        "its place by loss, best first 7 of 11", "its place by accuracy, best first 3 of 11",
        "42 0.5222 0.7444 39 plateau",
    ):  # fmt: skip
        assert words in page.text, words


def test_seeds_that_all_stopped_on_a_plateau() -> None:
    page = Reader(render_reproduction([report()], title="Seeds", seeds=[seeds(plateaus=10)]))
    assert "loss without the plateaus \N{EN DASH}" in page.text
