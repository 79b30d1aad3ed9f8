"""Files that are not UTF-8: the lines are named and the encoding is guessed from real sentences."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from unrolled.datasets.doctor.encodings import find_undecodable, likely_encoding
from unrolled.datasets.doctor.refusals import refusal
from unrolled.errors import DataError

KOREAN = """text,label
이 영화는 정말 재미있었어요. 배우들의 연기도 훌륭했습니다.,긍정
시간이 아까웠다.,부정
"""
JAPANESE = """text,label
この映画はとても面白かったです。俳優の演技も素晴らしい。,良い
時間の無駄でした。もう二度と見ません。,悪い
"""
SIMPLIFIED = """text,label
这部电影非常好看,我很喜欢。演员的表演也很出色。,好
浪费时间,再也不会看了。,坏
"""
TRADITIONAL = """text,label
這部電影非常好看,我很喜歡。演員的表演也很出色。,好
浪費時間,再也不會看了。,壞
"""
RUSSIAN = """text,label
Этот фильм мне понравился. Прекрасная игра актёров.,да
Скучный сюжет и слабые диалоги.,нет
"""
GERMAN = """text,label
Ein schöner Film, über den man lange nachdenkt.,gut
Größer geht\u2019s nicht.,nein
"""
FRENCH = """text,label
Un très beau film, j\u2019ai adoré l\u2019été à la plage.,oui
Pas très réussi…,non
"""
ENGLISH = """text,label
A film I liked.,good
A waste of time.,bad
"""


@pytest.mark.parametrize(
    ("text", "encoding", "name"),
    [
        (KOREAN, "cp949", "CP949"),
        (KOREAN, "euc_kr", "CP949"),
        (JAPANESE, "shift_jis", "CP932"),
        (JAPANESE, "euc_jp", "EUC-JP"),
        (SIMPLIFIED, "gb18030", "GB18030"),
        (TRADITIONAL, "big5", "BIG5"),
        (RUSSIAN, "cp1251", "WINDOWS-1251"),
        (RUSSIAN, "koi8_r", "KOI8-R"),
        (GERMAN, "cp1252", "WINDOWS-1252"),
        (GERMAN.replace("\u2019", "'"), "latin-1", "WINDOWS-1252"),
        (FRENCH, "cp1252", "WINDOWS-1252"),
        *[(text, "utf-16", "UTF-16") for text in (KOREAN, ENGLISH)],
        *[(text, "utf-16-le", "UTF-16LE") for text in (KOREAN, JAPANESE, ENGLISH)],
        *[(text, "utf-16-be", "UTF-16BE") for text in (KOREAN, JAPANESE, ENGLISH)],
        (ENGLISH, "utf-32", "UTF-32"),
    ],
)
def test_the_encoding_is_guessed_and_iconv_reads_it(text, encoding, name, tmp_path):
    data = text.encode(encoding)
    assert likely_encoding(data) == name
    assert data.decode(name) == text
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    finding = refusal(path, DataError("not used"))
    assert finding.severity == "stops"
    assert finding.what.endswith(f"the file looks like {name}")
    assert finding.advice == (
        f"convert it: iconv -f {name} -t UTF-8 '{path}' > '{tmp_path / 'a-utf8.csv'}'"
    )


@pytest.mark.parametrize("text", [KOREAN, JAPANESE, SIMPLIFIED, TRADITIONAL, RUSSIAN, FRENCH])
def test_single_lines_are_enough_and_ascii_around_them_changes_nothing(text):
    encoding = {KOREAN: "CP949", JAPANESE: "CP932", SIMPLIFIED: "GB18030", TRADITIONAL: "BIG5",
                RUSSIAN: "WINDOWS-1251", FRENCH: "WINDOWS-1252"}[text]  # fmt: skip
    line = text.splitlines()[1]
    assert likely_encoding(line.encode(encoding)) == encoding
    assert (
        likely_encoding((ENGLISH * 100 + line + "\n" + ENGLISH * 100).encode(encoding)) == encoding
    )


def test_what_no_one_can_guess_is_not_guessed():
    assert likely_encoding(b"\x80\x81\xff\xfe\xfa\n") is None
    draw = random.Random(0)
    guesses = [likely_encoding(draw.randbytes(300)) for _ in range(50)]
    assert guesses == [None] * 50


def test_faulty_lines_are_counted_and_the_first_are_named(tmp_path):
    path = tmp_path / "a.csv"
    lines = [f"{row} 정말 좋은 영화 é,a".encode() for row in range(100)]
    for row in (6, *range(50, 70)):
        lines[row] = b"caf\xe9 noir,a"
    path.write_bytes(b"\r\n".join(lines))
    finding = find_undecodable(path)
    assert finding.count == 21
    assert finding.examples[:2] == (("a.csv:7", "byte 0xe9"), ("a.csv:51", "byte 0xe9"))
    assert len(finding.examples) == 10
    assert finding.what == "21 lines of a.csv are not UTF-8 text, while the others are"
    assert finding.advice == "write these lines anew"


def test_good_files_have_no_faulty_line(tmp_path):
    path = tmp_path / "a.csv"
    for text in (KOREAN, "\ufeff" + GERMAN, ENGLISH, ""):
        path.write_text(text, encoding="utf-8")
        assert find_undecodable(path) is None


def test_one_faulty_byte_in_a_line_of_ten_megabytes(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,label\n" + b"word " * 2_000_000 + b"\xff,a\nfine,b\n")
    finding = find_undecodable(path)
    assert (finding.count, finding.examples) == (1, (("a.csv:2", "byte 0xff"),))
    assert len(finding.what + finding.advice) < 300


def test_a_binary_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + random.Random(0).randbytes(500))
    finding = find_undecodable(path)
    assert "looks like" not in finding.what
    assert finding.advice == "save the file as UTF-8, from the program that wrote it"


def test_zero_bytes_in_a_file_that_is_utf8_otherwise(tmp_path):
    path = tmp_path / "a.csv"
    rows = (f"좋은\0영화 {row},긍정\n나쁜 영화,부정\n" for row in range(9))
    for text in ("text,label\n" + "".join(rows), "text,label\n" + "good\0 1,p\nbad 1,n\n" * 40):
        path.write_text(text, encoding="utf-8")
        finding = find_undecodable(path)
        assert finding.count == text.count("\0")
        assert finding.examples[0] == ("a.csv:2", "a zero byte")
        assert finding.what == f"{finding.count} lines of a.csv with zero bytes, which no text has"
        clean = tmp_path / "a-clean.csv"
        assert finding.advice == f"take them out: tr -d '\\000' < '{path}' > '{clean}'"


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        find_undecodable(tmp_path / "gone.csv")


def test_other_refusals_keep_their_place_and_advice(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,b,c\n")
    finding = refusal(path, DataError(f"{path}:2: the row has 3 fields; a text needs quotes; so"))
    assert (finding.kind, finding.severity) == ("unreadable", "stops")
    assert finding.what == "the row has 3 fields"
    assert finding.examples == (("a.csv:2", ""),)
    assert finding.advice == "a text needs quotes; so"
    finding = refusal(path, DataError("something else"))
    assert (finding.what, finding.examples) == ("something else", ())
    assert finding.advice == "mend the file and check it again"
    assert refusal(Path("a.parquet"), DataError("a.parquet: bad")).examples == (("a.parquet", ""),)
