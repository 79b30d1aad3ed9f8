import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from sklearn import metrics as peer

from unrolled.errors import ShapeError
from unrolled.evaluation.metrics import (
    Scores,
    accuracy,
    calibration_error,
    confusion_matrix,
    log_loss,
    most_wrong,
    precision_recall_f1,
    score,
)
from unrolled.evaluation.ranking import roc_auc


def sample(examples: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.full(classes, 0.7), examples).astype(np.float32)
    return probabilities, generator.integers(0, classes, examples)


def several(examples: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Several labels a text, some rarer than others; some texts have none."""
    generator = np.random.default_rng(seed)
    targets = generator.random((examples, classes)) < np.linspace(0.1, 0.6, classes)
    probabilities = generator.random((examples, classes)) * 0.7 + 0.3 * targets
    return probabilities.astype(np.float32), targets.astype(np.uint8)


@pytest.mark.parametrize(("examples", "classes"), [(1, 2), (37, 2), (200, 5), (10, 7)])
def test_scores_are_those_of_scikit_learn(examples: int, classes: int) -> None:
    probabilities, targets = sample(examples, classes, seed=examples)
    predicted = probabilities.argmax(axis=1)
    labels = list(range(classes))
    scores = score(probabilities, targets)
    assert scores.count == examples
    assert scores.accuracy == pytest.approx(peer.accuracy_score(targets, predicted))
    np.testing.assert_array_equal(
        scores.confusion, peer.confusion_matrix(targets, predicted, labels=labels)
    )
    precision, recall, f1, support = peer.precision_recall_fscore_support(
        targets, predicted, labels=labels, zero_division=0
    )
    np.testing.assert_allclose(scores.precision, precision)
    np.testing.assert_allclose(scores.recall, recall)
    np.testing.assert_allclose(scores.f1, f1)
    assert scores.support == tuple(support)
    assert scores.macro_f1 == pytest.approx(f1.mean())
    assert scores.micro_f1 == pytest.approx(scores.accuracy)
    assert (scores.multi_label, scores.abstained) == (False, 0)


@pytest.mark.parametrize(("examples", "classes"), [(1, 3), (40, 2), (150, 4)])
def test_scores_of_several_labels_are_those_of_scikit_learn(examples: int, classes: int) -> None:
    probabilities, targets = several(examples, classes, seed=examples)
    predicted = (probabilities > 0.5).astype(int)
    scores = score(probabilities, targets)
    assert scores.accuracy == pytest.approx(peer.accuracy_score(targets, predicted))
    np.testing.assert_array_equal(
        scores.confusion, peer.multilabel_confusion_matrix(targets, predicted)
    )
    precision, recall, f1, support = peer.precision_recall_fscore_support(
        targets, predicted, zero_division=0
    )
    np.testing.assert_allclose(scores.precision, precision)
    np.testing.assert_allclose(scores.recall, recall)
    np.testing.assert_allclose(scores.f1, f1)
    assert scores.support == tuple(support)
    for average, own in (("macro", scores.macro_f1), ("micro", scores.micro_f1)):
        expected = peer.f1_score(targets, predicted, average=average, zero_division=0)
        assert own == pytest.approx(expected)
    losses = [
        peer.log_loss(column, of_column, labels=[0, 1])
        for column, of_column in zip(targets.T, probabilities.T.astype(float), strict=True)
    ]
    assert scores.loss == pytest.approx(np.mean(losses), rel=1e-6)
    assert scores.multi_label


@pytest.mark.parametrize("classes", [2, 5])
def test_roc_auc_is_that_of_scikit_learn(classes: int) -> None:
    probabilities, targets = sample(300, classes, seed=classes)
    probabilities = np.round(probabilities, 1)  # many ties
    of_class = [peer.roc_auc_score(targets == one, probabilities[:, one]) for one in range(classes)]
    scores = score(probabilities, targets)
    assert scores.roc_auc == pytest.approx(np.mean(of_class[-1:] if classes == 2 else of_class))
    if classes > 2:
        np.testing.assert_allclose(scores.class_roc_auc, of_class)


def test_roc_auc_of_several_labels_is_that_of_scikit_learn() -> None:
    probabilities, targets = several(200, 3, seed=1)
    expected = peer.roc_auc_score(targets, np.round(probabilities, 1), average=None)
    scores = score(np.round(probabilities, 1), targets)
    np.testing.assert_allclose(scores.class_roc_auc, expected)
    assert scores.roc_auc == pytest.approx(expected.mean())


def test_a_class_without_examples_has_no_roc_auc() -> None:
    probabilities, targets = sample(50, 3, seed=9)
    without_last = score(probabilities, targets % 2)
    assert without_last.class_roc_auc[2] is None
    expected = [peer.roc_auc_score(targets % 2 == one, probabilities[:, one]) for one in (0, 1)]
    assert without_last.roc_auc == pytest.approx(np.mean(expected))
    only_one = score([[0.4, 0.6]], [1])
    assert (only_one.roc_auc, only_one.class_roc_auc) == (None, (None, None))
    no_label_at_all = score([[0.2, 0.6], [0.1, 0.2]], [[0, 0], [0, 0]])
    assert no_label_at_all.roc_auc is None
    assert (no_label_at_all.accuracy, no_label_at_all.macro_f1) == (0.5, 0.0)


ranked = some.lists(
    some.tuples(some.sampled_from([0.0, 0.2, 0.25, 0.7, 1.0]), some.booleans()), min_size=1
)


@given(rows=ranked)
def test_roc_auc_is_the_share_of_ordered_pairs(rows: list[tuple[float, bool]]) -> None:
    above = [
        1.0 if high > low else 0.5 if high == low else 0.0
        for high, positive in rows
        if positive
        for low, other in rows
        if not other
    ]
    found = roc_auc([value for value, _ in rows], [positive for _, positive in rows])
    assert found == (pytest.approx(np.mean(above)) if above else None)


def test_roc_auc_of_many_examples_is_quick() -> None:
    generator = np.random.default_rng(0)
    scores, positive = generator.random(1_000_000), generator.random(1_000_000) < 0.3
    started = time.process_time()
    assert roc_auc(scores, positive) == pytest.approx(0.5, abs=0.01)
    assert time.process_time() - started < 5  # pair by pair it would be hours


def brute_force_calibration_error(confidence: list[float], right: list[bool], bins: int) -> float:
    error = 0.0
    for one in range(bins):
        inside = [
            row
            for row, value in enumerate(confidence)
            if one < value * bins <= one + 1 or (one == 0 and value == 0)
        ]
        if inside:
            mean = sum(confidence[row] for row in inside) / len(inside)
            share = sum(right[row] for row in inside) / len(inside)
            error += len(inside) / len(confidence) * abs(mean - share)
    return error


@given(seed=some.integers(0, 10**6), examples=some.integers(1, 60), classes=some.integers(2, 5))
def test_calibration_error_is_that_of_its_definition(
    seed: int, examples: int, classes: int
) -> None:
    probabilities, targets = sample(examples, classes, seed)
    probabilities = np.round(probabilities.astype(float) * 30) / 30  # on edges and between them
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    expected = brute_force_calibration_error(confidence.tolist(), right.tolist(), 15)
    assert calibration_error(probabilities, targets) == pytest.approx(expected)
    assert score(probabilities, targets).calibration_error == pytest.approx(expected)


def test_calibration_error_of_several_labels_is_of_all_of_them_together() -> None:
    probabilities, targets = several(80, 3, seed=5)
    given_values = probabilities.astype(float).ravel().tolist()
    expected = brute_force_calibration_error(given_values, targets.ravel().tolist(), 15)
    assert calibration_error(probabilities, targets) == pytest.approx(expected)


def test_a_calibrated_forecast_has_no_calibration_error() -> None:
    three_in_four = np.tile([0.25, 0.75], (8, 1))
    assert calibration_error(three_in_four, [1, 1, 1, 0] * 2) == pytest.approx(0)
    assert calibration_error(three_in_four, [1] * 8) == pytest.approx(0.25)


def test_log_loss_is_that_of_scikit_learn() -> None:
    generator = np.random.default_rng(3)
    probabilities = generator.dirichlet(np.full(4, 3.0), 50)
    targets = generator.integers(0, 4, 50)
    expected = peer.log_loss(targets, probabilities, labels=range(4))
    assert log_loss(probabilities, targets) == pytest.approx(expected)


def test_log_loss_is_clipped_as_keras_clips() -> None:
    certain = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert log_loss(certain, [1, 1]) == pytest.approx(-np.log(1e-7))
    assert log_loss(certain, [0, 0]) == pytest.approx(-np.log(1 - 1e-7))


def test_rows_of_the_confusion_matrix_are_the_truth() -> None:
    matrix = confusion_matrix([0, 0, 1], [1, 1, 1], 3)
    np.testing.assert_array_equal(matrix, [[0, 2, 0], [0, 1, 0], [0, 0, 0]])


def test_a_class_that_never_occurs_scores_zero() -> None:
    precision, recall, f1 = precision_recall_f1(np.array([[3, 0, 0], [2, 0, 0], [0, 0, 0]]))
    np.testing.assert_allclose(precision, [0.6, 0, 0])
    np.testing.assert_allclose(recall, [1, 0, 0])
    np.testing.assert_allclose(f1, [0.75, 0, 0])


def test_equal_probabilities_mean_the_first_class() -> None:
    assert score([[0.5, 0.5]], [0]).accuracy == 1.0
    assert score([[0.5, 0.5]], [1]).accuracy == 0.0
    assert score([[0.5, 0.51]], [[0, 1]]).accuracy == 1.0  # a label needs more than a half


def test_decisions_of_ones_own_are_what_is_scored() -> None:
    probabilities, targets = sample(60, 3, seed=4)
    predicted = np.random.default_rng(1).integers(0, 3, 60)
    scores = score(probabilities, targets, predicted=predicted)
    assert scores.accuracy == pytest.approx(peer.accuracy_score(targets, predicted))
    assert scores.macro_f1 == pytest.approx(peer.f1_score(targets, predicted, average="macro"))
    plain = score(probabilities, targets)
    assert (scores.loss, scores.roc_auc) == (plain.loss, plain.roc_auc)
    labels = [[1, 0], [1, 1]]
    assert score([[0.1, 0.1], [0.1, 0.1]], labels, predicted=np.array(labels)).accuracy == 1.0


def test_an_abstained_example_is_not_right_and_still_counts() -> None:
    probabilities = [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]]
    scores = score(probabilities, [0, 1, 1, 0], predicted=[0, -1, 1, 1])
    assert (scores.accuracy, scores.abstained, scores.count) == (0.5, 1, 4)
    assert scores.recall == (0.5, 0.5)
    assert scores.precision == (1.0, 0.5)
    assert scores.confusion.tolist() == [[1, 1], [0, 1]]
    assert scores.support == (2, 2)


@settings(deadline=None)
@given(
    seed=some.integers(0, 10**6),
    examples=some.integers(1, 9),
    classes=some.integers(2, 4),
    many=some.booleans(),
)
def test_no_score_is_ever_nan(seed: int, examples: int, classes: int, many: bool) -> None:
    probabilities, targets = (several if many else sample)(examples, classes, seed)
    generator = np.random.default_rng(seed)
    probabilities = probabilities * generator.choice([0.0, 0.999999, 1.0, 1.000001])
    scores = score(probabilities, targets)
    json.dumps(scores.to_dict(), allow_nan=False)


def test_scores_become_json() -> None:
    probabilities, targets = sample(20, 3, seed=1)
    scores = score(probabilities, targets)
    again = json.loads(json.dumps(scores.to_dict()))
    assert again["confusion"] == scores.confusion.tolist()
    assert again["loss"] == scores.loss
    assert set(again) == set(Scores.__dataclass_fields__)


def test_most_wrong_is_worst_first_and_never_right() -> None:
    of_truth = np.array([0.4, 0.1, 0.9, 0.1, 0.02, 0.6])
    targets = np.array([0, 1, 0, 0, 1, 1])
    probabilities = np.empty((6, 2))
    probabilities[np.arange(6), targets] = of_truth
    probabilities[np.arange(6), 1 - targets] = 1 - of_truth
    assert most_wrong(probabilities, targets, 10).tolist() == [4, 1, 3, 0]
    assert most_wrong(probabilities, targets, 2).tolist() == [4, 1]
    assert most_wrong(probabilities, targets, 0).tolist() == []


def test_most_wrong_leaves_out_unsure_but_right_predictions() -> None:
    probabilities = [[0.34, 0.33, 0.33], [0.40, 0.45, 0.15]]
    assert most_wrong(probabilities, [0, 0], 5).tolist() == [1]


def test_most_wrong_goes_by_what_was_decided() -> None:
    probabilities = [[0.3, 0.7], [0.4, 0.6], [0.9, 0.1]]
    assert most_wrong(probabilities, [0, 0, 1], 5, predicted=[1, 0, -1]).tolist() == [0]


def test_most_wrong_of_several_labels_gives_the_least_to_all_of_the_truth() -> None:
    # The truth gets 0.4 * 0.4, nothing is wrong, 0.95 * 0.05, 0.1 * 0.1.
    probabilities = [[0.4, 0.6], [0.1, 0.2], [0.95, 0.95], [0.9, 0.9]]
    targets = [[1, 0], [0, 0], [1, 0], [0, 0]]
    assert most_wrong(probabilities, targets, 5).tolist() == [3, 2, 0]


@pytest.mark.parametrize(
    ("probabilities", "targets", "words"),
    [
        ([[0.5, 0.5]], [2], r"true class of example 0 is 2.*0 to 1"),
        ([[0.5, 0.5]], [-1], "true class of example 0 is -1"),
        ([[0.5, 0.5]], [0, 1], "2 true classes but 1"),
        ([[0.5, 0.5], [np.nan, 0.5]], [0, 1], "example 1 are not finite"),
        ([[0.5, 0.5], [-3.0, 4.0]], [0, 1], "class 0 in example 1 is -3; it must be 0 to 1"),
        ([[0.5], [0.5]], [0, 1], r"shape \(2, 1\)"),
        ([0.5, 0.5], [0, 1], r"shape \(2,\)"),
        ([[0.5, 0.5]], [0.5], "whole numbers"),
        ([[0.5, 0.5]], [[0]], r"true labels are of shape \(1, 1\).*shape \(1, 2\)"),
        ([[0.5, 0.5]], [[0, 2]], "true labels .* must be 0 or 1"),
        (np.zeros((0, 2)), np.zeros(0, int), "at least one example"),
        (np.zeros((0, 2)), np.zeros((0, 2), int), "at least one example"),
    ],
)
def test_what_does_not_fit_is_named(probabilities: object, targets: object, words: str) -> None:
    for function in (score, log_loss, lambda p, t: most_wrong(p, t, 1)):
        with pytest.raises(ShapeError, match=words):
            function(probabilities, targets)


@pytest.mark.parametrize(
    ("targets", "predicted", "words"),
    [
        ([0, 1], [0, 2], "predicted class of example 1 is 2"),
        ([0, 1], [0], "2 true classes but 1 predicted"),
        ([[0, 1], [1, 1]], [0, 1], r"predicted labels are of shape \(2,\)"),
    ],
)
def test_decisions_that_do_not_fit_are_named(
    targets: object, predicted: object, words: str
) -> None:
    with pytest.raises(ShapeError, match=words):
        score([[0.5, 0.5], [0.5, 0.5]], targets, predicted=predicted)


def test_a_predicted_class_outside_is_named() -> None:
    with pytest.raises(ShapeError, match="predicted class of example 1 is 3"):
        confusion_matrix([0, 1], [1, 3], 3)
    with pytest.raises(ShapeError, match="square"):
        precision_recall_f1(np.zeros((2, 3), int))


def test_accuracy_needs_as_many_of_each() -> None:
    assert accuracy([0, 1, 1, 2], [0, 1, 0, 0]) == 0.5
    with pytest.raises(ShapeError, match="3 true classes but 2"):
        accuracy([0, 1, 1], [0, 1])
