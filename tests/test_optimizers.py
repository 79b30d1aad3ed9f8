"""Optimisers take Keras' steps, can change their rate and can be resumed to the bit."""

from collections.abc import Callable

import keras
import numpy as np
import pytest

from unrolled.engine.optimizers import SGD, Adam, Optimizer, RMSprop, optimizer_named
from unrolled.errors import RecipeError, ShapeError

SIZE = 37
STEPS = 30

PAIRS: dict[str, tuple[Callable[[], Optimizer], Callable[[], keras.optimizers.Optimizer]]] = {
    "rmsprop": (
        lambda: RMSprop(0.01),
        lambda: keras.optimizers.RMSprop(0.01),
    ),
    "rmsprop, own constants": (
        lambda: RMSprop(0.02, rho=0.8, momentum=0.7, epsilon=1e-3),
        lambda: keras.optimizers.RMSprop(0.02, rho=0.8, momentum=0.7, epsilon=1e-3),
    ),
    "rmsprop, momentum": (
        lambda: RMSprop(0.003, momentum=0.9),
        lambda: keras.optimizers.RMSprop(0.003, momentum=0.9),
    ),
    "adam": (
        lambda: Adam(0.01),
        lambda: keras.optimizers.Adam(0.01),
    ),
    "adam, own constants": (
        lambda: Adam(0.02, beta_1=0.7, beta_2=0.95, epsilon=1e-4),
        lambda: keras.optimizers.Adam(0.02, beta_1=0.7, beta_2=0.95, epsilon=1e-4),
    ),
    "sgd": (
        lambda: SGD(0.05),
        lambda: keras.optimizers.SGD(0.05),
    ),
    "sgd, momentum": (
        lambda: SGD(0.02, momentum=0.9),
        lambda: keras.optimizers.SGD(0.02, momentum=0.9),
    ),
    "sgd, nesterov": (
        lambda: SGD(0.02, momentum=0.8, nesterov=True),
        lambda: keras.optimizers.SGD(0.02, momentum=0.8, nesterov=True),
    ),
    "sgd, nesterov without momentum": (
        lambda: SGD(0.02, nesterov=True),
        lambda: keras.optimizers.SGD(0.02, nesterov=True),
    ),
}

each_pair = pytest.mark.parametrize("name", PAIRS)


def start() -> np.ndarray:
    """Parameters (SIZE,) away from zero, so that relative differences mean something."""
    rng = np.random.default_rng(1)
    return (rng.uniform(2.0, 4.0, SIZE) * rng.choice([-1.0, 1.0], SIZE)).astype(np.float32)


def gradients() -> np.ndarray:
    """(STEPS, SIZE): sizes from 1e-6, where epsilon rules, to 1; some exactly zero."""
    rng = np.random.default_rng(2)
    scales = np.logspace(-6.0, 0.0, SIZE)
    values = rng.normal(0.3, 1.0, (STEPS, SIZE)) * scales
    values[rng.random((STEPS, SIZE)) < 0.1] = 0.0
    return values.astype(np.float32)


def rate_of(step: int, rate: float) -> float:
    """The rate is changed twice on the way."""
    return rate * (0.3 if step >= 20 else 2.0 if step >= 10 else 1.0)


@each_pair
def test_steps_are_keras_steps_with_the_rate_changed_on_the_way(name: str) -> None:
    make, make_keras = PAIRS[name]
    optimizer, oracle = make(), make_keras()
    optimizer.build(SIZE)
    parameters, variable = start(), keras.Variable(start())
    rate = optimizer.learning_rate
    for step, gradient in enumerate(gradients()):
        optimizer.learning_rate = rate_of(step, rate)
        oracle.learning_rate = rate_of(step, rate)
        before = parameters.copy()
        optimizer.apply(parameters, gradient)
        oracle.apply([gradient], [variable])
        np.testing.assert_allclose(parameters, np.asarray(variable), rtol=5e-7, atol=0.0)
        moved = np.abs(parameters - before).max()
        assert moved > 1e-4, "a step that hardly moves compares nothing"
    assert optimizer.iterations == int(oracle.iterations) == STEPS
    keras_slots = {
        v.path.rsplit("_", 1)[1]: np.asarray(v)
        for v in oracle.variables
        if v.path.rsplit("_", 1)[-1] in {"velocity", "momentum"}
    }
    assert set(optimizer.slots) == set(keras_slots)
    for slot, values in optimizer.slots.items():
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, keras_slots[slot], rtol=2e-5, atol=1e-12)


@each_pair
def test_the_first_updates_from_zero_are_keras_updates(name: str) -> None:
    """Parameters that start at zero are the sum of the updates: nothing hides a small one."""
    make, make_keras = PAIRS[name]
    optimizer, oracle = make(), make_keras()
    optimizer.build(SIZE)
    parameters = np.zeros(SIZE, np.float32)
    variable = keras.Variable(parameters)
    for gradient in np.abs(gradients()[:3]) + np.float32(1e-7):
        optimizer.apply(parameters, gradient)
        oracle.apply([gradient], [variable])
        np.testing.assert_allclose(parameters, np.asarray(variable), rtol=2e-5, atol=0.0)


def test_epsilon_sits_inside_the_root_of_rmsprop_and_outside_that_of_adam() -> None:
    gradient = np.full(1, 1e-4, np.float32)
    parameters = np.zeros(1, np.float32)
    rmsprop = RMSprop(1.0, epsilon=1e-7)
    rmsprop.build(1)
    rmsprop.apply(parameters, gradient)
    assert parameters[0] == pytest.approx(-1e-4 / np.sqrt(0.1 * 1e-8 + 1e-7), rel=1e-6)
    parameters = np.zeros(1, np.float32)
    adam = Adam(1.0, epsilon=1e-4)
    adam.build(1)
    adam.apply(parameters, gradient)
    velocity = 1e-3 * 1e-8
    rate = np.sqrt(1e-3) / 0.1
    assert parameters[0] == pytest.approx(-1e-5 * rate / (np.sqrt(velocity) + 1e-4), rel=1e-4)


@each_pair
def test_a_resumed_run_has_the_same_bits(name: str) -> None:
    make, _ = PAIRS[name]
    whole, first = make(), make()
    whole.build(SIZE)
    first.build(SIZE)
    parameters, halves = start(), start()
    for gradient in gradients():
        whole.apply(parameters, gradient)
    for gradient in gradients()[:17]:
        first.apply(halves, gradient)
    second = make()
    second.build(SIZE)
    second.iterations = first.iterations
    for slot, values in first.slots.items():
        second.slots[slot][:] = values
    for gradient in gradients()[17:]:
        second.apply(halves, gradient)
    np.testing.assert_array_equal(parameters, halves, strict=True)
    assert second.iterations == whole.iterations


def test_building_again_starts_anew() -> None:
    optimizer = Adam(0.01)
    optimizer.build(SIZE)
    optimizer.apply(start(), gradients()[0])
    assert optimizer.iterations == 1
    assert optimizer.slots["velocity"].any()
    optimizer.build(3)
    assert optimizer.iterations == 0
    for values in optimizer.slots.values():
        np.testing.assert_array_equal(values, np.zeros(3, np.float32), strict=True)


@each_pair
def test_the_gradient_is_left_alone_and_nan_reaches_only_its_own_parameter(name: str) -> None:
    optimizer = PAIRS[name][0]()
    optimizer.build(SIZE)
    gradient = gradients()[0]
    gradient[4] = np.nan
    before = gradient.copy()
    parameters = start()
    optimizer.apply(parameters, gradient)
    np.testing.assert_array_equal(gradient, before)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(parameters)), [4])


def test_overflow_warns_no_one() -> None:
    for make, _ in PAIRS.values():
        optimizer = make()
        optimizer.build(2)
        optimizer.apply(np.ones(2, np.float32), np.array([1e30, np.inf], np.float32))


def test_optimizers_are_found_by_keras_names() -> None:
    rmsprop = optimizer_named("rmsprop", learning_rate=1e-4, momentum=0.5)
    assert isinstance(rmsprop, RMSprop)
    assert (rmsprop.learning_rate, rmsprop.momentum, rmsprop.rho) == (1e-4, 0.5, 0.9)
    sgd = optimizer_named("sgd", learning_rate=0.2, momentum=0.25)
    assert isinstance(sgd, SGD)
    assert (sgd.learning_rate, sgd.momentum, sgd.nesterov) == (0.2, 0.25, False)
    adam = optimizer_named("adam", learning_rate=0.3, momentum=0.0)
    assert isinstance(adam, Adam)
    assert adam.learning_rate == 0.3
    assert [o.kind for o in (rmsprop, adam, sgd)] == [0, 1, 2]
    with pytest.raises(RecipeError, match=r"adam has no momentum, but it is 0.9"):
        optimizer_named("adam", learning_rate=0.3, momentum=0.9)
    with pytest.raises(RecipeError, match=r"'lion'.*rmsprop, adam, sgd"):
        optimizer_named("lion", learning_rate=0.3, momentum=0.0)


def test_defaults_are_those_of_keras() -> None:
    for ours, theirs, names in (
        (RMSprop(), keras.optimizers.RMSprop(), ("rho", "momentum", "epsilon")),
        (Adam(), keras.optimizers.Adam(), ("beta_1", "beta_2", "epsilon")),
        (SGD(), keras.optimizers.SGD(), ("momentum", "nesterov")),
    ):
        assert ours.learning_rate == pytest.approx(float(theirs.learning_rate), rel=1e-7)
        for name in names:
            assert getattr(ours, name) == getattr(theirs, name)


@pytest.mark.parametrize("rate", [np.nan, np.inf, -1e-3])
def test_an_impossible_rate_is_refused_at_any_time(rate: float) -> None:
    with pytest.raises(RecipeError, match="learning_rate is"):
        SGD(rate)
    optimizer = Adam()
    with pytest.raises(RecipeError, match="learning_rate is"):
        optimizer.learning_rate = rate
    assert optimizer.learning_rate == 1e-3


@pytest.mark.parametrize("momentum", [np.nan, -0.1, 1.5])
def test_an_impossible_momentum_is_refused(momentum: float) -> None:
    for make in (RMSprop, SGD):
        with pytest.raises(RecipeError, match="momentum is"):
            make(momentum=momentum)


def test_vectors_that_do_not_fit_are_refused_and_change_nothing() -> None:
    optimizer = SGD()
    with pytest.raises(ShapeError, match="built for None parameters"):
        optimizer.apply(np.ones(3, np.float32), np.ones(3, np.float32))
    optimizer.build(3)
    parameters = np.ones(3, np.float32)
    with pytest.raises(ShapeError, match=r"gradient \(1,\).*built for 3"):
        optimizer.apply(parameters, np.ones(1, np.float32))
    np.testing.assert_array_equal(parameters, np.ones(3, np.float32))
    assert optimizer.iterations == 0
