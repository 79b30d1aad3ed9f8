"""The figures of every epoch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.errors import InputError
from unrolled.training.history import KEYS, EpochRecord, History


def history_of(*val_losses: float) -> History:
    history = History()
    for epoch, val_loss in enumerate(val_losses, start=1):
        history.append(
            EpochRecord(
                epoch=epoch,
                epochs=len(val_losses),
                loss=epoch + 0.1,
                accuracy=epoch + 0.2,
                val_loss=val_loss,
                val_accuracy=epoch + 0.3,
                learning_rate=epoch + 0.4,
                seconds=epoch + 0.5,
            )
        )
    return history


def test_every_figure_is_kept_under_its_own_name():
    assert history_of(0.5, 0.25).history == {
        "loss": [1.1, 2.1],
        "accuracy": [1.2, 2.2],
        "val_loss": [0.5, 0.25],
        "val_accuracy": [1.3, 2.3],
        "learning_rate": [1.4, 2.4],
        "seconds": [1.5, 2.5],
    }


def test_best_epoch_is_the_first_of_the_lowest():
    history = history_of(0.5, 0.25, 0.75, 0.25)
    assert (history.epochs, history.best_epoch) == (4, 2)
    assert (History().epochs, History().best_epoch) == (0, 0)


def test_a_copy_does_not_grow():
    history = history_of(0.5)
    copy = history.copy()
    history.append(EpochRecord(2, 2, 0, 0, 0, 0, 0, 0))
    assert copy == history_of(0.5)


def test_csv_is_one_line_an_epoch():
    assert history_of(0.5, 0.25).to_csv() == (
        "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds\n"
        "1,1.1,1.2,0.5,1.3,1.4,1.5\n"
        "2,2.1,2.2,0.25,2.3,2.4,2.5\n"
    )


@given(st.lists(st.lists(st.floats(allow_nan=False), min_size=6, max_size=6), max_size=5))
def test_csv_reads_back_to_the_same_bits(rows):
    history = History({key: [row[i] for row in rows] for i, key in enumerate(KEYS)})
    read = History.from_csv(history.to_csv())
    assert repr(read) == repr(history)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: the columns must be epoch,loss"),
        ("epoch,loss\n", "line 1: the columns must be epoch,loss"),
        (history_of(0.5).to_csv() + "2,1,1,1,1,1\n", "line 3: not the figures of epoch 2"),
        (history_of(0.5).to_csv() + "3,1,1,1,1,1,1\n", "line 3: not the figures of epoch 2"),
        (history_of(0.5).to_csv().replace("1.1", "one"), "line 2: not the figures of epoch 1"),
    ],
)
def test_a_damaged_csv_is_named_by_line(text, said):
    with pytest.raises(InputError, match=said):
        History.from_csv(text)
