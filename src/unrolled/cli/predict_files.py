"""``unrolled predict`` for many files, here or on a cluster: a folder with a file for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from unrolled.cli import console
from unrolled.cli.guard import INTERRUPTED
from unrolled.cli.row_progress import RowProgress
from unrolled.errors import InputError

if TYPE_CHECKING:
    from unrolled.datasets.stream import Chunk
    from unrolled.model.trained import TrainedModel
    from unrolled.scoring.files import Labeller, Outcome
    from unrolled.scoring.run import Columns


@dataclass(frozen=True)
class Asked:
    """What the command is asked for; on and workers: the cluster, None for this machine."""

    model: Path
    input: Path
    output: Path
    columns: Columns
    overwrite: bool
    threads: int | None
    on: str | None
    workers: int | None


def chunks_of_all(given: Path, columns: Columns) -> Iterator[Chunk]:
    """The texts of several files, one file after the other."""
    from unrolled.scoring.jobs import files_of
    from unrolled.scoring.run import open_texts

    for file in files_of(given):
        yield from open_texts(file, columns).chunks()


def label_folder(asked: Asked, model: TrainedModel) -> Outcome:
    """Write a folder with a file of labels for each file of texts."""
    from unrolled.scoring.files import label_files
    from unrolled.scoring.folder import OutputFolder
    from unrolled.scoring.formats import FORMATS
    from unrolled.scoring.jobs import jobs_in

    if asked.output.is_file() or asked.output.suffix.lower() in FORMATS:
        raise InputError(f"{asked.output}: is the name of one file; name a folder with --output")
    with (
        closing(OutputFolder(asked.output, overwrite=asked.overwrite)) as folder,
        _labeller(asked, model) as labeller,
    ):
        jobs = jobs_in(asked.output, labeller.files(asked.input))
        with _Told(asked.output, len(jobs)) as told:
            try:
                return label_files(labeller, jobs, asked.model, folder, told)
            except KeyboardInterrupt:
                console.note(told.interrupted())
                raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _labeller(asked: Asked, model: TrainedModel) -> Iterator[Labeller]:
    if asked.on is None:
        from unrolled.scoring.files import Here

        yield Here(model, asked.columns, asked.threads)
        return
    from unrolled.cluster.connection import connected
    from unrolled.cluster.scoring import There

    with connected(asked.on, workers=asked.workers) as cluster:
        console.note(f"{asked.on}: {console.counted(cluster.workers, 'worker')}")
        yield There(cluster, asked.model, asked.columns)


class _Told(RowProgress):
    """A run's progress over the rows of several files."""

    def __init__(self, folder: Path, files: int) -> None:
        super().__init__()
        self._folder, self._files = folder, files
        self._rows = 0

    def goes_on(self, rows: int) -> None:
        console.note(f"{self._folder}: going on after {console.counted(rows, 'row')}")

    def begins_anew(self, changes: Sequence[str]) -> None:
        what = " and ".join(changes)
        console.note(f"{self._folder}: finished files are written anew, since {what} changed")

    def on_part(self, rows: int, files: float) -> None:
        self._rows = rows
        self.update(rows, files / self._files)

    def interrupted(self) -> str:
        rows = console.counted(self._rows, "finished row")
        return f"interrupted: {rows} in {self._folder}; the same command goes on from there"
