"""Recurrent layers that ``torch.nn`` does not have, as they stand in a module that is written.

Each gets ``steps`` and ``own``, which of them belong to their text (texts, steps, 1), and gives the
states after each step, zero behind a text's end, and those reached last. What it reads at a step,
``inputs``, is a Linear or, of ids, an Embedding.
"""

from __future__ import annotations

from unrolled.engine.layers import GRU, QRNN, MinGRU, Scanned

_LINEAR_RNN = '''\
class LinearRNN(nn.Module):
    """state = inputs + recurrent(state)."""

    def __init__(self, inputs: nn.Module, units: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.recurrent = nn.Linear(units, units, bias=False)

    def forward(self, steps: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        read = self.inputs(steps)
        state = torch.zeros_like(read[:, 0])
        states = []
        for inputs, is_own in zip(read.unbind(1), own.unbind(1)):
            state = torch.where(is_own, inputs + self.recurrent(state), state)
            states.append(state)
        return torch.stack(states, dim=1) * own, state
'''

_RESET_BEFORE_GRU = '''\
class ResetBeforeGRU(nn.Module):
    """A GRU whose reset gate acts on the state before the product with it (Cho et al. 2014)."""

    def __init__(self, inputs: nn.Module, units: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.gates = nn.Linear(units, 2 * units, bias=False)
        self.candidate = nn.Linear(units, units, bias=False)

    def forward(self, steps: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        to_update, to_reset, to_candidate = self.inputs(steps).chunk(3, dim=2)
        to_gates = torch.cat([to_update, to_reset], dim=2)
        state = torch.zeros_like(to_candidate[:, 0])
        states = []
        for gates, inputs, is_own in zip(to_gates.unbind(1), to_candidate.unbind(1), own.unbind(1)):
            update, reset = torch.sigmoid(gates + self.gates(state)).chunk(2, dim=1)
            candidate = torch.tanh(inputs + self.candidate(reset * state))
            state = torch.where(is_own, update * state + (1 - update) * candidate, state)
            states.append(state)
        return torch.stack(states, dim=1) * own, state
'''

_MIN_GRU = '''\
class MinGRU(nn.Module):
    """state = (1 - update) * state + update * candidate; neither reads the state.

    Feng et al. 2024, "Were RNNs All We Needed?".
    """

    def __init__(self, inputs: nn.Module) -> None:
        super().__init__()
        self.inputs = inputs

    def forward(self, steps: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        update, candidate = self.inputs(steps).chunk(2, dim=2)
        update = torch.sigmoid(update) * own  # behind the end of a text its state stays
        state = torch.zeros_like(candidate[:, 0])
        states = []
        for part, new in zip(update.unbind(1), candidate.unbind(1)):
            state = (1 - part) * state + part * new
            states.append(state)
        return torch.stack(states, dim=1) * own, state
'''

_QRNN = '''\
class QRNN(nn.Module):
    """cell = forget * cell + (1 - forget) * candidate, state = output * cell.

    No gate reads the state. Bradbury et al. 2016, "Quasi-Recurrent Neural Networks".
    """

    def __init__(self, inputs: nn.Module{argument}) -> None:
        super().__init__()
        self.inputs = inputs{attribute}

    def forward(self, steps: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        read = self.inputs(steps){before}
        to_candidate, to_forget, to_output = read.chunk(3, dim=2)
        candidate, forget = torch.tanh(to_candidate), torch.sigmoid(to_forget)
        output = torch.sigmoid(to_output)
        cell = state = torch.zeros_like(candidate[:, 0])
        states = []
        gates = zip(candidate.unbind(1), forget.unbind(1), output.unbind(1), own.unbind(1))
        for new, keep, shown, is_own in gates:
            cell = torch.where(is_own, keep * cell + (1 - keep) * new, cell)
            state = torch.where(is_own, shown * cell, state)
            states.append(state)
        return torch.stack(states, dim=1) * own, state
'''

_BEFORE = """
        before = self.before(steps) * own  # what is not of the text is not seen from it
        read = read + functional.pad(before[:, :-1], (0, 0, 1, 0))"""


def cell_of(layer: Scanned) -> tuple[str, str]:
    """Name and source of the class that does what a layer does."""
    match layer:
        case QRNN(window=window):
            return "QRNN", _qrnn(window)
        case MinGRU():
            return "MinGRU", _MIN_GRU
        case GRU():
            return "ResetBeforeGRU", _RESET_BEFORE_GRU
    return "LinearRNN", _LINEAR_RNN


def _qrnn(window: int) -> str:
    if window == 1:
        return _QRNN.format(argument="", attribute="", before="")
    return _QRNN.format(
        argument=", before: nn.Module",
        attribute="\n        self.before = before",
        before=_BEFORE,
    )
