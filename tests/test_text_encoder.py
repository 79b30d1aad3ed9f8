import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unrolled.ragged import Ragged
from unrolled.text import encoder
from unrolled.text.chunk_table import empty_table, number_chunks
from unrolled.text.encoder import Encoder, Numbering, number_words, with_first
from unrolled.text.tokenizer import TOKENIZERS, Tokenizer

CHARACTERS = st.one_of(st.sampled_from("abcD .,!:)<>/\n\t가は👍"), st.characters(categories=None))
TEXTS = st.lists(st.text(alphabet=CHARACTERS), max_size=20)


def lists(sequences: Ragged) -> list[list[int]]:
    return [sequences[row].tolist() for row in range(len(sequences))]


def one_by_one(texts: list[str], tokenizer: Tokenizer) -> list[list[int]]:
    """The truth: every token looked up."""
    numbering = Numbering(5)
    return [[numbering[token] for token in tokenizer(text)] for text in texts]


@pytest.fixture
def no_text_is_too_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "_FEW", 0)


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("few", [0, 1 << 14], ids=["by chunks", "directly"])
@given(texts=TEXTS, batch=st.sampled_from([1, 20, 1 << 18]))
@settings(max_examples=60, deadline=None)
def test_equals_looking_up_every_token(name: str, few: int, texts: list[str], batch: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(encoder, "_FEW", few)
        patched.setattr(encoder, "_BATCH", batch)
        coder = Encoder(TOKENIZERS[name], Numbering(5).__getitem__)
        expected = one_by_one([*texts, *texts], TOKENIZERS[name])
        assert lists(coder.encode_all(texts)) == expected[: len(texts)]
        assert few == 0 or coder._memory is None
        assert lists(coder.encode_all(iter(texts), first=1)) == [
            [1, *numbers] for numbers in expected[len(texts) :]
        ]
        assert [coder.encode(text) for text in texts] == expected[: len(texts)]


@pytest.mark.usefixtures("no_text_is_too_short")
def test_chunks_are_tokenized_once() -> None:
    seen: list[str] = []

    def tokens(text: str) -> list[str]:
        seen.append(text)
        return text.split()

    coder = Encoder(Tokenizer(tokens), Numbering(0).__getitem__)
    for _ in range(3):
        assert lists(coder.encode_all(["a b a", " b\ta"])) == [[0, 1, 0], [1, 0]]
    assert seen == ["a", " b", " a", "\ta"]


@pytest.mark.usefixtures("no_text_is_too_short")
@pytest.mark.parametrize(("chunks", "size"), [(30, 200), (30, 400), (300, 200)])
def test_the_memory_is_emptied_when_it_is_full(
    monkeypatch: pytest.MonkeyPatch, chunks: int, size: int
) -> None:
    monkeypatch.setattr(encoder, "_BATCH", 40)
    monkeypatch.setattr(encoder, "_MOST_CHUNKS", chunks)
    monkeypatch.setattr(encoder, "_MOST_BYTES", size)
    texts = [f"word{number} w{number % 7} {'long' * (number % 90)}!" for number in range(300)]
    for name in ("words", "characters"):
        coder, kept = Encoder(TOKENIZERS[name], Numbering(5).__getitem__), set()
        for text, expected in zip(texts, one_by_one(texts, TOKENIZERS[name]), strict=True):
            assert lists(coder.encode_all([text])) == [expected]
            if coder._memory is not None:  # what one long text needed is given back
                table = coder._memory._table
                assert (len(table.starts), len(table.characters)) == (chunks + 1, size)
                kept.add(coder._memory._known)
            else:
                kept.add(0)
        assert 0 in kept or size == 400
        assert 3 < max(kept) <= chunks


@pytest.mark.usefixtures("no_text_is_too_short")
def test_an_interruption_leaves_nothing_half_learnt() -> None:
    interrupt = True

    def tokens(text: str) -> list[str]:
        if interrupt and "c" in text:
            raise KeyboardInterrupt
        return text.split()

    coder = Encoder(Tokenizer(tokens), Numbering(0).__getitem__)
    coder.encode_all(["b"])
    with pytest.raises(KeyboardInterrupt):
        coder.encode_all(["a b c"])
    interrupt = False
    assert lists(coder.encode_all(["a b c"])) == [[1, 0, 2]]


@pytest.mark.usefixtures("no_text_is_too_short")
def test_threads_share_an_encoder() -> None:
    vocabulary = {f"w{number}": number for number in range(2000)}
    coder = Encoder(TOKENIZERS["words"], vocabulary.__getitem__)
    results: dict[int, bool] = {}

    def work(seed: int) -> None:
        numbers = np.random.default_rng(seed).integers(0, 2000, (20, 100))
        results[seed] = all(
            lists(coder.encode_all([" ".join(f"w{number}" for number in row)])) == [row.tolist()]
            for row in numbers
        )

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == dict.fromkeys(range(6), True)


def fnv(words: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The table's hash of rows of bytes (words, bytes)."""
    values = np.full(len(words), 0xCBF29CE484222325, dtype=np.uint64)
    for column in words.T:
        values = (values ^ column) * np.uint64(0x100000001B3)
    return values


def test_chunks_of_one_hash_are_told_apart() -> None:
    words = np.random.default_rng(0).integers(97, 123, (400_000, 7), dtype=np.uint8)
    words = np.unique(words, axis=0)
    values = fnv(words)
    tops = values >> np.uint64(32)  # all that a slot keeps of a hash
    places = tops << np.uint64(2) | (values ^ tops) & np.uint64(3)  # and one of four slots
    order = np.argsort(places)
    twins = order[np.flatnonzero(np.diff(places[order]) == 0)[0] :][:2]
    data = words[twins]
    table = empty_table(2, 14)
    assert len(table.slots) == 4
    known, numbers = number_chunks(
        table, 0, np.tile(data.ravel(), 2), np.arange(7, 29, 7, dtype=np.int64)
    )
    assert known == 2
    assert numbers.tolist() == [0, 1, 0, 1]


def test_words_are_numbered_by_first_appearance() -> None:
    words, numbers = number_words(["b a b", "", "c a"], str.split)
    assert words == ["b", "a", "c"]
    assert lists(numbers) == [[0, 1, 0], [], [2, 1]]


def test_first_id_also_of_empty_sequences() -> None:
    sequences = Ragged.from_lists([[], [7, 8], [], [9], []])
    assert lists(with_first(sequences, 1)) == [[1], [1, 7, 8], [1], [1, 9], [1]]
    assert lists(with_first(Ragged.from_lists([]), 1)) == []
