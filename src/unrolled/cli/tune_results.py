"""What a search found, on the terminal and in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.cli import console
from unrolled.errors import TrainingError

if TYPE_CHECKING:
    from unrolled.model import TextClassifier
    from unrolled.tuning.search import Reason
    from unrolled.tuning.study import Purpose
    from unrolled.tuning.trials import Trial

BEST_SHOWN = 10
_REASONS = {
    "trials": "the study has its --trials",
    "time": "the --time is over",
    "settings": "every setting was tried",
    None: "the search was interrupted",
}


@dataclass(frozen=True)
class Found:
    """All trials of a study, and why the search ended; None: it was interrupted."""

    folder: Path
    purpose: Purpose
    trials: list[Trial]
    reason: Reason | None

    @property
    def is_interrupted(self) -> bool:
        """Whether there may be more to find."""
        return self.reason is None

    @property
    def ranked(self) -> list[Trial]:
        """The complete trials, the best first."""
        return self.purpose.objective.ranked(self.trials)

    @property
    def recipe_file(self) -> Path:
        """Where the best recipe stands."""
        return self.folder / "best.toml"

    @property
    def plot(self) -> Path:
        """Where the plot is, without the ending."""
        return self.folder / "trials"


def tell_trial(trial: Trial, purpose: Purpose) -> None:
    """A line when a trial has ended."""
    from unrolled.tuning.results import short_names

    outcome = trial.outcome
    names = short_names(list(purpose.space.settings))
    tried = ", ".join(f"{names[key]} {value}" for key, value in trial.settings.items())
    figures = ""
    if outcome.figures is not None:
        figures = "  val_loss {:.4f}  val_accuracy {:.4f}".format(*outcome.figures)
    told = f"trial {trial.number}  {outcome.kind}{figures}"
    console.note(f"{told}  epoch {outcome.epoch} of {outcome.epochs}  {outcome.seconds:.1f}s")
    console.note(f"    {console.one_line(tried)}")
    if outcome.note:
        console.note(f"    {console.one_line(outcome.note)}")


def write_findings(found: Found) -> Path | None:
    """Write the plot and the best recipe, and return that one's path; None if no trial ended well.

    Raises TrainingError when the search is over without one.
    """
    from unrolled.atomic import write_file
    from unrolled.report import plots
    from unrolled.tuning.plot import search_plot
    from unrolled.tuning.results import best_toml

    if not found.ranked:
        if found.is_interrupted:
            return None
        last = found.trials[-1].outcome
        raise TrainingError(
            f"{found.folder}: no trial was complete ({_counted(found)}); the last one: "
            f"{last.note or last.kind}"
        )
    purpose, best = found.purpose, found.ranked[0]
    plots.save(search_plot(found.trials, purpose.space, purpose.objective), found.plot)
    val_loss, val_accuracy = best.outcome.figures or (0.0, 0.0)
    origin = (
        f"Trial {best.number} of {len(found.trials)} of unrolled tune {purpose.data}, recipe "
        f"{purpose.space.recipe.name}: val_loss {val_loss:.4f}, val_accuracy {val_accuracy:.4f}."
    )
    text = best_toml(purpose.space, best, origin=console.one_line(origin))
    write_file(found.recipe_file, text.encode("utf-8"))
    return found.recipe_file


def show(found: Found, classifier: TextClassifier | None, *, json: bool) -> None:
    """The best trials, how the others ended, and where everything is."""
    if json:
        console.result_json(_document(found, classifier))
        return
    if found.ranked:
        console.result(_table(found))
    console.result(f"{_counted(found)}; {_REASONS[found.reason]}")
    if not found.ranked:
        return
    console.result(
        "chosen by their validation texts, the best scores are kind: judge by texts that no trial "
        "has seen"
    )
    console.result(f"recipe {found.recipe_file}")
    console.result(f"plot {found.plot}.png")
    if classifier is None:
        return
    metrics = classifier.metrics_
    console.result(
        f"model {found.folder / 'model'}: best epoch {metrics['best_epoch']} of "
        f"{metrics['epochs']}  val_loss {metrics['val_loss']:.4f}  "
        f"val_accuracy {metrics['val_accuracy']:.4f}  {metrics['seconds']:.1f}s"
    )
    console.result(f"report {found.folder / 'model' / 'report.html'}")


def _table(found: Found) -> str:
    """The best trials, a row each."""
    from unrolled.tuning.results import short_names

    names = short_names(list(found.purpose.space.settings))
    rows: list[list[object]] = [
        ["trial", "val_loss", "val_accuracy", "epoch", "epochs", "time", *names.values()]
    ]
    for trial in found.ranked[:BEST_SHOWN]:
        outcome = trial.outcome
        val_loss, val_accuracy = outcome.figures or (0.0, 0.0)
        figures = [f"{val_loss:.4f}", f"{val_accuracy:.4f}", outcome.epoch, outcome.epochs]
        settings = [console.one_line(str(trial.settings[key])) for key in names]
        rows.append([trial.number, *figures, f"{outcome.seconds:.1f}s", *settings])
    return console.table(rows)


def _counted(found: Found) -> str:
    from unrolled.tuning.results import counts

    told = ", ".join(f"{count:,} {kind}" for kind, count in counts(found.trials).items())
    return f"{console.counted(len(found.trials), 'trial')}: {told or 'none has ended'}"


def _document(found: Found, classifier: TextClassifier | None) -> dict[str, Any]:
    from unrolled.tuning.results import as_plain, counts

    has_best = bool(found.ranked)
    return {
        "study": str(found.folder / "study.db"),
        "objective": found.purpose.objective.figure,
        "search": found.purpose.space.to_table(),
        "ended": found.reason or "interrupted",
        "counts": counts(found.trials),
        "best": as_plain(found.ranked[0]) if has_best else None,
        "trials": [as_plain(trial) for trial in found.trials],
        "recipe": str(found.recipe_file) if has_best else None,
        "plot": f"{found.plot}.png" if has_best else None,
        "model": None if classifier is None else str(found.folder / "model"),
    }
