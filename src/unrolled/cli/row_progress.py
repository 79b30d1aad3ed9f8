"""Progress over the rows of a file: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from unrolled.cli import console

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

SECONDS = 5.0  # between two lines


class RowProgress:
    """Shows on standard error how far a run over rows is; a context manager around it.

    The time left follows from the share of the file that is read, since the number of its rows is
    not always known.
    """

    def __init__(self, rows: int = 0, share: float = 0.0) -> None:
        """Begin where so many rows, and so much of the file (0 to 1), were done before."""
        self._began = time.monotonic()
        self._first_rows, self._first_share = rows, share
        self._told = self._began
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

    def update(self, rows: int, share: float) -> None:
        """So many rows are done, and so much of the file is read (0 to 1)."""
        now = time.monotonic()
        figures = self._figures(rows, share, max(now - self._began, 1e-9))
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=share, figures=figures)
        elif now - self._told >= SECONDS:
            self._told = now
            console.note(f"{share:4.0%}  {figures}" if share else figures)

    def _figures(self, rows: int, share: float, seconds: float) -> str:
        """``120,000 rows  10,412 rows/s  1:32 left``."""
        speed = (rows - self._first_rows) / seconds
        done = share - self._first_share
        left = f"  {clock((1 - share) / done * seconds)} left" if done > 0 else ""
        return f"{rows:,} rows  {speed:,.0f} rows/s{left}"

    def _start_bar(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        self._bar = Progress(
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[figures]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("", total=1.0, figures="")
        self._bar.start()


def clock(seconds: float) -> str:
    """``0:07``, ``12:30``, ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
