import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from unrolled.evaluation import bootstrap
from unrolled.evaluation.bootstrap import all_intervals, intervals, proportion_interval
from unrolled.evaluation.metrics import score

NAMES = {"accuracy", "loss", "macro_f1", "micro_f1", "calibration_error", "roc_auc"}


def sample(examples: int, classes: int, seed: int, several: bool = False):
    generator = np.random.default_rng(seed)
    targets = generator.integers(0, classes, examples)
    probabilities = generator.dirichlet(np.ones(classes), examples)
    probabilities[np.arange(examples), targets] += 0.4
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    if several:
        return probabilities, (generator.random((examples, classes)) < probabilities).astype(int)
    return probabilities, targets


def by_hand(probabilities, targets, predicted, seed: int, resamples: int):
    """Every resample drawn for itself and scored by ``score``."""
    generator = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        rows = generator.integers(0, len(targets), len(targets))
        chosen = None if predicted is None else predicted[rows]
        drawn.append(score(probabilities[rows], targets[rows], predicted=chosen))
    return drawn


def middle(values):
    defined = [value for value in values if value is not None]
    return tuple(np.quantile(defined, [0.025, 0.975]))


@pytest.mark.parametrize(
    ("classes", "several", "decides"),
    [(2, False, False), (4, False, False), (3, False, True), (3, True, False), (3, True, True)],
)
def test_intervals_are_those_of_scoring_every_resample(classes, several, decides) -> None:
    probabilities, targets = sample(70, classes, 3, several)
    predicted = None
    if decides:
        generator = np.random.default_rng(8)
        shape = (70, classes) if several else 70
        predicted = generator.integers(0, 2, shape) if several else generator.integers(-1, 3, shape)
    found = all_intervals(probabilities, targets, predicted=predicted, seed=5, resamples=40)
    drawn = by_hand(probabilities, targets, predicted, 5, 40)
    assert set(found.overall) == NAMES
    for name, interval in found.overall.items():
        expected = middle([getattr(scores, name) for scores in drawn])
        assert interval == pytest.approx(expected, abs=1e-7), name
    for name, of_classes in found.by_class.items():
        assert len(of_classes) == classes
        for one, interval in enumerate(of_classes):
            expected = middle([getattr(scores, name)[one] for scores in drawn])
            assert interval == pytest.approx(expected, abs=1e-7), (name, one)


def test_the_same_seed_gives_the_same_bits_in_blocks_of_any_size(monkeypatch) -> None:
    probabilities, targets = sample(90, 3, 1)
    whole = all_intervals(probabilities, targets, seed=2, resamples=50)
    monkeypatch.setattr(bootstrap, "_NUMBERS_AT_ONCE", 700)
    assert all_intervals(probabilities, targets, seed=2, resamples=50) == whole
    assert all_intervals(probabilities, targets, seed=3, resamples=50) != whole


def test_an_interval_has_the_width_that_theory_gives_it() -> None:
    targets = np.arange(1000) % 2
    wrong = np.arange(1000) % 5 == 0
    probabilities = np.eye(2)[np.where(wrong, 1 - targets, targets)]
    low, high = intervals(probabilities, targets)["accuracy"]
    deviation = np.sqrt(0.8 * 0.2 / 1000)
    assert low == pytest.approx(0.8 - 1.96 * deviation, abs=0.003)
    assert high == pytest.approx(0.8 + 1.96 * deviation, abs=0.003)
    assert proportion_interval([800, 200], [1, 0]) == pytest.approx((low, high), abs=0.003)


def test_what_is_not_defined_is_left_out() -> None:
    one_row = intervals([[0.3, 0.7]], [1], resamples=10)
    assert set(one_row) == NAMES - {"roc_auc"}
    assert one_row["accuracy"] == (1.0, 1.0)
    assert one_row["loss"] == pytest.approx((-np.log(0.7),) * 2, abs=1e-7)
    # Half of the resamples lack a class.
    two_rows = intervals([[0.3, 0.7], [0.6, 0.4]], [1, 0], resamples=40)
    assert two_rows["roc_auc"] == (1.0, 1.0)


@settings(deadline=None, max_examples=30)
@given(
    seed=some.integers(0, 10**6),
    examples=some.integers(1, 12),
    classes=some.integers(2, 4),
    several=some.booleans(),
)
def test_intervals_are_ordered_and_never_nan(seed, examples, classes, several) -> None:
    probabilities, targets = sample(examples, classes, seed, several)
    found = all_intervals(probabilities, targets, resamples=20)
    everything = [*found.overall.values()]
    everything += [interval for of_classes in found.by_class.values() for interval in of_classes]
    assert all(0 <= low <= high for low, high in everything)


def test_a_thousand_resamples_of_25_000_rows_take_two_seconds_at_most() -> None:
    probabilities, targets = sample(25_000, 2, 0)
    started = time.process_time()
    found = intervals(probabilities, targets)
    assert time.process_time() - started < 4  # of all threads; 0.5 s on one of today's
    assert found["accuracy"][1] - found["accuracy"][0] < 0.013
