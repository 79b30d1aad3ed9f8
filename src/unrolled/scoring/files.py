"""A run over files of texts: what is finished is left as it is, what is begun is gone on with.

Who labels the texts, this machine or a cluster, makes no difference to what is written.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from unrolled.datasets.stream import Chunk, RowStream
from unrolled.errors import DataError
from unrolled.model.trained import TrainedModel
from unrolled.scoring.folder import OutputFolder
from unrolled.scoring.jobs import Job, files_of
from unrolled.scoring.parts import Parts
from unrolled.scoring.run import (
    Columns,
    Part,
    Source,
    Tally,
    format_of,
    made_from,
    open_texts,
    parts_of,
    source_of,
    write_parts,
)


@dataclass(frozen=True)
class Plan:
    """A job that is not finished.

    made_from: what its file of labels is made from; kept: the columns that are carried into it;
    rows: how many are finished.
    """

    job: Job
    made_from: Mapping[str, Any]
    kept: Sequence[str]
    rows: int


Made = Generator[Part, None, None]
"""The parts of one file that are not finished, in their order."""


class Labeller(Protocol):
    """Who labels texts: this machine, or a cluster."""

    def files(self, given: Path) -> list[Path]:
        """The files of texts that are meant: `jobs.files_of`."""

    def sources(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Source]]:
        """Each job with what is to be known of its file of texts, in their order."""

    def parts(self, plans: Iterable[Plan]) -> Iterator[tuple[Plan, Made]]:
        """Each plan with the parts of its file that are not finished, in their order.

        All parts of a plan are taken before the next plan is asked for.
        """


class Reports(Protocol):
    """What is told while a run goes on."""

    def goes_on(self, rows: int) -> None:
        """So many rows of finished files are left as they are."""

    def begins_anew(self, changes: Sequence[str]) -> None:
        """Finished files are written anew, since these have changed."""

    def on_part(self, rows: int, files: float) -> None:
        """So many rows are finished, and so many files; of one, the part that is read."""


@dataclass(frozen=True)
class Outcome:
    """tally: what the files of labels have; made: how many of their rows this run has made."""

    tally: Tally
    made: int


def label_files(
    labeller: Labeller, jobs: Sequence[Job], model: Path, folder: OutputFolder, reports: Reports
) -> Outcome:
    """Write a file of labels for each file of texts, and the mark that the folder is whole.

    jobs: in the order in which they are done; model: the model's folder. Whatever ends the run, the
    same run goes on behind the finished parts.
    """
    progress = _Progress(reports)

    def unfinished() -> Iterator[Plan]:
        for job, source in labeller.sources(jobs):
            again = made_from(source, model, job.output)
            if (tally := folder.finished(job.output, again)) is not None:
                progress.skip(tally)
            else:
                yield Plan(job, again, source.kept, _rows_there(job.output, again))

    for plan, made in labeller.parts(unfinished()):
        progress.begin(plan, folder)
        parts = Parts(plan.job.output, plan.made_from)
        tally = write_parts(parts, made, progress.on_part, plan.kept)
        folder.add(plan.job.output, plan.made_from, tally)
        progress.end(tally)
    if not progress.rows:
        raise DataError("there are no texts to label: no file has rows")
    tally = folder.complete()
    return Outcome(tally, tally.rows - progress.earlier)


class _Progress:
    """Rows and files so far; earlier: the rows of earlier runs."""

    def __init__(self, reports: Reports) -> None:
        self.rows = self.earlier = 0
        self._reports = reports
        self._files = 0
        self._told: set[str] = set()

    def skip(self, tally: Tally) -> None:
        self.earlier += tally.rows
        self.end(tally)

    def begin(self, plan: Plan, folder: OutputFolder) -> None:
        self.earlier += plan.rows
        if self.earlier and "going on" not in self._told:
            self._told.add("going on")
            self._reports.goes_on(self.earlier)
        if folder.changes and "anew" not in self._told:
            self._told.add("anew")
            self._reports.begins_anew(list(folder.changes))

    def on_part(self, rows: int, share: float) -> None:
        self._reports.on_part(self.rows + rows, self._files + share)

    def end(self, tally: Tally) -> None:
        self.rows += tally.rows
        self._files += 1


class Here:
    """Labels texts in this process."""

    def __init__(self, model: TrainedModel, columns: Columns, threads: int | None) -> None:
        self._model = model
        self._columns = columns
        self._threads = threads

    def files(self, given: Path) -> list[Path]:
        """The files of texts that are meant."""
        return files_of(given)

    def sources(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Source]]:
        """Each job with what is to be known of its file of texts."""
        return ((job, source_of(open_texts(job.source, self._columns))) for job in jobs)

    def parts(self, plans: Iterable[Plan]) -> Iterator[tuple[Plan, Made]]:
        """Each plan with the parts of its file that are not finished."""
        for plan in plans:
            chunks = chunks_of(open_texts(plan.job.source, self._columns), plan.rows)
            yield plan, parts_of(self._model, chunks, format_of(plan.job.output), self._threads)


def chunks_of(stream: RowStream, start: int) -> Iterator[Chunk]:
    """The rows of a file from ``start``; of a file without rows, one chunk without any."""
    is_empty = start == 0
    for chunk in stream.chunks(start=start):
        is_empty = False
        yield chunk
    if is_empty:
        yield stream.without_rows()


def _rows_there(output: Path, made_from: Mapping[str, Any]) -> int:
    """How many rows of a file of labels earlier runs have finished."""
    if not Parts.are_begun(output):
        return 0
    parts = Parts(output, made_from)
    parts.close()
    return parts.rows
