"""The arithmetic of one unit at one step, term by term, for whoever wants to check it by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.layers import GRU, LSTM, QRNN, MinGRU, SimpleRNN
from unrolled.errors import InputError
from unrolled.explain.passes import Scan, scans
from unrolled.explain.steps import steps_of
from unrolled.explain.subject import Subject

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Term:
    """One product of a weighted sum. of: what ``value`` is, "x[3]", "h[0]" or a word."""

    of: str
    value: float
    weight: float
    product: float


@dataclass(frozen=True)
class Sum:
    """One weighted sum and what its activation makes of it.

    total = input_total + bias + recurrent_scale · (recurrent_total + recurrent_bias), where a GRU
    that resets after the product has its reset gate as the scale and a second bias; None is 1, 0.
    """

    name: str
    input: tuple[Term, ...]
    input_total: float
    recurrent: tuple[Term, ...]
    recurrent_total: float
    recurrent_bias: float | None
    recurrent_scale: float | None
    bias: float
    total: float
    activation: str
    result: float


@dataclass(frozen=True)
class Combined:
    """A number that is made of the sums' results. formula: how, in their names; empty: given."""

    name: str
    formula: str
    value: float


@dataclass(frozen=True)
class Arithmetic:
    """How one unit of a recurrent layer got its state at one step.

    sums: of a SimpleRNN "h", which is the state; otherwise the gates, by the names that the layer's
    docstring gives them. combination: what becomes of the gates; empty for a SimpleRNN.
    state_before, state_after: of this unit, in the direction of reading.
    """

    layer: str
    kind: str
    direction: str
    step: int
    unit: int
    token: str
    sums: tuple[Sum, ...]
    combination: tuple[Combined, ...]
    state_before: float
    state_after: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and lists, ready for JSON."""
        return asdict(self)


def explain_step(
    model: Subject,
    text: str,
    *,
    step: int,
    unit: int,
    layer: str | None = None,
    direction: str = "forward",
) -> Arithmetic:
    """Write out how ``unit`` got its state at ``step``, both counted from 0.

    layer: its name in the summary; None: the first recurrent one. direction: "backward" for the
    half of a bidirectional layer that comes from the end.
    Raises InputError for what is not there, and says what is.
    """
    steps = steps_of(model, text)
    scan = _chosen(scans(model.network, steps.read), layer, direction)
    step = _within("step", step, len(steps.read))
    unit = _within("unit", unit, scan.layer.units)
    one_step = _Step(scan, step, unit, steps.tokens)
    sums, combination = one_step.written_out()
    return Arithmetic(
        layer=scan.name,
        kind=type(scan.layer).__name__,
        direction=direction,
        step=step,
        unit=unit,
        token=steps.tokens[step],
        sums=sums,
        combination=combination,
        state_before=float(one_step.state_before[unit]),
        state_after=float(scan.states[step, unit]),
    )


def _chosen(found: Sequence[Scan], layer: str | None, direction: str) -> Scan:
    name = found[0].name if layer is None else layer
    own = [scan for scan in found if scan.name == name]
    if not own:
        names = ", ".join(dict.fromkeys(scan.name for scan in found))
        raise InputError(f"the model has no recurrent layer {name!r}; there are: {names}")
    for scan in own:
        if scan.direction == direction:
            return scan
    raise InputError(
        f"layer {name!r} does not read {direction!r}; it reads "
        f"{' and '.join(scan.direction for scan in own)}"
    )


def _within(what: str, number: int, count: int) -> int:
    is_whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
    if not (is_whole and 0 <= number < count):
        raise InputError(f"there is no {what} {number}: they go from 0 to {count - 1}")
    return int(number)


class _Step:
    """One step of one direction of a layer, in double precision."""

    def __init__(self, scan: Scan, step: int, unit: int, tokens: Sequence[str]) -> None:
        self.scan, self.unit, self.units = scan, unit, scan.layer.units
        self.before = step + 1 if scan.layer.go_backwards else step - 1
        self.step, self.tokens = step, tokens
        self.state_before = self._earlier(scan.states)
        self.cell_before = 0.0 if scan.cells is None else float(self._earlier(scan.cells)[unit])

    def written_out(self) -> tuple[tuple[Sum, ...], tuple[Combined, ...]]:
        """The weighted sums, and what is made of them."""
        layer = self.scan.layer
        if isinstance(layer, SimpleRNN):
            return (self._sum("h", 0, layer.activation),), ()
        if isinstance(layer, LSTM):
            return self._lstm()
        if isinstance(layer, GRU):
            return self._gru(layer)
        if isinstance(layer, MinGRU):
            u, c = self._sum("u", 0, "sigmoid"), self._sum("c", 1, "linear")
            h = (1 - u.result) * float(self.state_before[self.unit]) + u.result * c.result
            return (u, c), (Combined("h", "(1 - u) · h before + u · c", h),)
        assert isinstance(layer, QRNN)
        g, f, o = (
            self._sum("g", 0, "tanh"),
            self._sum("f", 1, "sigmoid"),
            self._sum("o", 2, "sigmoid"),
        )
        c_now = f.result * self.cell_before + (1 - f.result) * g.result
        return (g, f, o), (
            Combined("c before", "", self.cell_before),
            Combined("c", "f · c before + (1 - f) · g", c_now),
            Combined("h", "o · c", o.result * c_now),
        )

    def _lstm(self) -> tuple[tuple[Sum, ...], tuple[Combined, ...]]:
        kinds = (("i", "sigmoid"), ("f", "sigmoid"), ("g", "tanh"), ("o", "sigmoid"))
        i, f, g, o = (self._sum(name, at, kind) for at, (name, kind) in enumerate(kinds))
        c = f.result * self.cell_before + i.result * g.result
        return (i, f, g, o), (
            Combined("c before", "", self.cell_before),
            Combined("c", "f · c before + i · g", c),
            Combined("h", "o · tanh(c)", o.result * float(np.tanh(c))),
        )

    def _gru(self, layer: GRU) -> tuple[tuple[Sum, ...], tuple[Combined, ...]]:
        u, r = self._sum("u", 0, "sigmoid"), self._sum("r", 1, "sigmoid")
        if layer.reset_after:
            g = self._sum("g", 2, "tanh", scale=r.result)
        else:
            g = self._sum("g", 2, "tanh", resets=self._resets())
        h = u.result * float(self.state_before[self.unit]) + (1 - u.result) * g.result
        return (u, r, g), (Combined("h", "u · h before + (1 - u) · g", h),)

    def _resets(self) -> Doubles:
        """The reset gates of all units (units,)."""
        others = (_Step(self.scan, self.step, unit, self.tokens) for unit in range(self.units))
        return np.array([other._sum("r", 1, "sigmoid").result for other in others])

    def _sum(
        self,
        name: str,
        gate: int,
        activation: str,
        *,
        scale: float | None = None,
        resets: Doubles | None = None,
    ) -> Sum:
        """The weighted sum of gate number ``gate``.

        scale: what the recurrent part is multiplied by. resets: what each state is multiplied by
        before its weight is (units,).
        """
        column = gate * self.units + self.unit
        inputs, recurrent = self._input_terms(column), self._recurrent_terms(column, resets)
        bias, recurrent_bias = self._biases(column)
        input_total = sum(term.product for term in inputs)
        recurrent_total = sum(term.product for term in recurrent)
        share = (1.0 if scale is None else scale) * (recurrent_total + (recurrent_bias or 0.0))
        total = input_total + bias + share
        return Sum(
            name=name,
            input=inputs,
            input_total=input_total,
            recurrent=recurrent,
            recurrent_total=recurrent_total,
            recurrent_bias=recurrent_bias,
            recurrent_scale=scale,
            bias=bias,
            total=total,
            activation=activation,
            result=float(_ACTIVATIONS[activation](total)),
        )

    def _input_terms(self, column: int) -> tuple[Term, ...]:
        kernel, inputs = self.scan.weights["kernel"], self.scan.inputs
        if kernel.ndim == 2:
            return _terms("", self.tokens, inputs, self.step, kernel[:, column])
        terms = _terms("", self.tokens, inputs, self.step, kernel[-1, :, column])
        if len(kernel) > 1 and 0 <= self.before < len(inputs):
            terms += _terms("before: ", self.tokens, inputs, self.before, kernel[-2, :, column])
        return terms

    def _recurrent_terms(self, column: int, resets: Doubles | None) -> tuple[Term, ...]:
        kernel = self.scan.weights.get("recurrent_kernel")
        if kernel is None:
            return ()
        name = "h[{0}]" if resets is None else "r[{0}] · h[{0}]"
        states = self.state_before if resets is None else resets * self.state_before
        return tuple(
            _term(name.format(number), state, weight)
            for number, (state, weight) in enumerate(zip(states, kernel[:, column], strict=True))
        )

    def _biases(self, column: int) -> tuple[float, float | None]:
        bias = self.scan.weights.get("bias")
        if bias is None:
            return 0.0, None
        if bias.ndim == 1:
            return float(bias[column]), None
        return float(bias[0, column]), float(bias[1, column])

    def _earlier(self, states: NDArray[np.float32]) -> Doubles:
        """The states (units,) that the step starts from: zero at the first one."""
        if 0 <= self.before < len(states):
            return np.asarray(states[self.before], dtype=np.float64)
        return np.zeros(self.units)


def _terms(
    prefix: str,
    tokens: Sequence[str],
    inputs: NDArray[Any],
    step: int,
    weights: NDArray[np.float32],
) -> tuple[Term, ...]:
    """What step ``step`` brings into a sum: its word's weight, or each of its numbers times one."""
    if inputs.ndim == 1:  # a one-hot vector: 1 for the word and 0 for all others
        return (_term(prefix + tokens[step], 1.0, weights[inputs[step]]),)
    return tuple(
        _term(f"{prefix}x[{number}]", value, weight)
        for number, (value, weight) in enumerate(zip(inputs[step], weights, strict=True))
    )


def _term(of: str, value: float, weight: float) -> Term:
    return Term(of, float(value), float(weight), float(value) * float(weight))


_ACTIVATIONS: dict[str, Callable[[float], float]] = {
    "tanh": lambda total: float(np.tanh(total)),
    "sigmoid": lambda total: float(0.5 * (1 + np.tanh(0.5 * total))),
    "relu": lambda total: max(total, 0.0),
    "linear": lambda total: total,
}
