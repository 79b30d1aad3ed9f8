"""The report of a model that writes: what it shows, and how it looks in a browser."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from unrolled import TextWriter, bundle
from unrolled.cli import main
from unrolled.report.folder import rewrite_report
from unrolled.report.writer_page import LONGEST_SAMPLE

from .browser import chromium, fresh_page

QUICK = (
    "network.units=8", "network.embedding_size=8", "text.min_count=1", "training.epochs=2",
    "training.batch_size=16",
)  # fmt: skip
WORDS = ["one", "two", "three", "four"]


def texts() -> list[str]:
    draw = random.Random(2)
    plain = [" ".join(draw.choices(WORDS, k=draw.randint(1, 5))) for _ in range(90)]
    return plain + ["<b>one</b> & 한국어 two", "one " * 300] * 15


def train(place: Path, *arguments: str) -> Path:
    data, out = place / "lines.txt", place / "model"
    data.write_text("\n".join(texts()) + "\n", encoding="utf-8")
    settings = [part for setting in QUICK for part in ("--set", setting)]
    assert main(["train", str(data), "--out", str(out), *settings, *arguments]) == 0
    return out


@pytest.fixture(scope="module")
def echo(tmp_path_factory) -> Path:
    return train(tmp_path_factory.mktemp("echo"), "--task", "autoencoder")


@pytest.fixture(scope="module")
def speaker(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("speaker")
    return train(place, "--task", "language-model", "--set", "writing.direction=backward")


def page_of(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def test_the_page_of_an_autoencoder_has_every_section(echo):
    page, metrics = page_of(echo), TextWriter.load(echo).metrics_
    assert page.count('<svg class="plot"') == 5
    for words in (
        "reads a text into one vector and writes the same text again", "What it writes",
        f"<b>{metrics['val_perplexity']:.4g}</b>validation perplexity",
        f"<b>{metrics['val_accuracy']:.1%}</b>token accuracy", "exact match, of 24 texts",
        "edit distance, mean of 24 texts", "encoder/lstm (LSTM)", "writing.target",
        "How long the texts are that it reads", "MB of memory at most", "the file lines.txt",
    ):  # fmt: skip
        assert words in page
    assert len(re.findall(r"<tr( class=\"exact\")?>\s*<td class=\"said\"", page)) == 20
    assert sorted(path.name for path in (echo / "plots").iterdir()) == [
        f"{name}.{suffix}"
        for name in ("curves", "lengths-read", "lengths-written")
        for suffix in ("png", "svg")
    ]


def test_texts_are_escaped_and_cut(echo):
    page = page_of(echo)
    assert "&lt;b&gt;one&lt;/b&gt; &amp; 한국어 two" in page
    assert "<b>one" not in page
    said = re.findall(r'dir="auto">([^<]*)</span>', page)
    assert max(map(len, said)) == LONGEST_SAMPLE + 1  # it ends in a space, and has an ellipsis
    assert any(text.startswith("one one one") and text.endswith(" …") for text in said)


def test_the_page_of_a_language_model_shows_halves_and_how_they_go_on(speaker):
    page = page_of(speaker)
    assert page.count('<svg class="plot"') == 4
    assert "foresees the previous one of the words" in page
    for words in ("How it goes on", "what comes before", "written with 4 beams"):
        assert words in page
    for words in ("exact match", "Exact and edit", "encoder/"):
        assert words not in page


def test_a_report_is_written_again_as_it_was(echo, speaker):
    for folder in (echo, speaker):
        before = page_of(folder)
        (folder / "report.html").unlink()
        plot = (folder / "plots/curves.svg").read_bytes()
        (folder / "plots/curves.svg").unlink()
        assert rewrite_report(folder) == folder / "report.html"
        assert page_of(folder) == before
        assert (folder / "plots/curves.svg").read_bytes() == plot
        assert bundle.read(folder).report == before


def test_a_model_that_no_command_trained_has_a_page_without_samples(tmp_path):
    settings = {"network.units": 4, "network.embedding_size": 4, "training.epochs": 1}
    TextWriter(settings=settings).fit(texts(), out=tmp_path / "mine")
    page = rewrite_report(tmp_path / "mine").read_text(encoding="utf-8")
    assert "validation perplexity" in page
    assert "What it writes" not in page


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.mark.parametrize("width", [400, 1400])
def test_it_fits_a_narrow_and_a_wide_window(echo, browser, width):
    with fresh_page(browser, width=width) as watched:
        watched.page.goto((echo / "report.html").as_uri())
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
        heads = watched.page.locator(".samples thead")
        assert heads.evaluate("element => getComputedStyle(element).position") == (
            "absolute" if width == 400 else "static"
        )
        assert len(watched.requests) == 1
        assert not watched.complaints
