"""Files that are not UTF-8: which lines, which encoding it likely is, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unrolled.datasets.doctor.findings import EXAMPLES, Finding, counted
from unrolled.errors import DataError

_SAMPLE = 1 << 16  # bytes that a guess is made from
_ZERO = "a zero byte"
_MARKS = {  # the longer first: UTF-32's begins with UTF-16's
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_KANA = frozenset(map(chr, (*range(0x3041, 0x3097), *range(0x30A1, 0x30FD), 0x3001, 0x3002)))
_IDEOGRAPHS = frozenset(map(chr, range(0x4E00, 0xA000)))
_SECOND_BYTES = bytes((*range(0x40, 0x7F), *range(0xA1, 0xFF)))  # of two-byte encodings


def _table(encoding: str, first_bytes: range) -> frozenset[str]:
    """Characters of the rows of a two-byte encoding in which the common ones stand."""
    pairs = (bytes([first, second]) for first in first_bytes for second in _SECOND_BYTES)
    return frozenset(pair.decode(encoding, "ignore") for pair in pairs) - {""}


@dataclass(frozen=True)
class _Candidate:
    """An encoding, and what the characters beyond ASCII of texts in it are like.

    expected: what at least the share ``least`` of them are; most: whether most letters are such,
    as in Russian, or few, as in German; None: either, since pairs of bytes tell enough.
    """

    name: str
    expected: frozenset[str]
    least: float
    most: bool | None = None

    def fits(self, sample: bytes) -> bool:
        """Whether the sample is likely a text in this encoding."""
        try:
            letters = [c for c in sample.decode(self.name) if c.isalpha() or not c.isascii()]
        except UnicodeDecodeError:
            return False
        foreign = [letter for letter in letters if not letter.isascii()]
        are_most = 2 * len(foreign) >= len(letters)
        hits = sum(letter in self.expected for letter in foreign)
        return self.most in (None, are_most) and hits >= self.least * len(foreign)


def _candidates() -> Iterator[_Candidate]:
    """The more telling first: what a text in one encoding looks like in a later one means less."""
    yield _Candidate("EUC-JP", _KANA, 0.3)
    yield _Candidate("CP932", _KANA, 0.3)
    yield _Candidate("CP949", _table("euc_kr", range(0xB0, 0xC9)), 0.85)
    yield _Candidate("GB18030", _table("gb2312", range(0xB0, 0xD8)) | _punctuation("gb2312"), 0.8)
    yield _Candidate("BIG5", _table("big5", range(0xA4, 0xC7)) | _punctuation("big5"), 0.6)
    small = frozenset("абвгдежзийклмнопрстуфхцчшщъыьэюяё")
    yield _Candidate("KOI8-R", small, 0.7, most=True)
    yield _Candidate("WINDOWS-1251", small, 0.7, most=True)
    yield _Candidate("WINDOWS-1252", frozenset(_latin_letters()), 0.7, most=False)


def _punctuation(encoding: str) -> frozenset[str]:
    return _table(encoding, range(0xA1, 0xA4)) - _IDEOGRAPHS


def _latin_letters() -> Iterator[str]:
    """Letters and signs of western languages beyond ASCII."""
    yield from (chr(code) for code in range(0xC0, 0x100) if code not in (0xD7, 0xF7))
    yield from "ŠšŽžŒœŸ€£§°«»¡¿\xa0…"
    yield from bytes(range(0x91, 0x98)).decode("cp1252")  # quotation marks and dashes


def likely_encoding(data: bytes) -> str | None:
    """The encoding that bytes which are not UTF-8 text are likely in, by iconv's name for it."""
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            return name
    if 0 in data[:_SAMPLE]:
        return _without_mark(data[:_SAMPLE])
    sample = _sample(data)
    text = sample.decode("utf-8", "replace")
    foreign = [character for character in text if not character.isascii()]
    if foreign.count("\ufffd") * 3 < len(foreign):  # most of it is UTF-8 after all
        return "UTF-8"
    return next((c.name for c in _candidates() if c.fits(sample)), None)


def _without_mark(data: bytes) -> str | None:
    """UTF-16 that does not say so: zero bytes at every second place only, and beside line ends."""
    for parity, name in ((1, "UTF-16LE"), (0, "UTF-16BE")):
        if 0 not in data[1 - parity :: 2] and data[parity::2].count(0) * 20 >= len(data):
            ends = data.decode(name, "replace").count("\n")
            return name if 2 * ends >= data.count(b"\n") else None
    return None


def _sample(data: bytes) -> bytes:
    """Whole lines that are not ASCII."""
    lines, size = [], 0
    for line in data.split(b"\n"):
        if not line.isascii():
            lines.append(line)
            size += len(line)
            if size >= _SAMPLE:
                break
    return b"\n".join(lines)


def find_undecodable(path: Path) -> Finding | None:
    """The lines of a file that are not UTF-8, or None where all are."""
    examples: list[tuple[str, str]] = []
    count, zeros, sample = 0, 0, bytearray()
    try:
        with path.open("rb") as file:
            head = file.read(_SAMPLE)
            file.seek(0)
            for number, line in enumerate(file, start=1):
                fault = _fault(line)
                if fault is not None:
                    count += 1
                    zeros += fault == _ZERO
                    if len(examples) < EXAMPLES:
                        examples.append((f"{path.name}:{number}", fault))
                if not line.isascii() and len(sample) < _SAMPLE:
                    sample += line
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not count:
        return None
    encoding = likely_encoding(head if 0 in head or not sample else bytes(sample))
    lines = f"{counted(count, 'line')} of {path.name}"
    if zeros == count and encoding is None:
        fault, advice = f"{lines} with zero bytes, which no text has", _without_zeros(path)
    else:
        verb = "is" if count == 1 else "are"
        fault, advice = f"{lines} {verb} not UTF-8 text{_guess(encoding)}", _advice(path, encoding)
    return Finding("undecodable", "stops", count, fault, tuple(examples), advice)


def _fault(line: bytes) -> str | None:
    """What is wrong with a line of bytes, if anything."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"byte 0x{line[error.start]:02x}"
    return _ZERO if 0 in line else None


def _without_zeros(path: Path) -> str:
    cleaned = path.with_name(f"{path.stem}-clean{path.suffix}")
    return f"take them out: tr -d '\\000' < '{path}' > '{cleaned}'"


def _guess(encoding: str | None) -> str:
    if encoding is None:
        return ""
    return ", while the others are" if encoding == "UTF-8" else f"; the file looks like {encoding}"


def _advice(path: Path, encoding: str | None) -> str:
    if encoding == "UTF-8":
        return "write these lines anew"
    if encoding is None:
        return "save the file as UTF-8, from the program that wrote it"
    converted = path.with_name(f"{path.stem}-utf8{path.suffix}")
    return f"convert it: iconv -f {encoding} -t UTF-8 '{path}' > '{converted}'"
