"""A recurrence that starts from a state: two halves, one after the other, are the whole."""

import numpy as np
import pytest

from unrolled.engine import reference
from unrolled.engine.kernels import operations

TIME, LANES, UNITS = 9, 16, 5
CELLS = {"simple_rnn": 1, "lstm": 4, "gru": 3, "gru before": 3, "min_gru": 2, "qrnn": 3}
ENGINES = {"reference": (reference, np.float64, 1e-12), "compiled": (operations, np.float32, 2e-6)}


class Cell:
    """One recurrence of either engine, with the same signature for all."""

    def __init__(self, name, of, dtype, backwards):
        rng = np.random.default_rng(3)
        self.name, self.of, self.backwards, self.gates = name, of, backwards, CELLS[name]
        self.recurrent = rng.normal(size=(UNITS, self.gates * UNITS)).astype(dtype) * 0.5
        self.bias = rng.normal(size=3 * UNITS).astype(dtype) if name == "gru" else None
        # Read backwards, all lanes begin at the last step; forwards, all have every step.
        starts = rng.integers(0, TIME + 1, LANES) if backwards else np.zeros(LANES, np.int64)
        starts[:3] = 0, TIME if backwards else 0, TIME - 1 if backwards else 0
        self.starts = starts
        self.present = np.arange(TIME)[:, None, None] >= starts[:, None]
        self.z = self.wide(rng.normal(size=(TIME, LANES, self.gates, UNITS)).astype(dtype))
        self.d_states = (rng.normal(size=(TIME, LANES, UNITS)) * self.present).astype(dtype)
        self.after = name == "gru"

    def wide(self, z):
        """The compiled engine's rows are padded to eight numbers a gate."""
        if self.of is reference:
            return z.reshape(*z.shape[:2], -1)
        padded = np.zeros((*z.shape[:3], 8), z.dtype)
        padded[..., :UNITS] = z
        return padded.reshape(*z.shape[:2], -1)

    def forward(self, z, starts, first=None):
        z, way = z.copy(), self.backwards
        if self.name == "simple_rnn":
            states = self.of.simple_rnn(z, starts, self.recurrent, None, "tanh", way, first)
            return (states,)
        if self.name == "lstm":
            return self.of.lstm(z, starts, self.recurrent, None, way, first)
        if self.name.startswith("gru"):
            return self.of.gru(z, starts, self.recurrent, self.bias, None, self.after, way, first)
        return getattr(self.of, self.name)(z, starts, way, first)

    def backward(self, memory, starts, d_states, carried=None):
        """(d_z, d_recurrent and what else there is)."""
        d_states, way = d_states.copy(), self.backwards
        if self.name == "simple_rnn":
            return self.of.simple_rnn_backward(
                *memory, starts, self.recurrent, None, "tanh", way, d_states, carried
            )
        if self.name == "lstm":
            return self.of.lstm_backward(
                *memory, starts, self.recurrent, None, way, d_states, carried
            )
        if self.name.startswith("gru"):
            found = self.of.gru_backward(
                *memory, starts, self.recurrent, None, self.after, way, d_states, carried
            )
            return found[: 2 + self.after]
        back = getattr(self.of, f"{self.name}_backward")
        return (back(*memory, starts, way, d_states, carried),)

    def reached(self, memory):
        """What the next step would start from: the arrays (lane, units) behind the last one."""
        place = 1 if self.backwards else -2
        states = memory[:2] if self.name == "lstm" else memory[1:2] * (self.name == "qrnn")
        return tuple(array[place][:, :UNITS].copy() for array in states or memory[:1])

    def cut(self, z):
        return z.reshape(len(z), LANES, self.gates, -1)[..., :UNITS]


@pytest.fixture(params=ENGINES)
def engine(request):
    return ENGINES[request.param]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_two_halves_are_the_whole(name, backwards, engine):
    of, dtype, close = engine
    cell = Cell(name, of, dtype, backwards)
    whole = cell.forward(cell.z, cell.starts)
    d_whole = cell.backward(whole, cell.starts, cell.d_states)

    middle = 4
    halves = [
        (slice(middle), cell.starts.clip(0, middle)),
        (slice(middle, None), (cell.starts - middle).clip(0)),
    ]
    order = -1 if backwards else 1  # of the halves, by which is read first
    (first, first_starts), (second, second_starts) = halves[::order]
    began = cell.forward(cell.z[first], first_starts)
    ended = cell.forward(cell.z[second], second_starts, cell.reached(began))
    states = np.concatenate([began[0][1:-1], ended[0][1:-1]][::order])
    np.testing.assert_allclose(states, whole[0][1:-1], atol=close)

    carried = tuple(np.zeros((LANES, UNITS), dtype) for _ in cell.reached(began))
    d_second = cell.backward(ended, second_starts, cell.d_states[second], carried)
    assert all(np.abs(own).max() > 0.01 for own in carried)
    d_first = cell.backward(began, first_starts, cell.d_states[first], carried)
    d_z = np.concatenate([d_first[0], d_second[0]][::order])
    np.testing.assert_allclose(cell.cut(d_z), cell.cut(d_whole[0]), atol=10 * close)
    for one, other, both in zip(d_first[1:], d_second[1:], d_whole[1:], strict=True):
        np.testing.assert_allclose(one + other, both, atol=30 * close)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_gradients_of_the_state_at_the_start_are_its_slopes(name, backwards):
    cell = Cell(name, reference, np.float64, backwards)
    rng = np.random.default_rng(8)
    begins = cell.starts < TIME if backwards else np.ones(LANES, bool)
    arrays = len(cell.reached(cell.forward(cell.z, cell.starts)))
    first = tuple(rng.normal(size=(LANES, UNITS)) * begins[:, None] for _ in range(arrays))
    memory = cell.forward(cell.z, cell.starts, first)
    carried = tuple(np.zeros((LANES, UNITS)) for _ in range(arrays))
    cell.backward(memory, cell.starts, cell.d_states, carried)

    def objective(changed):
        return (cell.forward(cell.z, cell.starts, changed)[0][1:-1] * cell.d_states).sum()

    for place, gradient in enumerate(carried):
        direction = rng.normal(size=gradient.shape) * begins[:, None]
        ends = [
            objective(tuple(
                own + sign * 1e-5 * direction * (at == place) for at, own in enumerate(first)
            ))
            for sign in (1, -1)
        ]  # fmt: skip
        slope = (ends[0] - ends[1]) / 2e-5
        assert abs(slope) > 0.01
        assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("name", CELLS)
def test_the_compiled_recurrence_from_a_state(name):
    ours = Cell(name, operations, np.float32, backwards=True)
    truth = Cell(name, reference, np.float64, backwards=True)
    begins = (ours.starts < TIME)[:, None]
    arrays = len(truth.reached(truth.forward(truth.z, truth.starts)))
    first = tuple(
        np.random.default_rng(at).normal(size=(LANES, UNITS)) * begins for at in range(arrays)
    )
    found = []
    for cell in (ours, truth):
        dtype = cell.z.dtype
        memory = cell.forward(cell.z, cell.starts, tuple(own.astype(dtype) for own in first))
        ends = (cell.starts == 0)[:, None]  # lanes with a token at the step that is read last
        carried = tuple(np.full((LANES, UNITS), 0.25, dtype) * ends for _ in first)
        states = memory[0][1:-1][..., :UNITS].copy()
        gradients = cell.backward(memory, cell.starts, cell.d_states, carried)
        found.append([states, cell.cut(gradients[0]), *gradients[1:], *carried])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5 * max(1, np.abs(other).max()))
