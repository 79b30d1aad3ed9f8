"""One step of an optimiser on a part of the parameters, compiled.

The same operations in the same order as `unrolled.engine.optimizers`, hence the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from unrolled.engine.kernels.compiled import entry, inner
from unrolled.engine.optimizers import SGD, Adam, Optimizer, Part, RMSprop
from unrolled.engine.threads import Team

Floats = NDArray[np.float32]
Longs = NDArray[np.int64]

_RMSPROP, _ADAM = RMSprop.kind, Adam.kind
_PIECE = 1 << 16  # numbers that a thread takes at a time
_WORTH_A_TEAM = 1 << 17  # numbers below which waking the others takes longer than the work
_NO_SLOT: Floats = np.zeros(0, dtype=np.float32)


def step_constants(optimizer: Optimizer) -> tuple[float, float, float, float]:
    """The four numbers that the next step of ``optimizer`` needs in `update`, its rate first."""
    rate = float(optimizer.step_rate())
    if isinstance(optimizer, RMSprop):
        return rate, optimizer.rho, 1.0 - optimizer.rho, optimizer.epsilon
    if isinstance(optimizer, Adam):
        return rate, 1.0 - optimizer.beta_1, 1.0 - optimizer.beta_2, optimizer.epsilon
    return rate, 0.0, 0.0, 0.0


def slots_and_momentum(optimizer: Optimizer) -> tuple[Floats, Floats, np.float32, bool]:
    """The optimiser's velocity and momentum vectors, its momentum constant, and Nesterov's flag."""
    velocity = optimizer.slots.get("velocity", _NO_SLOT)
    momentum = optimizer.slots.get("momentum", _NO_SLOT)
    constant = 0.0 if isinstance(optimizer, Adam) else getattr(optimizer, "momentum", 0.0)
    nesterov = isinstance(optimizer, SGD) and optimizer.nesterov
    return velocity, momentum, np.float32(constant), nesterov


@inner
def update(
    kind: int,
    constants: Floats,  # (4,): see step_constants
    decay: np.float32,  # the momentum constant
    nesterov: bool,
    parameters: Floats,
    gradient: Floats,
    velocity: Floats,
    momentum: Floats,
) -> None:
    """Changes the parameters and the slots beside them by one step."""
    rate, first, second, epsilon = constants[0], constants[1], constants[2], constants[3]
    if kind == _RMSPROP and decay > 0:
        for i in range(len(parameters)):
            g = gradient[i]
            velocity[i] = first * velocity[i] + second * (g * g)
            momentum[i] = decay * momentum[i] + (rate * g) / np.sqrt(velocity[i] + epsilon)
            parameters[i] -= momentum[i]
    elif kind == _RMSPROP:
        for i in range(len(parameters)):
            g = gradient[i]
            velocity[i] = first * velocity[i] + second * (g * g)
            parameters[i] -= (rate * g) / np.sqrt(velocity[i] + epsilon)
    elif kind == _ADAM:
        for i in range(len(parameters)):
            g = gradient[i]
            momentum[i] += (g - momentum[i]) * first
            velocity[i] += (g * g - velocity[i]) * second
            parameters[i] -= (momentum[i] * rate) / (np.sqrt(velocity[i]) + epsilon)
    elif decay > 0:
        for i in range(len(parameters)):
            descent = gradient[i] * rate
            momentum[i] = momentum[i] * decay - descent
            parameters[i] += momentum[i] * decay - descent if nesterov else momentum[i]
    else:
        for i in range(len(parameters)):
            parameters[i] -= gradient[i] * rate


@entry
def _update_rows(
    kind: int,
    constants: Floats,
    decay: np.float32,
    nesterov: bool,
    parameters: Floats,
    starts: Longs,  # (rows,): where each row of parameters begins
    gradient: Floats,  # (rows, columns)
    velocity: Floats,
    momentum: Floats,
) -> None:
    """One step of the rows of parameters that begin at ``starts``."""
    columns = gradient.shape[1]
    for row in range(len(starts)):
        own = slice(starts[row], starts[row] + columns)
        update(
            kind, constants, decay, nesterov, parameters[own], gradient[row],
            velocity[own] if len(velocity) > 0 else velocity,
            momentum[own] if len(momentum) > 0 else momentum,
        )  # fmt: skip


def apply_parts(
    optimizer: Optimizer, parameters: Floats, parts: Sequence[Part], team: Team
) -> None:
    """As `Optimizer.apply_parts`, in the same bits."""
    constants = np.array(step_constants(optimizer), dtype=np.float32)
    velocity, momentum, decay, nesterov = slots_and_momentum(optimizer)
    pieces = [piece for part in parts for piece in _pieces(part)]

    def work(number: int) -> None:
        piece = pieces[number]
        own = constants.copy()
        own[0] *= np.float32(piece.rate)
        _update_rows(
            optimizer.kind, own, decay, nesterov, parameters, piece.starts, piece.gradient,
            velocity, momentum,
        )  # fmt: skip

    if sum(piece.gradient.size for piece in pieces) < _WORTH_A_TEAM:
        for number in range(len(pieces)):
            work(number)
    else:
        team.each(work, range(len(pieces)))
    optimizer.iterations += 1


def _pieces(part: Part) -> Iterator[Part]:
    """Cuts a part into pieces of about the same size: across its rows, or along a single one."""
    rows, columns = part.gradient.shape
    if rows == 1:
        for column in range(0, columns, _PIECE):
            own = part.gradient[:, column : column + _PIECE]
            yield Part(part.starts + column, own, part.rate)
        return
    count = max(1, _PIECE // max(columns, 1))
    for row in range(0, rows, count):
        own = part.gradient[row : row + count]
        yield Part(part.starts[row : row + count], own, part.rate)
