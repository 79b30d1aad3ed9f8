import numpy as np
import pytest

from unrolled.errors import ShapeError
from unrolled.ragged import Ragged


def lists(sequences):
    return [list(ids) for ids in sequences]


WHOLE = Ragged.from_lists([[1, 2], [], [3], [4, 5, 6]])


def test_sequences_lie_end_to_end():
    assert len(WHOLE) == 4
    assert lists(WHOLE) == [[1, 2], [], [3], [4, 5, 6]]
    assert WHOLE.lengths.tolist() == [2, 0, 1, 3]
    assert WHOLE.id_range == (1, 6)
    assert WHOLE.starts.tolist() == [0, 2, 2, 3]
    assert WHOLE.ends.tolist() == [2, 2, 3, 6]
    assert WHOLE.packed() is WHOLE


def test_an_excerpt_copies_nothing_and_reads_the_same():
    rows = np.array([3, 0, 0, 1])
    excerpt, copy = WHOLE.excerpt(rows), WHOLE.take(rows)
    assert excerpt.ids is WHOLE.ids
    assert lists(excerpt) == lists(copy) == [[4, 5, 6], [1, 2], [1, 2], []]
    assert excerpt.lengths.tolist() == copy.lengths.tolist()
    assert lists(excerpt.take(np.array([3, 1]))) == [[], [1, 2]]
    np.testing.assert_array_equal(excerpt.packed().ids, copy.ids)
    np.testing.assert_array_equal(excerpt.packed().offsets, copy.offsets)


def test_offsets_that_do_not_fit_are_refused():
    ids = np.arange(3, dtype=np.int32)
    for offsets in ([1, 3], [0, 2], [0, 2, 1, 3], []):
        with pytest.raises(ShapeError, match="offsets"):
            Ragged(ids, np.array(offsets, dtype=np.int64))
    with pytest.raises(ShapeError, match="matrix"):
        Ragged.from_matrix(ids)
    with pytest.raises(IndexError):
        WHOLE[4]
