import json

import numpy as np
import pytest

from unrolled.evaluation.contest import Contender, contender, judge


def of(name: str, wrong: int, count: int = 400) -> tuple[Contender, np.ndarray]:
    """Right but for its first ``wrong`` texts."""
    targets = np.arange(count) % 2
    chosen = np.where(np.arange(count) < wrong, 1 - targets, targets)
    return contender(name, np.eye(2)[chosen], targets), targets


@pytest.mark.parametrize(
    ("network", "rivals", "sentence", "wins"),
    [
        (80, {"guess": 200, "tf": 40}, "loses to tf: 0.8000 against 0.9000 (p < 0.001)", False),
        (40, {"guess": 200, "tf": 47},
         "beats tf: 0.9000 against 0.8825 (p = 0.016)", True),
        (40, {"tf": 38}, "loses to tf: 0.9000 against 0.9050 (p = 0.500, as chance can make it)",
         False),
        (38, {"tf": 40}, "is not clearly better than tf: 0.9050 against 0.9000 (p = 0.500, "
         "as chance can make it)", False),
        (40, {"guess": 200, "tf": 40}, "only equals tf: 0.9000 against 0.9000 (p = 1.000)", False),
        (40, {"guess": 200}, "beats guess: 0.9000 against 0.5000 (p < 0.001)", True),
        (40, {"guess": 50, "tf": 50}, "beats tf: 0.9000 against 0.8750 (p = 0.002)", True),
    ],
)  # fmt: skip
def test_the_verdict_is_against_the_best_baseline(network, rivals, sentence, wins) -> None:
    own, targets = of("network", network)
    verdict = judge(own, [of(name, wrong)[0] for name, wrong in rivals.items()], targets)
    assert str(verdict) == f"the network {sentence}"
    assert verdict.wins is wins


def test_decisions_of_ones_own_are_what_is_judged() -> None:
    rival, targets = of("tf", 10)
    probabilities = np.full((400, 2), 0.5)
    own = contender("network", probabilities, targets, targets)
    assert own.scores.accuracy == 1.0
    assert judge(own, [rival], targets).wins


def test_a_contender_becomes_json() -> None:
    document = json.loads(json.dumps(of("network", 40)[0].to_dict(), allow_nan=False))
    assert document["accuracy"] == 0.9
    low, high = document["intervals"]["accuracy"]
    assert low < 0.9 < high
    assert len(document["intervals"]["f1"]) == 2
