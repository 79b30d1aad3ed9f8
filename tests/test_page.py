import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from unrolled.engine.summary import LayerRow
from unrolled.evaluation.decision import Decision
from unrolled.report.contents import (
    Examination,
    Flaw,
    Mistake,
    PartRead,
    ReportData,
    SeedRuns,
)
from unrolled.report.page import render, render_reproduction
from unrolled.report.plots import Bin
from unrolled.report.standing import ClassScores, Contestant, Standing

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


def standing(**changes: Any) -> Standing:
    """A network that loses to a linear model."""
    figures = {
        "accuracy": 0.746, "macro_f1": 0.745, "micro_f1": 0.746, "roc_auc": 0.8, "loss": 0.52,
        "calibration_error": 0.03,
    }  # fmt: skip
    better = {name: value + 0.1 for name, value in figures.items()}
    intervals = {name: [value - 0.01, value + 0.01] for name, value in figures.items()}
    values: dict[str, Any] = {
        "several": False,
        "count": 5000,
        "available": 5000,
        "contestants": [
            Contestant(name="the network", figures=figures, intervals=intervals),
            Contestant(name="TF-IDF", figures=better | {"roc_auc": None}, intervals={}),
        ],
        "rival": "TF-IDF",
        "difference": -0.1,
        "p_value": 1e-9,
        "missing": "",
        "fitted_on": 20_000,
        "train_count": 20_000,
        "by_class": ClassScores(
            support=[2500, 2500],
            precision=[0.753, 0.739],
            recall=[0.732, 0.76],
            f1=[0.742, 0.75],
            roc_auc=[0.8, 0.8],
            intervals={key: [[0.7, 0.8]] * 2 for key in ("precision", "recall", "f1")},
        ),
        "bins": [Bin(low=0.5, high=0.6, count=5000, confidence=0.55, right=0.7)],
        "abstained": 0,
        "right_otherwise": None,
    }
    return Standing(**(values | changes))


FLAW = Flaw(
    kind="contradictions",
    severity="warns",
    count=5,
    what="5 texts have different labels",
    advice="decide which label is right",
    examples=[[f"reviews.csv:{line}", "bad, and good"] for line in (3, 5, 7, 9)],
)


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


def test_the_first_line_is_the_verdict() -> None:
    text = render(report(standing=standing()))
    verdict = "The network loses to TF-IDF: 74.6% of the 5,000 validation texts right against 84.6%"
    after = Reader("<main>" + text[text.index("</header>") + 9 : text.index("</main>") + 7])
    assert after.text.strip().startswith(f"{verdict} (p < 0.001).")
    assert '<div class="standing loses">' in text


def test_scores_stand_beside_those_of_simpler_ways() -> None:
    text = render(report(standing=standing()))
    page = Reader(text)
    for words in (
        "the network TF-IDF accuracy 74.6% 73.6% \N{EN DASH} 75.6% 84.6%",
        "log loss 0.5200 0.5100 \N{EN DASH} 0.5300 0.6200",
        "ROC-AUC 0.8000 0.7900 \N{EN DASH} 0.8100 \N{EN DASH}",
        "bad 2,500 75.3% 70.0% \N{EN DASH} 80.0% 73.2%",
        "Of 5,000 validation texts",
    ):
        assert words in page.text, words
    assert "<b>0.5200</b>" in text, "the lower loss is the better one"
    assert "<b>84.6%</b>" in text
    assert page.count("svg") == 4


def test_what_was_found_is_named_by_place() -> None:
    found = Examination(rows_in=1003, rows_used=1000, set_aside={"the text is empty": 3},
                        flaws=[FLAW, replace(FLAW, severity="notes", what="a note")])  # fmt: skip
    page = Reader(render(report(examination=found)))
    for words in (
        "1,003 rows in = 1,000 used + 3 set aside : 3 because the text is empty",
        "warns 5 texts have different labels reviews.csv:3 bad, and good reviews.csv:5",
        "and 2 more decide which label is right",
        "Good to know: 1 notes a note",
    ):
        assert words.replace("aside :", "aside:") in page.text, words
    assert "reviews.csv:9" not in page.text
    clean = Reader(render(report(examination=replace(found, flaws=[]))))
    assert "Nothing that harms a training was found." in clean.text


def test_how_a_label_is_chosen() -> None:
    def rule(decision: Decision, **changes: Any) -> str:
        return Reader(render(report(decision=decision, **changes))).text

    assert "label the most probable temperature 1" in rule(Decision())
    unsure = rule(
        Decision(
            temperature=1.5, thresholds=(0.25,), abstain_below=0.6, note="a figure was missed"
        ),
        standing=standing(abstained=500, right_otherwise=0.81),
    )
    for words in (
        "good above a probability of 0.25, else bad", "1.50: alone, it was too sure",
        "no label below a probability of 0.6", "validation texts without 500 of 5,000, 10.0%",
        "right of the others 81.0%", "but a figure was missed",
    ):  # fmt: skip
        assert words in unsure, words
    three = {"classes": ["a", "b", "c"], "confusion": np.eye(3, dtype=int)}
    weighted = rule(Decision(weights=(1.0, 2.5, 1.0)), **three)
    assert "multiplied by its class's weight" in weighted
    assert "b 1 100.0% 100.0% 100.0% 2.50" in weighted


def test_how_the_texts_were_read() -> None:
    part = PartRead(part="validation", texts=5000, unknown=0.123, cut=0.5, lost=0.25)
    page = Reader(render(report(read=[part], unit="characters"))).text
    assert "unknown characters texts cut characters cut off" in page
    assert "validation, 5,000 12.3% 50.0% 25.0%" in page


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
    assert "class texts precision recall F1" in text
    assert "bad 40 60.0% 75.0% 66.7%" in text
    assert "good 60 80.0% 66.7% 72.7%" in text
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
        "standing": standing(missing=NASTY, rival=NASTY),
        "examination": Examination(
            rows_in=1,
            rows_used=0,
            set_aside={NASTY: 1},
            flaws=[replace(FLAW, what=NASTY, advice=NASTY, examples=[[NASTY, NASTY]])],
        ),
    }
    text = render(report(**changes))
    page = Reader(text)
    assert page.count("script") == 0
    assert page.count("br") == 0
    shown = page.text.count("alert('x')")
    assert shown == text.count("&lt;script&gt;alert(&#39;x&#39;)") == 24
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


def test_many_classes_have_a_dense_matrix_and_a_list_of_what_is_confused() -> None:
    names = [f"class {number}" for number in range(30)]
    confusion = 5 * np.eye(30, dtype=int)
    confusion[3, 17] = 15
    page = Reader(render(report(classes=names, confusion=confusion)))
    assert ("table", {"class": "confusion dense"}) in page.elements
    assert "What is confused most true taken for texts of the true class class 3" in page.text
    assert "class 3 class 17 15 75.0%" in page.text
    assert "class 29 5 100.0% 100.0% 100.0%" in page.text
    assert "left out" not in page.text


def test_of_very_many_classes_those_with_mistakes_are_in_the_matrix() -> None:
    names = [f"class {number}" for number in range(100)]
    confusion = 5 * np.eye(100, dtype=int)
    confusion[98, 99] = 1
    text = render(report(classes=names, confusion=confusion))
    matrix = Reader(text[text.index('<table class="confusion') :].split("</table>")[0] + "</table>")
    assert "class 98" in matrix.text
    assert "class 99" in matrix.text
    assert "class 60" not in matrix.text
    assert "60 classes with the most mistakes; 40 others are left out" in text
    assert len(text) < 400_000


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
