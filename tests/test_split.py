import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from unrolled.datasets.split import train_validation_split
from unrolled.errors import DataError


@given(st.integers(2, 500), st.floats(0.01, 0.99), st.integers(0, 2**32 - 1))
def test_same_rows_in_the_same_order_as_scikit_learn(
    count: int, fraction: float, seed: int
) -> None:
    try:
        expected = train_test_split(range(count), test_size=fraction, random_state=seed)
    except ValueError:
        with pytest.raises(DataError, match="leave none for training"):
            train_validation_split(count, fraction, seed)
        return
    train, validation = train_validation_split(count, fraction, seed)
    assert train.tolist() == expected[0]
    assert validation.tolist() == expected[1]
    assert train.dtype == validation.dtype == np.int64


def test_the_split_of_the_notebook() -> None:
    train, validation = train_validation_split(25_000, 0.2, 42)
    expected = train_test_split(range(25_000), test_size=0.2, random_state=42)
    assert (len(train), len(validation)) == (20_000, 5_000)
    assert train.tolist() == expected[0]
    assert validation.tolist() == expected[1]


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_fraction_outside_its_range(fraction: float) -> None:
    with pytest.raises(DataError, match="between 0 and 1"):
        train_validation_split(10, fraction, 42)
