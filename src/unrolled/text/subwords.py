"""Pieces of words, learnt from the user's own texts with Hugging Face's ``tokenizers``.

A text is brought to Unicode's canonical composition (NFC), and any white space to one space; case
is kept. Words, with the space in front of them, are cut between letters, digits and all else, and
what is left into the pieces that training found. Of characters that are rare in the training texts
the bytes in UTF-8 are read. Each of the 256 bytes is a piece, so that no text is unknown.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal
from unicodedata import normalize

from unrolled.errors import DataError, InputError, ModelError, RecipeError

if TYPE_CHECKING:
    import tokenizers

Kind = Literal["bpe", "unigram"]

BYTES = 256
_COVERED = 0.9995  # share of all characters that are read as themselves
_CUTS = r" ?\p{L}[\p{L}\p{M}]*| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+"
_FIRST_BYTE = 0x10FF00  # what stands for byte 0 inside of a model: a character that no script has
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")
_WRITTEN_BYTES = re.compile("⟨((?:[0-9a-f]{2})+)⟩")
_SPARE = 1.1  # unigram training gives more pieces than are wanted, for a cut of our own
_STEP = 1e-4  # between the scores that it gives to characters that no text has


class Subwords:
    """A trained model, as JSON.

    A token is the text of a piece, or "⟨ed95⟩" where bytes are in it. The text "⟨ed95⟩" is never a
    token of its own, since training cuts between brackets, letters and digits.
    """

    def __init__(self, model: str) -> None:
        self.model = model

    @cached_property
    def pieces(self) -> list[str]:
        """All tokens, in the model's own order."""
        numbers = self._tokenizer.get_vocab()
        return [_token(piece) for piece in sorted(numbers, key=numbers.__getitem__)]

    def tokens(self, text: str) -> list[str]:
        """Tokens of a text."""
        pieces, spelt = self.pieces, "".join(_words(text)).translate(self._spelling)
        return [pieces[number] for number in self._tokenizer.encode(spelt).ids]

    @staticmethod
    def join(tokens: Sequence[str]) -> str:
        """Text of tokens; bytes that are no UTF-8 become the replacement character."""
        return b"".join(map(_bytes, tokens)).decode("utf-8", "replace").removeprefix(" ")

    @cached_property
    def _tokenizer(self) -> tokenizers.Tokenizer:
        library = _library()
        try:
            tokenizer: tokenizers.Tokenizer = library.Tokenizer.from_str(self.model)
        except Exception as error:  # of no narrower kind in the library
            raise ModelError(f"the trained subwords are damaged ({error})") from None
        return tokenizer

    @cached_property
    def _spelling(self) -> _Spelling:
        return _Spelling(piece for piece in self._tokenizer.get_vocab() if len(piece) == 1)


def train(
    read: Callable[[], Iterable[str]], *, kind: Kind, size: int, min_count: int = 1
) -> Subwords:
    """Learn ``size`` pieces, the 256 bytes included; the same texts give the same model.

    read: gives all texts each time that it is called, twice. kind: "bpe" (Sennrich et al. 2016)
    joins the most frequent pairs that occur at least ``min_count`` times; "unigram" (Kudo 2018)
    keeps the pieces that explain the texts best, and has no ``min_count``.
    """
    if kind not in ("bpe", "unigram"):
        raise RecipeError(f'subwords must be "bpe" or "unigram", not {kind!r}')
    if kind == "unigram" and min_count != 1:
        raise RecipeError(f"unigram subwords have no min_count: it must be 1, not {min_count}")
    if size < BYTES:
        raise RecipeError(
            f"num_words leaves room for {max(size, 0)} subwords, which need {BYTES}, one for each "
            "byte; set it to 1000 or more"
        )
    library = _library()
    alphabet = _alphabet(read(), (size - BYTES) // 2)
    spelling = _Spelling(alphabet)
    settings = {
        "initial_alphabet": [*alphabet, *map(_stand_in, range(BYTES))],
        "special_tokens": [],
        "show_progress": False,
    }
    if kind == "bpe":
        tokenizer = library.Tokenizer(library.models.BPE())
        trainer = library.trainers.BpeTrainer(vocab_size=size, min_frequency=min_count, **settings)
    else:
        tokenizer = library.Tokenizer(library.models.Unigram())
        trainer = library.trainers.UnigramTrainer(
            vocab_size=math.ceil(size * _SPARE), unk_token=None, **settings
        )
    tokenizer.pre_tokenizer = library.pre_tokenizers.Split(library.Regex(_CUTS), "isolated")
    spelt = ("".join(_words(text)).translate(spelling) for text in read())
    tokenizer.train_from_iterator(spelt, trainer)
    trained = json.loads(tokenizer.to_str())
    if kind == "unigram":
        trained["model"]["vocab"] = _settled(trained["model"]["vocab"], size)
    return Subwords(as_json(trained))


def as_json(model: Any) -> str:
    """Write a trained model as ``Subwords`` takes it."""
    return json.dumps(model, ensure_ascii=False, separators=(",", ":"))


class _Spelling(dict[int, str]):
    """Characters of the alphabet as they are, others as what stands for their bytes."""

    def __init__(self, alphabet: Iterable[str]) -> None:
        super().__init__((ord(character), character) for character in alphabet)

    def __missing__(self, code: int) -> str:
        spelt = self[code] = "".join(map(_stand_in, chr(code).encode("utf-8")))
        return spelt


def _alphabet(texts: Iterable[str], most: int) -> list[str]:
    """Characters that are frequent in the texts, in a fixed order."""
    counts = Counter[str]()
    for text in texts:
        for word in _words(text):
            counts.update(word)
    if not counts:
        raise DataError("the texts hold no word to learn from; check the column of texts")
    wanted = math.ceil(counts.total() * _COVERED)
    alphabet: list[str] = []
    for character in sorted(counts, key=lambda character: (-counts[character], character)):
        if wanted <= 0 or len(alphabet) == most:
            break
        if ord(character) < _FIRST_BYTE:
            alphabet.append(character)
            wanted -= counts[character]
    return sorted(alphabet)


def _settled(scores: list[list[Any]], size: int) -> list[list[Any]]:
    """Remove what is left to chance in unigram training, and keep the ``size`` best pieces.

    Sums differ in their last digits from run to run, and characters that no text has get scores in
    the order of a random hash: scores are rounded, and such characters share the lowest.
    """
    rounded = {piece: round(score, 4) for piece, score in scores}
    single = [piece for piece in rounded if len(piece) == 1]
    lowest = min(rounded.values())
    for piece in single:
        if rounded[piece] <= lowest + _STEP * len(single):
            rounded[piece] = lowest
    ranked = sorted(rounded, key=lambda piece: (len(piece) > 1, -rounded[piece], piece))
    return [[piece, rounded[piece]] for piece in ranked[:size]]


def _words(text: str) -> list[str]:
    """Words of a text, each with one space in front."""
    if not text.isascii():
        text = _LONE_SURROGATES.sub("\ufffd", normalize("NFC", text))
    return [f" {word}" for word in text.split()]


def _stand_in(byte: int) -> str:
    return chr(_FIRST_BYTE + byte)


def _token(piece: str) -> str:
    if all(ord(character) < _FIRST_BYTE for character in piece):
        return piece
    parts = (
        bytes([ord(character) - _FIRST_BYTE])
        if ord(character) >= _FIRST_BYTE
        else character.encode("utf-8")
        for character in piece
    )
    return f"⟨{b''.join(parts).hex()}⟩"


def _bytes(token: str) -> bytes:
    written = _WRITTEN_BYTES.fullmatch(token)
    return bytes.fromhex(written[1]) if written else token.encode("utf-8", "replace")


def _library() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise InputError(
            "the subwords tokenizer needs Hugging Face's tokenizers: "
            "pip install 'unrolled[subwords]'"
        ) from None
    return tokenizers
