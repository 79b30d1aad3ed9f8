import json

import numpy as np
import pytest
from sklearn import metrics as peer

from unrolled.errors import ShapeError
from unrolled.evaluation.metrics import (
    accuracy,
    confusion_matrix,
    log_loss,
    most_wrong,
    precision_recall_f1,
    score,
)


def sample(examples: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.full(classes, 0.7), examples).astype(np.float32)
    return probabilities, generator.integers(0, classes, examples)


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
    precision, recall, f1, _ = peer.precision_recall_fscore_support(
        targets, predicted, labels=labels, zero_division=0
    )
    np.testing.assert_allclose(scores.precision, precision)
    np.testing.assert_allclose(scores.recall, recall)
    np.testing.assert_allclose(scores.f1, f1)
    assert scores.macro_f1 == pytest.approx(f1.mean())


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


def test_scores_become_json() -> None:
    probabilities, targets = sample(20, 3, seed=1)
    scores = score(probabilities, targets)
    again = json.loads(json.dumps(scores.to_dict()))
    assert again["confusion"] == scores.confusion.tolist()
    assert again["loss"] == scores.loss
    assert set(again) == set(vars(scores))


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


@pytest.mark.parametrize(
    ("probabilities", "targets", "words"),
    [
        ([[0.5, 0.5]], [2], r"true class of example 0 is 2.*0 to 1"),
        ([[0.5, 0.5]], [-1], "true class of example 0 is -1"),
        ([[0.5, 0.5]], [0, 1], "2 true classes but 1"),
        ([[0.5, 0.5], [np.nan, 0.5]], [0, 1], "example 1 are not finite"),
        ([[0.5], [0.5]], [0, 1], r"shape \(2, 1\)"),
        ([0.5, 0.5], [0, 1], r"shape \(2,\)"),
        ([[0.5, 0.5]], [0.5], "whole numbers"),
        ([[0.5, 0.5]], [[0]], r"true classes must be \(examples,\)"),
        (np.zeros((0, 2)), np.zeros(0, int), "at least one example"),
    ],
)
def test_what_does_not_fit_is_named(probabilities: object, targets: object, words: str) -> None:
    for function in (score, log_loss, lambda p, t: most_wrong(p, t, 1)):
        with pytest.raises(ShapeError, match=words):
            function(probabilities, targets)


def test_a_predicted_class_outside_is_named() -> None:
    with pytest.raises(ShapeError, match="predicted class of example 1 is 3"):
        confusion_matrix([0, 1], [1, 3], 3)
    with pytest.raises(ShapeError, match="square"):
        precision_recall_f1(np.zeros((2, 3), int))


def test_accuracy_needs_as_many_of_each() -> None:
    assert accuracy([0, 1, 1, 2], [0, 1, 0, 0]) == 0.5
    with pytest.raises(ShapeError, match="3 true classes but 2"):
        accuracy([0, 1, 1], [0, 1])
