"""TrainingState: everything that a run needs to go on where it stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import ModelError
from unrolled.ragged import Sequences
from unrolled.training.history import History

Labelled = tuple[Sequences, NDArray[np.integer]]
"""What is read, and a class number or several for each."""
Paired = tuple[Sequences, Sequences]
"""What is read, and what is to be written to each."""
Part = tuple[Sequences, NDArray[np.integer] | Sequences]
_BLOCK = 1 << 12  # sequences that are copied at a time
_META = "metadata"
_SLOT = "slot/"
_NUMBERS = ("epoch", "iterations", "learning_rate", "best_epoch", "best", "wait", "seed")


@dataclass(frozen=True)
class TrainingState:
    """A run right after a finished epoch; the arrays are its own copies.

    weights, best_weights: float32 (parameters,), all weights of the network end to end;
    slots: the optimizer's arrays by name; wait: epochs since the best one, as early stopping
    counts them; best: the lowest val_loss; fingerprint: of the data that it is trained on.
    """

    epoch: int
    weights: NDArray[np.float32]
    slots: dict[str, NDArray[np.float32]]
    iterations: int
    learning_rate: float
    best_weights: NDArray[np.float32]
    best_epoch: int
    best: float
    wait: int
    history: History
    seed: int
    fingerprint: str

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays by name; what is not an array is JSON in the bytes of "metadata"."""
        meta: dict[str, Any] = {name: getattr(self, name) for name in _NUMBERS}
        meta |= {"fingerprint": self.fingerprint, "history": self.history.history}
        return {
            "weights": self.weights,
            "best_weights": self.best_weights,
            **{_SLOT + name: slot for name, slot in self.slots.items()},
            _META: np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> TrainingState:
        """From ``to_arrays``' result; ModelError when something is missing or has another shape."""
        try:
            meta = json.loads(arrays[_META].tobytes())
            weights, best_weights = arrays["weights"], arrays["best_weights"]
            state = cls(
                weights=weights,
                best_weights=best_weights,
                slots={
                    name.removeprefix(_SLOT): array
                    for name, array in arrays.items()
                    if name.startswith(_SLOT)
                },
                history=History(meta["history"]),
                fingerprint=meta["fingerprint"],
                **{name: meta[name] for name in _NUMBERS},
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"the state of the unfinished training is damaged ({error}); train anew"
            ) from None
        if weights.ndim != 1 or weights.shape != best_weights.shape:
            raise ModelError(
                f"the state of the unfinished training is damaged (weights {weights.shape}, "
                f"best weights {best_weights.shape}); train anew"
            )
        return state


def data_fingerprint(train: Part, validation: Part) -> str:
    """SHA-256, in hexadecimal, of everything that training and validation read."""
    digest = hashlib.sha256()
    for sequences, targets in (train, validation):
        _take_in(digest, sequences)
        if isinstance(targets, np.ndarray):
            digest.update(np.ascontiguousarray(targets, dtype="<i8").data)
        else:
            _take_in(digest, targets)
    return digest.hexdigest()


def _take_in(digest: hashlib._Hash, sequences: Sequences) -> None:
    """The lengths and the ids."""
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sequences.lengths)])
    digest.update(offsets.astype("<i8").data)
    for first in range(0, len(sequences), _BLOCK):
        rows = np.arange(first, min(first + _BLOCK, len(sequences)))
        digest.update(sequences.take(rows).ids.astype("<i4").data)
