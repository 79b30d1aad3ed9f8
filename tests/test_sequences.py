from typing import Any, Literal

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.errors import RecipeError, ShapeError
from unrolled.ragged import Ragged
from unrolled.text.sequences import Part, cut, pad_sequences, prepare, was_cut

RAGGED = st.lists(st.lists(st.integers(-100, 100), max_size=9), min_size=1, max_size=8)
SIDES = st.sampled_from(["pre", "post"])


@given(
    RAGGED,
    st.none() | st.integers(1, 12),
    st.sampled_from(["int32", "int64", "float32", np.int16, object]),
    SIDES,
    SIDES,
    st.integers(-5, 5) | st.floats(-5, 5, width=16),
)
def test_pads_as_keras_does(
    sequences: list[list[int]],
    maxlen: int | None,
    dtype: Any,
    padding: Literal["pre", "post"],
    truncating: Literal["pre", "post"],
    value: float,
) -> None:
    arguments = (sequences, maxlen, dtype, padding, truncating, value)
    expected = keras.utils.pad_sequences(*arguments)
    padded = pad_sequences(*arguments)
    assert padded.dtype == expected.dtype
    np.testing.assert_array_equal(padded, expected, strict=True)


def test_defaults_are_those_of_keras() -> None:
    sequences = [[1], [], [2, 3, 4], np.array([5, 6])]
    np.testing.assert_array_equal(
        pad_sequences(sequences), keras.utils.pad_sequences(sequences), strict=True
    )
    np.testing.assert_array_equal(
        pad_sequences(Ragged.from_lists(sequences)), pad_sequences(sequences), strict=True
    )


def test_steps_of_vectors_and_of_strings() -> None:
    vectors = [[], [[1, 2], [3, 4]], [[5, 6]]]
    np.testing.assert_array_equal(
        pad_sequences(vectors, maxlen=3, value=-1),
        keras.utils.pad_sequences(vectors, maxlen=3, value=-1),
        strict=True,
    )
    words = [["a"], ["long", "words"]]
    np.testing.assert_array_equal(
        pad_sequences(words, dtype=object, value="pad"),
        keras.utils.pad_sequences(words, dtype=object, value="pad"),
        strict=True,
    )


def test_no_sequences() -> None:
    assert pad_sequences([], maxlen=5).shape == (0, 5)
    assert pad_sequences([]).shape == (0, 0)
    assert pad_sequences([[], []]).shape == (2, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"padding": "left"}, "padding must be"),
        ({"truncating": "left"}, "truncating must be"),
        ({"maxlen": 0}, "at least 1"),
        ({"value": "pad"}, "use dtype=object"),
        ({"sequences": [[1], 2]}, "sequence 1 is not a sequence"),
        ({"sequences": [[[1, 2]], [[1, 2, 3]]]}, "sequence 1 has steps of shape"),
        ({"sequences": [[1], [[1], [1, 2]]]}, "sequence 1 does not fit"),
    ],
)
def test_impossible_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        pad_sequences(**{"sequences": [[1]], **arguments})


@given(RAGGED, st.none() | st.integers(1, 12))
def test_prepare_keras_is_pad_sequences(sequences: list[list[int]], maxlen: int | None) -> None:
    prepared = prepare(Ragged.from_lists(sequences), maxlen, "keras")
    matrix = prepared.ids.reshape(len(sequences), -1)
    np.testing.assert_array_equal(matrix, keras.utils.pad_sequences(sequences, maxlen), strict=True)
    assert len(set(prepared.lengths)) == 1


@given(RAGGED, st.none() | st.integers(1, 12))
def test_prepare_masked_only_cuts(sequences: list[list[int]], maxlen: int | None) -> None:
    prepared = prepare(Ragged.from_lists(sequences), maxlen, "masked")
    expected = [(sequence[-maxlen:] if maxlen else sequence) or [2] for sequence in sequences]
    assert [prepared[row].tolist() for row in range(len(prepared))] == expected


def test_prepare_nothing() -> None:
    empty = Ragged.from_lists([])
    assert len(prepare(empty, 5, "keras")) == len(prepare(empty, 5, "masked")) == 0


def test_prepare_refuses_impossible_settings() -> None:
    sequences = Ragged.from_lists([[1, 2]])
    with pytest.raises(RecipeError, match="at least 1"):
        prepare(sequences, 0, "keras")
    with pytest.raises(RecipeError, match="padding must be"):
        prepare(sequences, 1, "left")  # type: ignore[arg-type]


def kept_by_hand(sequence: list[int], maxlen: int | None, keep: Part) -> list[int]:
    if maxlen is None or len(sequence) <= maxlen:
        return sequence
    first = {"tail": 0, "head": maxlen, "both": maxlen // 2}[keep]
    return sequence[:first] + sequence[len(sequence) - (maxlen - first) :]


@given(RAGGED, st.none() | st.integers(1, 12), st.sampled_from(["tail", "head", "both"]))
def test_cut_keeps_the_part_that_is_asked_for(
    sequences: list[list[int]], maxlen: int | None, keep: Part
) -> None:
    ragged = Ragged.from_lists(sequences)
    before = ragged.ids.copy()
    kept = cut(ragged, maxlen, keep)
    expected = [kept_by_hand(sequence, maxlen, keep) for sequence in sequences]
    assert [kept[row].tolist() for row in range(len(kept))] == expected
    assert was_cut(ragged, maxlen).tolist() == [
        len(sequence) != len(shorter) for sequence, shorter in zip(sequences, expected, strict=True)
    ]
    np.testing.assert_array_equal(ragged.ids, before)
    filled = prepare(ragged, maxlen, "masked", keep)
    assert [filled[row].tolist() for row in range(len(filled))] == [ids or [2] for ids in expected]
    padded = prepare(ragged, maxlen, "keras", keep)
    matrix = keras.utils.pad_sequences(expected, maxlen)
    np.testing.assert_array_equal(padded.ids.reshape(len(sequences), -1), matrix, strict=True)


def test_both_halves() -> None:
    sequences = Ragged.from_lists([[1, 2, 3, 4, 5, 6], [7, 8], []])
    for maxlen, expected in ((4, [1, 2, 5, 6]), (3, [1, 5, 6]), (1, [6])):
        assert cut(sequences, maxlen, "both")[0].tolist() == expected
    assert cut(sequences, 6) is sequences


def test_cut_refuses_impossible_settings() -> None:
    sequences = Ragged.from_lists([[1, 2]])
    with pytest.raises(RecipeError, match='keep must be "tail", "head" or "both"'):
        prepare(sequences, 1, "masked", "middle")  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="at least 1"):
        was_cut(sequences, 0)


def test_an_excerpt_is_prepared_as_its_copy_is() -> None:
    rng = np.random.default_rng(0)
    whole = Ragged.from_lists([rng.integers(3, 90, rng.integers(1, 12)) for _ in range(40)])
    rows = rng.permutation(40)[:25]
    excerpt, copy = whole.excerpt(rows), whole.take(rows)
    for keep in ("tail", "head", "both"):
        for padding in ("masked", "keras"):
            for maxlen in (None, 1, 5, 30):
                ours = prepare(excerpt, maxlen, padding, keep)
                truth = prepare(copy, maxlen, padding, keep)
                assert [list(ids) for ids in ours] == [list(ids) for ids in truth]
    assert np.shares_memory(prepare(excerpt, 5, "masked").ids, whole.ids)
    np.testing.assert_array_equal(was_cut(excerpt, 5), was_cut(copy, 5))


def test_an_excerpt_with_an_empty_text_gets_an_id_to_read() -> None:
    whole = Ragged.from_lists([[5, 6], [], [7]])
    ours = prepare(whole.excerpt(np.array([1, 2])), 1, "masked")
    assert [list(ids) for ids in ours] == [[2], [7]]
