"""Rows streamed from files: what is read is the same as in memory, and hardly anything is held."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unrolled import datasets
from unrolled.datasets import decoding, stream, tables
from unrolled.datasets.files import load_file, read_texts
from unrolled.datasets.stream import CodedLabels, StreamedTexts, open_labelled_rows, open_rows
from unrolled.errors import DataError

KEEP_FIXTURES = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXTS = [
    "plain", 'said "so", twice', "two\nlines", "three\r\nlines\n", "caf\u00e9 \u2028",
    ' \ud55c"\uad6d', "", " \t", "\U0001f600 ;\ttab", "last",
]  # fmt: skip
LABELS = ["pos", "neg", "pos", "", "neg", "pos", "neg", "pos", "pos", "neg"]


def csv_bytes(end: str = "\n", delimiter: str = ",", start: str = "") -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerows([("text", "label"), *zip(TEXTS, LABELS, strict=True)])
    return (start + text.getvalue()).encode("utf-8")


def one_line(text: str) -> str:
    return " ".join(text.split("\n")).replace("\r", "").replace("\t", " ")


def lines_of(texts: list[str]) -> bytes:
    pairs = zip(map(one_line, texts), LABELS, strict=True)
    return "".join(
        f"__label__{label} {text}\n" if label else f"{text}\n" for text, label in pairs
    ).encode()


def json_lines(end: str = "\n") -> bytes:
    rows = [
        {"text": text, "label": label or None} for text, label in zip(TEXTS, LABELS, strict=True)
    ]
    rows[3].pop("label")
    return end.join(json.dumps(row, ensure_ascii=False) for row in rows).encode("utf-8")


def parquet() -> bytes:
    file = io.BytesIO()
    frame = polars.DataFrame({"text": TEXTS, "label": [label or None for label in LABELS]})
    frame.write_parquet(file, row_group_size=3)
    return file.getvalue()


FILES = {
    "a.csv": csv_bytes(),
    "crlf.csv": csv_bytes("\r\n", start="\ufeff"),
    "blank.csv": csv_bytes(start="\n\r\n"),
    "semicolons.csv": csv_bytes(delimiter=";"),
    "unfinished.csv": csv_bytes().removesuffix(b"\n"),
    "quoted.tsv": csv_bytes(delimiter="\t"),
    "plain.tsv": b"text\tlabel\nno quotes\tpos\n\nat all\tneg\r\n",
    "loose.tsv": b'text\tlabel\n"so\tpos\n5" tall\tneg\n"all ""of"" it"\tpos\n',
    "a.jsonl": json_lines(),
    "crlf.ndjson": b"\xef\xbb\xbf" + json_lines("\r\n\r\n"),
    "a.parquet": parquet(),
    "a.txt": lines_of(TEXTS),
    "several.txt": lines_of(TEXTS) + b"\n__label__a __label__b two\n\n__label__b one\n",
    "lists.jsonl": b'{"text": "a", "label": "x"}\n{"text": "b"}\n{"text": "c", "label": ["y"]}\n',
}


@pytest.fixture(params=FILES)
def path(request, tmp_path):
    place = tmp_path / request.param
    place.write_bytes(FILES[request.param])
    return place


@pytest.fixture(params=[1, 2, 7, 64], ids="blocks of {} bytes".format)
def small_blocks(request, monkeypatch):
    monkeypatch.setattr(decoding, "BLOCK", request.param)


def facts(examples: datasets.Examples) -> dict[str, object]:
    return {
        "texts": list(examples.texts),
        "labels": list(examples.labels),
        "lines": list(examples.lines or ()),
        "aside": list(examples.set_aside),
        "counts": examples.label_counts,
        "fingerprint": examples.fingerprint,
        "source": examples.source,
        "several": examples.multi_label,
    }


# --- the same as in memory


def test_streamed_examples_are_those_in_memory(path):
    held, streamed = load_file(path), load_file(path, hold_texts=False)
    assert facts(streamed) == facts(held)
    assert isinstance(held.texts, list)
    assert streamed.is_streamed
    assert not held.is_streamed
    assert [streamed.where(row) for row in range(len(held))] == [
        held.where(row) for row in range(len(held))
    ]


def test_known_rows_of_a_csv_file(tmp_path):
    """What the others are compared with is right itself."""
    (tmp_path / "a.csv").write_bytes(FILES["crlf.csv"])
    examples = load_file(tmp_path / "a.csv", hold_texts=False)
    used = [row for row, text in enumerate(TEXTS) if text.strip() and LABELS[row]]
    assert list(examples.texts) == [TEXTS[row] for row in used]
    assert list(examples.labels) == [LABELS[row] for row in used]
    assert list(examples.lines) == [2, 3, 4, 9, 10, 13, 14]
    assert examples.set_aside == [
        (6, "the label is missing"), (11, "the text is empty"), (12, "the text is empty"),
    ]  # fmt: skip


def test_blocks_of_any_size_give_the_same_rows(path, small_blocks, monkeypatch):
    found = facts(load_file(path, hold_texts=False)), read_texts(path)
    monkeypatch.undo()
    assert found == (facts(load_file(path)), read_texts(path))


@KEEP_FIXTURES
@given(
    texts=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=8),
    block=st.integers(1, 20),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_any_csv_is_read_in_any_blocks(tmp_path, monkeypatch, texts, block, end):
    place = tmp_path / "any.csv"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "n"), *((one, "x") for one in texts)])
    place.write_bytes(text.getvalue().encode("utf-8"))
    monkeypatch.setattr(decoding, "BLOCK", block)
    assert read_texts(place) == texts


def test_a_stream_can_start_anywhere_in_chunks_of_any_size(path):
    rows = open_labelled_rows(path)
    whole = [
        row
        for chunk in rows.chunks()
        for row in zip(chunk.lines, chunk.texts, chunk.labels, strict=True)
    ]
    for start in range(len(whole) + 2):
        for size in (1, 3, 100):
            chunks = list(rows.chunks(start=start, size=size))
            assert all(1 <= len(chunk.texts) <= size for chunk in chunks)
            assert [
                row for chunk in chunks
                for row in zip(chunk.lines, chunk.texts, chunk.labels, strict=True)
            ] == whole[start:]  # fmt: skip
    shares = [chunk.share for chunk in rows.chunks(size=1)]
    assert shares == sorted(shares)
    assert 0 < shares[0] <= shares[-1] == 1


def test_texts_to_predict_keep_blank_rows(path):
    rows = open_rows(path)
    texts = [text for chunk in rows.chunks(size=2) for text in chunk.texts]
    assert texts == read_texts(path)
    assert all(not chunk.labels for chunk in rows.chunks())
    if rows.rows is not None:
        assert rows.rows == len(texts)
    assert len(texts) >= len(load_file(path)) + len(load_file(path).set_aside)


# --- problems


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"text,label\nab\0cd,x\n", ":2: binary data, not text: a zero byte at pos"),
        ("a.csv", b"text,label\na,x\ncaf\xe9,x\n", ":3: not UTF-8: byte 0xe9 at position 18"),
        ("a.csv", b'text,label\n"a\nb",x\nshort\n', ":4: the row has 1 fields"),
        ("a.csv", b'text,label\na,x\n"open,x\nb,y\n', ":3: a double quote opens a field"),
        ("a.tsv", b'text\tlabel\n"so\t0\n"ok" yes\t1\nno label\n', ":4: the row has 1 fields"),
        ("a.tsv", b'text\tlabel\nfine\t1\n"so bad\t0\nso good"\t1\n', ":4: the line is a row, or"),
        ("a.tsv", b'text\tn\n"a\t0\nb"\t1\nmore\t0\nmore\t1\n', ":3: the line is a row, or"),
        ("a.jsonl", b'{"text": "a"}\n\n{"text" 1}\n', ":3: the line is not JSON"),
        ("a.jsonl", b'{"text": "a"}\n{"text": 1}\n', ":2: the text is a number"),
        ("a.txt", "\ufefftext\n".encode("utf-16"), ":1: the file is in UTF-16"),
        ("a.csv", b"\xef\xbb\xbf \n\n", ": the file is empty"),
    ],
)
def test_problems_have_their_places_in_any_blocks(tmp_path, small_blocks, name, content, message):
    place = tmp_path / name
    place.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_texts(place)
    if not message.startswith(":1:"):  # blocks smaller than a byte order mark cannot know it
        assert str(caught.value).startswith(f"{place}{message}")


def test_a_problem_far_into_a_file_is_found_there(tmp_path):
    place = tmp_path / "a.csv"
    rows = b"".join(b"%d,some words of text\n" % row for row in range(100_000))
    place.write_bytes(b"n,text\n" + rows + b"1,caf\xe9\n" + rows)
    with pytest.raises(DataError, match=r"a\.csv:100002: not UTF-8: byte 0xe9 at position 24\d+"):
        read_texts(place)
    assert len(rows) > decoding.BLOCK


def test_a_file_that_changes_is_not_read_on(tmp_path):
    place = tmp_path / "a.csv"
    place.write_bytes(FILES["a.csv"])
    examples = load_file(place, hold_texts=False)
    place.write_bytes(FILES["a.csv"] + b"more,pos\n")
    with pytest.raises(DataError, match="has changed since it was opened"):
        list(examples.texts)
    chunks = open_rows(place).chunks()
    next(chunks)
    os.utime(place, ns=(1, 1))
    with pytest.raises(DataError, match="has changed"):
        next(chunks)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
def test_a_pipe_is_refused_before_it_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match="is a pipe or a device"):
        open_rows(tmp_path / "pipe.csv")


# --- texts that stay in their file


@pytest.fixture
def numbered(tmp_path):
    """20,000 rows whose text is their number; every tenth is empty."""
    place = tmp_path / "numbered.csv"
    texts = ["" if row % 10 == 0 else str(row) for row in range(20_000)]
    place.write_text("text,label\n" + "".join(f'"{t}",{i % 3}\n' for i, t in enumerate(texts)))
    return load_file(place, hold_texts=False), [text for text in texts if text]


def test_streamed_texts_are_a_sequence(numbered):
    examples, texts = numbered
    assert isinstance(examples.texts, StreamedTexts)
    assert len(examples.texts) == len(texts) == 18_000
    for index in (0, 1, 9_000, 17_999, -1, -18_000):
        assert examples.texts[index] == texts[index]
    for index in (18_000, -18_001):
        with pytest.raises(IndexError):
            _ = examples.texts[index]
    assert list(examples.texts[10_000:10:-999]) == texts[10_000:10:-999]
    assert list(examples.texts.take([])) == []
    assert "7" in examples.texts


@pytest.mark.parametrize("window", [1, 5, 1 << 16])
def test_rows_are_taken_in_any_order(numbered, monkeypatch, window):
    monkeypatch.setattr(stream, "_WINDOW", window)
    examples, texts = numbered
    wanted = [17_999, 3, 3, 12_345, 0, 9_999, 10_000, 1]
    assert list(examples.texts.take(wanted)) == [texts[index] for index in wanted]
    taken = examples.take(np.array(wanted))
    assert list(taken.texts) == [texts[index] for index in wanted]
    assert list(taken.labels) == [str(int(texts[index]) % 3) for index in wanted]
    assert taken.where(1) == f"numbered.csv:{int(texts[3]) + 2}"
    assert taken.is_streamed
    twice = taken.take([3, 0])
    assert list(twice.texts) == [texts[12_345], texts[17_999]]


def test_no_more_is_read_than_is_needed(numbered, monkeypatch):
    examples, _ = numbered
    given_rows = []
    read = stream.RowStream.chunks

    def counted(self, **options):
        for chunk in read(self, **options):
            given_rows.append(len(chunk.texts))
            yield chunk

    monkeypatch.setattr(stream.RowStream, "chunks", counted)
    assert list(examples.texts.take([2, 1])) == ["3", "2"]
    assert sum(given_rows) == tables.BATCH
    given_rows.clear()
    assert examples.texts[-1] == "19999"
    assert given_rows == [1]


def test_coded_labels_are_a_sequence():
    labels = CodedLabels(np.array([1, 0, 1], np.int32), ["a", ("b", "c")])
    assert list(labels) == [("b", "c"), "a", ("b", "c")]
    assert labels[1] == "a"
    assert labels[-1] == ("b", "c")
    assert list(labels[1:]) == list(labels.take([1, 2])) == ["a", ("b", "c")]
    with pytest.raises(IndexError):
        _ = labels[3]


# --- what is in memory


def test_large_files_are_streamed(tmp_path, monkeypatch):
    place = tmp_path / "a.csv"
    place.write_bytes(FILES["a.csv"])
    assert not datasets.load(place).is_streamed
    monkeypatch.setattr(datasets, "LARGE_FILE", 10)
    assert datasets.load(place).is_streamed
    with pytest.raises(DataError, match="there is no such file"):
        datasets.load(tmp_path / "b.csv")


GROWTH = """
import sys
from pathlib import Path
from unrolled.datasets.files import load_file
small, large, held = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "held"

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

count = sum(1 for _ in load_file(small, hold_texts=held).texts)
before = peak()
count = sum(1 for _ in load_file(large, hold_texts=held).texts)
print(count, peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell")
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_memory_does_not_grow_with_the_texts(tmp_path, suffix):
    def write(count: int) -> Path:
        frame = polars.DataFrame({"text": [f"row {row} " + "word " * 120 for row in range(count)]})
        frame = frame.with_columns(label=polars.col("text").str.slice(4, 1))
        place = tmp_path / f"{count}{suffix}"
        {".csv": frame.write_csv, ".jsonl": frame.write_ndjson}.get(
            suffix, lambda to: frame.write_parquet(to, row_group_size=10_000)
        )(place)
        return place

    small, large = write(20_000), write(80_000)  # 12 MB and 49 MB of text
    growth = {}
    for how in ("held", "streamed"):
        done = subprocess.run(
            [sys.executable, "-c", GROWTH, str(small), str(large), how],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        count, growth[how] = map(int, done.stdout.split())
        assert count == 80_000
    assert growth["held"] > 60_000 * 600
    assert growth["streamed"] < 60_000 * 300
