import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from sklearn import metrics as peer

from unrolled.errors import InputError, ShapeError
from unrolled.evaluation.calibration import fit_temperature
from unrolled.evaluation.decision import Decision, fit_decision
from unrolled.evaluation.metrics import log_loss, score
from unrolled.evaluation.thresholds import choose_threshold


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def sample(examples: int, classes: int, seed: int, *, heat: float = 1.0, several: bool = False):
    """Targets drawn by the true probabilities; the ones given are of logits times ``heat``."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(examples, classes)) * 1.5
    if several:
        true = 1 / (1 + np.exp(-logits))
        targets = (generator.random((examples, classes)) < true).astype(np.uint8)
        return (1 / (1 + np.exp(-logits * heat))).astype(np.float32), targets
    chances = softmax(logits).cumsum(axis=1)
    targets = (generator.random((examples, 1)) > chances).sum(axis=1).clip(0, classes - 1)
    return softmax(logits * heat).astype(np.float32), targets


# --- Temperature ---------------------------------------------------------------------------------


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize(("classes", "heat"), [(2, 3.0), (4, 3.0), (4, 0.5)])
def test_the_temperature_undoes_what_heated_the_logits(classes, heat, several) -> None:
    probabilities, targets = sample(5000, classes, 0, heat=heat, several=several)
    decision = fit_decision(probabilities, targets, temperature=True)
    assert decision.temperature == pytest.approx(heat, rel=0.08)
    cooled = score(decision.calibrated(probabilities), targets)
    raw = score(probabilities, targets)
    assert cooled.loss < raw.loss
    assert cooled.calibration_error < raw.calibration_error / 2
    # No temperature near it is better.
    for factor in (0.97, 1.03):
        other = Decision(temperature=decision.temperature * factor, multi_label=several)
        assert log_loss(other.calibrated(probabilities), targets) > cooled.loss


@settings(deadline=None)
@given(
    seed=some.integers(0, 10**6),
    examples=some.integers(1, 30),
    classes=some.integers(2, 4),
    heat=some.sampled_from([0.01, 1.0, 5.0, 40.0]),
    several=some.booleans(),
)
def test_the_temperature_never_raises_the_validation_loss(
    seed, examples, classes, heat, several
) -> None:
    probabilities, targets = sample(examples, classes, seed, heat=heat, several=several)
    decision = fit_decision(probabilities, targets, temperature=True)
    after = decision.calibrated(probabilities)
    assert log_loss(after, targets) <= log_loss(probabilities, targets)
    assert after.dtype == np.float32
    assert after.shape == probabilities.shape
    assert (after >= 0).all()
    assert (after <= 1).all()


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("examples", [4, 64])
def test_a_few_examples_that_are_all_right_make_nothing_certain(examples, several) -> None:
    targets = np.arange(examples) % 2
    probabilities = np.where(np.eye(2)[targets] == 1, 0.8, 0.2).astype(np.float32)
    truth = np.eye(2, dtype=np.uint8)[targets] if several else targets
    surest = fit_decision(probabilities, truth, temperature=True).calibrated(probabilities).max()
    assert surest == pytest.approx(1 - 1 / (2 * (examples + 1)), abs=1e-3)


def test_without_anything_to_gain_no_bit_changes() -> None:
    guesses = np.full((6, 3), 1 / 3, dtype=np.float32)
    assert fit_temperature(guesses, [0, 1, 2, 0, 1, 2]) == 1.0
    probabilities, _ = sample(20, 3, 1)
    assert Decision().calibrated(probabilities) is probabilities


@pytest.mark.parametrize("several", [False, True])
def test_a_temperature_keeps_the_order_and_the_bits_of_a_text_alone(several) -> None:
    probabilities, _ = sample(300, 5, 2, heat=2.0, several=several)
    decision = Decision(temperature=2.3, multi_label=several)
    together = decision.calibrated(probabilities)
    np.testing.assert_array_equal(np.argsort(together, axis=1), np.argsort(probabilities, axis=1))
    if not several:
        np.testing.assert_allclose(together.sum(axis=1), 1, rtol=1e-6)
    for row in range(0, 300, 7):
        alone = decision.calibrated(probabilities[row : row + 1])
        np.testing.assert_array_equal(alone[0], together[row])
    np.testing.assert_array_equal(decision.calibrated(probabilities[::-1]), together[::-1])


def test_the_temperature_of_two_classes_divides_the_logit() -> None:
    decision = Decision(temperature=2.0)
    second = decision.calibrated([[0.1, 0.9]])[0, 1]
    assert np.log(second / (1 - second)) == pytest.approx(np.log(9) / 2)
    one = Decision(temperature=2.0, multi_label=True).calibrated([[0.9, 0.9]])
    assert one.tolist() == [[pytest.approx(second)] * 2]


# --- Thresholds ----------------------------------------------------------------------------------


def every_cut(probabilities: np.ndarray) -> list[float]:
    values = np.unique(np.concatenate([[0.0, 1.0], probabilities]))
    return [*((values[1:] + values[:-1]) / 2), 1.0]


rows_of_two = some.lists(
    some.tuples(some.sampled_from([0.0, 0.1, 0.3, 0.45, 0.5, 0.6, 0.9, 1.0]), some.booleans()),
    min_size=1,
    max_size=25,
)


@settings(deadline=None)
@given(rows=rows_of_two, goal=some.sampled_from(["accuracy", "f1"]))
def test_a_threshold_is_the_best_of_all(rows, goal) -> None:
    values = np.array([value for value, _ in rows])
    positive = np.array([flag for _, flag in rows])

    def reached(threshold: float) -> float:
        function = peer.accuracy_score if goal == "accuracy" else peer.f1_score
        options = {} if goal == "accuracy" else {"zero_division": 0.0}
        return function(positive, values > threshold, **options)

    cut = choose_threshold(values, positive, goal, 0.9)
    if not positive.any():
        assert cut.threshold == 0.5
        return
    best = max(map(reached, every_cut(values)))
    assert reached(cut.threshold) == pytest.approx(best)
    nearest = min(abs(t - 0.5) for t in every_cut(values) if reached(t) > best - 1e-12)
    assert abs(cut.threshold - 0.5) <= nearest + 1e-12


@settings(deadline=None)
@given(rows=rows_of_two, wanted=some.sampled_from([0.3, 0.5, 0.75, 0.9, 1.0]))
def test_a_wanted_precision_comes_with_the_highest_recall(rows, wanted) -> None:
    values = np.array([value for value, _ in rows])
    positive = np.array([flag for _, flag in rows])
    if not positive.any():
        assert not choose_threshold(values, positive, "precision", wanted).reached
        return

    def reached(threshold: float) -> tuple[float, float]:
        given_rows = values > threshold
        right = (given_rows & positive).sum()
        return right / max(given_rows.sum(), 1), right / positive.sum()

    cut = choose_threshold(values, positive, "precision", wanted)
    precision, recall = reached(cut.threshold)
    assert cut.precision == precision
    possible = [reached(threshold) for threshold in every_cut(values)]
    assert cut.reached == any(p >= wanted and r > 0 for p, r in possible)
    if cut.reached:
        assert precision >= wanted
        assert recall == max(r for p, r in possible if p >= wanted)
    else:
        assert precision == max(p for p, _ in possible)


def test_a_threshold_lies_halfway_and_of_equals_nearest_to_a_half() -> None:
    values = np.array([0.1, 0.2, 0.6, 0.9])
    assert choose_threshold(values, values > 0.5, "accuracy", 0.9).threshold == pytest.approx(0.4)
    # One of four is wrong wherever the line is, from 0.15 on.
    positive = np.array([False, True, False, True])
    assert choose_threshold(values, positive, "accuracy", 0.9).threshold == pytest.approx(0.75)
    positive = np.array([True, True, True, True])
    assert choose_threshold(values, positive, "f1", 0.9).threshold == pytest.approx(0.05)


def test_neighbours_without_a_number_between_them_are_told_apart() -> None:
    low = 0.7
    for _ in range(2):  # halfway, rounding goes down from one of these and up from the other
        high = np.nextafter(low, 1)
        cut = choose_threshold(np.array([low, high]), np.array([False, True]), "accuracy", 0.9)
        assert [low > cut.threshold, high > cut.threshold] == [False, True]
        low = high


@pytest.mark.parametrize("goal", ["accuracy", "f1"])
def test_the_threshold_of_two_classes_is_that_of_the_second(goal) -> None:
    probabilities, targets = sample(400, 2, 5)
    skewed = np.stack([1 - probabilities[:, 1] * 0.4, probabilities[:, 1] * 0.4], axis=1)
    decision = fit_decision(skewed, targets, threshold=goal)
    assert decision.thresholds is not None
    assert len(decision.thresholds) == 1
    assert decision.thresholds[0] < 0.3
    chosen = decision.choose(skewed)
    np.testing.assert_array_equal(chosen, skewed[:, 1] > decision.thresholds[0])
    plain, better = score(skewed, targets), score(skewed, targets, predicted=chosen)
    assert better.accuracy > plain.accuracy + 0.1
    assert better.f1[1] > plain.f1[1] + 0.1


def test_a_wanted_precision_that_cannot_be_reached_is_said() -> None:
    values = np.array([0.2, 0.4, 0.6, 0.8])
    probabilities = np.stack([1 - values, values], axis=1)
    decision = fit_decision(
        probabilities, [1, 0, 1, 0], threshold="precision", names=["ham", "spam"]
    )
    assert decision.note == (
        "a precision of 0.9 cannot be reached on the validation data; "
        'the best there is: "spam" 0.5000'
    )
    reachable = fit_decision(
        probabilities, [1, 0, 1, 0], threshold="precision", wanted_precision=0.5
    )
    assert reachable.note == ""
    assert reachable.choose(probabilities).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("wanted", [0.55, 0.8])
def test_a_precision_of_many_classes_gates_each_and_holds_for_each(wanted) -> None:
    probabilities, targets = sample(3000, 4, 6)
    decision = fit_decision(probabilities, targets, threshold="precision", wanted_precision=wanted)
    chosen = decision.choose(probabilities)
    assert decision.abstains
    assert 0 < (chosen == -1).sum() < 3000
    assert decision.thresholds is not None
    for one in range(4):
        assert (targets[chosen == one] == one).mean() >= wanted
        # As many as can be: of the texts that could get the class, the best line gives no more.
        rows = probabilities.argmax(axis=1) == one
        alone = choose_threshold(
            probabilities[rows, one].astype(float), targets[rows] == one, "precision", wanted
        )
        assert decision.thresholds[one] == alone.threshold
    always = decision.choose(probabilities, always=True)
    np.testing.assert_array_equal(always, probabilities.argmax(axis=1))
    np.testing.assert_array_equal(chosen[chosen >= 0], always[chosen >= 0])


@settings(deadline=None, max_examples=40)
@given(
    seed=some.integers(0, 10**6),
    examples=some.integers(1, 40),
    classes=some.integers(3, 5),
    goal=some.sampled_from(["accuracy", "f1"]),
)
def test_weights_of_many_classes_are_never_worse_than_none(seed, examples, classes, goal) -> None:
    probabilities, targets = sample(examples, classes, seed)
    if seed % 2:
        probabilities = np.round(probabilities * 4) / 4  # many ties
    decision = fit_decision(probabilities, targets, threshold=goal)
    name = "accuracy" if goal == "accuracy" else "macro_f1"
    plain = score(probabilities, targets)
    weighted = score(probabilities, targets, predicted=decision.choose(probabilities))
    assert getattr(weighted, name) >= getattr(plain, name) - 1e-12


@pytest.mark.parametrize("goal", ["accuracy", "f1"])
def test_weights_stay_as_they_are_when_nothing_can_be_gained(goal) -> None:
    probabilities = [[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]
    assert fit_decision(probabilities, [0, 1, 2], threshold=goal).weights == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("goal", ["accuracy", "f1"])
def test_weights_find_a_class_that_never_says_enough(goal) -> None:
    probabilities, targets = sample(1500, 3, 7, heat=2.0)
    shy = probabilities * [1.0, 0.2, 1.0]
    shy /= shy.sum(axis=1, keepdims=True)
    decision = fit_decision(shy, targets, threshold=goal)
    assert decision.weights is not None
    assert decision.weights[1] > max(decision.weights[0], decision.weights[2])
    own = score(shy, targets, predicted=decision.choose(shy))
    best, plain = score(probabilities, targets), score(shy, targets)
    assert own.macro_f1 > plain.macro_f1 + 0.9 * (best.macro_f1 - plain.macro_f1)
    assert not decision.abstains


@pytest.mark.parametrize("goal", ["accuracy", "f1", "precision"])
def test_each_of_several_labels_has_its_own_threshold(goal) -> None:
    probabilities, targets = sample(400, 3, 8, several=True)
    scaled = probabilities * np.float32([0.3, 1.0, 0.6])
    decision = fit_decision(scaled, targets, threshold=goal, wanted_precision=0.7)
    assert decision.multi_label
    assert decision.thresholds is not None
    assert len(decision.thresholds) == 3
    chosen = decision.choose_many(scaled)
    assert chosen.dtype == bool
    for one in range(3):
        alone = choose_threshold(scaled[:, one].astype(float), targets[:, one] == 1, goal, 0.7)
        assert decision.thresholds[one] == alone.threshold
        np.testing.assert_array_equal(chosen[:, one], scaled[:, one] > alone.threshold)
    if goal == "f1":
        better = score(scaled, targets, predicted=chosen)
        assert better.macro_f1 > score(scaled, targets).macro_f1


def test_thresholds_are_those_of_calibrated_probabilities() -> None:
    probabilities, targets = sample(500, 2, 9, heat=4.0)
    decision = fit_decision(probabilities, targets, threshold="f1", temperature=True)
    cooled = decision.calibrated(probabilities)
    again = fit_decision(cooled, targets, threshold="f1")
    assert decision.thresholds == again.thresholds
    assert decision.temperature > 2


# --- Abstaining and the rest ---------------------------------------------------------------------


def test_a_text_without_a_probable_class_gets_none() -> None:
    decision = Decision(abstain_below=0.6)
    probabilities = [[0.55, 0.45], [0.4, 0.6], [0.0, 1.0]]
    assert decision.abstains
    assert decision.choose(probabilities).tolist() == [-1, 1, 1]
    assert decision.choose(probabilities, always=True).tolist() == [0, 1, 1]
    with_line = Decision(abstain_below=0.6, thresholds=(0.3,))
    assert with_line.choose([[0.65, 0.35], [0.75, 0.25]]).tolist() == [-1, 0]
    assert decision.choose([[0.4, 0.6]]).tolist() == [1]  # as probable as it must be
    assert Decision(thresholds=(0.3,)).choose([[0.7, 0.3]]).tolist() == [0]  # not above
    assert Decision().choose([[0.5, 0.5]]).tolist() == [0]
    assert Decision().choose_many([[0.5, 0.51, 0.2]]).tolist() == [[False, True, False]]


@pytest.mark.parametrize("threshold", ["none", "accuracy", "f1", "precision"])
@pytest.mark.parametrize(("classes", "several"), [(2, False), (3, False), (2, True)])
def test_a_decision_survives_json(threshold, classes, several) -> None:
    probabilities, targets = sample(60, classes, 3, several=several)
    decision = fit_decision(
        probabilities, targets, threshold=threshold, temperature=True, abstain_below=0.3
    )
    again = Decision.from_dict(json.loads(json.dumps(decision.to_dict())))
    assert again == decision
    assert Decision.from_dict({}) == Decision()


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(InputError, match="no setting 'treshold'"):
        Decision.from_dict({"treshold": 0.3})
    with pytest.raises(ShapeError, match="3 thresholds; these probabilities need 1"):
        Decision(thresholds=(0.1, 0.2, 0.3)).choose([[0.5, 0.5]])
    with pytest.raises(ShapeError, match="2 weights; these probabilities need 3"):
        Decision(weights=(1.0, 2.0)).choose([[0.5, 0.2, 0.3]])
    with pytest.raises(ShapeError, match="2 thresholds; these probabilities need 3"):
        Decision(thresholds=(0.1, 0.2), multi_label=True).choose_many([[0.5, 0.2, 0.3]])
    with pytest.raises(ShapeError, match="1 names for probabilities of 2 classes"):
        fit_decision([[0.5, 0.5]], [1], names=["one"])
