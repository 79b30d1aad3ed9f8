"""Where a network stands: measured, put into a sentence, kept as JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from unrolled.evaluation.baselines import LINEAR, MAJORITY
from unrolled.evaluation.calibration import calibration_error
from unrolled.evaluation.decision import Decision
from unrolled.evaluation.metrics import score
from unrolled.report.rival import Rival, no_rival
from unrolled.report.standing import FIGURES, Standing, measure

NO_RIVAL = no_rival("--no-baselines")


def answers(targets: np.ndarray, wrong: int, *, sure: float = 0.9) -> np.ndarray:
    """Probabilities of two classes that are right but for the first ``wrong`` texts."""
    taken = np.where(np.arange(len(targets)) < wrong, 1 - targets, targets)
    second = np.where(taken == 1, sure, 1 - sure)
    return np.stack([1 - second, second], axis=1).astype(np.float32)


def stand(
    wrong: int, rival_wrong: int | None = None, *, texts: int = 200, **changes: Any
) -> Standing:
    """A network and a rival that get so many of the texts wrong; a third is of class 1."""
    targets = np.arange(texts) % 3 // 2
    rival = NO_RIVAL
    if rival_wrong is not None:
        rival = Rival(answers(targets, rival_wrong, sure=0.8), fitted_on=900)
    arguments = {
        "decision": Decision(),
        "train_targets": np.arange(900) % 3 // 2,
        "available": texts,
        "rival": rival,
    }
    return measure(answers(targets, wrong), targets, **(arguments | changes))


def test_the_first_line_says_that_the_network_loses():
    found = stand(60, 20)
    assert found.outcome == "loses"
    assert found.verdict == (
        f"The network loses to {LINEAR}: 70.0% of the 200 validation texts right against 90.0% "
        "(p < 0.001)."
    )


def test_the_first_line_says_that_the_network_wins():
    found = stand(20, 60)
    assert found.outcome == "wins"
    assert found.verdict.startswith(f"The network beats {LINEAR}: 90.0% of the 200 validation")


@pytest.mark.parametrize(("wrong", "rival_wrong"), [(20, 21), (21, 20)])
def test_a_difference_that_chance_can_make_is_no_victory(wrong, rival_wrong):
    found = stand(wrong, rival_wrong)
    assert found.outcome == "even"
    assert f"The network and {LINEAR} cannot be told apart: " in found.verdict
    assert "a difference that chance can make (p = 1.000)" in found.verdict


def test_a_network_that_only_guesses_does_no_better_than_guessing():
    targets = np.arange(200) % 3 // 2
    found = stand(0)
    guessing = measure(
        np.tile(np.float32([0.7, 0.3]), (200, 1)), targets, Decision(), train_targets=targets,
        available=200, rival=NO_RIVAL,
    )  # fmt: skip
    assert found.outcome == "wins"
    assert guessing.outcome == "even"
    assert guessing.verdict.startswith(f"The network does no better than {MAJORITY}: both have ")


def test_shares_that_look_alike_get_another_digit():
    found = stand(1001, 1000, texts=10_000)
    assert "89.99% and 90.00% of the 10,000" in found.verdict


def test_the_best_of_the_others_is_the_rival():
    assert stand(20, 60).rival == LINEAR
    assert stand(20, 150).rival == MAJORITY  # the linear one is worse than a guess here
    assert [one.name for one in stand(20, 60).contestants] == ["the network", LINEAR, MAJORITY]
    assert [one.name for one in stand(20).contestants] == ["the network", MAJORITY]
    assert stand(20).missing == f"{LINEAR} was not fitted (--no-baselines)"


def test_figures_and_intervals_are_those_of_the_scores():
    targets = np.arange(200) % 3 // 2
    scores = score(answers(targets, 20), targets)
    found = stand(20, 60)
    assert set(found.network.figures) == set(FIGURES) == set(found.network.intervals)
    for name, value in found.network.figures.items():
        assert value == getattr(scores, name)
        low, high = found.network.intervals[name]
        assert low < high
    assert found.by_class.support == list(scores.support)
    assert found.by_class.recall == list(scores.recall)
    assert [len(pairs) for pairs in found.by_class.intervals.values()] == [2, 2, 2]


def test_bins_hold_every_claim_and_make_up_the_calibration_error():
    rng = np.random.default_rng(3)
    given = rng.dirichlet(np.ones(4), 500).astype(np.float32)
    targets = rng.integers(0, 4, 500)
    several = (rng.random((500, 4)) < given).astype(np.uint8)
    for true, claims in ((targets, 500), (several, 2000)):
        found = measure(
            given, true, Decision(multi_label=true.ndim == 2), train_targets=true, available=500,
            rival=NO_RIVAL,
        )  # fmt: skip
        assert sum(one.count for one in found.bins) == claims
        assert all(one.low <= one.confidence <= one.high + 1e-9 for one in found.bins)
        error = sum(one.count * abs(one.confidence - one.right) for one in found.bins) / claims
        assert error == pytest.approx(calibration_error(given, true))


def test_a_bin_tells_how_sure_and_how_often_right() -> None:
    targets = np.arange(200) % 3 // 2
    found = stand(0)
    assert [(one.count, one.right) for one in found.bins] == [(200, 1.0)]
    assert found.bins[0].confidence == pytest.approx(0.9)
    assert measure(
        answers(targets, 200), targets, Decision(), train_targets=targets, available=200,
        rival=NO_RIVAL,
    ).bins[0].right == pytest.approx(0.0)  # fmt: skip


def test_a_network_that_may_abstain_has_to_answer_and_what_it_would_do_is_told():
    targets = np.array([0, 0, 1, 1])
    given = np.float32([[0.9, 0.1], [0.45, 0.55], [0.2, 0.8], [0.4, 0.6]])
    found = measure(
        given, targets, Decision(abstain_below=0.7), train_targets=targets, available=4,
        rival=NO_RIVAL,
    )  # fmt: skip
    assert found.network.figures["accuracy"] == 0.75
    assert found.abstained == 2
    assert found.right_otherwise == 1.0


def test_thresholds_decide():
    targets = np.array([0, 0, 1, 1])
    given = np.float32([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4], [0.6, 0.4]])
    found = measure(
        given, targets, Decision(thresholds=(0.35,)), train_targets=targets, available=4,
        rival=NO_RIVAL,
    )  # fmt: skip
    assert found.network.figures["accuracy"] == 1.0


def test_several_labels_a_text():
    targets = np.array([[1, 0], [1, 1], [0, 0]] * 40, dtype=np.uint8)
    given = np.where(targets == 1, 0.8, 0.1).astype(np.float32)
    given[:40, 1] = 0.9
    found = measure(
        given, targets, Decision(multi_label=True), train_targets=targets, available=120,
        rival=Rival(given, fitted_on=120),
    )  # fmt: skip
    assert found.several
    right = found.network.figures["accuracy"]
    assert found.verdict == (
        f"The network does no better than {LINEAR}: both have {right:.1%} of the 120 validation "
        "texts with all labels right."
    )
    assert found.abstained == 0


def test_it_survives_json_unchanged():
    found = stand(20, 60)
    assert Standing.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False))) == found


def test_a_class_that_no_validation_text_has():
    targets = np.array([0, 1, 0, 1])
    given = np.float32([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]] * 2)
    found = measure(
        given, targets, Decision(), train_targets=np.array([0, 1, 2]), available=4, rival=NO_RIVAL
    )
    assert found.by_class.support == [2, 2, 0]
    assert found.by_class.roc_auc[2] is None
    json.dumps(found.to_dict(), allow_nan=False)
