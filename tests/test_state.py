"""The state of an unfinished run, to arrays and back."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import safetensors.numpy

from unrolled.errors import ModelError
from unrolled.ragged import Ragged
from unrolled.training.history import EpochRecord, History
from unrolled.training.state import TrainingState, data_fingerprint


@pytest.fixture
def state() -> TrainingState:
    rng = np.random.default_rng(5)
    history = History()
    for epoch in (1, 2, 3):
        history.append(EpochRecord(epoch, 9, *rng.random(6).tolist()))
    return TrainingState(
        epoch=3,
        weights=rng.random(7, dtype=np.float32),
        slots={"velocity": rng.random(7, dtype=np.float32), "m/2": rng.random(7, dtype=np.float32)},
        iterations=12,
        learning_rate=0.1 + 0.2,
        best_weights=rng.random(7, dtype=np.float32),
        best_epoch=2,
        best=1 / 3,
        wait=1,
        history=history,
        seed=2**32 - 1,
        fingerprint="ab" * 32,
    )


def test_arrays_in_a_safetensors_file_bring_back_every_bit(state):
    stored = safetensors.numpy.load(safetensors.numpy.save(state.to_arrays()))
    read = TrainingState.from_arrays(stored)
    for field in fields(TrainingState):
        before, after = getattr(state, field.name), getattr(read, field.name)
        if field.name == "slots":
            assert before.keys() == after.keys()
            assert all(np.array_equal(before[name], after[name]) for name in before)
        elif isinstance(before, np.ndarray):
            assert after.dtype == np.float32
            assert np.array_equal(before, after), field.name
        else:
            assert before == after, field.name


@pytest.mark.parametrize("missing", ["weights", "best_weights", "metadata"])
def test_missing_arrays_are_damage(state, missing):
    arrays = state.to_arrays()
    del arrays[missing]
    with pytest.raises(ModelError, match=rf"damaged \('{missing}'\); train anew"):
        TrainingState.from_arrays(arrays)


def test_metadata_that_is_not_json_or_incomplete_is_damage(state):
    arrays = state.to_arrays()
    whole = arrays["metadata"]
    arrays["metadata"] = whole[:-5]
    with pytest.raises(ModelError, match="damaged"):
        TrainingState.from_arrays(arrays)
    for data in (b"{}", b"[]", b"3", b"\xff"):
        arrays["metadata"] = np.frombuffer(data, np.uint8)
        with pytest.raises(ModelError, match="damaged"):
            TrainingState.from_arrays(arrays)


def test_weights_of_two_sizes_are_damage(state):
    arrays = state.to_arrays()
    arrays["weights"] = arrays["weights"][:-1]
    with pytest.raises(ModelError, match=r"damaged \(weights \(6,\), best weights \(7,\)\)"):
        TrainingState.from_arrays(arrays)


def test_the_fingerprint_sees_every_change_and_no_dtype():
    def data() -> tuple[Ragged, np.ndarray]:
        return Ragged.from_lists([[1, 2], [3], []]), np.array([0, 1, 1], np.int64)

    same = data_fingerprint(data(), data())
    sequences, targets = data()
    assert data_fingerprint((sequences, targets.astype(np.int8)), data()) == same
    other_targets = np.array([0, 1, 0])
    other_ids = Ragged.from_lists([[1, 2], [4], []])
    other_cut = Ragged.from_lists([[1], [2, 3], []])
    changed = [
        data_fingerprint((sequences, other_targets), data()),
        data_fingerprint((other_ids, targets), data()),
        data_fingerprint((other_cut, targets), data()),
        data_fingerprint(data(), (sequences, other_targets)),
        data_fingerprint(data(), (other_cut, targets)),
    ]
    assert len({same, *changed}) == 6
