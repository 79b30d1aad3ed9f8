"""``unrolled predict --keep``: the named columns stand unchanged in front of the labels."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path

import polars
import pytest

from unrolled.cli import main
from unrolled.cli.row_progress import RowProgress
from unrolled.datasets.kept import Column
from unrolled.datasets.stream import RowStream, open_rows
from unrolled.errors import DataError
from unrolled.model import TextClassifier
from unrolled.recipe import load_recipe
from unrolled.scoring.formats import FORMATS

ROWS = 25
HOSTILE = 'a "name",\twith\nlines'
IN_FIELDS = ["label", "probability", "unknown_share", "was_cut", "text"]
WRITTEN = [*IN_FIELDS, "probabilities"]


def ids() -> list[str]:
    odd = ["007", "", ' "quoted", ', "two\nlines", "\ttab\t", "__label__x", "\ud55c\uad6d", "="]
    return odd + [f"{number:03}" for number in range(len(odd), ROWS)]


def numbers() -> list[int | None]:
    return [None if row % 7 == 3 else 2**62 + row for row in range(ROWS)]


def texts() -> list[str]:
    return [("good warm", "bad slow")[row % 2] for row in range(ROWS)]


FRAME = polars.DataFrame({HOSTILE: ids(), "n": numbers(), "review": texts()})
KEEP = ["--keep", "n", "--keep", HOSTILE]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    place = tmp_path_factory.mktemp("model") / "model"
    recipe = load_recipe("small", ["training.epochs=2"])
    words = {"good": "wonderful warm good", "bad": "dull slow bad"}
    rows = [(word, label) for label, every in words.items() for word in every.split()] * 20
    TextClassifier(recipe).fit(*map(list, zip(*rows, strict=True))).save(place)
    return place


@pytest.fixture(autouse=True)
def place(model, tmp_path, monkeypatch):
    """A folder in which the test runs, with the model and chunks of 10 rows."""
    (tmp_path / "model").symlink_to(model)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(RowStream.chunks.__kwdefaults__, "size", 10)
    return tmp_path


def write(frame: polars.DataFrame, name: str) -> None:
    {
        ".csv": frame.write_csv,
        ".tsv": lambda to: frame.write_csv(to, separator="\t", quote_style="always"),
        ".jsonl": frame.write_ndjson,
        ".ndjson": frame.write_ndjson,
        ".parquet": frame.write_parquet,
    }[Path(name).suffix](name)


def predict(*options: str, code: int = 0) -> None:
    assert main(["predict", "model", *options]) == code


def rows_of(name: str) -> list[dict[str, object]]:
    """As another program reads them, each with its columns in their order."""
    suffix = Path(name).suffix
    if suffix == ".parquet":
        return polars.read_parquet(name).to_dicts()
    text = Path(name).read_bytes().decode("utf-8")
    if suffix == ".json":
        return json.loads(text)
    if suffix in (".jsonl", ".ndjson"):
        return [json.loads(line) for line in text.splitlines()]
    delimiter = "," if suffix == ".csv" else "\t"
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


def values(name: str, column: str) -> list[object]:
    return [row[column] for row in rows_of(name)]


def contents(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}


# --- from every format to every format


@pytest.mark.parametrize("source", ["a.csv", "a.tsv", "a.jsonl", "a.ndjson", "a.parquet"])
@pytest.mark.parametrize("output", [f"b{suffix}" for suffix in FORMATS])
def test_columns_come_first_and_unchanged(source, output):
    write(FRAME, source)
    predict("--input", source, "--output", output, *KEEP)
    names = list(rows_of(output)[0])
    assert names[:2] == ["n", HOSTILE]
    is_text = output.endswith(("csv", "tsv"))
    assert sorted(names[2:]) == sorted(IN_FIELDS if is_text else WRITTEN)
    assert values(output, "text") == texts()
    assert values(output, HOSTILE) == ids()
    has_types = source.endswith(("jsonl", "ndjson", "parquet"))
    if has_types and not is_text:
        assert values(output, "n") == numbers()
    else:
        assert values(output, "n") == ["" if one is None else str(one) for one in numbers()]
    if output == "b.parquet":
        number = polars.Int64 if has_types else polars.String
        types = polars.read_parquet_schema(output)
        assert list(types.items())[:2] == [("n", number), (HOSTILE, polars.String)]


def test_without_the_option_nothing_is_kept():
    write(FRAME, "a.csv")
    predict("--input", "a.csv", "--output", "b.csv")
    assert Path("b.csv").read_text().startswith("label,probability,unknown_share,was_cut,text\n")


def test_the_texts_themselves_and_a_name_in_other_letters():
    write(FRAME, "a.parquet")
    predict("--input", "a.parquet", "--output", "b.csv", "--keep", "N", "--keep", "review")
    assert list(rows_of("b.csv")[0])[:3] == ["n", "review", "label"]
    assert values("b.csv", "review") == values("b.csv", "text") == texts()


def test_printed_as_json(capsys):
    write(FRAME, "a.jsonl")
    predict("--input", "a.jsonl", "--json", *KEEP)
    answers = json.loads(capsys.readouterr().out)
    assert [answer["n"] for answer in answers] == numbers()
    assert list(answers[0])[:3] == ["n", HOSTILE, "text"]


# --- values that not every format has

EVERY = polars.DataFrame(
    {
        "small": polars.Series([1, None, 255], dtype=polars.UInt8),
        "when": polars.Series([1, None, 3]).cast(polars.Datetime("ns", "Asia/Seoul")),
        "day": [date(2024, 2, 29), None, date(1, 1, 1)],
        "hour": [time(1, 2, 3, 4), None, time(0)],
        "span": [timedelta(1, 2), None, timedelta(0)],
        "price": [Decimal("1.10"), None, Decimal("-0.01")],
        "kind": polars.Series(["x", None, "y"], dtype=polars.Categorical),
        "size": polars.Series(["S", None, "L"], dtype=polars.Enum(["S", "L"])),
        "ratio": [1.5, float("nan"), float("inf")],
        "tags": [["a", "b\n"], None, []],
        "parts": [{"at": date(2024, 1, 1), "n": 1}, None, {"at": None, "n": 2}],
        "pair": polars.Series([[1, 2], None, [3, 4]], dtype=polars.Array(polars.Int8, 2)),
        "nothing": polars.Series([None, None, None], dtype=polars.Null),
        "flag": [True, None, False],
        "*": [1, 2, 3],
        "^.*$": [4, 5, 6],
        "": [7, 8, 9],
        "text": ["good", "bad", "warm"],
    }
)
AS_JSON = {
    "when": ["1970-01-01T09:00:00.000000001+09:00", None, "1970-01-01T09:00:00.000000003+09:00"],
    "day": ["2024-02-29", None, "0001-01-01"],
    "hour": ["01:02:03.000004", None, "00:00:00"],
    "span": ["P1DT2S", None, "PT0S"],
    "price": ["1.10", None, "-0.01"],
    "ratio": [1.5, None, None],
    "parts": [{"at": "2024-01-01", "n": 1}, None, {"at": None, "n": 2}],
}


def keep_all(frame: polars.DataFrame) -> list[str]:
    names = (name for name in frame.columns if name != "text")
    return [option for name in names for option in ("--keep", name)]


def test_parquet_keeps_every_type():
    many = polars.concat([EVERY] * 9).with_columns(blob=polars.lit(b"\xff"))
    many.write_parquet("a.parquet")
    predict("--input", "a.parquet", "--output", "b.parquet", *keep_all(many))
    kept = polars.read_parquet("b.parquet")
    assert kept.columns == [name for name in many.columns if name != "text"] + [
        "label", "probability", "unknown_share", "was_cut", "probabilities", "text",
    ]  # fmt: skip
    for name in many.columns:
        assert kept[name].dtype == many[name].dtype
        assert kept[name].equals(many[name], null_equal=True), name


def test_what_json_lacks_is_text_or_null():
    EVERY.write_parquet("a.parquet")
    predict("--input", "a.parquet", "--output", "b.jsonl", *keep_all(EVERY))
    for name in EVERY.columns:
        assert values("b.jsonl", name) == AS_JSON.get(name, EVERY[name].to_list()), name


def test_what_csv_lacks_is_json():
    EVERY.write_parquet("a.parquet")
    predict("--input", "a.parquet", "--output", "b.csv", *keep_all(EVERY))
    assert values("b.csv", "tags") == ['["a", "b\\n"]', "", "[]"]
    assert values("b.csv", "flag") == ["true", "", "false"]
    assert values("b.csv", "price") == ["1.10", "", "-0.01"]
    assert values("b.csv", "parts")[0] == '{"at": "2024-01-01", "n": 1}'


OBJECTS = [
    {"text": "good", "nested": {"b": [1, {"a": None}], "a": "\ud55c"}, "mixed": 1, "half": 1},
    {"text": "bad", "mixed": "1", "half": 2.5, "huge": 2**64, "wide": 2**53 + 1, "cut": "x\ud800"},
    {"text": "warm", "nested": [], "mixed": False, "half": None, "huge": 1, "wide": 0.5},
]


def write_objects() -> list[str]:
    Path("a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in OBJECTS * 5))
    names = ("nested", "mixed", "half", "huge", "wide", "cut")
    return ["--input", "a.jsonl", *(option for name in names for option in ("--keep", name))]


def test_json_of_any_shape_is_kept_as_it_is():
    predict(*write_objects(), "--output", "b.jsonl")
    rows = rows_of("b.jsonl")[:3]
    for row, given in zip(rows, OBJECTS, strict=True):
        expected = {name: given.get(name) for name in ("nested", "mixed", "half", "huge", "wide")}
        assert {name: row[name] for name in expected} == expected
        assert [type(row[name]) for name in expected] == [type(one) for one in expected.values()]
    assert [row["cut"] for row in rows] == [None, "x\ufffd", None]  # half a character


def test_a_column_of_several_types_is_text_in_parquet():
    """Decided by the whole file: the first chunk need not show it."""
    predict(*write_objects(), "--output", "b.parquet")
    kept = polars.read_parquet("b.parquet")[:3]
    assert kept["nested"].to_list() == ['{"b": [1, {"a": null}], "a": "\ud55c"}', None, "[]"]
    assert kept["mixed"].to_list() == ["1", "1", "false"]
    assert kept["huge"].to_list() == [None, str(2**64), "1"]
    assert kept["wide"].to_list() == [None, str(2**53 + 1), "0.5"]  # no float has both
    assert kept["half"].to_list() == [1.0, 2.5, None]
    assert kept["cut"].to_list() == [None, "x\ufffd", None]


def test_types_do_not_depend_on_the_chunk():
    rows = [{"text": "good", "id": None, "none": None}] * 20 + [{"text": "bad", "id": 5}]
    Path("a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    predict("--input", "a.jsonl", "--output", "b.parquet", "--keep", "id", "--keep", "none")
    kept = polars.read_parquet("b.parquet")
    assert kept["id"].to_list() == [None] * 20 + [5]
    assert kept["id"].dtype == polars.Int64
    assert kept["none"].null_count() == 21


def test_bytes_are_kept_by_parquet_alone(capsys):
    polars.DataFrame({"text": ["good"], "blob": [b"\xff"]}).write_parquet("a.parquet")
    predict("--input", "a.parquet", "--output", "b.csv", "--keep", "blob", code=2)
    assert "a.parquet, column 'blob': bytes values are kept by parquet" in capsys.readouterr().err
    assert not Path("b.csv").exists()


def test_a_value_that_is_nested_too_deeply():
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(DataError, match=r"a\.jsonl, column 'x': a value is nested too deeply"):
        Column("a.jsonl, column 'x'", [value], object).as_json()


# --- a chunk at a time


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_columns_are_read_with_their_texts_from_anywhere(name):
    write(FRAME, name)
    stream = open_rows(name, keep=["n", HOSTILE])
    assert stream.kept == ["n", HOSTILE]
    for start in (0, 7, ROWS):
        chunks = list(stream.chunks(start=start, size=4))
        assert all(len(some.kept[HOSTILE].values) == len(some.texts) <= 4 for some in chunks)
        found = [one for some in chunks for one in some.kept[HOSTILE].as_texts()]
        assert found == ids()[start:]


# --- many files


def test_each_file_of_a_folder_has_its_columns_of_its_own_types():
    Path("in").mkdir()
    write(FRAME, "in/a.parquet")
    write(FRAME.select("review", "n", polars.col(HOSTILE).cast(polars.Categorical)), "in/b.parquet")
    write(FRAME[:0], "in/c.parquet")
    write(FRAME, "in/d.csv")
    write(FRAME[:0], "in/e.csv")
    predict("--input", "in", "--output", "out", *KEEP)
    for name in "abc":
        columns = polars.read_parquet_schema(f"out/{name}.parquet")
        text = polars.Categorical if name == "b" else polars.String
        assert list(columns.items())[:2] == [("n", polars.Int64), (HOSTILE, text)]
    assert values("out/b.parquet", HOSTILE) == values("out/d.csv", HOSTILE) == ids()
    assert rows_of("out/c.parquet") == rows_of("out/e.csv") == []
    predict("--input", "in/d.csv", "--output", "d.csv", *KEEP)
    assert Path("d.csv").read_bytes() == Path("out/d.csv").read_bytes()


# --- interruptions


def interrupt_at(monkeypatch, rows: int) -> None:
    def update(self: RowProgress, done: int, share: float) -> None:
        if done >= rows:
            raise KeyboardInterrupt

    monkeypatch.setattr(RowProgress, "update", update)


@pytest.mark.parametrize("output", ["b.csv", "b.json", "b.parquet"])
def test_an_interrupted_run_is_gone_on_with(monkeypatch, capsys, output):
    write(FRAME, "a.parquet")
    predict("--input", "a.parquet", "--output", f"whole.{output}", *KEEP)
    with monkeypatch.context() as patch:
        interrupt_at(patch, 20)
        predict("--input", "a.parquet", "--output", output, *KEEP, code=130)
    predict("--input", "a.parquet", "--output", output, *KEEP)
    assert "going on after 20 rows" in capsys.readouterr().err
    assert Path(output).read_bytes() == Path(f"whole.{output}").read_bytes()


@pytest.mark.parametrize("other", [[], ["--keep", "n"], [*KEEP[2:], *KEEP[:2]]])
def test_other_columns_are_another_run(monkeypatch, capsys, other):
    write(FRAME, "a.csv")
    with monkeypatch.context() as patch:
        interrupt_at(patch, 20)
        predict("--input", "a.csv", "--output", "b.csv", *KEEP, code=130)
    predict("--input", "a.csv", "--output", "b.csv", *other)
    told = capsys.readouterr().err
    assert "20 finished rows dropped, since the columns kept changed; beginning anew" in told
    predict("--input", "a.csv", "--output", "c.csv", *other)
    assert Path("b.csv").read_bytes() == Path("c.csv").read_bytes()


def test_finished_files_of_a_folder_are_written_anew_with_other_columns(monkeypatch, capsys):
    Path("in").mkdir()
    for name in ("a", "b"):
        write(FRAME, f"in/{name}.csv")
    with monkeypatch.context() as patch:
        interrupt_at(patch, 45)
        predict("--input", "in", "--output", "out", *KEEP, code=130)
    predict("--input", "in", "--output", "out", "--keep", "n")
    told = capsys.readouterr().err
    assert "out: finished files are written anew, since the columns kept changed" in told
    predict("--input", "in", "--output", "new", "--keep", "n")
    assert contents("out") == contents("new")


# --- what is refused


def test_what_cannot_be_kept_is_said_in_a_line_before_the_work(capsys):
    write(FRAME, "a.csv")
    FRAME.rename({"n": "label", "review": "text"}).write_parquet("labelled.parquet")
    Path("lines.txt").write_text("good\n")
    Path("in").mkdir()
    Path("in/lines.txt").write_text("__label__x good\n")
    into = ["--output", "b.csv"]
    for options, words in (
        (["--input", "a.csv", *into, "--keep", "reviews"], "did you mean 'review'?"),
        (["--input", "a.csv", *into, *KEEP, "--keep", "N"], "'n' is to be kept twice; name it"),
        (
            ["--input", "labelled.parquet", *into, "--keep", "label"],
            "'label' cannot be kept",
        ),
        (["--input", "labelled.parquet", *into, "--keep", "Text"], "'text' cannot be kept"),
        (["--input", "lines.txt", *into, "--keep", "id"], "a .txt file has no columns; leave out"),
        (["--input", "in", "--output", "out", "--keep", "id"], "lines.txt: a .txt file has no col"),
        (["--input", "a.csv", "--output", "b.txt", *KEEP], "--keep: b.txt has lines without col"),
        (["--input", "a.csv", "--output", "b", *KEEP], "--keep: b has lines without columns"),
        (["--input", "a.csv", *KEEP], "--keep: standard output has lines without columns"),
        (["good", *into, *KEEP], "--keep is for columns of a file; name it with --input"),
        (["-", "--json", *KEEP], "--keep is for columns of a file; name it with --input"),
    ):
        predict(*options, code=2)
        printed = capsys.readouterr()
        assert printed.out == ""
        assert len(printed.err.splitlines()) == 1, printed.err
        assert words in printed.err
    assert sorted(path.name for path in Path().iterdir()) == [
        "a.csv", "in", "labelled.parquet", "lines.txt", "model",
    ]  # fmt: skip
