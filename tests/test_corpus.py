"""Texts without labels: of one data set, whatever its format, and of several that are joined."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from unrolled import datasets
from unrolled.datasets import imdb
from unrolled.datasets.corpus import load_corpora, load_corpus
from unrolled.datasets.imdb import reviews as imdb_reviews
from unrolled.errors import DataError

REVIEWS = {
    "train/pos/0_9.txt": "good",
    "train/neg/0_1.txt": "bad",
    "train/unsup/2_0.txt": "later",
    "train/unsup/10_0.txt": "first",
}


@pytest.fixture(autouse=True)
def _reviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unpacked archive without test reviews, so that whoever reads them fails."""
    monkeypatch.setattr(imdb_reviews, "REVIEWS_PER_CLASS", 1)
    monkeypatch.setattr(imdb_reviews, "UNLABELLED_REVIEWS", 2)
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UNROLLED_IMDB", str(tmp_path / "aclImdb"))
    monkeypatch.chdir(tmp_path)
    for name, text in REVIEWS.items():
        write(f"aclImdb/{name}", text)


def write(name: str, content: str) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(content, encoding="utf-8")
    return name


def more() -> str:
    return write("more.csv", "text,stars\none,1\n ,2\nthree,3\n")


def lines() -> str:
    return write("lines.txt", "__label__a four\n\nfive\n")


# --- one data set --------------------------------------------------------------------------------

LABELLED = {
    "a.csv": "text,label\ngood,1\nbad,0\n",
    "b.csv": "phrase;class\ngood;1\nbad;0\n",
    "a.tsv": "label\treview\n1\tgood\n0\tbad\n",
    "a.jsonl": '{"label": ["x", "y"], "text": "good"}\n{"label": [], "text": "bad"}\n',
    "a.ndjson": '{"label": 1, "text": "good"}\n{"label": 0, "text": "bad"}\n',
    "a.txt": "__label__x __label__y good\n__label__x bad\n",
    "a.parquet": "",
}


@pytest.mark.parametrize("name", LABELLED)
def test_a_labelled_file_is_read_without_its_labels(name):
    write(name, LABELLED[name])
    if name == "a.parquet":
        pl.DataFrame({"label": [1, 0], "text": ["good", "bad"]}).write_parquet(name)
    examples, corpus = datasets.load(name), load_corpus(name)
    assert list(corpus.texts) == list(examples.texts) == ["good", "bad"]
    assert [corpus.where(row) for row in range(2)] == [examples.where(row) for row in range(2)]
    assert corpus.targets is None
    assert corpus.source.startswith(f"the file {name} (")
    assert "label" not in corpus.source


def test_every_format_that_is_read_with_labels_is_among_them():
    from unrolled.datasets.files import SUFFIXES

    assert {Path(name).suffix for name in LABELLED} == set(SUFFIXES)


def test_a_label_that_is_missing_costs_no_text():
    path = write("a.csv", "text,label\ngood,1\nbad,0\nfine,\n")
    assert len(datasets.load(path)) == 2
    assert list(load_corpus(path).texts) == ["good", "bad", "fine"]


def test_of_imdb_the_training_reviews():
    corpus = load_corpus("imdb")
    assert sorted(corpus.texts) == ["bad", "good"]
    assert list(corpus.texts) == imdb.load_texts("train")[0]
    assert (corpus.name, corpus.source) == ("imdb", imdb.source())


def test_of_imdb_unlabelled_the_reviews_without_labels():
    corpus = load_corpus("imdb-unlabelled")
    assert list(corpus.texts) == imdb.load_unlabelled() == ["first", "later"]
    assert corpus.name == "imdb-unlabelled"
    assert corpus.source == f"the texts without labels of {imdb.source()}"
    assert corpus.where(1) == "imdb-unlabelled row 2"
    assert corpus.set_aside == ()


@pytest.mark.parametrize("name", ["imdb", "imdb-unlabelled"])
@pytest.mark.parametrize("column", ["text", "target"])
def test_a_built_in_data_set_has_no_columns(name, column):
    with pytest.raises(DataError, match=f"^{name} is built in .* leave out --text and --target$"):
        load_corpus(name, **{column: "a"})


def test_texts_without_labels_are_not_for_a_classifier():
    with pytest.raises(DataError, match=r"no labels to learn; .*`unrolled pretrain` and .*--task"):
        datasets.load("imdb-unlabelled")


def test_a_name_that_is_none():
    for load in (datasets.load, load_corpus):
        with pytest.raises(DataError, match=r"no file and no built-in .* mean 'imdb-unlabelled'"):
            load("imdb-unlabeled")
    with pytest.raises(DataError, match=r"zzz: no file .*; built in: imdb, imdb-unlabelled$"):
        load_corpus("zzz", target="written")


def test_a_row_that_is_not_there():
    corpus = load_corpora([more(), "imdb"])
    for row in (4, -5):
        with pytest.raises(IndexError):
            corpus.where(row)
    assert corpus.where(-4) == "more.csv:2"


# --- several -------------------------------------------------------------------------------------


def test_joined_in_the_order_given():
    data = [Path(more()), "imdb-unlabelled", lines()]
    corpus = load_corpora(data)
    assert list(corpus.texts) == ["one", "three", "first", "later", "four", "five"]
    assert list(load_corpora(data[::-1]).texts) == [
        "four", "five", "first", "later", "one", "three",
    ]  # fmt: skip
    assert len(corpus) == 6
    assert corpus.targets is None
    assert corpus.name == "more.csv, imdb-unlabelled and lines.txt"
    assert corpus.source == (
        "the file more.csv (text 'text'), the texts without labels of the folder "
        f"{Path('aclImdb').absolute()} and the file lines.txt (fastText lines)"
    )


def test_two_are_named_in_words():
    corpus = load_corpora(["imdb", more()])
    assert corpus.source == f"{imdb.source()} and the file more.csv (text 'text')"


def test_every_row_knows_its_own_place():
    corpus = load_corpora([more(), "imdb-unlabelled", "imdb", lines()])
    assert [corpus.where(row) for row in range(len(corpus))] == [
        "more.csv:2", "more.csv:4", "imdb-unlabelled row 1", "imdb-unlabelled row 2",
        "imdb row 1", "imdb row 2", "lines.txt:1", "lines.txt:3",
    ]  # fmt: skip


def test_rows_set_aside_are_those_of_their_file():
    corpus = load_corpora([more(), "imdb", lines()])
    assert [(part.name, list(part.set_aside)) for part in corpus.parts] == [
        ("more.csv", [(3, "the text is empty")]),
        ("imdb", []),
        ("lines.txt", [(2, "the text is empty")]),
    ]


def test_files_of_one_name_are_told_apart_by_their_folders():
    data = [write("2019/a.csv", "text\nold\n"), write("2020/a.csv", "text\n\nnew\n"), more()]
    corpus = load_corpora(data)
    assert corpus.where(0) == f"{Path(data[0])}:2"
    assert corpus.where(1) == f"{Path(data[1])}:3"
    assert corpus.where(2) == "more.csv:2"
    assert [part.name for part in corpus.parts] == [*(str(Path(one)) for one in data[:2]), data[2]]


def test_a_single_one_is_itself():
    assert load_corpora([more()]) == load_corpus(more())
    assert load_corpora(["imdb"]) == load_corpus("imdb")


@pytest.mark.parametrize(
    "second", ["more.csv", "./more.csv", "aclImdb/../more.csv", Path("more.csv"), "link.csv"]
)
def test_the_same_file_twice(second):
    Path("link.csv").symlink_to(more())
    with pytest.raises(DataError, match=r"\.csv: the data set is named twice; name it once$"):
        load_corpora(["more.csv", "imdb", second])


@pytest.mark.parametrize("name", ["imdb", "imdb-unlabelled"])
def test_the_same_built_in_data_set_twice(name):
    with pytest.raises(DataError, match=f"^{name}: the data set is named twice; name it once$"):
        load_corpora([name, more(), name])


def test_none_is_named():
    with pytest.raises(DataError, match="no data set is named"):
        load_corpora([])


def test_a_fault_names_its_file():
    bad = write("bad.csv", "text,stars\none\n")
    with pytest.raises(DataError, match=r"^bad\.csv:2: the row has 1 fields"):
        load_corpora([more(), bad])


# --- the column ----------------------------------------------------------------------------------


def test_the_column_is_that_of_each_file_with_columns():
    corpus = load_corpora(
        ["imdb-unlabelled", write("a.csv", "title,text\nx,y\n"), lines()], text="title"
    )
    assert list(corpus.texts) == ["first", "later", "x", "four", "five"]
    assert corpus.source.count("text 'title'") == 1


def test_a_file_without_the_column_is_named():
    with pytest.raises(DataError, match=r"more\.csv:1: no column 'title' among 'text', 'stars'"):
        load_corpora([write("a.csv", "title,text\nx,y\n"), more()], text="title")


def test_a_column_that_nothing_can_have():
    with pytest.raises(DataError, match=r"imdb is built in and has no columns"):
        load_corpora(["imdb", lines()], text="title")
    with pytest.raises(DataError, match=r"a \.txt file has no columns"):
        load_corpora([lines(), "imdb"], text="title")
