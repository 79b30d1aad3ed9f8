"""History: the figures of every epoch."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, field

from unrolled.errors import InputError

KEYS = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds")


@dataclass(frozen=True)
class EpochRecord:
    """What one finished epoch has to say; ``epoch`` counts from 1 to ``epochs``."""

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float


@dataclass
class History:
    """Keras' History: ``history["val_loss"]`` is a list with one number an epoch."""

    history: dict[str, list[float]] = field(default_factory=lambda: {key: [] for key in KEYS})

    def append(self, record: EpochRecord) -> None:
        """Add the figures of one epoch."""
        values = asdict(record)
        for key in KEYS:
            self.history[key].append(float(values[key]))

    def copy(self) -> History:
        """One that does not grow when this one does."""
        return History({key: list(values) for key, values in self.history.items()})

    @property
    def epochs(self) -> int:
        """Number of finished epochs."""
        return len(self.history["loss"])

    @property
    def best_epoch(self) -> int:
        """Epoch, from 1, with the lowest validation loss (the first of equals); 0 before any."""
        losses = self.history["val_loss"]
        return losses.index(min(losses)) + 1 if losses else 0

    def to_csv(self) -> str:
        """One line an epoch; every number reads back to the same bits."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("epoch", *KEYS))
        columns = (self.history[key] for key in KEYS)
        for epoch, values in enumerate(zip(*columns, strict=True), start=1):
            writer.writerow((epoch, *(repr(value) for value in values)))
        return text.getvalue()

    @classmethod
    def from_csv(cls, text: str) -> History:
        """From ``to_csv``'s text; InputError names the line that is wrong."""
        rows = list(csv.reader(io.StringIO(text)))
        if not rows or rows[0] != ["epoch", *KEYS]:
            raise InputError(f"line 1: the columns must be epoch,{','.join(KEYS)}")
        history = cls()
        for line, row in enumerate(rows[1:], start=2):
            try:
                numbers = [float(cell) for cell in row]
            except ValueError:
                numbers = []
            if len(numbers) != len(KEYS) + 1 or numbers[0] != line - 1:
                raise InputError(f"line {line}: not the figures of epoch {line - 1}")
            for key, number in zip(KEYS, numbers[1:], strict=True):
                history.history[key].append(number)
        return history
