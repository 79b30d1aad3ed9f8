import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.parsers.expat import ParserCreate

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from unrolled.errors import OutputError
from unrolled.report import plots

HISTORY = {
    "loss": [0.70, 0.60, 0.50, 0.40],
    "val_loss": [0.69, 0.62, 0.55, 0.58],
    "accuracy": [0.50, 0.60, 0.70, 0.80],
    "val_accuracy": [0.51, 0.61, 0.68, 0.66],
}
NOTEBOOK = {key: [value + 0.01 for value in values[:3]] for key, values in HISTORY.items()}


@dataclass(frozen=True)
class Lengths:
    mean: float
    median: float
    counts: list[int]
    edges: list[float]


def lengths_of(*lengths: int) -> Lengths:
    counts, edges = np.histogram(lengths, bins=50)
    return Lengths(np.mean(lengths), np.median(lengths), counts.tolist(), edges.tolist())


def assert_well_formed(svg: bytes) -> None:
    ParserCreate().Parse(svg, True)


LENGTHS = lengths_of(3, 5, 8, 8, 13, 21, 34, 400)


def labels(figure: Figure, axes: int = 0) -> list[str]:
    legend = figure.axes[axes].get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def curves(figure: Figure, axes: int = 0) -> dict[object, list[float]]:
    return {line.get_label(): list(line.get_ydata()) for line in figure.axes[axes].get_lines()}


def test_curves_show_the_history_and_the_notebook_behind_it() -> None:
    title = "$_$ a run"
    figure = plots.learning_curves(HISTORY, best_epoch=3, reference=NOTEBOOK, title=title)
    for axes, quantity, best in ((0, "loss", 0.55), (1, "accuracy", 0.68)):
        drawn = curves(figure, axes)
        assert drawn["training"] == HISTORY[quantity]
        assert drawn["validation"] == HISTORY[f"val_{quantity}"]
        assert drawn["notebook, training"] == NOTEBOOK[quantity]
        assert drawn["notebook, validation"] == NOTEBOOK[f"val_{quantity}"]
        assert drawn[f"best, epoch 3: {best:.4f}"] == [best]
        heights = {line.get_label(): line.get_zorder() for line in figure.axes[axes].get_lines()}
        assert heights["notebook, validation"] < heights["training"]
        assert figure.axes[axes].get_title(loc="left") == quantity.capitalize()
    assert [text.get_text() for text in figure.texts] == [title]
    plots.inline_svg(figure, name="run", description=title)


def test_the_first_epoch_is_one() -> None:
    axes = plots.learning_curve(HISTORY, "loss").axes[0]
    assert [list(line.get_xdata()) for line in axes.get_lines()] == [[1, 2, 3, 4]] * 2
    assert axes.get_xlim()[0] > 0


def test_without_a_best_epoch_or_a_notebook_neither_is_named() -> None:
    assert labels(plots.learning_curve(HISTORY, "accuracy")) == ["training", "validation"]


def test_a_perplexity_that_falls_far_is_drawn_by_its_logarithm() -> None:
    for first, scale in ((900.0, "log"), (9.0, "linear")):
        history = {"perplexity": [first, 3.0], "val_perplexity": [4.0, 2.51234]}
        axes = plots.learning_curve(history, "perplexity", best_epoch=2).axes[0]
        assert axes.get_yscale() == scale
        assert "best, epoch 2: 2.512" in curves(axes.figure)
        assert axes.get_title(loc="left") == "Perplexity"
    assert plots.name_of("token_accuracy") == "Token accuracy"


def test_a_single_epoch_is_visible() -> None:
    history = {key: values[:1] for key, values in HISTORY.items()}
    for line in plots.learning_curve(history, "loss").axes[0].get_lines():
        assert line.get_marker() == "o"


def test_a_run_that_was_stopped_at_once_has_empty_curves(tmp_path: Path) -> None:
    figure = plots.learning_curves({key: [] for key in HISTORY}, best_epoch=0)
    assert labels(figure) == ["training", "validation"]
    plots.save(figure, tmp_path / "empty")


def test_the_histogram_marks_mean_median_and_cut() -> None:
    figure = plots.length_histogram(LENGTHS, maxlen=10)
    assert labels(figure) == ["median 10", "mean 61.5", "cut: of longer texts the last 10 are read"]
    assert [line.get_xdata()[0] for line in figure.axes[0].get_lines()] == [10.5, 61.5, 10]
    assert len(labels(plots.length_histogram(LENGTHS))) == 2


def test_a_few_endless_texts_do_not_squeeze_the_histogram() -> None:
    lengths = lengths_of(*range(100, 1100), 100_000)
    axes = plots.length_histogram(lengths, maxlen=50).axes[0]
    assert axes.get_xlim()[1] < 10_000
    assert "up to 100,000" in axes.get_xlabel()
    longer_cut = plots.length_histogram(lengths_of(5, 60), maxlen=100).axes[0]
    assert longer_cut.get_xlim()[1] > 100


def test_a_cut_that_is_far_off_is_told_and_not_drawn() -> None:
    figure = plots.length_histogram(lengths_of(5, 6), maxlen=200)
    assert figure.axes[0].get_xlim()[1] < 10
    assert labels(figure)[2] == "cut: at 200, far to the right; none is longer"
    some = plots.length_histogram(lengths_of(*range(1, 500), 3000), maxlen=2000)
    assert labels(some)[2].endswith("few are longer")


def test_the_histogram_says_what_is_counted_and_what_is_kept() -> None:
    figure = plots.length_histogram(LENGTHS, maxlen=100, keep="both", unit="characters")
    assert figure.axes[0].get_xlabel().startswith("characters in a text")
    assert labels(figure)[2] == "cut: of longer texts 100 from both ends are read"


def test_short_texts_have_a_bar_a_length() -> None:
    (bars,) = plots.length_histogram(lengths_of(2, 3, 3, 5)).axes[0].patches
    counts, edges, _ = bars.get_data()
    assert counts.tolist() == [1, 2, 0, 1]
    assert edges.tolist() == [1.5, 2.5, 3.5, 4.5, 5.5]


def test_texts_of_one_length_make_a_histogram() -> None:
    axes = plots.length_histogram(lengths_of(7, 7, 7)).axes[0]
    assert axes.get_xlim()[1] > 7
    assert "up to" not in axes.get_xlabel()


def test_confusion_writes_counts_and_shares_of_the_row() -> None:
    figure = plots.confusion(np.array([[30, 10], [0, 0]]), ["no", "yes"], title="Runs")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["30\n75%", "10\n25%", "0\n0%", "0\n0%"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["no", "yes"]
    low, high = figure.axes[0].get_ylim()
    assert low > high, "the first true class is on top"


def test_many_classes_have_colours_only() -> None:
    figure = plots.confusion(np.eye(50, dtype=int), [str(number) for number in range(50)])
    assert not figure.axes[0].texts
    assert len(figure.axes[0].get_xticklabels()) == 25
    all_named = plots.confusion(np.eye(30, dtype=int), [str(number) for number in range(30)])
    assert len(all_named.axes[0].get_xticklabels()) == 30


BINS = [
    plots.Bin(low=0.6, high=0.7, count=4, confidence=0.65, right=0.25),
    plots.Bin(low=0.9, high=1.0, count=400, confidence=0.97, right=0.96),
]


def test_calibration_shows_shares_their_intervals_and_how_many_there_are() -> None:
    figure = plots.calibration(BINS, claims="labels")
    shares, counts = figure.axes
    assert curves(figure)["share that is right, and its 95% interval"] == [0.25, 0.96]
    assert [bar.get_height() for bar in counts.patches] == [4, 400]
    assert shares.get_xlim() == counts.get_xlim()
    assert "labels" in counts.get_xlabel()
    text = plots.inline_svg(figure, name="c", description="d")
    assert_well_formed(text.encode())
    assert not re.findall(r"(?:fill|stroke): #(?!000000)[0-9a-f]{6}", text), "a colour stays fixed"


def test_few_claims_leave_much_open() -> None:
    few, many = (one.interval for one in BINS)
    assert few == pytest.approx((0.0456, 0.6994), abs=1e-4)  # Wilson's, by R's binom.confint
    assert many[1] - many[0] < 0.05
    assert plots.Bin(low=0, high=1, count=3, confidence=0.9, right=1.0).interval[1] == 1.0


def test_odd_class_names_are_drawn_without_warnings(tmp_path: Path) -> None:
    names = ["$x^$", "두 번째", "a\nb", "𓀀", "<b>&\"'", "long " * 30]
    figure = plots.confusion(np.eye(6, dtype=int), names, title="$_$ 제목")
    _, svg = plots.save(figure, tmp_path / "odd")
    assert_well_formed(svg.read_bytes())
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert shown[0] == "$x^$"
    assert shown[2] == "a b"
    assert len(shown[5]) == 24


def test_the_same_run_writes_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for name in ("one", "two"):
        figure = plots.learning_curves(HISTORY, best_epoch=3, reference=NOTEBOOK)
        written.append([path.read_bytes() for path in plots.save(figure, tmp_path / name)])
    assert written[0] == written[1]
    png, svg = written[0]
    assert png.startswith(b"\x89PNG")
    assert b"Matplotlib" not in png
    assert b"<dc:date>" not in svg
    assert_well_formed(svg)


def test_dots_in_a_name_stay(tmp_path: Path) -> None:
    png, svg = plots.save(plots.learning_curve(HISTORY, "loss"), tmp_path / "v1.2")
    assert (png.name, svg.name) == ("v1.2.png", "v1.2.svg")
    assert png.is_file()
    assert svg.is_file()


def test_an_unwritable_place_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError):
        plots.save(plots.learning_curve(HISTORY, "loss"), tmp_path / "file" / "curve")


def test_inline_figures_share_no_ids_and_keep_their_own_references() -> None:
    figures = [plots.learning_curve(HISTORY, "loss", best_epoch=3) for _ in range(2)]
    first, second = (
        plots.inline_svg(figure, name=name, description="d")
        for figure, name in zip(figures, ("a", "b"), strict=True)
    )
    ids = [set(re.findall(r'\bid="([^"]+)"', text)) for text in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for text, known in zip((first, second), ids, strict=True):
        used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
        used_names = {one or other for one, other in used}
        assert used_names
        assert used_names <= known


def test_inline_figures_follow_the_page_and_link_nowhere() -> None:
    figure = plots.length_histogram(LENGTHS, maxlen=10)
    text = plots.inline_svg(figure, name="x", description='a "<b>" & c')
    assert text.startswith('<svg class="plot" role="img" aria-label="a &quot;&lt;b&gt;&quot; &amp;')
    assert "http" not in text
    assert "<style" not in text
    assert "<metadata" not in text
    for role in ("ink", "card", "validation", "training", "rule"):
        assert f"var(--{role})" in text
    assert not re.findall(r"(?:fill|stroke): #(?!000000)[0-9a-f]{6}", text), "a colour stays fixed"
    assert_well_formed(text.encode())


def test_matplotlib_is_left_as_it_was(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    plots.save(plots.confusion(np.eye(2, dtype=int), ["a", "b"]), tmp_path / "c")
    assert dict(matplotlib.rcParams) == before


def test_pyplot_is_never_imported() -> None:
    code = "import sys, unrolled.report.page; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_threads_may_draw_at_once() -> None:
    def draw(number: int) -> str:
        figure = plots.learning_curve(HISTORY, "loss", best_epoch=1 + number % 2)
        return plots.inline_svg(figure, name="t", description="d")

    alone = [draw(0), draw(1)]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(draw, range(8)))
    assert together == alone * 4


# --- Vectors --------------------------------------------------------------------------------------


def dots(figure: Figure) -> dict[tuple[str, str], int]:
    """How many dots there are of each colour and shape."""
    lines = figure.axes[0].get_lines()
    return {(str(one.get_color()), str(one.get_marker())): len(one.get_xdata()) for one in lines}


def places_of(count: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(count, 2))


def test_every_vector_is_a_dot_in_the_colour_of_its_label() -> None:
    names = ["_hidden", "$a$", *(f"label {number}" for number in range(11)), ""]
    given = [name for place, name in enumerate(names) for _ in range(40 - place)]
    figure = plots.vectors(places_of(len(given)), [0.5, 0.25], given)
    told = labels(figure)
    assert told[:3] == ["_hidden (40)", "$a$ (39)", "label 0 (38)"]
    assert told[10:] == ["3 others (87)", "no label (27)"]
    drawn = dots(figure)
    assert len(drawn) == 12  # no two look the same
    assert sorted(drawn.values()) == sorted([87, 27, *range(31, 41)])
    assert figure.axes[0].get_xlabel() == "first component, 50.0% of the variance"
    assert figure.axes[0].get_ylabel() == "second component, 25.0% of the variance"


def test_without_labels_all_dots_look_the_same() -> None:
    figure = plots.vectors(places_of(7), [1.0, 0.0])
    assert list(dots(figure).values()) == [7]
    assert figure.axes[0].get_legend() is None


def test_of_many_vectors_some_are_drawn_and_always_the_same_ones(tmp_path: Path) -> None:
    places = places_of(9000)
    drawn = [
        plots.save(plots.vectors(places, [0.5, 0.5], ["a", "b", "c"] * 3000), tmp_path / name)[1]
        for name in "xy"
    ]
    assert drawn[0].read_bytes() == drawn[1].read_bytes()
    figure = plots.vectors(places, [0.5, 0.5], ["a", "b", "c"] * 3000)
    assert sum(dots(figure).values()) == 3000
    assert min(dots(figure).values()) > 900
    assert [text.get_text() for text in figure.axes[0].texts] == ["3,000 of 9,000 texts"]
    assert labels(figure) == ["a (3,000)", "b (3,000)", "c (3,000)"]
