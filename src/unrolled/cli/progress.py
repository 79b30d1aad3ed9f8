"""Progress of a training run: a bar on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

from unrolled.cli import console

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from unrolled.training.history import EpochRecord


def epoch_line(record: EpochRecord) -> str:
    """``epoch 12/100  loss 0.6375  accuracy 0.6571  val_loss ...  val_accuracy ...  0.04s``."""
    return (
        f"epoch {record.epoch}/{record.epochs}  loss {record.loss:.4f}  "
        f"accuracy {record.accuracy:.4f}  {_validation(record)}  {record.seconds:.2f}s"
    )


def _validation(record: EpochRecord) -> str:
    return f"val_loss {record.val_loss:.4f}  val_accuracy {record.val_accuracy:.4f}"


def tell_when_compiling() -> None:
    """Say so, once, if the kernels turn out not to be compiled yet."""
    from unrolled.engine.kernels import on_compile

    on_compile(lambda: console.note("compiling the kernels (once after installation) ..."))


class TrainingProgress:
    """Shows on standard error how far a run is; a context manager around the training.

    On a terminal the bar is that of the running epoch, and goes away at the end.
    """

    def __init__(self, *, rows: int) -> None:
        self._rows = rows  # in one epoch
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._start_bar()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _start_bar(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("epoch 1", total=self._rows, figures="")
        self._bar.start()

    def on_progress(self, done: int) -> None:
        """Of the running epoch's rows, ``done`` are done."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done)

    def on_epoch(self, record: EpochRecord) -> None:
        """An epoch has ended."""
        if self._bar is None or self._task is None:
            console.note(epoch_line(record))
            return
        coming = min(record.epoch + 1, record.epochs)
        self._bar.update(
            self._task,
            description=f"epoch {coming}/{record.epochs}",
            completed=0,
            figures=_validation(record),
        )
